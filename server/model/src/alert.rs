//! Alerts: what fires by a rule, what is told of it, and what a rule would have fired at.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AlertKind, AlertOf};

/// Where an alert stands. What is as it should be has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It is wrong, and not for as long yet as the rule says.
    Pending,
    /// It is wrong, and whoever is to be told is told.
    Firing,
    /// It was, and is over.
    Resolved,
}

impl AlertState {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An alert: a rule, and one thing that it found wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Grows with time.
    pub id: i64,
    /// The rule's name; the rule may be gone.
    pub rule: String,
    /// What is looked at.
    pub kind: AlertKind,
    /// Of what.
    pub of: AlertOf,
    /// Its name.
    pub subject: String,
    /// Where the alert stands.
    pub state: AlertState,
    /// Since when it is wrong.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Since when it fires.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub fired_at: Option<Timestamp>,
    /// When it was over.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub resolved_at: Option<Timestamp>,
    /// The worst so far: seconds, or how many events stand in the way. None of a check.
    pub value: Option<f64>,
    /// A sentence.
    pub words: String,
    /// The page of the console that shows more.
    pub link: String,
    /// When the webhook took the newest of it; none: not yet, or there is nobody to tell.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub told_at: Option<Timestamp>,
    /// Why the webhook did not take the newest of it.
    pub tell_error: Option<String>,
    /// When it is tried again.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub tell_again_at: Option<Timestamp>,
}

/// `GET /api/alerts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertList {
    /// When the rules were looked after last, by whichever server; none: never, for there is no rule.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub evaluated_at: Option<Timestamp>,
    /// What fires, the newest first; then what is over, the newest first.
    pub alerts: Vec<Alert>,
}

/// What a rule would have fired at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertPreview {
    /// From here on …
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// … up to here.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// There is a history to look at.
    pub history: bool,
    /// What was looked at and how exact it is, or why nothing was: a sentence.
    pub words: String,
    /// It would have fired so often.
    pub fires: i64,
    /// And for so many seconds in all.
    pub seconds: i64,
    /// Each time, the newest first; 500 at most.
    pub episodes: Vec<AlertEpisode>,
}

/// Once that a rule would have fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertEpisode {
    /// The read model.
    pub subject: String,
    /// When it began to be wrong.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it would have fired.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub fired_at: Timestamp,
    /// When it was over.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// Seconds that it was behind, at the worst.
    pub worst: f64,
}

/// What a webhook said to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertTest {
    /// It took it.
    pub taken: bool,
    /// The status of its answer; none: there was no answer.
    pub status: Option<u16>,
    /// The beginning of what it said, or why there was no answer.
    pub said: String,
    /// How long that took, in milliseconds.
    pub took_ms: i64,
}

/// What a webhook is told: a `CloudEvent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertEvent {
    /// `1.0`.
    pub specversion: String,
    /// `highwater.alert.firing`, `highwater.alert.resolved`, or `highwater.alert.test`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Where the server is.
    pub source: String,
    /// The name of what is wrong.
    pub subject: String,
    /// The same each time that it is told.
    pub id: Uuid,
    /// When it began to fire, or was over.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub time: Timestamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// What there is to say.
    pub data: AlertFacts,
}

/// What there is to say of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertFacts {
    /// The rule.
    pub rule: String,
    /// What is looked at.
    pub kind: AlertKind,
    /// Of what.
    pub of: AlertOf,
    /// Its name.
    pub subject: String,
    /// A sentence.
    pub words: String,
    /// The worst so far: seconds, or how many events stand in the way. None of a check.
    pub value: Option<f64>,
    /// Since when it is wrong, or was.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The path of the console's page, below `source`.
    pub link: String,
}
