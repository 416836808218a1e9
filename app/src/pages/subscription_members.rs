//! Who reads for a subscription.

use highwater_model::{Member, MemberWay};
use leptos::prelude::*;

use super::subscription_orders::Shown;
use crate::api::escape;
use crate::components::Time;
use crate::components::command::Command;
use crate::format;

/// The section.
#[component]
pub fn Members(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let none = Memo::new(move |_| shown.subscription.with(|of| of.members.is_empty()));
    let rows = move || {
        shown
            .subscription
            .with(|of| of.members.iter().map(row).collect::<Vec<AnyView>>())
    };
    let fetch = format!(
        "curl http://127.0.0.1:3000/api/subscriptions/{}/fetch --json '{{\"member\": \"me\", \"wait_s\": 20}}'",
        escape(&shown.name())
    );
    view! {
        <section>
            <h2>"Members"</h2>
            <div class="notice" class:hidden=move || !none.get()>
                <p>
                    "Nobody has read in the last hour. A member fetches events under a name that it chooses, and says with its next fetch which it \
                    has handled: "
                    <code>"\"acknowledge\": [POSITION]"</code>
                    ". This one waits for events up to twenty seconds:"
                </p>
                <Command text=fetch />
            </div>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Members, by name">
                <table>
                    <thead>
                        <tr>
                            <th>"member"</th>
                            <th>"gets events"</th>
                            <th>"is there"</th>
                            <th>"since"</th>
                            <th class="n">"unacknowledged"</th>
                            <th class="n">"acknowledged"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(member: &Member) -> AnyView {
    let there = if member.present {
        view! {
            <span class="pill state level">
                <span class="dot" aria-hidden="true"></span>
                "present"
            </span>
        }
        .into_any()
    } else {
        view! {
            <span class="dim">
                "last seen "
                <Time at=member.seen_at />
            </span>
        }
        .into_any()
    };
    let way = match member.way {
        MemberWay::Http => "fetches them",
        MemberWay::Websocket => "over a WebSocket",
    };
    view! {
        <tr>
            <td class="mono">{member.name.clone()}</td>
            <td>{way}</td>
            <td>{there}</td>
            <td class="mono dim">
                <Time at=member.since />
            </td>
            <td class="n">{format::number(member.unacknowledged)}</td>
            <td class="n">{format::number(member.acknowledged)}</td>
        </tr>
    }
    .into_any()
}
