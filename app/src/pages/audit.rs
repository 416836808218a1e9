//! `/audit`: who did what, when, why, and what came of it?

use highwater_model::{Action, AuditVerdict, ReadModel};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use super::{Loading, downloads};
use crate::api::{ActionsRequest, Answer, Api, escape};
use crate::components::actions::Actions;
use crate::components::problem::ErrorNotice;
use crate::components::version_numbers::VersionNumbers;
use crate::format;

/// Actions on one page.
const PAGE: usize = 100;
/// What an operator can do.
const KINDS: [&str; 39] = [
    "define",
    "pause",
    "resume",
    "retry",
    "skip",
    "retry_parked",
    "drop_parked",
    "rebuild",
    "rebuild_part",
    "replay",
    "cancel",
    "speed",
    "promote",
    "go_back",
    "discard",
    "begin_maintenance",
    "end_maintenance",
    "remove",
    "flow_rule",
    "state_definition",
    "define_alert_rule",
    "remove_alert_rule",
    "test_alert_rule",
    "save_view",
    "remove_view",
    "log_in",
    "join",
    "invite_user",
    "change_user",
    "remove_user",
    "end_sessions",
    "make_token",
    "revoke_token",
    "ask_approval",
    "approve",
    "decline",
    "withdraw",
    "share_stage",
    "end_share",
];

/// The audit log.
#[component]
pub fn AuditPage() -> impl IntoView {
    let map = use_query_map();
    let request = Memo::new(move |_| {
        map.with(|map| ActionsRequest {
            read_model: map.get("read_model").unwrap_or_default(),
            subscription: map.get("subscription").unwrap_or_default(),
            action: map.get("action").unwrap_or_default(),
            actor: map.get("actor").unwrap_or_default(),
            job: None,
            before: map.get("before").and_then(|before| before.parse().ok()),
            limit: PAGE,
        })
    });
    let found = Resource::new(
        move || request.get(),
        |request| {
            let api = Api::from_context();
            async move {
                let actions = api.actions(&request).await?;
                // Without them versions have their ids for names.
                let models = api.read_models().await.unwrap_or_default();
                Ok((actions, models))
            }
        },
    );
    view! {
        <Title text="Audit" />
        <h1>"Audit"</h1>
        <Verify />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((actions, models)) => found_view(actions, &models, request.get_untracked()),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// Whether the log is as it was written.
#[component]
fn Verify() -> impl IntoView {
    let verdict = RwSignal::new(None::<Answer<AuditVerdict>>);
    let busy = RwSignal::new(false);
    let verify = move |_| {
        if !busy.get_untracked() {
            busy.set(true);
            leptos::task::spawn_local(async move {
                let found = Api::from_context().verify_actions().await;
                let _ = verdict.try_set(Some(found));
                let _ = busy.try_set(false);
            });
        }
    };
    let told = move || {
        let (class, words) = match verdict.get()? {
            Ok(verdict) if verdict.is_good() => ("notice done", good(&verdict)),
            Ok(verdict) => ("notice bad", bad(&verdict)),
            Err(error) => ("notice bad", error.to_string()),
        };
        Some(view! { <p class=class>{words}</p> })
    };
    view! {
        <div class="bar">
            <button type="button" class="quiet" aria-disabled=move || busy.get().then_some("true") on:click=verify>
                "Verify that nothing was changed"
            </button>
        </div>
        <div role="status">{told}</div>
    }
    .into_any()
}

fn good(verdict: &AuditVerdict) -> String {
    let sealed = format::number(verdict.sealed);
    let newest = verdict.newest.as_ref().map_or_else(String::new, |newest| {
        format!(
            " Keep the newest seal elsewhere to prove it later: {}:{}",
            newest.seal, newest.hash
        )
    });
    format!(
        "The log is as it was written: {sealed} actions sealed, {} not yet.{newest}",
        verdict.unsealed
    )
}

fn bad(verdict: &AuditVerdict) -> String {
    let faults = verdict.faults.iter();
    let faults: Vec<String> = faults
        .map(|fault| format!("action {}: {}", fault.action_id, fault.why))
        .collect();
    format!(
        "The log is not as it was written. Somebody changed the database. {}.",
        faults.join("; ")
    )
}

fn found_view(actions: Vec<Action>, models: &[ReadModel], request: ActionsRequest) -> AnyView {
    let filtered = !(request.read_model.is_empty()
        && request.subscription.is_empty()
        && request.action.is_empty()
        && request.actor.is_empty()
        && request.before.is_none());
    let kinds: Vec<AnyView> = KINDS
        .into_iter()
        .map(|kind| {
            view! {
                <option value=kind selected=kind == request.action>
                    {kind.replace('_', " ")}
                </option>
            }
            .into_any()
        })
        .collect();
    let older = actions
        .last()
        .filter(|_| actions.len() == PAGE)
        .map(|last| {
            let href = format!(
                "/audit?read_model={}&subscription={}&action={}&actor={}&before={}",
                escape(&request.read_model),
                escape(&request.subscription),
                escape(&request.action),
                escape(&request.actor),
                last.id
            );
            view! {
                <a class="button" href=href>
                    "Older actions"
                </a>
            }
        });
    let table = if actions.is_empty() {
        let words = if filtered {
            "No action is like this. Leave a field empty to see more."
        } else {
            "Nobody has done anything yet. Pausing, skipping and defining read models is written down here, with who, when and why."
        };
        view! { <p class="notice">{words}</p> }.into_any()
    } else {
        view! { <Actions actions of_many=true numbers=VersionNumbers::of(models) /> }.into_any()
    };
    let exports = downloads(&request.export("csv"), &request.export("ndjson"));
    view! {
        <Form method="GET" action="/audit" attr:class="line">
            <input type="search" name="read_model" value=request.read_model aria-label="Read model" placeholder="Read model" />
            <input type="search" name="subscription" value=request.subscription aria-label="Subscription" placeholder="Subscription" />
            <select name="action" aria-label="Action">
                <option value="">"Every action"</option>
                {kinds}
            </select>
            <input type="search" name="actor" value=request.actor aria-label="Who" placeholder="Who" />
            <button type="submit">"Show"</button>
        </Form>
        {table}
        <div class="bar">
            {older} <span class="grow"></span> {exports}
        </div>
    }
    .into_any()
}
