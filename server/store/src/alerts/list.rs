//! Alerts as they are listed.

use highwater_model::{Alert, AlertList, AlertState};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::{Store, StoreError, row};

fn alert(row: &PgRow) -> Result<Alert, StoreError> {
    let time = |column: &str| -> Result<Option<jiff::Timestamp>, StoreError> {
        let at: Option<jiff_sqlx::Timestamp> = row.try_get(column)?;
        Ok(at.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let (fired_at, resolved_at) = (time("fired_at")?, time("resolved_at")?);
    let of = super::of(row.try_get("of_what")?)?;
    let subject: String = row.try_get("subject")?;
    Ok(Alert {
        id: row.try_get("alert_id")?,
        rule: row.try_get("rule")?,
        kind: super::kind(row.try_get("kind")?)?,
        of,
        link: of.link(&subject),
        subject,
        state: match (fired_at, resolved_at) {
            (_, Some(_)) => AlertState::Resolved,
            (Some(_), None) => AlertState::Firing,
            (None, None) => AlertState::Pending,
        },
        since: row::time(row, "since")?,
        fired_at,
        resolved_at,
        value: row.try_get("value")?,
        words: row.try_get("words")?,
        told_at: time("told_at")?,
        tell_error: row.try_get("error")?,
        tell_again_at: time("again_at")?,
    })
}

impl Store {
    /// Alerts in a state; those that fire, then those that are over, when none is named. The newest first.
    pub async fn alerts(
        &self,
        state: Option<AlertState>,
        limit: i64,
    ) -> Result<AlertList, StoreError> {
        let rows = sqlx::query(
            "select a.alert_id, a.rule, a.kind, a.of_what, a.subject, a.since, a.fired_at, a.resolved_at, a.value, a.words,
               t.told_at, t.error, case when t.attempts > 0 and t.told_at is null and t.given_up_at is null then t.next_at end as again_at
             from highwater.alerts a
             left join lateral (
               select * from highwater.alert_tellings t where t.alert_id = a.alert_id order by t.made_at desc limit 1
             ) t on true
             where case $1::text when 'pending' then a.fired_at is null when 'firing' then a.fired_at is not null and a.resolved_at is null
                   when 'resolved' then a.resolved_at is not null else a.fired_at is not null end
             order by a.resolved_at is not null, coalesce(a.resolved_at, a.fired_at, a.since) desc, a.alert_id desc limit $2",
        )
        .bind(state.map(AlertState::as_str))
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        let evaluated_at: Option<jiff_sqlx::Timestamp> =
            sqlx::query_scalar("select evaluated_at from highwater.alert_rounds")
                .fetch_optional(self.pool())
                .await?;
        Ok(AlertList {
            evaluated_at: evaluated_at.map(jiff_sqlx::Timestamp::to_jiff),
            alerts: rows.iter().map(alert).collect::<Result<_, _>>()?,
        })
    }
}
