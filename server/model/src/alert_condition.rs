//! When an alert fires: what is looked at, of what, from when on it is wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alert_words::span;

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A read model or a subscription is behind by more than so many seconds.
    LagSeconds,
    /// A read model stands on a failed event, or a subscription has parked events.
    Faulted,
    /// A read model or a subscription has something to handle, and its checkpoint has not moved for so many seconds.
    Stalled,
    /// A transaction holds the log, waits for it, or has appended in SQL and not committed, for more than so many seconds.
    MarkAge,
    /// A check of the store is wrong.
    Check,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LagSeconds,
        Self::Faulted,
        Self::Stalled,
        Self::MarkAge,
        Self::Check,
    ];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LagSeconds => "lag_seconds",
            Self::Faulted => "faulted",
            Self::Stalled => "stalled",
            Self::MarkAge => "mark_age",
            Self::Check => "check",
        }
    }

    /// It has a number of seconds from which on it is wrong.
    pub fn has_seconds(self) -> bool {
        matches!(self, Self::LagSeconds | Self::Stalled | Self::MarkAge)
    }

    /// It has a time for which it has to be wrong before it fires. What has stalled has that in its seconds.
    pub fn has_for(self) -> bool {
        self != Self::Stalled
    }

    /// It can be of this.
    pub fn is_of(self, of: AlertOf) -> bool {
        match self {
            Self::LagSeconds | Self::Faulted | Self::Stalled => {
                matches!(of, AlertOf::ReadModel | AlertOf::Subscription)
            }
            Self::MarkAge => of == AlertOf::Mark,
            Self::Check => of == AlertOf::Check,
        }
    }
}

/// What kind of thing an alert is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertOf {
    /// A read model.
    ReadModel,
    /// A subscription.
    Subscription,
    /// The high-water mark.
    Mark,
    /// A check of the store.
    Check,
}

impl AlertOf {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ReadModel, Self::Subscription, Self::Mark, Self::Check];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadModel => "read_model",
            Self::Subscription => "subscription",
            Self::Mark => "mark",
            Self::Check => "check",
        }
    }

    /// The page of the console that shows it.
    pub fn link(self, subject: &str) -> String {
        match self {
            Self::ReadModel => format!("/read-models/{subject}"),
            Self::Subscription => format!("/subscriptions/{subject}"),
            Self::Mark | Self::Check => "/store".to_owned(),
        }
    }
}

/// When a rule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertCondition {
    /// What is looked at.
    pub kind: AlertKind,
    /// Of what.
    pub of: AlertOf,
    /// Which of them, by name; a star stands for any characters.
    pub pattern: String,
    /// From more than so many seconds on it is wrong; 0 where the kind has none.
    pub seconds: i32,
    /// It has to be wrong for so many seconds.
    pub for_s: i32,
}

impl AlertCondition {
    /// For so long it has to be wrong before it fires, in seconds.
    pub fn hold_s(&self) -> i32 {
        if self.kind == AlertKind::Stalled {
            self.seconds
        } else {
            self.for_s
        }
    }
}

/// As a person says it: `orders is more than 60 s behind, for 30 s`.
impl fmt::Display for AlertCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = span(f64::from(self.seconds));
        let name = match self.pattern.as_str() {
            "*" => match self.of {
                AlertOf::Subscription => "any subscription",
                AlertOf::Check => "any check of the store",
                AlertOf::ReadModel | AlertOf::Mark => "any read model",
            },
            name => name,
        };
        let said = match (self.kind, self.of) {
            (AlertKind::LagSeconds, _) => write!(f, "{name} is more than {seconds} behind"),
            (AlertKind::Faulted, AlertOf::Subscription) => write!(f, "{name} has parked events"),
            (AlertKind::Faulted, _) => write!(f, "{name} stands on a failed event"),
            (AlertKind::Stalled, _) => {
                write!(
                    f,
                    "{name} has events to handle and stands still for {seconds}"
                )
            }
            (AlertKind::MarkAge, _) => write!(f, "the mark is held for more than {seconds}"),
            (AlertKind::Check, _) if self.pattern == "*" => write!(f, "{name} is wrong"),
            (AlertKind::Check, _) => write!(f, "the check {name} is wrong"),
        };
        said?;
        if self.for_s > 0 && self.kind.has_for() {
            write!(f, ", for {}", span(f64::from(self.for_s)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::AlertRuleBody;

    #[test]
    fn a_rule_says_when_it_fires() {
        let of = |text: &str| {
            let body: AlertRuleBody = serde_json::from_str(text).unwrap();
            body.condition().unwrap()
        };
        let words = |text: &str| of(text).to_string();
        assert_eq!(
            words(r#"{"kind": "lag_seconds", "read_model": "orders", "seconds": 60, "for_s": 30}"#),
            "orders is more than 60 s behind, for 30 s"
        );
        assert_eq!(
            words(r#"{"kind": "faulted", "subscription": "*"}"#),
            "any subscription has parked events"
        );
        let stalled = r#"{"kind": "stalled", "read_model": "o*", "seconds": 300}"#;
        assert_eq!(
            words(stalled),
            "o* has events to handle and stands still for 5 min"
        );
        assert_eq!(of(stalled).hold_s(), 300);
        assert_eq!(
            words(r#"{"kind": "mark_age", "seconds": 10}"#),
            "the mark is held for more than 10 s"
        );
        assert_eq!(
            words(r#"{"kind": "check", "check": "*", "for_s": 120}"#),
            "any check of the store is wrong, for 2 min"
        );
    }
}
