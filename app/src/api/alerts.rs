//! Alerts and their rules.

use highwater_model::{AlertList, AlertPreview, AlertRule, AlertRuleBody, AlertTest};

use super::browser::Sending;
use super::{Answer, Api, Query, escape};

impl Api {
    /// Alerts that stand there (`firing`), or those that fire and those that are over.
    pub async fn alerts(&self, state: &str, limit: i64) -> Answer<AlertList> {
        let mut query = Query::new("/api/alerts");
        query.text("state", state);
        query.number("limit", Some(limit));
        self.get(query).await
    }

    /// All rules.
    pub async fn alert_rules(&self) -> Answer<Vec<AlertRule>> {
        self.get(Query::new("/api/alert-rules")).await
    }

    /// Writes a rule.
    pub async fn put_alert_rule(&self, name: &str, rule: &AlertRuleBody) -> Answer<AlertRule> {
        self.put(of(name, ""), rule).await
    }

    /// Removes a rule.
    pub async fn remove_alert_rule(&self, name: &str) -> Answer<()> {
        let (method, path, body) = ("DELETE", of(name, ""), None);
        self.send(Sending { method, path, body }).await.map(drop)
    }

    /// What a rule would have fired at.
    pub async fn preview_alert_rule(&self, rule: &AlertRuleBody) -> Answer<AlertPreview> {
        self.post("/api/alert-rules/preview".to_owned(), rule).await
    }

    /// Tells a rule's webhook that it is a test.
    pub async fn test_alert_rule(&self, name: &str) -> Answer<AlertTest> {
        self.post(of(name, "/test"), &()).await
    }
}

fn of(name: &str, part: &str) -> String {
    format!("/api/alert-rules/{}{part}", escape(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rules_name_is_one_part_of_the_path() {
        assert_eq!(
            of("at night / EU", "/test"),
            "/api/alert-rules/at%20night%20%2F%20EU/test"
        );
    }
}
