//! How far the subscriptions are behind, and who reads.

use highwater_model::{Subscription, SubscriptionState};

use super::NAMED;
use super::text_format::{TextFormat, count, number, yes};

/// Says it of the worst.
pub(super) fn say(text: &mut TextFormat, all: &[Subscription]) {
    let mut worst: Vec<&Subscription> = all.iter().collect();
    worst.sort_by(|a, b| {
        let is_worse = b.lag.seconds.total_cmp(&a.lag.seconds);
        is_worse.then(b.parked.cmp(&a.parked))
    });
    text.gauge(
        "highwater_subscriptions_left_out",
        "Subscriptions that are not named in what follows: only so many are, the worst.",
        count(worst.len().saturating_sub(NAMED)),
    );
    worst.truncate(NAMED);
    let each =
        |of: fn(&Subscription) -> f64| worst.iter().map(move |one| (one.name.as_str(), of(one)));
    text.family(
        "highwater_subscription_lag_positions",
        "Positions between a subscription's checkpoint and the head.",
    )
    .each("subscription", each(|one| number(one.lag.positions)));
    text.family(
        "highwater_subscription_lag_events",
        "Matching events among them, as far as the log was looked through for it.",
    )
    .each("subscription", each(|one| number(one.lag.matching)));
    text.family(
        "highwater_subscription_lag_seconds",
        "Seconds since the oldest of them was recorded.",
    )
    .each("subscription", each(|one| one.lag.seconds));
    text.family(
        "highwater_subscription_unacknowledged_events",
        "Events that its members have and have not acknowledged.",
    )
    .each("subscription", each(|one| number(one.unacknowledged)));
    text.family(
        "highwater_subscription_parked_events",
        "Events that failed too often and wait for an operator.",
    )
    .each("subscription", each(|one| number(one.parked)));
    text.family("highwater_subscription_members", "Members that are there.")
        .each(
            "subscription",
            each(|one| count(one.members.iter().filter(|member| member.present).count())),
        );
    text.family("highwater_subscription_paused", "1: an operator paused it.")
        .each(
            "subscription",
            each(|one| yes(one.state == SubscriptionState::Paused)),
        );
}
