//! Subscriptions: named readers of the log with a checkpoint, for programs outside.

mod delivery;
mod orders;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use delivery::{
    AT_MOST, AT_MOST_USUAL, AcknowledgeBody, Acknowledged, Delivery, FailedDelivery, FetchBody,
    Fetched, ReleaseBody, WAIT_MAX_S,
};
pub use orders::{MoveBody, MovePlan, ParkedAnswer, ParkedBody, ParkedEvent};

use crate::{Lag, Position};

/// Characters of a subscription's or a member's name.
pub const NAME_CHARS: usize = 100;

/// Whether members are given events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// They are.
    Running,
    /// An operator paused it: what is out may still be acknowledged.
    Paused,
}

impl SubscriptionState {
    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a new subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    /// With the first event of the log.
    Start,
    /// With the next event that is recorded.
    End,
    /// With this position.
    Position(Position),
}

/// What a subscription is made of. What is absent keeps its value, or is as usual in a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SubscriptionBody {
    /// Which events: a filter line; every event when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Where a new one begins: `"start"` unless given. One that is there already is replayed or skipped forward instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StartAt>,
    /// After so many failures an event is parked: 5 unless given, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// What a member has not acknowledged after so many seconds is taken back from it: 30 unless given, 1 to 3,600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_within_s: Option<i32>,
}

/// How a member gets its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberWay {
    /// It fetches them.
    Http,
    /// They are sent to it.
    Websocket,
}

impl MemberWay {
    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Websocket => "websocket",
        }
    }
}

/// One who reads for a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// As it calls itself.
    pub name: String,
    /// How it gets its events.
    pub way: MemberWay,
    /// Since when it reads.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it asked, acknowledged or was connected last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub seen_at: Timestamp,
    /// It is there: it has events, or was connected or asked within the last minute, or within the time to acknowledge if that is less.
    pub present: bool,
    /// Events that it has, and has not acknowledged.
    pub unacknowledged: i64,
    /// Events that it has acknowledged.
    pub acknowledged: i64,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscription {
    /// Its name.
    pub name: String,
    /// Which events; every event when empty.
    pub filter: String,
    /// Whether members are given events.
    pub state: SubscriptionState,
    /// Why it is paused.
    pub reason: Option<String>,
    /// Since when it is in this state.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// After so many failures an event is parked.
    pub attempts: i32,
    /// What a member has not acknowledged after so many seconds is taken back from it.
    pub acknowledge_within_s: i32,
    /// Everything up to here is acknowledged, parked, or does not match.
    pub checkpoint: Position,
    /// How far it is behind. Matching events are counted as far as the log was looked through, which is up to a moment ago or to a thousand of them: then,
    /// or when much was not looked through yet, it is `capped`.
    pub lag: Lag,
    /// Events acknowledged a second, over the last ten seconds.
    pub rate: f64,
    /// Events acknowledged in all.
    pub acknowledged: i64,
    /// Events that members have and have not acknowledged.
    pub unacknowledged: i64,
    /// Events that failed and wait for their next attempt.
    pub waiting: i64,
    /// Events that failed too often.
    pub parked: i64,
    /// Who reads; who was not seen for an hour is not among them.
    pub members: Vec<Member>,
}

impl Subscription {
    /// Events wait, and nobody is there to read them.
    pub fn is_alone(&self) -> bool {
        let waits = self.lag.matching > 0 || self.lag.capped;
        waits && !self.members.iter().any(|member| member.present)
    }
}

/// Why a name can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a {what} has 1 to {NAME_CHARS} letters, digits and . _ - and begins with a letter or a digit, like mailer or shop.orders-2"
)]
pub struct SubscriptionNameError {
    /// Whose name.
    pub what: &'static str,
}

/// Checks the name of a subscription (`what` is `"subscription"`) or of a member (`"member"`).
///
/// # Errors
/// When it can't be used.
pub fn check_subscription_name(
    what: &'static str,
    name: &str,
) -> Result<(), SubscriptionNameError> {
    let fits = name.len() <= NAME_CHARS
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(SubscriptionNameError { what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_an_address() {
        for name in ["mailer", "shop.orders-2", "0", "a_b"] {
            check_subscription_name("subscription", name).unwrap();
        }
        for name in ["", "-a", ".a", "a b", "a/b", "ä", &"a".repeat(101)] {
            assert!(check_subscription_name("member", name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_start_is_a_word_or_a_position() {
        let start =
            |text: &str| serde_json::from_str::<SubscriptionBody>(text).map(|body| body.from);
        assert_eq!(start(r#"{"from":"end"}"#).unwrap(), Some(StartAt::End));
        let position = StartAt::Position(Position(12));
        assert_eq!(
            start(r#"{"from":{"position":12}}"#).unwrap(),
            Some(position)
        );
        assert_eq!(start("{}").unwrap(), None);
        assert!(start(r#"{"from":"now"}"#).is_err());
    }
}
