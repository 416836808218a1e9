//! What a rule would have fired at, by the history of lag.

use highwater_model::{AlertCondition, AlertEpisode, AlertKind, AlertOf, AlertPreview};
use jiff::{SignedDuration, Timestamp as Moment};
use jiff_sqlx::{Timestamp, ToSqlx};

use crate::filter_sql::escape_like;
use crate::{Store, StoreError};

/// How far back is looked.
const BACK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Times that are told one by one.
const TOLD: i64 = 500;

/// Subject, since when, when it would have fired, until when, at the worst; how often in all, for how many seconds in all.
type Row = (String, Timestamp, Timestamp, Timestamp, f64, i64, i64);

impl Store {
    /// What a rule would have fired at within the last seven days. Of the lag of read models a sample a minute is kept, the worst of it; of
    /// all else there is no history.
    pub async fn preview_alerts(
        &self,
        condition: &AlertCondition,
    ) -> Result<AlertPreview, StoreError> {
        let until = self.clock().now();
        let since = until.checked_sub(BACK).unwrap_or(Moment::MIN);
        let of_lag = matches!(condition.kind, AlertKind::LagSeconds | AlertKind::Stalled);
        if !of_lag || condition.of != AlertOf::ReadModel {
            return Ok(without_history(condition, since, until));
        }
        let parts: Vec<String> = condition.pattern.split('*').map(escape_like).collect();
        let pattern = parts.join("%");
        let (read_models, oldest): (i64, Option<Timestamp>) = sqlx::query_as(
            "select (select count(*) from highwater.read_models where name like $1), (select min(at) from highwater.lag_history where step = 60)",
        )
        .bind(&pattern)
        .fetch_one(self.pool())
        .await?;
        let oldest = oldest.map_or(until, Timestamp::to_jiff);
        let episodes = self.episodes(condition, &pattern, since).await?;
        let first = episodes.first();
        let (fires, seconds) = first.map_or((0, 0), |row| (row.5, row.6));
        Ok(AlertPreview {
            since: since.max(oldest),
            until,
            history: true,
            words: words(condition, read_models),
            fires,
            seconds,
            episodes: episodes.into_iter().map(episode).collect(),
        })
    }

    /// Minutes without a gap in which it was wrong are one episode. A checkpoint that stands still handles nothing.
    async fn episodes(
        &self,
        condition: &AlertCondition,
        pattern: &str,
        since: Moment,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(sqlx::query_as(
            "with wrong as (
               select m.name, h.at, h.seconds, case when $5 then h.handled else 0 end as handled
               from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = 'live'
               join highwater.lag_history h on h.version_id = v.version_id and h.step = 60 and h.at >= $2
                 -- As a shadow it was behind all the time.
                 and h.at >= coalesce((select max(j.swapped_at) from highwater.jobs j where j.version_id = v.version_id and j.kind in ('promote', 'go_back')), '-infinity')
               where m.name like $1 and case when $5 then h.matching > 0 else h.seconds > $3 end),
             islands as (
               select w.*, w.at - row_number() over (partition by w.name, w.handled order by w.at) * interval '1 minute' as island from wrong w),
             episodes as (
               -- What stood still at the end of its first minute may have moved within it.
               select name, min(at) + case when $5 then interval '1 minute' else interval '0' end as since,
                 max(at) + interval '1 minute' as until, max(seconds) as worst
               from islands group by name, handled, island)
             select name, since, since + make_interval(secs => $4), until, worst, count(*) over (),
               sum(extract(epoch from until - since - make_interval(secs => $4))) over ()::bigint
             from episodes where until - since >= greatest(make_interval(secs => $4), interval '1 second') order by since desc, name limit $6",
        )
        .bind(pattern)
        .bind(since.to_sqlx())
        .bind(f64::from(condition.seconds))
        .bind(f64::from(condition.hold_s()))
        .bind(condition.kind == AlertKind::Stalled)
        .bind(TOLD)
        .fetch_all(self.pool())
        .await?)
    }
}

fn episode((subject, since, fired_at, until, worst, _, _): Row) -> AlertEpisode {
    AlertEpisode {
        subject,
        since: since.to_jiff(),
        fired_at: fired_at.to_jiff(),
        until: until.to_jiff(),
        worst,
    }
}

fn words(condition: &AlertCondition, read_models: i64) -> String {
    let of = match read_models {
        0 => return format!("No read model is called {}.", condition.pattern),
        1 => "1 read model was".to_owned(),
        more => format!("{more} read models were"),
    };
    let exact = if condition.kind == AlertKind::Stalled {
        "a checkpoint that stood still for less than a minute is not seen"
    } else {
        "a minute counts whole if it was wrong at any moment of it, so it may have been less often, and shorter"
    };
    format!(
        "Looked at: how far {of} behind, since the version that is live now is, the worst of each minute; {exact}."
    )
}

fn without_history(condition: &AlertCondition, since: Moment, until: Moment) -> AlertPreview {
    let what = match (condition.kind, condition.of) {
        (AlertKind::Check, _) => "checks of the store",
        (AlertKind::MarkAge, _) => "what held the mark",
        (AlertKind::Faulted, AlertOf::ReadModel) => "when read models stood on failed events",
        (AlertKind::Faulted, _) => "when subscriptions had parked events",
        _ => "how far subscriptions were behind",
    };
    AlertPreview {
        since,
        until,
        history: false,
        words: format!(
            "No history is kept of {what}, so nobody can say when this would have fired."
        ),
        fires: 0,
        seconds: 0,
        episodes: Vec::new(),
    }
}
