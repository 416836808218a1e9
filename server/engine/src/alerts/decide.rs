//! What a round changes. Pure: all that it decides from is given.

use std::collections::HashMap;

use highwater_model::{AlertFacts, AlertKind, AlertOf};
use highwater_store::Ids;
use highwater_store::alerts::{AlertChange, AlertNow, OpenAlert, Telling, WatchedRule};
use jiff::{SignedDuration, Timestamp};

use super::look::{Looked, Seen, seen};
use super::machine::{Stands, Stood, stands};
use super::words::{self, Why};

/// What the rules are held against.
#[derive(Debug)]
pub(super) struct Decider<'a> {
    pub(super) now: Timestamp,
    pub(super) looked: &'a Looked,
    /// Where the server is.
    pub(super) source: &'a str,
    pub(super) ids: Ids,
    /// There is no room for more alerts.
    pub(super) is_full: bool,
}

/// Whether somebody is to be told of a change.
pub(super) fn tells(change: &AlertChange) -> bool {
    match change {
        AlertChange::Is(alert) => alert.telling.is_some(),
        AlertChange::Over { telling, .. } => telling.is_some(),
        AlertChange::Forgotten { .. } => false,
    }
}

impl Decider<'_> {
    /// What has changed, of all rules.
    pub(super) fn changes(&self, rules: &[WatchedRule], open: &[OpenAlert]) -> Vec<AlertChange> {
        let mut of_rules: HashMap<&str, Vec<&OpenAlert>> = HashMap::new();
        for alert in open {
            of_rules.entry(&alert.rule).or_default().push(alert);
        }
        let mut changes = Vec::new();
        for rule in rules {
            let open = of_rules.remove(rule.name.as_str()).unwrap_or_default();
            self.of_rule(rule, open, &mut changes);
        }
        changes
    }

    fn of_rule(&self, rule: &WatchedRule, open: Vec<&OpenAlert>, changes: &mut Vec<AlertChange>) {
        let all = if rule.enabled {
            // What can't be said now leaves all as it is.
            let Some(all) = seen(&rule.condition, self.looked) else {
                return;
            };
            all
        } else {
            Vec::new()
        };
        let mut open: HashMap<(AlertOf, &str), &OpenAlert> = open
            .into_iter()
            .map(|alert| ((alert.of, alert.subject.as_str()), alert))
            .collect();
        for one in &all {
            let before = open.remove(&(rule.condition.of, one.subject.as_str()));
            let change = match before {
                Some(before) if before.kind != rule.condition.kind => {
                    Some(self.over(rule, before, Why::Changed))
                }
                before => self.of_one(rule, before, one),
            };
            changes.extend(change);
        }
        let why = if rule.enabled { Why::Gone } else { Why::Off };
        let mut left: Vec<&OpenAlert> = open.into_values().collect();
        left.sort_by_key(|alert| alert.id);
        changes.extend(left.into_iter().map(|alert| self.over(rule, alert, why)));
    }

    /// What has changed of one thing.
    fn of_one(
        &self,
        rule: &WatchedRule,
        before: Option<&OpenAlert>,
        one: &Seen,
    ) -> Option<AlertChange> {
        let stood = before.map(|alert| Stood {
            since: alert.since,
            fired: alert.fired_at.is_some(),
            anchor: alert.anchor,
        });
        let hold = SignedDuration::from_secs(i64::from(rule.condition.hold_s()));
        match (stands(stood, one.reading, hold, self.now), before) {
            (Stands::Not | Stands::AsItWas, _) => None,
            (Stands::Over | Stands::Forgotten, before) => {
                before.map(|before| self.over(rule, before, Why::Well))
            }
            (Stands::Pending(since), before) => self.is(rule, before, one, (since, None)),
            (Stands::Fires(since), before) => {
                let fires = (since, Some(self.now));
                self.is(rule, before, one, fires)
            }
            (Stands::Firing(since), before) => {
                let fired_at = before.and_then(|before| before.fired_at);
                self.is(rule, before, one, (since, fired_at))
            }
        }
    }

    /// It is wrong since then, and fires since then.
    fn is(
        &self,
        rule: &WatchedRule,
        before: Option<&OpenAlert>,
        one: &Seen,
        (since, fired_at): (Timestamp, Option<Timestamp>),
    ) -> Option<AlertChange> {
        if before.is_none() && self.is_full {
            return None;
        }
        let kind = rule.condition.kind;
        let value = if kind == AlertKind::Stalled {
            Some(words::age(since, self.now))
        } else {
            one.value
        };
        // Of a time that begins anew nothing is the worst yet.
        let same = before.filter(|before| before.since == since);
        let worst = [same.and_then(|before| before.value), value]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        let mut now = AlertNow {
            id: before.map(|before| before.id),
            rule: rule.name.clone(),
            kind,
            of: rule.condition.of,
            subject: one.subject.clone(),
            since,
            fired_at,
            value: worst,
            anchor: one.reading.anchor(),
            words: words::wrong(&rule.condition, one, since, self.now),
            telling: None,
        };
        let begins = fired_at.is_some() && before.is_none_or(|before| before.fired_at.is_none());
        if begins && rule.tells {
            now.telling = Some(self.tell("firing", facts_of(&now)));
        }
        if before.is_some_and(|before| is_same(before, &now)) {
            return None;
        }
        Some(AlertChange::Is(Box::new(now)))
    }

    /// It is over.
    fn over(&self, rule: &WatchedRule, before: &OpenAlert, why: Why) -> AlertChange {
        let id = before.id;
        if before.fired_at.is_none() {
            return AlertChange::Forgotten { id };
        }
        let words = words::over(before, why, self.now);
        let telling = rule.tells.then(|| {
            let facts = AlertFacts {
                rule: before.rule.clone(),
                kind: before.kind,
                of: before.of,
                subject: before.subject.clone(),
                words: words.clone(),
                value: before.value,
                since: before.since,
                link: before.of.link(&before.subject),
            };
            self.tell("resolved", facts)
        });
        AlertChange::Over { id, words, telling }
    }

    fn tell(&self, transition: &str, facts: AlertFacts) -> Telling {
        words::telling(self.source, self.ids, transition, self.now, facts)
    }
}

fn facts_of(alert: &AlertNow) -> AlertFacts {
    AlertFacts {
        rule: alert.rule.clone(),
        kind: alert.kind,
        of: alert.of,
        subject: alert.subject.clone(),
        words: alert.words.clone(),
        value: alert.value,
        since: alert.since,
        link: alert.of.link(&alert.subject),
    }
}

/// Nothing of it differs that is kept.
fn is_same(before: &OpenAlert, now: &AlertNow) -> bool {
    before.since == now.since
        && before.fired_at == now.fired_at
        && before.value == now.value
        && before.anchor == now.anchor
        && before.words == now.words
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
