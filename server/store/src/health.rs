//! How the database is, as its own catalogue tells it: what the checks of the store are made of.

use crate::{Store, StoreError};

/// How the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Settings that make a crash lose what was committed, as `name = value`: none when all is safe.
    pub unsafe_settings: Vec<String>,
    /// Why new transactions may not write; none when they may.
    pub read_only: Option<String>,
    /// Sessions that are connected to the database server.
    pub connections: i64,
    /// How many it takes from others than superusers.
    pub connections_most: i64,
    /// Transactions until the database refuses writes to save its transaction ids.
    pub transactions_left: i64,
    /// Indexes of Highwater's that no query uses, for their building was cut off.
    pub invalid_indexes: Vec<String>,
    /// Whether the planner has statistics of the events.
    pub has_statistics: bool,
    /// The oldest transaction of any session that the rights reach.
    pub oldest_transaction: Option<OldTransaction>,
    /// Replication slots with the write-ahead log that they make the server keep, in bytes; the most first.
    pub slots: Vec<(String, i64)>,
    /// Events that are in the log but not yet in the counts of types and categories, at most 10,001.
    pub uncounted: i64,
}

/// A transaction that is open for long: what was deleted since it began can't be cleared away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldTransaction {
    /// Backend process id.
    pub pid: i32,
    /// Application name.
    pub application: String,
    /// Its age, in seconds.
    pub seconds: i64,
}

impl Store {
    /// Why the database took no append of this server the last time: it is read-only, or its disk is full. None since it takes them.
    pub fn refusal(&self) -> Option<String> {
        self.appender().refusal()
    }

    /// How the database is.
    pub async fn database_health(&self) -> Result<DatabaseHealth, StoreError> {
        type Facts = (Vec<String>, i64, i64, i64, bool, Option<String>);
        let facts: Facts = sqlx::query_as(
            "select
               array(select name || ' = ' || setting from pg_settings
                 where (name in ('fsync', 'full_page_writes') and setting = 'off') or (name = 'synchronous_commit' and setting = 'off') order by name),
               (select count(*) from pg_stat_activity where backend_type = 'client backend'),
               current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
               (select 2147483648 - 3000000 - age(datfrozenxid) from pg_database where datname = current_database()),
               exists (select from pg_stats s where s.schemaname = 'highwater' and s.tablename = 'events'),
               case when pg_is_in_recovery() then 'it is a standby'
                    when current_setting('transaction_read_only') = 'on' then 'default_transaction_read_only is on' end",
        )
        .fetch_one(self.pool())
        .await?;
        let (
            unsafe_settings,
            connections,
            connections_most,
            transactions_left,
            has_statistics,
            read_only,
        ) = facts;
        let invalid_indexes = sqlx::query_scalar(
            "select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid
             where c.relnamespace = 'highwater'::regnamespace and not i.indisvalid order by 1 limit 20",
        )
        .fetch_all(self.pool())
        .await?;
        let oldest: Option<(i32, String, i64)> = sqlx::query_as(
            "select pid, coalesce(application_name, ''), extract(epoch from clock_timestamp() - xact_start)::bigint
             from pg_stat_activity where xact_start is not null and backend_type = 'client backend' and pid <> pg_backend_pid()
             order by xact_start limit 1",
        )
        .fetch_optional(self.pool())
        .await?;
        // A server in recovery has no current place in its own log.
        let slots = sqlx::query_as(
            "select slot_name::text, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint from pg_replication_slots
             where restart_lsn is not null and not pg_is_in_recovery() order by 2 desc limit 5",
        )
        .fetch_all(self.pool())
        .await?;
        let uncounted = sqlx::query_scalar(
            "select count(*) from (select from highwater.events e
               where e.position > (select coalesce(max(c.position), 0) from highwater.counted c) limit 10001) e",
        )
        .fetch_one(self.pool())
        .await?;
        Ok(DatabaseHealth {
            unsafe_settings,
            read_only,
            connections,
            connections_most,
            transactions_left,
            invalid_indexes,
            has_statistics,
            oldest_transaction: oldest.map(|(pid, application, seconds)| OldTransaction {
                pid,
                application,
                seconds,
            }),
            slots,
            uncounted,
        })
    }
}
