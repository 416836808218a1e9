//! Whether a rule of alerts is as one can be, and what would be right.

use crate::{AlertCondition, AlertKind, AlertOf, AlertRuleBody};

/// Characters of a rule's name.
pub const RULE_NAME_CHARS: usize = 60;
/// Characters of a pattern of names.
const PATTERN_CHARS: usize = 100;
/// Characters of a webhook's address.
const WEBHOOK_CHARS: usize = 2_000;
/// Characters of a secret.
const SECRET_CHARS: usize = 200;
/// A week, in seconds: whoever wants to hear later than that of something wrong has no use for an alert.
const SECONDS_MAX: i32 = 7 * 24 * 60 * 60;

/// What is wrong with a rule, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct AlertRuleFault {
    /// Which field.
    pub field: &'static str,
    /// A sentence.
    pub words: String,
}

impl AlertRuleFault {
    /// Of a field.
    pub fn new(field: &'static str, words: impl Into<String>) -> Self {
        Self {
            field,
            words: words.into(),
        }
    }
}

impl AlertRuleBody {
    /// When it fires, if it is as a rule can be. Whether the webhook's address is one, the server knows.
    ///
    /// # Errors
    /// When a field is missing, of another kind's rule, or beyond its bounds.
    pub fn condition(&self) -> Result<AlertCondition, AlertRuleFault> {
        let (of, pattern) = self.subject()?;
        let seconds = self.seconds_of()?;
        let for_s = self.for_s.unwrap_or(0);
        if !self.kind.has_for() && for_s != 0 {
            let words = "a rule of the kind stalled has its time in seconds; leave for_s out";
            return Err(AlertRuleFault::new("for_s", words));
        }
        if !(0..=SECONDS_MAX).contains(&for_s) {
            let words = format!("for_s is {for_s}; give seconds from 0 to {SECONDS_MAX} (a week)");
            return Err(AlertRuleFault::new("for_s", words));
        }
        self.check_webhook()?;
        Ok(AlertCondition {
            kind: self.kind,
            of,
            pattern,
            seconds,
            for_s,
        })
    }

    /// Of what, and which of them.
    fn subject(&self) -> Result<(AlertOf, String), AlertRuleFault> {
        let kind = self.kind.as_str();
        let given = [
            ("read_model", AlertOf::ReadModel, &self.read_model),
            ("subscription", AlertOf::Subscription, &self.subscription),
            ("check", AlertOf::Check, &self.check),
        ];
        let mut found = None;
        for (field, of, pattern) in given {
            let Some(pattern) = pattern else { continue };
            if !self.kind.is_of(of) {
                let words = format!("a rule of the kind {kind} has no {field}; leave it out");
                return Err(AlertRuleFault::new(field, words));
            }
            if found.is_some() {
                let words = "a rule is of read models or of subscriptions; make two of it";
                return Err(AlertRuleFault::new(field, words));
            }
            check_text(field, pattern, PATTERN_CHARS)?;
            found = Some((of, pattern.clone()));
        }
        if let Some(found) = found {
            return Ok(found);
        }
        match self.kind {
            AlertKind::MarkAge => Ok((AlertOf::Mark, "mark".to_owned())),
            AlertKind::Check => Err(AlertRuleFault::new(
                "check",
                "a rule of the kind check is of a check: name it, like durability, or * for all of them",
            )),
            _ => Err(AlertRuleFault::new(
                "read_model",
                format!(
                    "a rule of the kind {kind} is of something: name a read model or a subscription; * stands for any characters"
                ),
            )),
        }
    }

    fn seconds_of(&self) -> Result<i32, AlertRuleFault> {
        let kind = self.kind.as_str();
        let words = match self.seconds {
            None if !self.kind.has_seconds() => return Ok(0),
            None => format!(
                "a rule of the kind {kind} says from how many seconds on it is wrong; give seconds"
            ),
            Some(_) if !self.kind.has_seconds() => {
                format!("a rule of the kind {kind} has no seconds; leave them out")
            }
            Some(seconds) if (1..=SECONDS_MAX).contains(&seconds) => return Ok(seconds),
            Some(seconds) => {
                format!("seconds is {seconds}; give seconds from 1 to {SECONDS_MAX} (a week)")
            }
        };
        Err(AlertRuleFault::new("seconds", words))
    }

