//! How many jobs there are.

use highwater_model::{JobKind, JobState};

use super::versions::stored;
use crate::{Store, StoreError};

/// Jobs of one kind in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCount {
    /// What they do.
    pub kind: JobKind,
    /// Where they stand.
    pub state: JobState,
    /// How many.
    pub jobs: i64,
}

impl Store {
    /// How many jobs there are of each kind in each state; what there is none of is left out. It reads them all: each was ordered by a
    /// person, so they stay few.
    pub async fn job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("select kind, state, count(*) from highwater.jobs group by 1, 2")
                .fetch_all(self.pool())
                .await?;
        rows.into_iter()
            .map(|(kind, state, jobs)| {
                Ok(JobCount {
                    kind: stored(&JobKind::ALL, &kind, JobKind::as_str)?,
                    state: stored(&JobState::ALL, &state, JobState::as_str)?,
                    jobs,
                })
            })
            .collect()
    }
}
