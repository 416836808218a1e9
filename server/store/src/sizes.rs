//! How large the store is, and how it grows.

use highwater_model::{RelationSize, StoreSizes};

use crate::{Store, StoreError};

impl Store {
    /// Sizes of Highwater's tables and indexes, the largest first; the events of the last day; connections.
    pub async fn sizes(&self) -> Result<StoreSizes, StoreError> {
        let relations: Vec<(String, Option<String>, i64)> = sqlx::query_as(
            "select c.relname::text, t.relname::text,
               case when t.oid is null then pg_table_size(c.oid) else pg_relation_size(c.oid) end as bytes
             from pg_class c left join pg_index i on i.indexrelid = c.oid left join pg_class t on t.oid = i.indrelid
             where c.relnamespace = 'highwater'::regnamespace and c.relkind in ('r', 'i', 'p', 'm')
             order by bytes desc, c.relname limit 200",
        )
        .fetch_all(self.pool())
        .await?;
        let (events_last_day, used, most): (i64, i64, i64) = sqlx::query_as(
            "select coalesce((select max(position) from highwater.events), 0) + 1
                 - highwater.first_position_at(clock_timestamp() - interval '1 day'),
               (select count(*) from pg_stat_activity where backend_type = 'client backend'), current_setting('max_connections')::bigint",
        )
        .fetch_one(self.pool())
        .await?;
        Ok(StoreSizes {
            relations: relations
                .into_iter()
                .map(|(name, table, bytes)| RelationSize { name, table, bytes })
                .collect(),
            events_last_day,
            connections: used,
            connections_most: most,
        })
    }
}
