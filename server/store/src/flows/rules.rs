//! The rules by which flows end.

use highwater_model::{FlowRule, FlowRuleBody, Position};
use serde_json::json;

use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Types that a rule may name.
const ENDS: usize = 50;
/// A year, in milliseconds.
const YEAR_MS: i64 = 366 * 24 * 60 * 60 * 1_000;

pub(super) type Row = (
    Vec<String>,
    Option<i64>,
    String,
    jiff_sqlx::Timestamp,
    Option<i64>,
);

/// A rule, unless it was taken back.
pub(super) fn rule((ends, within_ms, actor, set_at, judge_before): Row) -> Option<FlowRule> {
    (!ends.is_empty()).then(|| FlowRule {
        ends,
        within_ms,
        actor,
        set_at: set_at.to_jiff(),
        judged_to: judge_before.map(Position),
    })
}

impl Store {
    /// The rule of a kind of flow, if it has one.
    pub async fn flow_rule(&self, kind: &str) -> Result<Option<FlowRule>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select ends, within_ms, actor, set_at, judge_before from highwater.flow_rules where kind = $1",
        )
        .bind(kind)
        .fetch_optional(self.pool())
        .await?;
        Ok(row.and_then(rule))
    }

    /// Writes the rule of a kind of flow, on record; a rule without ends takes back the one there was. The flows that are there already are
    /// judged by it within moments, the newest first.
    pub async fn set_flow_rule(
        &self,
        kind: &str,
        body: &FlowRuleBody,
        order: &Order,
    ) -> Result<Option<FlowRule>, StoreError> {
        check(kind, body)?;
        let before = self.flow_rule(kind).await?;
        let facts = |ends: &[String], within_ms: Option<i64>| json!({"kind": kind, "ends": ends, "within_ms": within_ms});
        let was = before.map_or_else(
            || json!({"kind": kind}),
            |rule| facts(&rule.ends, rule.within_ms),
        );
        let mut transaction = self.pool().begin().await?;
        sqlx::query("select highwater.set_flow_rule($1, $2, $3, $4)")
            .bind(kind)
            .bind(&body.ends)
            .bind(body.within_ms)
            .bind(&order.actor)
            .execute(&mut *transaction)
            .await?;
        actions::record_of_store(
            &mut transaction,
            order,
            "flow_rule",
            was,
            facts(&body.ends, body.within_ms),
        )
        .await?;
        transaction.commit().await?;
        self.flow_rule(kind).await
    }
}

fn check(kind: &str, body: &FlowRuleBody) -> Result<(), StoreError> {
    let refuse = |what: String| Err(StoreError::BadRule(what));
    if body.ends.len() > ENDS {
        return refuse(format!(
            "{} types are named as ends; name up to {ENDS}",
            body.ends.len()
        ));
    }
    for name in std::iter::once(kind).chain(body.ends.iter().map(String::as_str)) {
        if name.trim().is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
            return refuse(format!(
                "{name:?} is no name of an event type: that has 1 to 255 bytes and no control characters"
            ));
        }
    }
    if let Some(within) = body.within_ms
        && !(1..=YEAR_MS).contains(&within)
    {
        return refuse(format!(
            "within_ms is {within}; give milliseconds from 1 to {YEAR_MS} (a year), or leave it out"
        ));
    }
    Ok(())
}
