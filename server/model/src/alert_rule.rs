//! Rules of alerts, as they are written and as they are answered.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::object_only;
use crate::{AlertCondition, AlertKind, AlertOf};

/// What is written of a rule: all of it each time, but for the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct AlertRuleBody {
    /// What it looks at.
    pub kind: AlertKind,
    /// Read models by name; a star stands for any characters. `lag_seconds`, `faulted` and `stalled` have this or a subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_model: Option<String>,
    /// Subscriptions by name; a star stands for any characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// Checks of the store by their word, like `durability`; `*` for all. Only `check` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// From more than so many seconds on it is wrong, 1 to 604,800: of lag, of a checkpoint that stands still, of a mark that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i32>,
    /// It fires when it was wrong for so many seconds, 0 to 604,800; 0 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_s: Option<i32>,
    /// It is on; true unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Where it is told: https, or http on loopback. Without it alerts are only seen here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// What is told is signed by it, 1 to 200 characters. It is never answered; absent, it stays what it is, and an empty one takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub secret: Option<String>,
    /// Why; the audit log keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    AlertRuleBody,
    "a rule: an object like {\"kind\": \"lag_seconds\", \"read_model\": \"orders\", \"seconds\": 60}"
);

/// Without the secret, and without the webhook, which may hold one.
impl fmt::Debug for AlertRuleBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertRuleBody")
            .field("kind", &self.kind)
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertRule {
    /// Its name.
    pub name: String,
    /// What it looks at.
    pub kind: AlertKind,
    /// Of what.
    pub of: AlertOf,
    /// Which of them, by name; a star stands for any characters.
    pub pattern: String,
    /// From more than so many seconds on it is wrong; 0 where the kind has none.
    pub seconds: i32,
    /// It fires when it was wrong for so many seconds.
    pub for_s: i32,
    /// It is on.
    pub enabled: bool,
    /// Where it is told. Who may not write rules is told its host alone, for the rest may be a secret.
    pub webhook: Option<String>,
    /// What is told is signed.
    pub signed: bool,
    /// Who made it.
    pub made_by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub made_at: Timestamp,
    /// Of so many things it is wrong, and not for long enough yet.
    pub pending: i64,
    /// So many alerts fire by it.
    pub firing: i64,
    /// When one began to, last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub fired_at: Option<Timestamp>,
    /// So many messages wait until the webhook takes them.
    pub untold: i64,
}

impl AlertRule {
    /// When it fires.
    pub fn condition(&self) -> AlertCondition {
        AlertCondition {
            kind: self.kind,
            of: self.of,
            pattern: self.pattern.clone(),
            seconds: self.seconds,
            for_s: self.for_s,
        }
    }
}

/// The host of a webhook with its scheme, without what may be a secret: `https://hooks.example`.
pub fn webhook_host(webhook: &str) -> &str {
    let begin = webhook.find("://").map_or(0, |at| at + 3);
    let rest = webhook.get(begin..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    webhook.get(..begin + end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_secret_nor_webhook_is_told_where_it_could_be_read() {
        let body: AlertRuleBody = serde_json::from_str(
            r#"{"kind": "check", "check": "*", "webhook": "https://hooks.example/T0/sesame", "secret": "sesame"}"#,
        )
        .unwrap();
        assert!(!format!("{body:?}").contains("sesame"));
        let host = webhook_host("https://hooks.example/T0/sesame?a=b");
        assert_eq!(host, "https://hooks.example");
        let host = webhook_host("http://127.0.0.1:9");
        assert_eq!(host, "http://127.0.0.1:9");
    }

    #[test]
    fn a_rule_is_an_object_with_known_fields() {
        let read = |text: &str| serde_json::from_str::<AlertRuleBody>(text);
        for wrong in ["[\"check\"]", "{}", r#"{"kind": "check", "color": "red"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let body = read(r#"{"kind": "faulted", "read_model": "*", "enabled": false}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"kind":"faulted","read_model":"*","enabled":false}"#
        );
    }
}