    fn check_webhook(&self) -> Result<(), AlertRuleFault> {
        if let Some(webhook) = &self.webhook {
            check_text("webhook", webhook, WEBHOOK_CHARS)?;
        }
        let Some(secret) = self.secret.as_deref().filter(|secret| !secret.is_empty()) else {
            return Ok(());
        };
        check_text("secret", secret, SECRET_CHARS)?;
        if self.webhook.is_none() {
            let words =
                "a secret signs what a webhook is told; name the webhook, or leave the secret out";
            return Err(AlertRuleFault::new("secret", words));
        }
        Ok(())
    }
}

/// Checks the name of a rule, which stands in addresses.
///
/// # Errors
/// When it can't be one.
pub fn check_rule_name(name: &str) -> Result<(), AlertRuleFault> {
    check_text("name", name, RULE_NAME_CHARS)?;
    if [".", "..", "preview"].contains(&name) {
        let words = format!("{name} means something else in an address; choose another name");
        return Err(AlertRuleFault::new("name", words));
    }
    Ok(())
}

fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), AlertRuleFault> {
    let fits = (1..=most).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    let words = format!("{field} has 1 to {most} characters on one line, and no blanks around it");
    Err(AlertRuleFault::new(field, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a rule: the field, and words that its sentence has.
    const WRONG: [(&str, &str, &str); 11] = [
        (
            r#"{"kind": "lag_seconds", "seconds": 5}"#,
            "read_model",
            "name a read model or a subscription",
        ),
        (
            r#"{"kind": "lag_seconds", "read_model": "a", "subscription": "b", "seconds": 5}"#,
            "subscription",
            "make two of it",
        ),
        (
            r#"{"kind": "lag_seconds", "read_model": "a"}"#,
            "seconds",
            "from how many seconds on",
        ),
        (
            r#"{"kind": "lag_seconds", "read_model": "a", "seconds": 0}"#,
            "seconds",
            "from 1 to 604800",
        ),
        (
            r#"{"kind": "faulted", "read_model": "a", "seconds": 5}"#,
            "seconds",
            "leave them out",
        ),
        (
            r#"{"kind": "stalled", "read_model": "a", "seconds": 5, "for_s": 5}"#,
            "for_s",
            "leave for_s out",
        ),
        (
            r#"{"kind": "mark_age", "read_model": "a", "seconds": 5}"#,
            "read_model",
            "has no read_model",
        ),
        (r#"{"kind": "check"}"#, "check", "durability"),
        (
            r#"{"kind": "check", "check": "*", "for_s": -1}"#,
            "for_s",
            "from 0 to",
        ),
        (
            r#"{"kind": "check", "check": "a\u0000"}"#,
            "check",
            "on one line",
        ),
        (
            r#"{"kind": "check", "check": "*", "secret": "s"}"#,
            "secret",
            "name the webhook",
        ),
    ];

    #[test]
    fn what_does_not_fit_is_named_with_what_would() {
        for (text, field, says) in WRONG {
            let body: AlertRuleBody = serde_json::from_str(text).unwrap();
            let fault = body.condition().unwrap_err();
            assert_eq!(fault.field, field, "{text}");
            assert!(fault.words.contains(says), "{text}: {fault}");
        }
    }

    #[test]
    fn a_name_can_stand_in_an_address() {
        for name in ["", " a", "..", "preview", "a\nb", &"a".repeat(61)] {
            assert!(check_rule_name(name).is_err(), "{name}");
        }
        for name in ["a", "orders are late / EU", &"ä".repeat(60)] {
            check_rule_name(name).unwrap();
        }
    }
}
