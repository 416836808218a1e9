//! What a subscription needs, in a word; and how its members are.

use highwater_model::{Subscription, SubscriptionState};
use leptos::prelude::*;

/// Below so many seconds a lag is noise: what is on its way to a member is not late.
const LATE_S: f64 = 2.0;
/// The log is looked through in steps: fewer positions than this are looked through in a moment, and nobody needs to know.
const FAR: i64 = 2_000;

/// What the eye is to see of it. A later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Members have handled what there is.
    Level,
    /// There is more to handle.
    Behind,
    /// An operator paused it.
    Paused,
    /// Events failed too often: an operator is to decide.
    Parked,
    /// There is something to handle, and no member is there.
    Unread,
}

impl Standing {
    /// From worst to best.
    pub const WORST_FIRST: [Self; 5] = [
        Self::Unread,
        Self::Parked,
        Self::Paused,
        Self::Behind,
        Self::Level,
    ];

    /// Of a subscription.
    pub fn of(subscription: &Subscription) -> Self {
        let lag = subscription.lag;
        let far = lag.capped && lag.positions > FAR;
        if subscription.state == SubscriptionState::Paused {
            // That nobody reads is what a pause is for.
            Self::Paused
        } else if (lag.matching > 0 || far) && present(subscription) == 0 {
            Self::Unread
        } else if subscription.parked > 0 {
            Self::Parked
        } else if far || (lag.matching > 0 && lag.seconds >= LATE_S) {
            Self::Behind
        } else {
            Self::Level
        }
    }

    /// As a person says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Behind => "behind",
            Self::Paused => "paused",
            Self::Parked => "parked events",
            Self::Unread => "nobody reads",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Behind => "behind",
            Self::Paused => "paused",
            Self::Parked => "parked",
            Self::Unread => "unread",
        }
    }
}

/// Members that are there.
pub fn present(subscription: &Subscription) -> usize {
    let members = subscription.members.iter();
    members.filter(|member| member.present).count()
}

/// How it stands, as colour, shape and word.
#[component]
pub fn StandingBadge(
    /// How it stands.
    #[prop(into)]
    standing: Signal<Standing>,
) -> impl IntoView {
    view! {
        <span class=move || format!("pill state {}", standing.get().class())>
            <span class="dot" aria-hidden="true"></span>
            {move || standing.get().word()}
        </span>
    }
    .into_any()
}

/// One for tests: level, and nobody is there.
#[cfg(test)]
pub(crate) fn example(name: &str) -> Subscription {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    Subscription {
        name: name.to_owned(),
        filter: String::new(),
        state: SubscriptionState::Running,
        reason: None,
        since: at,
        created_at: at,
        attempts: 5,
        acknowledge_within_s: 30,
        checkpoint: highwater_model::Position(7),
        lag: highwater_model::Lag::default(),
        rate: 0.0,
        acknowledged: 0,
        unacknowledged: 0,
        waiting: 0,
        parked: 0,
        members: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{Lag, Member, MemberWay};

    fn waits(seconds: f64) -> Subscription {
        let mut subscription = example("mailer");
        subscription.lag = Lag {
            positions: 3,
            matching: 3,
            capped: false,
            seconds,
        };
        subscription
    }

    fn read(mut subscription: Subscription) -> Subscription {
        subscription.members.push(Member {
            name: "a".to_owned(),
            way: MemberWay::Http,
            since: subscription.since,
            seen_at: subscription.since,
            present: true,
            unacknowledged: 0,
            acknowledged: 0,
        });
        subscription
    }

    #[test]
    fn nobody_is_missed_while_there_is_nothing_to_read() {
        assert_eq!(Standing::of(&example("mailer")), Standing::Level);
        assert_eq!(Standing::of(&waits(0.1)), Standing::Unread);
        let paused = Subscription {
            state: SubscriptionState::Paused,
            ..waits(90.0)
        };
        assert_eq!(Standing::of(&paused), Standing::Paused);
    }

    #[test]
    fn what_is_on_its_way_is_not_late() {
        assert_eq!(Standing::of(&read(waits(0.1))), Standing::Level);
        assert_eq!(Standing::of(&read(waits(5.0))), Standing::Behind);
    }

    #[test]
    fn a_log_that_was_not_looked_through_is_behind_when_that_takes_time() {
        let looked = |positions| {
            let mut subscription = read(example("mailer"));
            subscription.lag.positions = positions;
            subscription.lag.capped = true;
            Standing::of(&subscription)
        };
        assert_eq!(looked(10), Standing::Level);
        assert_eq!(looked(1_000_000), Standing::Behind);
    }

    #[test]
    fn the_worst_has_the_most_to_say() {
        let mut subscription = read(waits(5.0));
        subscription.parked = 1;
        assert_eq!(Standing::of(&subscription), Standing::Parked);
        assert!(Standing::WORST_FIRST.is_sorted_by(|one, other| one > other));
    }
}
