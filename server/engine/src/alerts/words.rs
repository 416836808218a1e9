//! How alerts are told: a sentence for people, and a `CloudEvent` for programs.

use highwater_model::alert_words::span;
use highwater_model::{AlertCondition, AlertEvent, AlertFacts, AlertKind, AlertOf, AlertRule};
use highwater_store::Ids;
use highwater_store::alerts::{OpenAlert, Telling};
use jiff::Timestamp;

use super::look::Seen;

/// Why an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is as it should be.
    Well,
    /// What it is of is no longer among what the rule looks at.
    Gone,
    /// The rule looks at something else.
    Changed,
    /// The rule was switched off.
    Off,
}

/// What is wrong.
pub(super) fn wrong(
    condition: &AlertCondition,
    seen: &Seen,
    since: Timestamp,
    now: Timestamp,
) -> String {
    let (subject, detail) = (&seen.subject, &seen.detail);
    let value = span(seen.value.unwrap_or_default());
    let most = span(f64::from(condition.seconds));
    match condition.kind {
        AlertKind::LagSeconds => {
            format!("{subject} is {value} behind, more than {most}: {detail}.")
        }
        AlertKind::Stalled => {
            format!(
                "{subject} {detail}: it has not moved for {}.",
                span(age(since, now))
            )
        }
        AlertKind::Faulted => format!("{subject} {detail}."),
        AlertKind::MarkAge => {
            format!("The mark is held for {value}, more than {most}: {detail}.")
        }
        AlertKind::Check => format!("The check {subject} is wrong: {detail}."),
    }
}

/// That it is over.
pub(super) fn over(open: &OpenAlert, why: Why, now: Timestamp) -> String {
    let subject = &open.subject;
    let long = span(age(open.since, now));
    let worst = span(open.value.unwrap_or_default());
    match (why, open.kind, open.of) {
        (Why::Gone, _, _) => {
            format!("{subject} is no longer looked at: it is gone, or the rule is of others now.")
        }
        (Why::Changed, _, _) => format!("The rule {} looks at something else now.", open.rule),
        (Why::Off, _, _) => format!("The rule {} was switched off.", open.rule),
        (Why::Well, AlertKind::LagSeconds, _) => format!(
            "{subject} is no longer so far behind; that was so for {long}, by {worst} at the worst."
        ),
        (Why::Well, AlertKind::Faulted, AlertOf::Subscription) => {
            format!("{subject} has no parked events any more; it had some for {long}.")
        }
        (Why::Well, AlertKind::Faulted | AlertKind::Stalled, _) => {
            format!("{subject} goes on; it stood for {long}.")
        }
        (Why::Well, AlertKind::MarkAge, _) => {
            format!("The mark is not held so long any more; it was for {worst} at the worst.")
        }
        (Why::Well, AlertKind::Check, _) => {
            format!("The check {subject} is not wrong any more; it was for {long}.")
        }
    }
}

/// Seconds since then.
pub(super) fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// One message: what has happened, when, and what there is to say of it.
pub(super) fn telling(
    source: &str,
    ids: Ids,
    transition: &str,
    time: Timestamp,
    data: AlertFacts,
) -> Telling {
    let id = ids.event_id();
    let event = AlertEvent {
        specversion: "1.0".to_owned(),
        event_type: format!("highwater.alert.{transition}"),
        source: source.to_owned(),
        subject: data.subject.clone(),
        id,
        time,
        datacontenttype: "application/json".to_owned(),
        data,
    };
    Telling {
        id,
        // Texts and numbers: it does not fail.
        body: serde_json::to_string(&event).unwrap_or_default(),
    }
}

/// A message that says that it is a test of a rule.
pub fn test_telling(source: &str, ids: Ids, rule: &AlertRule, now: Timestamp) -> Telling {
    let words = format!(
        "This is a test: nothing is wrong. The rule {} fires when {}.",
        rule.name,
        rule.condition()
    );
    let facts = AlertFacts {
        rule: rule.name.clone(),
        kind: rule.kind,
        of: rule.of,
        subject: rule.pattern.clone(),
        words,
        value: None,
        since: now,
        link: "/alerts".to_owned(),
    };
    telling(source, ids, "test", now, facts)
}
