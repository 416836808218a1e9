//! What is typed into the form of a rule, and the rule that this is.

use highwater_model::{
    AlertCondition, AlertKind, AlertOf, AlertRule, AlertRuleBody, check_rule_name,
};
use leptos::prelude::*;

/// Units of time: seconds, and the word.
pub(super) const UNITS: [(i32, &str); 4] = [(1, "s"), (60, "min"), (3_600, "h"), (86_400, "d")];

/// A span of time, as a number and its unit.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    pub(super) number: RwSignal<String>,
    pub(super) unit: RwSignal<i32>,
}

impl Quantity {
    fn of(seconds: i32) -> Self {
        let (number, unit) = in_unit(seconds);
        Self {
            number: RwSignal::new(number.to_string()),
            unit: RwSignal::new(unit),
        }
    }

    fn set(self, seconds: i32) {
        let (number, unit) = in_unit(seconds);
        self.number.set(number.to_string());
        self.unit.set(unit);
    }

    /// In seconds; none: it is no number of them.
    fn seconds(self) -> Option<i32> {
        let number = self.number.get().trim().parse::<i32>().ok()?;
        number.checked_mul(self.unit.get())
    }
}

/// In the largest unit that has no rest.
fn in_unit(seconds: i32) -> (i32, i32) {
    let fits = UNITS
        .iter()
        .rev()
        .find(|(unit, _)| seconds > 0 && seconds % unit == 0);
    let unit = fits.map_or(1, |(unit, _)| *unit);
    (seconds / unit, unit)
}

/// What is typed.
#[derive(Debug, Clone, Copy)]
pub struct Typed {
    pub(super) name: RwSignal<String>,
    pub(super) kind: RwSignal<AlertKind>,
    /// Read models or subscriptions, where the kind leaves it open.
    pub(super) of: RwSignal<AlertOf>,
    pub(super) pattern: RwSignal<String>,
    pub(super) seconds: Quantity,
    pub(super) hold: Quantity,
    pub(super) enabled: RwSignal<bool>,
    pub(super) webhook: RwSignal<String>,
    pub(super) secret: RwSignal<String>,
    /// The rule that is changed has a secret.
    pub(super) signed: RwSignal<bool>,
    /// That is to be taken away.
    pub(super) bare: RwSignal<bool>,
    /// How often a rule was put here: the form is shown then.
    pub(super) filled: RwSignal<u32>,
}

impl Typed {
    /// A rule that most want first.
    pub(super) fn new() -> Self {
        Self {
            name: RwSignal::new(String::new()),
            kind: RwSignal::new(AlertKind::LagSeconds),
            of: RwSignal::new(AlertOf::ReadModel),
            pattern: RwSignal::new("*".to_owned()),
            seconds: Quantity::of(60),
            hold: Quantity::of(30),
            enabled: RwSignal::new(true),
            webhook: RwSignal::new(String::new()),
            secret: RwSignal::new(String::new()),
            signed: RwSignal::new(false),
            bare: RwSignal::new(false),
            filled: RwSignal::new(0),
        }
    }

    /// Puts a rule here, to be changed.
    pub(super) fn fill(self, rule: &AlertRule) {
        self.name.set(rule.name.clone());
        self.kind.set(rule.kind);
        if rule.of == AlertOf::Subscription {
            self.of.set(AlertOf::Subscription);
        } else {
            self.of.set(AlertOf::ReadModel);
        }
        if rule.of != AlertOf::Mark {
            self.pattern.set(rule.pattern.clone());
        }
        if rule.kind.has_seconds() {
            self.seconds.set(rule.seconds);
        }
        self.hold.set(rule.for_s);
        self.enabled.set(rule.enabled);
        self.webhook.set(rule.webhook.clone().unwrap_or_default());
        self.secret.set(String::new());
        self.signed.set(rule.signed);
        self.bare.set(false);
        self.filled.update(|times| *times += 1);
    }

    /// The rule that this is, or what is wrong. It is asked again when something else is typed.
    pub(super) fn body(self) -> Result<AlertRuleBody, String> {
        let kind = self.kind.get();
        let name = Some(self.pattern.get().trim().to_owned()).filter(|name| !name.is_empty());
        let is_named = kind.is_of(AlertOf::ReadModel);
        let of = self.of.get();
        let span = |is: bool, quantity: Quantity, words: &str| match (is, quantity.seconds()) {
            (false, _) => Ok(None),
            (true, Some(seconds)) => Ok(Some(seconds)),
            (true, None) => Err(format!("{words} is no number.")),
        };
        let secret = self.secret.get();
        let webhook = self.webhook.get().trim().to_owned();
        let body = AlertRuleBody {
            kind,
            read_model: name
                .clone()
                .filter(|_| is_named && of == AlertOf::ReadModel),
            subscription: name
                .clone()
                .filter(|_| is_named && of == AlertOf::Subscription),
            check: name.filter(|_| kind == AlertKind::Check),
            seconds: span(kind.has_seconds(), self.seconds, "The limit")?,
            for_s: span(kind.has_for(), self.hold, "The time until it fires")?,
            enabled: Some(self.enabled.get()),
            secret: if self.bare.get() {
                Some(String::new())
            } else {
                Some(secret).filter(|secret| !secret.is_empty())
            },
            webhook: Some(webhook).filter(|webhook| !webhook.is_empty()),
            reason: None,
        };
        Ok(body)
    }

    /// When it fires, or what is wrong.
    pub(super) fn condition(self) -> Result<AlertCondition, String> {
        let words = |fault: highwater_model::AlertRuleFault| {
            format!("{}.", crate::format::capital(&fault.words))
        };
        self.body()?.condition().map_err(words)
    }

    /// Its name, if it can be one.
    pub(super) fn named(self) -> Result<String, String> {
        let name = self.name.get_untracked().trim().to_owned();
        check_rule_name(&name)
            .map_err(|fault| format!("{}.", crate::format::capital(&fault.words)))?;
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_in_the_unit_that_has_no_rest() {
        assert_eq!(
            [0, 1, 60, 90, 7_200, 86_400].map(in_unit),
            [(0, 1), (1, 1), (1, 60), (90, 1), (2, 3_600), (1, 86_400)]
        );
    }
}
