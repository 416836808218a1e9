//! What writers were told, what readers saw and what read models hold, each against the log.

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::read_models::ReadModel;
use super::readers::{PAGES, Page, Seen};
use super::writers::{Found, Written};

/// What was compared.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Audit {
    /// Events in the log.
    pub(crate) events: i64,
    /// Events whose append was acknowledged.
    pub(crate) acknowledged: u64,
    /// Those of them that are not there.
    pub(crate) lost: u64,
    /// Events that are there more than once.
    pub(crate) twice: u64,
    /// Events that are there though their writer was refused or heard nothing.
    pub(crate) unacknowledged: u64,
    /// Events that readers got, all together.
    pub(crate) delivered: i64,
    /// Events of readers that were in a gap that they were told of.
    pub(crate) in_gaps: i64,
    /// Read models that were compared with the log.
    pub(crate) read_models: usize,
    /// What is not as it should be, in words.
    pub(crate) wrong: Vec<String>,
}

/// Compares everything with the log, which ends at this position.
pub(super) async fn compare(
    database_url: &str,
    head: i64,
    written: &mut [Written],
    seen: &[Seen],
    read_models: &[ReadModel],
) -> Result<Audit> {
    let mut connection = PgConnection::connect(database_url).await?;
    sqlx::raw_sql(
        "set work_mem = '128MB'; set jit = off;
         create temp view soak_log as
         select e.position, s.name as stream, e.version, t.name as type, e.data, e.occurred_at
         from highwater.events e join highwater.streams s using (stream_id) join highwater.event_types t using (type_id)",
    )
    .execute(&mut connection)
    .await?;
    let mut audit = Audit {
        acknowledged: written.iter().map(Written::count).sum(),
        read_models: read_models.len(),
        ..Audit::default()
    };
    audit.log(&mut connection, head, written).await?;
    audit.readers(&mut connection, seen).await?;
    audit.rows(&mut connection, read_models).await?;
    Ok(audit)
}

impl Audit {
    /// Each event that was acknowledged is there, once, with what it was worth; positions have no holes.
    async fn log(
        &mut self,
        connection: &mut PgConnection,
        head: i64,
        written: &mut [Written],
    ) -> Result<()> {
        let mut cents = 0;
        let mut last = 0;
        let (mut foreign, mut holes) = (0, 0);
        let mut rows = sqlx::query_as::<_, (i64, i64, i64, i64)>(
            "select position, (data->>'w')::bigint, (data->>'n')::bigint, (data->>'cents')::bigint
             from highwater.events order by position",
        )
        .fetch(connection);
        while let Some((position, writer, number, worth)) = rows.try_next().await? {
            self.events += 1;
            holes += u64::from(position != last + 1);
            last = position;
            let writer = usize::try_from(writer).ok();
            let found = writer
                .and_then(|writer| written.get_mut(writer))
                .and_then(|writer| writer.find(usize::try_from(number).ok()?));
            match found {
                Some(Found::Acknowledged) => cents += worth,
                Some(Found::Unacknowledged) => self.unacknowledged += 1,
                Some(Found::Again) => self.twice += 1,
                None => foreign += 1,
            }
        }
        self.lost = written.iter().map(Written::lost).sum();
        let due: i64 = written.iter().map(|writer| writer.cents).sum();
        for (count, what) in [
            (self.lost, "acknowledged events are not in the log"),
            (self.twice, "events are in the log again"),
            (foreign, "events in the log are nobody's"),
            (holes, "positions don't follow the one before"),
        ] {
            if count > 0 {
                self.wrong.push(format!("{count} {what}"));
            }
        }
        if cents != due {
            self.wrong.push(format!(
                "acknowledged events are worth {due}, those in the log {cents}"
            ));
        }
        if last != head {
            self.wrong
                .push(format!("the log ends at {last}, the server said {head}"));
        }
        Ok(())
    }

    /// Each reader got each event of its filter, or was told where it did not.
    async fn readers(&mut self, connection: &mut PgConnection, seen: &[Seen]) -> Result<()> {
        let mut due = Vec::new();
        for page in &PAGES {
            let sql = format!(
                "select count(*), coalesce(sum(position), 0)::bigint from soak_log where {}",
                page.condition
            );
            let sums: (i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_one(&mut *connection)
                .await?;
            due.push(sums);
        }
        for (number, seen) in seen.iter().enumerate() {
            let page = &PAGES[seen.page];
            let (events, positions) = due.get(seen.page).context("no such page")?;
            let (missed, missed_positions) = in_gaps(connection, page, &seen.gaps).await?;
            self.delivered += seen.events;
            self.in_gaps += missed;
            if (seen.events + missed, seen.positions + missed_positions) != (*events, *positions) {
                self.wrong.push(format!(
                    "reader {number} ({}) got {} events and was told of {missed} that it didn't get; there are {events}",
                    page.condition, seen.events
                ));
            }
        }
        Ok(())
    }

    /// Each table is what the log says.
    async fn rows(
        &mut self,
        connection: &mut PgConnection,
        read_models: &[ReadModel],
    ) -> Result<()> {
        for (table, sql) in read_models.iter().flat_map(ReadModel::differences) {
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&mut *connection)
                .await
                .with_context(|| format!("can't compare {table}"))?;
            if rows > 0 {
                self.wrong
                    .push(format!("{rows} rows of {table} differ from the log"));
            }
        }
        Ok(())
    }
}

async fn in_gaps(
    connection: &mut PgConnection,
    page: &Page,
    gaps: &[(i64, i64)],
) -> Result<(i64, i64)> {
    if gaps.is_empty() {
        return Ok((0, 0));
    }
    let (after, before): (Vec<i64>, Vec<i64>) = gaps.iter().copied().unzip();
    let sql = format!(
        "select count(*), coalesce(sum(position), 0)::bigint from soak_log
         join unnest($1::bigint[], $2::bigint[]) g(after, before) on position > after and position < before
         where {}",
        page.condition
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(before)
        .fetch_one(connection)
        .await?)
}
