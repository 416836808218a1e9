//! Jobs: long operations on read models.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Position;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Handles all events into a shadow beside the live read model.
    Rebuild,
    /// Makes the shadow live, and looks whether it lives.
    Promote,
    /// Makes the previous version live again, when it has caught up, and looks whether it lives.
    GoBack,
    /// Handles events again from a position on, into the live read model.
    Replay,
    /// Makes the live rows of one stream or category again.
    RebuildPart,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Rebuild,
        Self::Promote,
        Self::GoBack,
        Self::Replay,
        Self::RebuildPart,
    ];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Promote => "promote",
            Self::GoBack => "go_back",
            Self::Replay => "replay",
            Self::RebuildPart => "rebuild_part",
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It will begin.
    Planned,
    /// It is worked on.
    Running,
    /// It did what it was for.
    Done,
    /// It did not; the outcome says why.
    Failed,
    /// An operator stopped it.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Planned,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// It will not change any more.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Planned | Self::Running)
    }
}

/// When something will be ready: in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Eta {
    /// Not sooner.
    pub from: f64,
    /// Hardly later.
    pub to: f64,
}

impl Eta {
    /// From the events that are left, and what was measured: events a second over all, and lately.
    pub fn new(left: i64, overall: f64, lately: f64, limit: Option<i32>) -> Option<Self> {
        // Counts of events stay far below 2^53.
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let left = left as f64;
        let most = limit.map_or(f64::INFINITY, f64::from);
        let known = [overall, lately]
            .into_iter()
            .filter(|rate| *rate > 0.0)
            .map(|rate| rate.min(most));
        let (slow, fast) = known.fold((f64::INFINITY, 0.0), |(slow, fast): (f64, f64), rate| {
            (slow.min(rate), fast.max(rate))
        });
        (fast > 0.0).then(|| Self {
            from: left / fast * 0.9,
            to: left / slow * 1.2,
        })
    }
}

/// `GET /api/jobs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    /// Identity.
    pub id: i64,
    /// What it does.
    pub kind: JobKind,
    /// To this read model.
    pub read_model: String,
    /// The version that it builds or makes live; none once that is gone.
    pub version_id: Option<i64>,
    /// Who ordered it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The plan that was shown before.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub plan: Value,
    /// Where it stands.
    pub state: JobState,
    /// Events that it has handled.
    pub done: i64,
    /// Of so many; grows while events are appended.
    pub total: i64,
    /// Events a second, lately.
    pub rate: f64,
    /// When it will be ready, once that can be said.
    pub eta: Option<Eta>,
    /// Events a second at most; none: as fast as it goes.
    pub speed_limit: Option<i32>,
    /// Everything up to here is handled.
    pub checkpoint: Option<Position>,
    /// What it does or stands on at this moment, where that needs a sentence.
    #[serde(default)]
    pub doing: Option<String>,
    /// When it was ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When work on it began.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub started_at: Option<Timestamp>,
    /// When it was over.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended_at: Option<Timestamp>,
    /// What became of it, in a sentence.
    pub outcome: Option<String>,
    /// What was measured.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub numbers: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eta_holds_both_speeds_and_heeds_the_limit() {
        let eta = Eta::new(1_000, 100.0, 200.0, None).unwrap();
        assert!(eta.from < 5.0 && eta.to > 10.0);
        let limited = Eta::new(1_000, 100.0, 200.0, Some(10)).unwrap();
        assert!(limited.from < 100.0 && limited.from > 50.0 && limited.to > 100.0);
        assert_eq!(Eta::new(1_000, 0.0, 0.0, None), None);
    }
}
