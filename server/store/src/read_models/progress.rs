//! States, and who may move a checkpoint.

use highwater_model::ReadModelState;
use sqlx::PgConnection;

use super::set_up::{CATCH_UP_LIMIT, LIVE_LIMIT, REBUILD_LIMIT};
use super::views::events_view;
use crate::{Store, StoreError};

/// How large slices may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceSize {
    /// For latency.
    Live,
    /// A live version that is behind.
    CatchUp,
    /// A version that nobody reads yet.
    Rebuild,
}

impl SliceSize {
    fn limit(self) -> i32 {
        match self {
            Self::Live => LIVE_LIMIT,
            Self::CatchUp => CATCH_UP_LIMIT,
            Self::Rebuild => REBUILD_LIMIT,
        }
    }
}

impl Store {
    /// Makes the caller, who holds the lease, the runner: slices of the one before it are refused from now on. Answers the generation.
    pub async fn take_over(&self, version_id: i64) -> Result<i64, StoreError> {
        // A slice of the runner before may still hold the row; the caller has other leases to keep alive meanwhile.
        let mut transaction = self
            .pool()
            .begin_with("begin; set local lock_timeout = '1s'")
            .await?;
        let generation = sqlx::query_scalar(
            "update highwater.read_model_progress set generation = generation + 1,
               state = case when state in ('paused', 'faulted') then state else 'starting' end,
               reason = case when state in ('paused', 'faulted') then reason end,
               since = case when state in ('paused', 'faulted') then since else now() end
             where version_id = $1 returning generation",
        )
        .bind(version_id)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(generation)
    }

    /// The state of a version and its reason, as long as this generation runs it.
    pub async fn runner_state(
        &self,
        version_id: i64,
        generation: i64,
    ) -> Result<Option<ReadModelState>, StoreError> {
        let state: Option<String> = sqlx::query_scalar(
            "select state from highwater.read_model_progress where version_id = $1 and generation = $2",
        )
        .bind(version_id)
        .bind(generation)
        .fetch_optional(self.pool())
        .await?;
        state
            .map(|state| {
                super::versions::stored(&ReadModelState::ALL, &state, ReadModelState::as_str)
            })
            .transpose()
    }

    /// Writes down what the runner is doing. What an operator ordered or a fault has decided stays; only its own states change.
    pub async fn set_runner_state(
        &self,
        version_id: i64,
        generation: i64,
        state: ReadModelState,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut connection = self.pool().acquire().await?;
        set(&mut connection, version_id, generation, state, reason).await
    }

    /// Prepares a version for slices of another size: the planner has to know it. Answers their most events.
    pub async fn size_slices(
        &self,
        version_id: i64,
        generation: i64,
        schema: Option<&str>,
        size: SliceSize,
    ) -> Result<i32, StoreError> {
        let limit = size.limit();
        let mut transaction = self.pool().begin().await?;
        let changed = sqlx::query(
            "update highwater.read_model_progress set slice_limit = $3 where version_id = $1 and generation = $2 and slice_limit <> $3",
        )
        .bind(version_id)
        .bind(generation)
        .bind(limit)
        .execute(&mut *transaction)
        .await?;
        if let Some(schema) = schema.filter(|_| changed.rows_affected() == 1) {
            sqlx::raw_sql(sqlx::AssertSqlSafe(events_view(schema, version_id, limit)))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(limit)
    }
}

/// Writes down what a runner is doing; inside the caller's transaction, if there is one.
pub(super) async fn set(
    connection: &mut PgConnection,
    version_id: i64,
    generation: i64,
    state: ReadModelState,
    reason: Option<&str>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "update highwater.read_model_progress
         set since = case when state = $3 then since else now() end, state = $3, reason = $4
         where version_id = $1 and generation = $2 and state not in ('paused', 'faulted')
           and (state, reason) is distinct from ($3::text, $4::text)",
    )
    .bind(version_id)
    .bind(generation)
    .bind(state.as_str())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() == 1)
}
