//! Maintenance: one order that pauses all read models, until it is ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Maintenance that is on: no read model handles anything, on any server of the store. Each one's own state stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Maintenance {
    /// Who began it; onlookers are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why; onlookers are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}

impl Maintenance {
    /// Who and why, as far as that is told: `ada: moving to new disks`.
    pub fn told(&self) -> Option<String> {
        match (&self.by, &self.reason) {
            (Some(by), Some(reason)) => Some(format!("{by}: {reason}")),
            (one, other) => one.clone().or_else(|| other.clone()),
        }
    }
}

/// Whether maintenance is on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MaintenanceAnswer {
    /// None: it is off.
    pub maintenance: Option<Maintenance>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_know_is_told_that_it_is_on() {
        let mut maintenance = Maintenance {
            by: Some("ada".to_owned()),
            reason: Some("moving to new disks".to_owned()),
            since: "2026-01-01T14:02:00Z".parse().unwrap(),
        };
        assert_eq!(
            maintenance.told().as_deref(),
            Some("ada: moving to new disks")
        );
        (maintenance.by, maintenance.reason) = (None, None);
        assert_eq!(maintenance.told(), None);
        assert_eq!(
            serde_json::to_string(&maintenance).unwrap(),
            r#"{"since":"2026-01-01T14:02:00Z"}"#
        );
    }
}
