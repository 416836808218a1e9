//! Which read models have handled an event.

use highwater_model::{HandledBy, Position};

use crate::{Store, StoreError};

impl Store {
    /// The read models whose live version handles events of a type, and whether they have handled the one at a position: an event
    /// that was skipped is not handled.
    pub(crate) async fn handled_by(
        &self,
        event_type: &str,
        position: Position,
    ) -> Result<Vec<HandledBy>, StoreError> {
        let found: Vec<(String, bool)> = sqlx::query_as(
            "select m.name, p.checkpoint >= $2 and not exists (
               select from highwater.read_model_failures f where f.version_id = v.version_id and f.position = $2 and f.outcome = 'skipped')
             from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = 'live'
             join highwater.read_model_progress p using (version_id) where $1 like any (v.event_patterns) order by m.name limit 1000",
        )
        .bind(event_type)
        .bind(position.0)
        .fetch_all(self.pool())
        .await?;
        Ok(found
            .into_iter()
            .map(|(name, handled)| HandledBy { name, handled })
            .collect())
    }
}
