//! What a rule sees of what was looked at.

use std::sync::Arc;

use highwater_model::filter::Glob;
use highwater_model::{
    AlertCondition, AlertKind, AlertOf, CheckVerdict, Lag, MarkHolder, ReadModelLag,
    ReadModelState, StoreCheck, Subscription, SubscriptionState,
};

use super::machine::Reading;

/// What was looked at. None: it was not, or could not be.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) read_models: Option<Arc<[ReadModelLag]>>,
    pub(super) subscriptions: Option<Arc<[Subscription]>>,
    pub(super) holders: Option<Vec<MarkHolder>>,
    pub(super) checks: Option<Arc<[StoreCheck]>>,
    /// Maintenance is on: read models are behind because somebody said so.
    pub(super) maintenance: bool,
}

/// One thing that a rule is of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) subject: String,
    pub(super) reading: Reading,
    /// How bad it is: seconds, or events. Of what stands still, its age says it.
    pub(super) value: Option<f64>,
    /// What there is to say beside the number: half a sentence.
    pub(super) detail: String,
}

/// All things that a rule is of. None: it can't be said now.
pub(super) fn seen(condition: &AlertCondition, looked: &Looked) -> Option<Vec<Seen>> {
    let glob = Glob::starred(&condition.pattern);
    Some(match condition.of {
        AlertOf::ReadModel => {
            let all = looked.read_models.as_ref()?;
            let those = all.iter().filter(|one| glob.matches(&one.name));
            those
                .map(|one| read_model(condition, one, looked.maintenance))
                .collect()
        }
        AlertOf::Subscription => {
            let all = looked.subscriptions.as_ref()?;
            let those = all.iter().filter(|one| glob.matches(&one.name));
            those.map(|one| subscription(condition, one)).collect()
        }
        AlertOf::Mark => vec![mark(condition, looked.holders.as_ref()?)],
        AlertOf::Check => {
            let all = looked.checks.as_ref()?;
            let those = all.iter().filter(|one| glob.matches(&one.name));
            those.map(check).collect()
        }
    })
}

fn reading(wrong: bool) -> Reading {
    if wrong {
        Reading::Wrong(None)
    } else {
        Reading::Well
    }
}

fn read_model(condition: &AlertCondition, one: &ReadModelLag, maintenance: bool) -> Seen {
    if condition.kind == AlertKind::Faulted {
        let stands = one.stands_on.is_some() || one.state == ReadModelState::Faulted;
        return Seen {
            subject: one.name.clone(),
            reading: reading(stands),
            value: None,
            detail: one.stands_on.map_or_else(
                || "is faulted".to_owned(),
                |position| format!("stands on event {position}, which it could not handle"),
            ),
        };
    }
    let so = (!one.state.is_running()).then(|| format!(", and it is {}", one.state));
    let seen = behind(
        condition,
        &one.name,
        one.lag,
        one.checkpoint.0,
        so.as_deref(),
    );
    if maintenance {
        let reading = Reading::Quiet;
        return Seen { reading, ..seen };
    }
    seen
}

fn subscription(condition: &AlertCondition, one: &Subscription) -> Seen {
    if condition.kind == AlertKind::Faulted {
        #[expect(clippy::cast_precision_loss, reason = "a number for people")]
        let value = Some(one.parked as f64);
        return Seen {
            subject: one.name.clone(),
            reading: reading(one.parked > 0),
            value,
            detail: format!("has {}", counted(one.parked, "parked event")),
        };
    }
    let so = match one.state {
        SubscriptionState::Paused => Some(", and it is paused"),
        SubscriptionState::Running if one.is_alone() => Some(", and nobody reads it"),
        SubscriptionState::Running => None,
    };
    behind(condition, &one.name, one.lag, one.checkpoint.0, so)
}

/// Of lag, and of a checkpoint that stands still.
fn behind(
    condition: &AlertCondition,
    name: &str,
    lag: Lag,
    checkpoint: i64,
    so: Option<&str>,
) -> Seen {
    let events = counted(lag.matching, "event");
    let least = if lag.capped { "at least " } else { "" };
    let so = so.unwrap_or_default();
    let is_lag = condition.kind == AlertKind::LagSeconds;
    let (reading, detail) = if is_lag {
        let wait = if lag.matching == 1 { "waits" } else { "wait" };
        let late = lag.seconds > f64::from(condition.seconds);
        (reading(late), format!("{least}{events} {wait}{so}"))
    } else if lag.matching > 0 {
        let detail = format!("has {least}{events} to handle and stands at {checkpoint}{so}");
        (Reading::Wrong(Some(checkpoint)), detail)
    } else {
        (Reading::Well, String::new())
    };
    Seen {
        subject: name.to_owned(),
        reading,
        value: is_lag.then_some(lag.seconds),
        detail,
    }
}

fn mark(condition: &AlertCondition, holders: &[MarkHolder]) -> Seen {
    let oldest = holders
        .iter()
        .max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let seconds = oldest.map_or(0.0, |holder| holder.seconds);
    let detail = oldest.map_or_else(String::new, |holder| {
        let what = match holder.what.as_str() {
            "holds" => "holds the log",
            "waits" => "waits for the log",
            _ => "has open appends",
        };
        format!("process {} ({}) {what}", holder.pid, holder.application)
    });
    Seen {
        subject: condition.pattern.clone(),
        reading: reading(seconds > f64::from(condition.seconds)),
        value: Some(seconds),
        detail,
    }
}

fn check(one: &StoreCheck) -> Seen {
    Seen {
        subject: one.name.clone(),
        reading: reading(one.verdict == CheckVerdict::Wrong),
        value: None,
        detail: one.found.clone(),
    }
}

/// `1 event`, `8 events`.
fn counted(number: i64, noun: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{many}")
}
