//! What a round changes, round after round.

use std::sync::Arc;

use highwater_model::{AlertCondition, AlertEvent, Lag, Position, ReadModelLag, ReadModelState};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn orders(behind: f64) -> ReadModelLag {
    ReadModelLag {
        name: "orders".to_owned(),
        state: ReadModelState::Live,
        reason: None,
        since: at(0),
        checkpoint: Position(812),
        lag: Lag {
            positions: 9,
            matching: 8,
            capped: false,
            seconds: behind,
        },
        rate: 0.0,
        trend: String::new(),
        handled: 0,
        failures: 0,
        stands_on: None,
        versions: Vec::new(),
    }
}

fn rule(kind: AlertKind, seconds: i32, for_s: i32) -> WatchedRule {
    WatchedRule {
        name: "late".to_owned(),
        condition: AlertCondition {
            kind,
            of: AlertOf::ReadModel,
            pattern: "o*".to_owned(),
            seconds,
            for_s,
        },
        enabled: true,
        tells: true,
    }
}

fn looked(read_models: &[ReadModelLag]) -> Looked {
    Looked {
        read_models: Some(Arc::from(read_models)),
        ..Looked::default()
    }
}

fn changes(
    second: i64,
    looked: &Looked,
    rule: &WatchedRule,
    open: &[OpenAlert],
) -> Vec<AlertChange> {
    let decider = Decider {
        now: at(second),
        looked,
        source: "https://highwater.example",
        ids: Ids,
        is_full: false,
    };
    decider.changes(std::slice::from_ref(rule), open)
}

/// The alert as the store has it then.
fn kept(change: &AlertChange) -> OpenAlert {
    let AlertChange::Is(alert) = change else {
        panic!("{change:?}");
    };
    OpenAlert {
        id: 1,
        rule: alert.rule.clone(),
        kind: alert.kind,
        of: alert.of,
        subject: alert.subject.clone(),
        since: alert.since,
        fired_at: alert.fired_at,
        value: alert.value,
        anchor: alert.anchor,
        words: alert.words.clone(),
    }
}

#[test]
fn a_lag_is_told_once_and_so_is_its_end() {
    let rule = rule(AlertKind::LagSeconds, 60, 30);
    let late = looked(&[orders(95.0)]);
    let begun = changes(0, &late, &rule, &[]);
    assert!(!tells(&begun[0]), "{begun:?}");
    let pending = kept(&begun[0]);
    let fires = changes(30, &late, &rule, &[pending]);
    let firing = kept(&fires[0]);
    assert_eq!(firing.fired_at, Some(at(30)));
    let AlertChange::Is(alert) = &fires[0] else {
        panic!("{fires:?}");
    };
    let told: AlertEvent = serde_json::from_str(&alert.telling.as_ref().unwrap().body).unwrap();
    assert_eq!(told.event_type, "highwater.alert.firing");
    assert_eq!(told.data.link, "/read-models/orders");
    assert_eq!(
        told.data.words,
        "orders is 95 s behind, more than 60 s: 8 events wait."
    );
    // The same again, as by a server that has just started.
    let open = std::slice::from_ref(&firing);
    assert!(changes(35, &late, &rule, open).is_empty());
    let worse = changes(40, &looked(&[orders(105.0)]), &rule, open);
    assert!(!tells(&worse[0]), "{worse:?}");
    assert_eq!(kept(&worse[0]).value, Some(105.0));

    let over = changes(90, &looked(&[orders(0.0)]), &rule, open);
    let AlertChange::Over { words, telling, .. } = &over[0] else {
        panic!("{over:?}");
    };
    assert_eq!(
        words,
        "orders is no longer so far behind; that was so for 90 s, by 95 s at the worst."
    );
    assert!(telling.as_ref().unwrap().body.contains("alert.resolved"));
}

#[test]
fn what_can_not_be_said_changes_nothing_and_what_is_gone_ends() {
    let mut rule = rule(AlertKind::LagSeconds, 60, 0);
    let firing = kept(&changes(0, &looked(&[orders(95.0)]), &rule, &[])[0]);
    let open = std::slice::from_ref(&firing);
    assert!(changes(5, &Looked::default(), &rule, open).is_empty());
    let words = |looked: &Looked, rule: &WatchedRule| match &changes(5, looked, rule, open)[..] {
        [AlertChange::Over { words, .. }] => words.clone(),
        other => panic!("{other:?}"),
    };
    assert!(words(&looked(&[]), &rule).contains("is gone"));
    rule.condition.kind = AlertKind::Faulted;
    let changed = words(&looked(&[orders(95.0)]), &rule);
    assert!(changed.contains("looks at something else"), "{changed}");
    rule.enabled = false;
    assert!(words(&Looked::default(), &rule).contains("switched off"));
}

#[test]
fn what_stands_still_is_told_with_its_age() {
    let rule = rule(AlertKind::Stalled, 60, 0);
    let here = looked(&[orders(3.0)]);
    let pending = kept(&changes(0, &here, &rule, &[])[0]);
    assert_eq!((pending.fired_at, pending.anchor), (None, Some(812)));
    let fires = kept(&changes(61, &here, &rule, &[pending])[0]);
    assert_eq!(
        fires.words,
        "orders has 8 events to handle and stands at 812: it has not moved for 61 s."
    );
    assert_eq!(fires.value, Some(61.0));
}

#[test]
fn in_maintenance_lag_is_nobodys_fault() {
    let rule = rule(AlertKind::LagSeconds, 60, 0);
    let mut late = looked(&[orders(95.0)]);
    late.maintenance = true;
    assert!(changes(0, &late, &rule, &[]).is_empty());
}
