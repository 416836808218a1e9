//! What clients say: which feeds they want, and what became of events that they were given.

use serde::{Deserialize, Serialize};

use crate::{FailedDelivery, Position};

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ClientMessage {
    /// Asks for a feed; every answer to it carries its `id`.
    Subscribe(Subscribe),
    /// Ends the feed with this id.
    Unsubscribe(Unsubscribe),
    /// Says what became of events that a subscription has delivered.
    Acknowledge(Acknowledge),
}

/// Asks for a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// To what.
    pub subscribe: Topic,
    /// The client's own number for it.
    pub id: u32,
    /// Events only: where to start, exclusive. The head when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<After>,
    /// Events only: the filter line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// A subscription only: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A subscription only: how this member calls itself; members of one subscription share its events by stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// A subscription only: how many events may be unacknowledged, 100 unless given, 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
}

impl Subscribe {
    /// Asks for a feed with nothing but its topic.
    pub fn to(topic: Topic, id: u32) -> Self {
        Self {
            subscribe: topic,
            id,
            after: None,
            filter: None,
            name: None,
            member: None,
            at_most: None,
        }
    }
}

/// Ends a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// The id that its `subscribe` gave.
    pub unsubscribe: u32,
}

/// Says what became of events that a subscription has delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The id that its `subscribe` gave.
    pub acknowledge: u32,
    /// Positions of events that were handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<Position>,
    /// Events that could not be handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedDelivery>,
}

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Every matching event from `after` on, once, in order, or a gap that names what was left out.
    Events,
    /// The high-water mark, twice a second at most, and at least every two seconds.
    Mark,
    /// State and lag of all read models: at once, and when something of it has changed, once a second at most.
    Lag,
    /// Jobs that run, and the newest that are over: at once, and when something of it has changed, twice a second at most.
    Jobs,
    /// How the subscriptions are: at once, and when something of it has changed, once a second at most.
    Subscriptions,
    /// Whether maintenance is on: at once, and when that has changed, once a second at most.
    Maintenance,
    /// Events of one subscription, for a member of it: each until it is acknowledged, of a stream one at a time.
    Subscription,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Events,
        Self::Mark,
        Self::Lag,
        Self::Jobs,
        Self::Subscriptions,
        Self::Maintenance,
        Self::Subscription,
    ];

    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Mark => "mark",
            Self::Lag => "lag",
            Self::Jobs => "jobs",
            Self::Subscriptions => "subscriptions",
            Self::Maintenance => "maintenance",
            Self::Subscription => "subscription",
        }
    }
}

/// Where a feed of events starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// At the newest event.
    Head,
    /// After this position; 0 is before the first.
    Position(Position),
}

impl Serialize for After {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Head => serializer.serialize_str("head"),
            Self::Position(position) => position.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = After;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"head\" or a position from 0")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<After, E> {
                if text == "head" {
                    Ok(After::Head)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<After, E> {
                i64::try_from(number)
                    .map(|position| After::Position(Position(position)))
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
