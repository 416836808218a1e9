//! What the server says of each feed.

use serde::{Deserialize, Serialize};

use crate::{
    Delivery, Job, Maintenance, MaintenanceAnswer, Mark, Position, Problem, ReadModelLag,
    RecordedEvent, Subscription,
};

/// What the server says.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ServerMessage {
    /// Matching events, in order.
    Events {
        /// The feed.
        id: u32,
        /// May be empty when only `next` moved.
        events: Vec<RecordedEvent>,
        /// Everything up to here has been said: a client that comes back subscribes `after` it.
        next: Position,
    },
    /// History is through; from here on events come as they are recorded.
    CaughtUp {
        /// The feed.
        id: u32,
        /// Everything up to here has been said.
        caught_up: Position,
    },
    /// This reader was too slow; nothing is lost, it can be read with `GET /api/events`.
    Gap {
        /// The feed.
        id: u32,
        /// What was left out.
        gap: Gap,
    },
    /// Where the mark stands.
    Mark {
        /// The feed.
        id: u32,
        /// The mark.
        mark: Mark,
    },
    /// How the read models are.
    Lag {
        /// The feed.
        id: u32,
        /// All of them, by name.
        lag: Vec<ReadModelLag>,
    },
    /// How the jobs are.
    Jobs {
        /// The feed.
        id: u32,
        /// The newest first: all that run, and some that are over.
        jobs: Vec<Job>,
    },
    /// How the subscriptions are.
    Subscriptions {
        /// The feed.
        id: u32,
        /// All of them, by name.
        subscriptions: Vec<Subscription>,
    },
    /// Whether maintenance is on.
    Maintenance {
        /// The feed.
        id: u32,
        /// None: it is off.
        maintenance: Option<Maintenance>,
    },
    /// Events of a subscription, for this member.
    Deliveries {
        /// The feed.
        id: u32,
        /// By position; of a stream one at a time.
        deliveries: Vec<Delivery>,
    },
    /// What was acknowledged or failed too late.
    NotHeld {
        /// The feed.
        id: u32,
        /// Positions of events that are not this member's any more: they are given again.
        not_held: Vec<Position>,
    },
    /// What was asked for is refused, or a feed ended.
    Error {
        /// The feed; absent when the message could not be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        /// Why, and what to do.
        error: Problem,
    },
}

/// Any message of the server as one flat object: an untagged enum would buffer the message before it picks a variant, and raw
/// JSON (an event's data) can't be read from such a buffer.
#[derive(Deserialize)]
struct Flat {
    id: Option<u32>,
    events: Option<Vec<RecordedEvent>>,
    next: Option<Position>,
    caught_up: Option<Position>,
    gap: Option<Gap>,
    mark: Option<Mark>,
    lag: Option<Vec<ReadModelLag>>,
    jobs: Option<Vec<Job>>,
    subscriptions: Option<Vec<Subscription>>,
    #[serde(default, deserialize_with = "said")]
    maintenance: Option<MaintenanceAnswer>,
    deliveries: Option<Vec<Delivery>>,
    not_held: Option<Vec<Position>>,
    error: Option<Problem>,
}

/// A field that is null says something, one that is not there does not.
fn said<'de, D>(deserializer: D) -> Result<Option<MaintenanceAnswer>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let maintenance = Option::deserialize(deserializer)?;
    Ok(Some(MaintenanceAnswer { maintenance }))
}

impl<'de> Deserialize<'de> for ServerMessage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = Flat::deserialize(deserializer)?;
        if let Some(error) = flat.error {
            return Ok(Self::Error { id: flat.id, error });
        }
        let missing = serde::de::Error::missing_field;
        let id = flat.id.ok_or_else(|| missing("id"))?;
        if let Some(events) = flat.events {
            let next = flat.next.ok_or_else(|| missing("next"))?;
            Ok(Self::Events { id, events, next })
        } else if let Some(caught_up) = flat.caught_up {
            Ok(Self::CaughtUp { id, caught_up })
        } else if let Some(gap) = flat.gap {
            Ok(Self::Gap { id, gap })
        } else if let Some(mark) = flat.mark {
            Ok(Self::Mark { id, mark })
        } else if let Some(lag) = flat.lag {
            Ok(Self::Lag { id, lag })
        } else if let Some(jobs) = flat.jobs {
            Ok(Self::Jobs { id, jobs })
        } else if let Some(subscriptions) = flat.subscriptions {
            Ok(Self::Subscriptions { id, subscriptions })
        } else if let Some(MaintenanceAnswer { maintenance }) = flat.maintenance {
            Ok(Self::Maintenance { id, maintenance })
        } else if let Some(deliveries) = flat.deliveries {
            Ok(Self::Deliveries { id, deliveries })
        } else if let Some(not_held) = flat.not_held {
            Ok(Self::NotHeld { id, not_held })
        } else {
            Err(serde::de::Error::custom(
                "a message of the server holds events, caught_up, gap, mark, lag, jobs, subscriptions, maintenance, deliveries, not_held or error",
            ))
        }
    }
}

/// Positions that a reader did not get: both ends exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gap {
    /// The last position before it.
    pub after: Position,
    /// The first position behind it.
    pub before: Position,
    /// How many positions are between them, matching or not.
    pub count: i64,
}

impl Gap {
    /// Between two positions, both exclusive.
    pub fn between(after: Position, before: Position) -> Self {
        Self {
            after,
            before,
            count: (before.0 - after.0 - 1).max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_the_text_of_its_data() {
        let text = r#"{"id":1,"next":7,"events":[{"position":7,"stream":"a-1","category":"a","version":0,"id":"0192f3c1-77de-7c3a-9f10-000000000000",
            "type":"T","data":{"n":1.10},"metadata":{},"occurred_at":"2026-01-01T00:00:00Z","recorded_at":"2026-01-01T00:00:00Z"}]}"#;
        let ServerMessage::Events { events, next, .. } = serde_json::from_str(text).unwrap() else {
            panic!("not events");
        };
        assert_eq!(events[0].data.get(), r#"{"n":1.10}"#);
        assert_eq!(next, Position(7));
    }

    #[test]
    fn that_maintenance_is_off_is_a_message_of_its_own() {
        for (text, is_on) in [
            (r#"{"id":4,"maintenance":null}"#, false),
            (
                r#"{"id":4,"maintenance":{"since":"2026-01-01T14:02:00Z"}}"#,
                true,
            ),
        ] {
            let message: ServerMessage = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            let ServerMessage::Maintenance { maintenance, .. } = message else {
                panic!("{text} is something else");
            };
            assert_eq!(maintenance.is_some(), is_on);
        }
    }
}
