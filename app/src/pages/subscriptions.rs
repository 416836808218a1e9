//! The subscriptions, on `/read-models`: does each get its events handled, and if not, which does not?

use std::cmp::Reverse;

use highwater_model::Subscription;
use leptos::prelude::*;

use super::Loading;
use super::read_models::WorstFirst;
use crate::api::{Api, escape};
use crate::components::command::Command;
use crate::components::problem::ErrorNotice;
use crate::components::read_model_state::{counted, matching, seconds};
use crate::components::subscription_state::{Standing, StandingBadge, present};
use crate::format;
use crate::live::on_subscriptions;

const EXAMPLE: &str = "curl -X PUT http://127.0.0.1:3000/api/subscriptions/mailer --json '{\"filter\": \"type:OrderPlaced\"}'";

/// The section.
#[component]
pub fn SubscriptionsSection() -> impl IntoView {
    let found = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.subscriptions().await }
        },
    );
    view! {
        <section id="subscriptions">
            <h2>"Subscriptions"</h2>
            <Transition fallback=Loading>
                {move || Suspend::new(async move {
                    match found.await {
                        Ok(subscriptions) => view! { <Found subscriptions /> }.into_any(),
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

/// What was found, and from there on what changes.
#[component]
fn Found(
    /// Read when the page was rendered.
    subscriptions: Vec<Subscription>,
) -> impl IntoView {
    let shown = RwSignal::new(worst_first(subscriptions));
    // Rows keep their places while somebody points at them.
    let still = RwSignal::new(false);
    on_subscriptions(move |said| {
        shown.update(|shown| place(shown, said.to_vec(), still.get_untracked()));
    });
    let summary = move || shown.with(|shown| summary(shown));
    let empty = Memo::new(move |_| shown.with(Vec::is_empty));
    let rows = move || shown.with(|shown| shown.iter().map(row).collect::<Vec<AnyView>>());
    view! {
        <Show when=move || !empty.get() fallback=NoSubscription>
            <p class="dim">{summary}</p>
            <WorstFirst class="card scroll" label="Subscriptions, worst first" still>
                <table class="models">
                    <thead>
                        <tr>
                            <th>"state"</th>
                            <th>"subscription"</th>
                            <th class="n">"positions behind"</th>
                            <th class="n">"matching"</th>
                            <th class="n">"oldest"</th>
                            <th class="n">"events / s"</th>
                            <th class="n">"members present"</th>
                            <th class="n">"unacknowledged"</th>
                            <th class="n">"to be retried"</th>
                            <th class="n">"parked"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </WorstFirst>
        </Show>
    }
    .into_any()
}

fn row(subscription: &Subscription) -> AnyView {
    let name = subscription.name.clone();
    let lag = subscription.lag;
    let standing = Standing::of(subscription);
    let filter = filter_words(subscription);
    let members = i64::try_from(present(subscription)).unwrap_or(i64::MAX);
    view! {
        <tr>
            <td>
                <StandingBadge standing />
            </td>
            <td class="wide">
                <a class="mono" href=format!("/subscriptions/{}", escape(&name))>
                    {name.clone()}
                </a>
                <span class="dim" title=filter.clone()>{filter.clone()}</span>
            </td>
            <td class="n">{format::number(lag.positions)}</td>
            <td class="n">{matching(lag).replace(" matching", "")}</td>
            <td class="n">{seconds(lag)}</td>
            <td class="n">{format::rate(subscription.rate)}</td>
            <td class="n" class:bad=standing == Standing::Unread>
                {format::number(members)}
            </td>
            <td class="n">{format::number(subscription.unacknowledged)}</td>
            <td class="n">{format::number(subscription.waiting)}</td>
            <td class="n" class:bad=subscription.parked != 0>
                {format::number(subscription.parked)}
            </td>
        </tr>
    }
    .into_any()
}

/// No subscription yet.
#[component]
fn NoSubscription() -> impl IntoView {
    view! {
        <div class="notice">
            <p>
                "No subscription yet. It is a named reader of the log for programs outside: they fetch its events, or get them over a WebSocket, \
                and say which they have handled; a checkpoint keeps how far they are. Programs that read for the same subscription share its \
                events by stream. What fails is given again after a while, and after too many failures it waits here for you. \
                This one gets every order that is placed:"
            </p>
            <Command text=EXAMPLE />
        </div>
    }
    .into_any()
}

/// Its filter, or that it has none.
pub(super) fn filter_words(subscription: &Subscription) -> String {
    if subscription.filter.is_empty() {
        "every event".to_owned()
    } else {
        subscription.filter.clone()
    }
}

/// `3 subscriptions: 1 that nobody reads, 2 level`.
fn summary(subscriptions: &[Subscription]) -> String {
    let standings: Vec<Standing> = subscriptions.iter().map(Standing::of).collect();
    let parts: Vec<String> = Standing::WORST_FIRST
        .into_iter()
        .filter_map(|standing| {
            let count = standings.iter().filter(|one| **one == standing).count();
            (count > 0).then(|| match standing {
                Standing::Parked => format!("{count} with parked events"),
                Standing::Unread => format!("{count} that nobody reads"),
                other => format!("{count} {}", other.word()),
            })
        })
        .collect();
    let all = i64::try_from(subscriptions.len()).unwrap_or(i64::MAX);
    format!(
        "{}: {}",
        counted(all, "subscription", "subscriptions"),
        parts.join(", ")
    )
}

fn worst_first(mut subscriptions: Vec<Subscription>) -> Vec<Subscription> {
    // Those that are level keep the order of their names, whatever is on its way.
    #[expect(clippy::cast_possible_truncation, reason = "seconds, to sort by")]
    let late = |subscription: &Subscription| match Standing::of(subscription) {
        Standing::Level => 0,
        _ => subscription.lag.seconds as i64,
    };
    subscriptions.sort_by_cached_key(|subscription| {
        (
            Reverse(Standing::of(subscription)),
            Reverse(late(subscription)),
            subscription.name.clone(),
        )
    });
    subscriptions
}

/// Puts what is fresh where it was, or worst first.
fn place(shown: &mut Vec<Subscription>, mut fresh: Vec<Subscription>, still: bool) {
    if still {
        fresh.sort_by_key(|one| {
            shown
                .iter()
                .position(|before| before.name == one.name)
                .unwrap_or(usize::MAX)
        });
        *shown = fresh;
    } else {
        *shown = worst_first(fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::subscription_state::example;

    fn names(subscriptions: &[Subscription]) -> Vec<&str> {
        let names = subscriptions.iter().map(|one| one.name.as_str());
        names.collect()
    }

    #[test]
    fn the_worst_comes_first_unless_somebody_points_at_the_rows() {
        let mut unread = example("b");
        unread.lag.matching = 3;
        let mut parked = example("c");
        parked.parked = 2;
        let mut shown = vec![example("a"), unread.clone()];
        let fresh = vec![example("a"), unread, parked];
        place(&mut shown, fresh.clone(), true);
        assert_eq!(names(&shown), ["a", "b", "c"]);
        place(&mut shown, fresh, false);
        assert_eq!(names(&shown), ["b", "c", "a"]);
        assert_eq!(
            summary(&shown),
            "3 subscriptions: 1 that nobody reads, 1 with parked events, 1 level"
        );
    }
}
