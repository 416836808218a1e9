//! Flows: the kinds there are, and a list that finds the newest, the slowest, the stuck.

use highwater_model::{FlowKind, FlowList, FlowState, FlowSummary, ViewPage};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::flow_kinds::{RuleForm, kinds_view};
use super::{Loading, href_with};
use crate::api::flows::FlowsRequest;
use crate::api::{Answer, Api, escape};
use crate::components::filter_line::{FilterLine, Words};
use crate::components::flow_state::FlowBadge;
use crate::components::problem::ErrorNotice;
use crate::components::share::Share;
use crate::components::{Time, TypeName};
use crate::format;
use crate::live::{Live, on_pulse};

/// The list is read again at most this often …
const APART_MS: f64 = 2_000.0;
/// … and the figures of the kinds, which are of thousands of flows.
const KINDS_APART_MS: f64 = 10_000.0;

/// What the page shows.
type Shown = (FlowList, Vec<FlowKind>);

/// The list of flows.
#[component]
pub fn FlowsPage() -> impl IntoView {
    let map = use_query_map();
    let request = Memo::new(move |_| map.with(request_of));
    let found = Resource::new(
        move || request.get(),
        |request| {
            let api = Api::from_context();
            async move { read(&api, &request).await }
        },
    );
    let fresh = RwSignal::new(None::<(FlowsRequest, FlowList)>);
    on_pulse(APART_MS, move || {
        let (api, request) = (Api::from_context(), request.get_untracked());
        Box::pin(async move {
            // A later page stays as it was when it was opened.
            if request.cursor.is_none()
                && let Ok(list) = api.flows(&request).await
            {
                let _ = fresh.try_set(Some((request, list)));
            }
        })
    });
    let fresh_kinds = RwSignal::new(None::<Vec<FlowKind>>);
    on_pulse(KINDS_APART_MS, move || {
        Box::pin(async move {
            if let Ok(kinds) = Api::from_context().flow_kinds().await {
                let _ = fresh_kinds.try_set(Some(kinds));
            }
        })
    });
    let words = RwSignal::new(Words::default());
    let wanted = move |()| {
        if words.with_untracked(|words| words.types.is_empty()) {
            leptos::task::spawn_local(async move {
                words.set(super::live::read_words(Api::from_context()).await);
            });
        }
    };
    view! {
        <Title text="Flows" />
        <div class="bar">
            <h1>"Flows"</h1>
            <a class="pill" href="/flow-map">
                "Flow map"
            </a>
            <span class="grow"></span>
            <Share
                page=ViewPage::Flows
                call=Signal::derive(move || request.with(FlowsRequest::call))
                export=Signal::derive(move || request.with(FlowsRequest::export))
            />
        </div>
        <div class="bar">
            <Form method="GET" action="/flows" attr:class="line">
                <FilterLine filter=Signal::derive(move || request.get().filter) words wanted />
                {move || map.with(hidden_fields)}
                <button type="submit">"Filter"</button>
            </Form>
        </div>
        {move || map.with(choices)}
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((list, kinds)) => {
                        let asked = request.get_untracked();
                        let of = asked.clone();
                        let list = Memo::new(move |_| {
                            fresh
                                .get()
                                .filter(|(request, _)| *request == of)
                                .map_or_else(|| list.clone(), |(_, list)| list)
                        });
                        let kinds = Memo::new(move |_| fresh_kinds.get().unwrap_or_else(|| kinds.clone()));
                        shown_view(list, kinds, asked)
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn request_of(map: &ParamsMap) -> FlowsRequest {
    let text = |name| map.get(name).unwrap_or_default();
    FlowsRequest {
        kind: text("kind"),
        shown: text("shown"),
        filter: text("filter"),
        order: text("order"),
        cursor: map.get("cursor").and_then(|cursor| cursor.parse().ok()),
    }
}

async fn read(api: &Api, request: &FlowsRequest) -> Answer<Shown> {
    let list = api.flows(request).await?;
    // The figures of the kinds are beside the list: without them it is still right.
    let kinds = api.flow_kinds().await.unwrap_or_default();
    Ok((list, kinds))
}

/// What the form keeps beside the filter line, for a browser without scripts.
fn hidden_fields(map: &ParamsMap) -> Vec<AnyView> {
    ["kind", "shown", "order"]
        .into_iter()
        .filter_map(|name| {
            let value = map.get(name)?;
            Some(view! { <input type="hidden" name=name value=value /> }.into_any())
        })
        .collect()
}

/// Which flows, sorted how.
fn choices(map: &ParamsMap) -> AnyView {
    let pills = |name: &'static str, choices: &[(&'static str, &'static str)]| {
        let on = map.get(name).unwrap_or_default();
        choices
            .iter()
            .map(|(value, words)| {
                let href = href_with("/flows", map, &[(name, *value), ("cursor", "")]);
                view! {
                    <a class="pill" href=href data-noscroll="" aria-current=(on == *value).then_some("true")>
                        {*words}
                    </a>
                }
            })
            .collect_view()
    };
    let kind = map.get("kind").filter(|kind| !kind.is_empty()).map(|kind| {
        let href = href_with("/flows", map, &[("kind", ""), ("cursor", "")]);
        view! {
            <span class="pill">
                "begins with "
                <TypeName name=kind />
                <a href=href data-noscroll="" aria-label="Flows of every kind">
                    "×"
                </a>
            </span>
        }
    });
    view! {
        <div class="bar flow-choices">
            {pills(
                "shown",
                &[("", "all"), ("unfinished", "unfinished"), ("late", "late"), ("finished", "finished")],
            )}
            <span class="dim">"first"</span>
            {pills("order", &[("", "the newest"), ("oldest", "the oldest"), ("slowest", "the slowest")])}
            {kind}
        </div>
    }
    .into_any()
}

fn shown_view(list: Memo<FlowList>, kinds: Memo<Vec<FlowKind>>, request: FlowsRequest) -> AnyView {
    // Of the rule that was there when the page was opened: what somebody types stays while figures tick.
    let rule = (!request.kind.is_empty()).then(|| {
        let rule = kinds.with_untracked(|kinds| {
            let kind = kinds.iter().find(|kind| kind.kind == request.kind);
            kind.and_then(|kind| kind.rule.clone())
        });
        view! { <RuleForm kind=request.kind.clone() rule /> }
    });
    view! {
        {kinds_view(kinds)}
        {rule}
        {move || list.with(|list| list_view(list, &request))}
    }
    .into_any()
}

fn list_view(list: &FlowList, request: &FlowsRequest) -> AnyView {
    let map = use_query_map();
    let behind = list.head.0 - list.summarised.0;
    // What came within the last second is nothing to tell of.
    let behind = (behind > 2_000).then(|| {
        view! {
            <p class="notice warn" role="status">
                {format!(
                    "Flows are being summarised: {} events are not in this list yet.",
                    format::number(behind),
                )}
            </p>
        }
    });
    let next = list.next.map(|next| {
        let href =
            map.with_untracked(|map| href_with("/flows", map, &[("cursor", &next.0.to_string())]));
        view! {
            <a class="button" href=href>
                "Next page"
            </a>
        }
    });
    let looked = format::number(list.looked_through);
    let words = match (list.flows.is_empty(), request.order.as_str()) {
        (true, _) if list.next.is_some() => Some(format!("None of {looked} flows fits; older ones are on the next page.")),
        (true, _) if list.summarised.0 == 0 => Some("No event has a correlation id yet. Writers give it in an event's metadata: {\"correlation_id\": \"…\"}; all events that belong to one business process have the same.".to_owned()),
        (true, _) => Some("No flow fits. Take a word out of the filter line, or show all flows.".to_owned()),
        (false, "slowest") => Some(format!("The slowest of the {looked} newest flows that fit.")),
        _ => None,
    };
    let longest = list.flows.iter().map(FlowSummary::duration_ms).max();
    let rows: Vec<AnyView> = list
        .flows
        .iter()
        .map(|flow| row(flow, longest.unwrap_or(1)))
        .collect();
    let table = (!rows.is_empty()).then(|| {
        view! {
            <div class="card scroll whole flow-list" tabindex="0" role="region" aria-label="Flows">
                <table>
                    <thead>
                        <tr>
                            <th>"flow"</th>
                            <th>"state"</th>
                            <th>"newest event"</th>
                            <th class="n">"took"</th>
                            <th class="n">"events"</th>
                            <th>"began"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    view! {
        {behind}
        {table}
        {words.map(|words| view! { <p class="dim">{words}</p> })}
        <div class="bar">{next}</div>
    }
    .into_any()
}

fn row(flow: &FlowSummary, longest: i64) -> AnyView {
    let id = flow.correlation_id.to_string();
    let newest = flow
        .outcome
        .clone()
        .unwrap_or_else(|| flow.last_type.clone());
    view! {
        <tr>
            <td>
                <a href=format!("/flows/{}", escape(&id))>
                    <TypeName name=flow.kind.clone() />
                    <span class="mono dim">{format!(" {}", &id[..8])}</span>
                </a>
            </td>
            <td>
                <FlowBadge state=flow.state late=flow.late />
            </td>
            <td>
                <TypeName name=newest />
            </td>
            <td class="n">
                <Took flow=flow.clone() longest />
            </td>
            <td class="n">{format::number(flow.events)}</td>
            <td class="mono dim">
                <Time at=flow.began_at />
            </td>
        </tr>
    }
    .into_any()
}

/// How long a flow took; of an unfinished one, how long it is under way, ticking.
#[component]
fn Took(flow: FlowSummary, longest: i64) -> impl IntoView {
    let now = use_context::<Live>().map(|live| live.now);
    let unfinished = flow.state == FlowState::Unfinished;
    let meter = (!unfinished).then(|| {
        view! { <meter min="0" max=longest.max(1).to_string() value=flow.duration_ms().to_string() aria-hidden="true"></meter> }
    });
    let words = move || {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a clock")]
        let under_way = now
            .and_then(|now| now.get())
            .filter(|_| unfinished)
            .map(|now| now as i64 - flow.began_at.as_millisecond());
        format::span(under_way.unwrap_or(0).max(flow.duration_ms()))
    };
    view! {
        {meter}
        {words}
    }
    .into_any()
}
