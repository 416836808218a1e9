//! What the overview says of alerts.

use highwater_model::{Alert, AlertState};

/// What fires, in words, and the page that shows it.
pub(super) fn that_fire(alerts: &[Alert]) -> Option<(String, String)> {
    let mut firing = alerts
        .iter()
        .filter(|alert| alert.state == AlertState::Firing);
    let first = firing.next()?;
    let words = match firing.count() {
        0 => format!("The alert {} fires", first.rule),
        more => format!("{} alerts fire", more + 1),
    };
    Some((words, "/alerts".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{AlertKind, AlertOf};

    fn alert(id: i64, state: AlertState) -> Alert {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        Alert {
            id,
            rule: format!("rule {id}"),
            kind: AlertKind::Faulted,
            of: AlertOf::ReadModel,
            subject: "totals".to_owned(),
            state,
            since: at,
            fired_at: Some(at),
            resolved_at: None,
            value: None,
            words: String::new(),
            link: String::new(),
            told_at: None,
            tell_error: None,
            tell_again_at: None,
        }
    }

    #[test]
    fn what_fires_is_said_and_what_is_over_is_not() {
        let words = |alerts: &[Alert]| that_fire(alerts).map(|(words, _)| words);
        let mut alerts = vec![alert(1, AlertState::Resolved)];
        assert_eq!(words(&alerts), None);
        alerts.push(alert(2, AlertState::Firing));
        assert_eq!(words(&alerts).as_deref(), Some("The alert rule 2 fires"));
        alerts.push(alert(3, AlertState::Firing));
        assert_eq!(words(&alerts).as_deref(), Some("2 alerts fire"));
    }
}
