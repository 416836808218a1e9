//! Looks whether what became live lives: its position has not gone back, its rows are there, it handles what comes.

use serde_json::json;
use sqlx::{Acquire, FromRow};

use super::filled_tables::filled_tables;
use super::{ReadModelError, jobs};
use crate::Store;

/// Seconds until something must be seen, and until it counts as failed.
const AFTER: f64 = 3.0;
const AT_LAST: f64 = 30.0;

#[derive(FromRow)]
struct Swapped {
    job_id: i64,
    kind: String,
    name: String,
    age: f64,
    position: i64,
    tables: Vec<String>,
    role: Option<String>,
    state: Option<String>,
    reason: Option<String>,
    checkpoint: Option<i64>,
    leased: bool,
    /// The first event to handle since the swap.
    next: Option<i64>,
    /// The first event that a replay handled again.
    replay_from: Option<i64>,
}

impl Store {
    /// Ends the jobs whose version became live a moment ago: verified, or failed with what is wrong. Answers how many.
    pub async fn verify_swaps(&self) -> Result<usize, ReadModelError> {
        let mut connection = self.pool().acquire().await?;
        let mut transaction = connection.begin().await?;
        let swapped: Vec<Swapped> = sqlx::query_as(
            "select j.job_id, j.kind, m.name, extract(epoch from clock_timestamp() - j.swapped_at)::float8 as age, j.swapped_position as position, j.swapped_tables as tables,
               v.role, p.state, p.reason, p.checkpoint,
               exists (select from pg_locks l where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
                 and l.classid = 7211 and l.objid::bigint = m.read_model_id and l.objsubid = 2 and l.granted) as leased, j.replay_from,
               (select n.first from highwater.next_slice(highwater.types_like(v.event_patterns), j.swapped_position, 1, 1000) n) as next
             from highwater.jobs j join highwater.read_models m using (read_model_id)
             left join highwater.read_model_versions v using (version_id) left join highwater.read_model_progress p using (version_id)
             where j.state = 'running' and j.swapped_at < clock_timestamp() - make_interval(secs => $1)
               -- What may handle nothing can't be seen to live.
               and not exists (select from highwater.maintenance)
             for update of j skip locked",
        )
        .bind(AFTER)
        .fetch_all(&mut *transaction)
        .await?;
        let mut ended = 0;
        for job in swapped {
            let filled = filled_tables(&mut transaction, &job.name).await?;
            let wrong = job.wrong(&filled);
            let state = if wrong.is_empty() {
                "done"
            } else if job.age > AT_LAST {
                "failed"
            } else {
                continue;
            };
            let outcome = if wrong.is_empty() {
                job.right(filled.len())
            } else {
                format!("not verified: {}", wrong.join("; "))
            };
            tracing::info!(
                read_model = job.name,
                kind = job.kind,
                outcome,
                "read model: looked after"
            );
            let numbers = json!({"checkpoint": job.checkpoint, "tables_with_rows": filled.len()});
            jobs::end(&mut transaction, job.job_id, state, &outcome, numbers).await?;
            ended += 1;
        }
        transaction.commit().await?;
        Ok(ended)
    }
}

impl Swapped {
    /// All that speaks against it.
    fn wrong(&self, filled: &[String]) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.role.as_deref() != Some("live") {
            wrong.push("it is not the live version any more".to_owned());
        }
        let state = self.state.as_deref().unwrap_or("gone");
        if !matches!(state, "starting" | "catching_up" | "live") {
            let reason = self.reason.as_deref().map(|reason| format!(", {reason}"));
            wrong.push(format!("it is {state}{}", reason.unwrap_or_default()));
        }
        if !self.leased {
            wrong.push("no server runs it".to_owned());
        }
        let checkpoint = self.checkpoint.unwrap_or(0);
        if checkpoint < self.position {
            wrong.push(format!(
                "its checkpoint went back from {} to {checkpoint}",
                self.position
            ));
        }
        if let Some(next) = self.next.filter(|next| *next > checkpoint) {
            wrong.push(format!("event {next} came since and is not handled"));
        }
        let empty = self.tables.iter().filter(|table| !filled.contains(table));
        wrong.extend(empty.map(|table| format!("{table} has no rows any more")));
        wrong
    }

    fn right(&self, filled: usize) -> String {
        let checkpoint = self.checkpoint.unwrap_or(0);
        let again = self.replay_from.map_or_else(String::new, |first| {
            format!("events from {first} on were handled again, ")
        });
        let moved = match self.next {
            Some(_) => format!("it went on from {} to {checkpoint}", self.position),
            None => format!("nothing came since {}", self.position),
        };
        format!("verified: {again}it is live, {moved}, and {filled} of its tables have rows")
    }
}
