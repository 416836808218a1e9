//! Orders that wait: who wants what, why, until when, and what whoever looks can do about it.

use highwater_model::{Approval, ApprovalState, Role};
use leptos::prelude::*;
use serde_json::Value;

use super::approvals::{Decision, Shown};
use crate::components::Time;

/// The section.
#[component]
pub fn Waiting(
    /// The page.
    shown: Shown,
) -> impl IntoView {
    let open = Memo::new(move |_| {
        shown.list.with(|list| {
            let open = list.iter().filter(|one| !one.state.is_over());
            open.cloned().collect::<Vec<Approval>>()
        })
    });
    let told = move || match open.with(Vec::len) {
        0 => "Nothing waits.".to_owned(),
        1 => "1 order waits for a second person.".to_owned(),
        more => format!("{more} orders wait for a second person."),
    };
    view! {
        <section id="waiting" class="approvals" aria-label="Waiting">
            <div class="bar">
                <h2>"Waiting"</h2>
                <span role="status">{told}</span>
            </div>
            <ul class:hidden=move || open.with(Vec::is_empty)>
                // Cards that stay keep what is typed in them, and the focus.
                <For
                    each=move || open.get()
                    key=|one| (one.id, one.state.as_str(), one.may_decide)
                    children=move |one| card(&one, shown)
                />
            </ul>
        </section>
    }
    .into_any()
}

fn card(one: &Approval, shown: Shown) -> AnyView {
    let words = one.words();
    let label = words.clone();
    let what = match one.page() {
        Some(page) => view! { <a href=page>{words}</a> }.into_any(),
        None => words.into_any(),
    };
    let sent = one.body.as_ref().map(|body| {
        let text = match body {
            Value::String(definition) => definition.clone(),
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        view! {
            <details>
                <summary>"What is sent"</summary>
                <pre tabindex="0" aria-label="What is sent">
                    {text}
                </pre>
            </details>
        }
    });
    let why = one.reason.clone();
    let why = why.unwrap_or_else(|| "no reason was given".to_owned());
    let call = format!("{} {}", one.method, one.path);
    let asked_by = asked_by(one);
    view! {
        <li class="card">
            <article aria-label=label>
                <p class="what">{what}</p>
                <dl class="facts">
                    <dt>"asked by"</dt>
                    <dd>
                        {asked_by} ", " <Time at=one.asked_at />
                    </dd>
                    <dt>"why"</dt>
                    <dd>{why}</dd>
                    <dt>"waits until"</dt>
                    <dd>
                        <Time at=one.expires_at />
                    </dd>
                    <dt>"call"</dt>
                    <dd class="mono">{call}</dd>
                </dl>
                {sent}
                {orders(one, shown)}
            </article>
        </li>
    }
    .into_any()
}

/// `ada`, or `token:ci, which ada has made`
pub(super) fn asked_by(one: &Approval) -> String {
    if one.asked_by == one.person {
        one.asked_by.clone()
    } else {
        format!("{}, which {} has made", one.asked_by, one.person)
    }
}

/// What whoever looks can do, or who can.
fn orders(one: &Approval, shown: Shown) -> AnyView {
    let (id, busy) = (one.id, shown.orders.busy);
    if one.state == ApprovalState::CarryingOut {
        return view! { <p role="status">"It was approved, and is carried out now."</p> }
            .into_any();
    }
    if one.may_decide {
        return view! { <Decide id shown /> }.into_any();
    }
    let roles = one.needs.iter().map(|right| Role::least(*right));
    // Who holds a token is not known, so an admin decides on what it asks for.
    let least = roles.min().filter(|_| !one.asked_by.starts_with("token:"));
    let role = least.unwrap_or(Role::Admin);
    let role = match role {
        Role::Admin => "admin".to_owned(),
        other => format!("{} or more", other.as_str()),
    };
    if !one.is_mine {
        let words = format!(
            "Somebody with the role {role} decides, other than {}.",
            one.person
        );
        return view! { <p class="dim">{words}</p> }.into_any();
    }
    let words = format!("It is yours: another person with the role {role} decides.");
    view! {
        <div class="bar">
            <p class="dim">{words}</p>
            <span class="grow"></span>
            <button
                type="button"
                aria-disabled=move || busy.get().then_some("true")
                on:click=move |_| shown.decide(id, Decision::Withdraw)
            >
                "Withdraw"
            </button>
        </div>
    }
    .into_any()
}

/// Approves or declines, with what is said to it.
#[component]
fn Decide(
    /// The number of what waits.
    id: i64,
    /// The page.
    shown: Shown,
) -> impl IntoView {
    let comment = RwSignal::new(String::new());
    let busy = shown.orders.busy;
    let said = move || comment.get_untracked().trim().to_owned();
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        shown.decide(id, Decision::Approve(said()));
    };
    view! {
        <form class="reason" on:submit=submit>
            <label>
                "Comment, which the audit log keeps"
                <input
                    type="text"
                    autocomplete="off"
                    maxlength="500"
                    prop:value=move || comment.get()
                    on:input=move |event| comment.set(event_target_value(&event))
                />
            </label>
            <button type="submit" class="go" aria-disabled=move || busy.get().then_some("true")>
                "Approve: do it now"
            </button>
            <button
                type="button"
                aria-disabled=move || busy.get().then_some("true")
                on:click=move |_| shown.decide(id, Decision::Decline(said()))
            >
                "Decline"
            </button>
        </form>
    }
    .into_any()
}
