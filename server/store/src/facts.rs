//! The store as a whole.

use highwater_model::{DatabaseRights, MarkHolder, StoreFacts, TailFacts};

use crate::{SCHEMA_VERSION, Store, StoreError};

type Holder = (
    i32,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<f64>,
    Option<String>,
    Option<String>,
);

/// Letters of a statement that are told.
const WORDS: i32 = 60;

impl Store {
    /// The mark, what holds it, sizes.
    pub async fn facts(&self) -> Result<StoreFacts, StoreError> {
        let mark = self.mark().await?;
        let (events_bytes, database_bytes, postgres, user, sees_sessions): (i64, i64, String, String, bool) = sqlx::query_as(
            "select pg_total_relation_size('highwater.events'), pg_database_size(current_database()),
               'PostgreSQL ' || current_setting('server_version'), current_user::text,
               pg_has_role(current_user, 'pg_read_all_stats', 'usage')",
        )
        .fetch_one(self.pool())
        .await?;
        Ok(StoreFacts {
            // Positions are dense.
            events: mark.position.0,
            holders: self.holders().await?,
            mark,
            streams: self.stream_count().await?,
            events_bytes,
            database_bytes,
            schema_version: SCHEMA_VERSION,
            postgres,
            embedded: self.embedded(),
            rights: DatabaseRights {
                user,
                sees_sessions,
                read_models_need: self.owner_rights().await?.statements,
            },
            limits: *self.limits(),
            highwater: env!("CARGO_PKG_VERSION").to_owned(),
            tail: self.tail_facts(),
        })
    }

    /// All but what the feed alone knows.
    fn tail_facts(&self) -> TailFacts {
        let latency = self.append_latency();
        let told = self.told_ago().map(|ago| ago.as_millis());
        TailFacts {
            told_ms_ago: told.and_then(|ago| i64::try_from(ago).ok()),
            batch_events: latency.map(|latency| latency.batch_events),
            batch_ms: latency.map(|latency| latency.lately.as_secs_f64() * 1_000.0),
            ..TailFacts::default()
        }
    }

    /// Who has the log's lock, waits for it, or has open SQL appends (the shared side of the gate); the oldest first.
    pub async fn holders(&self) -> Result<Vec<MarkHolder>, StoreError> {
        let rows: Vec<Holder> = sqlx::query_as(
            "select l.pid, case when l.objid = 1 then case when l.granted then 'holds' else 'waits' end else 'open' end,
               a.application_name, a.client_addr::text, a.usename::text, extract(epoch from clock_timestamp() - a.xact_start)::float8,
               a.state, left(regexp_replace(a.query, '\\s+', ' ', 'g'), $1)
             from pg_locks l join pg_stat_activity a using (pid)
             where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
               and l.classid = 7210 and l.objsubid = 2 and (l.objid = 1 or (l.objid = 2 and l.mode = 'ShareLock'))
             order by a.xact_start limit 100",
        )
        .bind(WORDS)
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(
                |(pid, what, application, client, user, seconds, state, statement)| MarkHolder {
                    pid,
                    what,
                    application: application.unwrap_or_default(),
                    client,
                    user,
                    seconds: seconds.unwrap_or(0.0),
                    state,
                    statement,
                },
            )
            .collect())
    }
}
