//! What a replay will cost: events counted, time from the last one or a probe.

use highwater_model::{Eta, Position, ReplayFrom, ReplayPlan};

use super::ReadModelError;
use super::patterns::like;
use super::replay::replayable;
use crate::Store;

impl Store {
    /// Plans a replay.
    pub async fn plan_replay(
        &self,
        name: &str,
        from: ReplayFrom,
    ) -> Result<ReplayPlan, ReadModelError> {
        let first = self.replay_begins(from).await?;
        let mut connection = self.pool().acquire().await?;
        let (live, definition) = replayable(&mut connection, name, false).await?;
        live.must_have_handled(name, first, from)?;
        let patterns: Vec<String> = definition.events.iter().map(like).collect();
        let matching: i64 = sqlx::query_scalar("select highwater.matching_after($1, $2)")
            .bind(&patterns)
            .bind(first - 1)
            .fetch_one(&mut *connection)
            .await?;
        let job: Option<String> = sqlx::query_scalar(
            "select kind from highwater.jobs where read_model_id = $1 and state in ('planned', 'running')",
        )
        .bind(live.read_model_id)
        .fetch_optional(&mut *connection)
        .await?;
        drop(connection);
        let mut warnings = Vec::new();
        if let Some(kind) = job {
            warnings.push(format!(
                "a job runs already ({}): this one can't begin before its end",
                kind.replace('_', " ")
            ));
        }
        if matches!(live.state.as_str(), "paused" | "faulted") {
            warnings.push(format!(
                "it is {}: a replay can't begin before it runs again",
                live.state
            ));
        }
        warnings.push(
            "until it is level again its rows may show an earlier state, and its lag is that of all these events"
                .to_owned(),
        );
        let (duration, measured) = match self
            .earlier(live.read_model_id, &definition.text, "replay")
            .await?
        {
            Some(rate) => (
                Eta::new(matching, rate, rate, None),
                "the last replay of this definition".to_owned(),
            ),
            None => {
                self.probed(&definition, &patterns, matching, &mut warnings)
                    .await?
            }
        };
        Ok(ReplayPlan {
            read_model: name.to_owned(),
            from: Position(first),
            matching,
            duration,
            measured,
            // Its SQL can write its own tables and nothing else.
            side_effects: Vec::new(),
            warnings,
        })
    }
}
