//! What an operator orders: each is one transaction with its action, and takes effect between two slices.

use highwater_model::{Position, ReadModelState, VersionRole};
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};

use super::{Order, ReadModelError, actions, failures};
use crate::{Store, maintenance};

/// A version of a read model, locked: no slice of it begins or ends meanwhile.
struct Held {
    transaction: Transaction<'static, Postgres>,
    name: String,
    role: VersionRole,
    version_id: i64,
    state: String,
    reason: Option<String>,
    checkpoint: i64,
    stands_on: Option<i64>,
}

/// Version, state, reason, checkpoint, and the event that it stands on.
type Row = (i64, String, Option<String>, i64, Option<i64>);

impl Store {
    /// Pauses a read model: no slice begins until it is resumed.
    pub async fn pause(&self, name: &str, order: &Order) -> Result<(), ReadModelError> {
        let mut held = self.hold(name, VersionRole::Live).await?;
        if held.state == "paused" {
            return Err(held.refused("is paused already"));
        }
        held.set(ReadModelState::Paused, Some(spoken(order)))
            .await?;
        held.finish(order, "pause", ReadModelState::Paused).await
    }

    /// Lets a paused read model go on.
    pub async fn resume(&self, name: &str, order: &Order) -> Result<(), ReadModelError> {
        let mut held = self.hold(name, VersionRole::Live).await?;
        if let Some(position) = held.stands_on {
            return Err(ReadModelError::Refused(format!(
                "{name} stands on event {position}, which failed; retry that event or skip it"
            )));
        }
        if held.state != "paused" && held.state != "faulted" {
            return Err(held.refused("is not paused"));
        }
        held.set(ReadModelState::CatchingUp, None).await?;
        held.finish(order, "resume", ReadModelState::CatchingUp)
            .await
    }

    /// Tries the event again that a version of a read model stands on; a job that stands there goes on with it.
    pub async fn retry_failure(
        &self,
        name: &str,
        role: VersionRole,
        position: Position,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        let mut held = self.hold(name, role).await?;
        held.must_stand_on(position)?;
        held.set(ReadModelState::CatchingUp, None).await?;
        held.finish(order, "retry", ReadModelState::CatchingUp)
            .await
    }

    /// Leaves out the event that a version of a read model stands on; a job that stands there goes on behind it.
    pub async fn skip_failure(
        &self,
        name: &str,
        role: VersionRole,
        position: Position,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        if order
            .reason
            .as_deref()
            .is_none_or(|reason| reason.trim().is_empty())
        {
            return Err(ReadModelError::Refused(
                "an event is left out with a reason only; say why".to_owned(),
            ));
        }
        let mut held = self.hold(name, role).await?;
        maintenance::refuse(&mut held.transaction).await?;
        held.must_stand_on(position)?;
        let version_id = held.version_id;
        if !failures::pass(&mut held.transaction, version_id, position).await? {
            return Err(held.refused("has gone on meanwhile"));
        }
        held.set(ReadModelState::CatchingUp, None).await?;
        held.finish(order, "skip", ReadModelState::CatchingUp).await
    }

    async fn hold(&self, name: &str, role: VersionRole) -> Result<Held, ReadModelError> {
        if !matches!(role, VersionRole::Live | VersionRole::Shadow) {
            return Err(ReadModelError::Refused(format!(
                "nothing is handled by the {} version; orders reach the live one and the shadow",
                role.as_str()
            )));
        }
        let mut transaction = self
            .pool()
            .begin_with("begin; set local lock_timeout = '10s'")
            .await?;
        let row: Option<Row> = sqlx::query_as(
            "select p.version_id, p.state, p.reason, p.checkpoint,
               (select min(f.position) from highwater.read_model_failures f where f.version_id = p.version_id and f.outcome = 'open')
             from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = $2
             join highwater.read_model_progress p using (version_id) where m.name = $1 for update of p",
        )
        .bind(name)
        .bind(role.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((version_id, state, reason, checkpoint, stands_on)) = row else {
            return Err(if role == VersionRole::Live {
                ReadModelError::Unknown {
                    name: name.to_owned(),
                }
            } else {
                ReadModelError::Refused(format!(
                    "{name} has no {}, at least not any more; nothing was changed",
                    role.as_str()
                ))
            });
        };
        Ok(Held {
            transaction,
            name: name.to_owned(),
            role,
            version_id,
            state,
            reason,
            checkpoint,
            stands_on,
        })
    }
}

fn spoken(order: &Order) -> String {
    match &order.reason {
        Some(reason) => format!("by {}: {reason}", order.actor),
        None => format!("by {}", order.actor),
    }
}

impl Held {
    /// The read model, or its shadow.
    fn spoken(&self) -> String {
        match self.role {
            VersionRole::Live => self.name.clone(),
            role => format!("the {} of {}", role.as_str(), self.name),
        }
    }

    fn refused(&self, what: &str) -> ReadModelError {
        let reason = self
            .reason
            .as_deref()
            .map(|reason| format!(", {reason}"))
            .unwrap_or_default();
        ReadModelError::Refused(format!(
            "{} {what}: it is {}{reason}; nothing was changed",
            self.spoken(),
            self.state
        ))
    }

    fn must_stand_on(&self, position: Position) -> Result<(), ReadModelError> {
        if self.stands_on == Some(position.0) {
            return Ok(());
        }
        let where_it_stands = self.stands_on.map_or_else(
            || "on no failed event".to_owned(),
            |position| format!("on event {position}"),
        );
        Err(self.refused(&format!(
            "does not stand on event {position}, but {where_it_stands}"
        )))
    }

    async fn set(
        &mut self,
        state: ReadModelState,
        reason: Option<String>,
    ) -> Result<(), ReadModelError> {
        sqlx::query(
            "update highwater.read_model_progress set state = $2, reason = $3, since = now() where version_id = $1",
        )
        .bind(self.version_id)
        .bind(state.as_str())
        .bind(reason)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Writes the action and keeps it all.
    async fn finish(
        mut self,
        order: &Order,
        action: &str,
        state: ReadModelState,
    ) -> Result<(), ReadModelError> {
        // An order to a version that a job works on is part of that job's story.
        let (checkpoint, job): (i64, Option<i64>) = sqlx::query_as(
            "select p.checkpoint, (select j.job_id from highwater.jobs j where j.version_id = p.version_id and j.state in ('planned', 'running'))
             from highwater.read_model_progress p where p.version_id = $1",
        )
        .bind(self.version_id)
        .fetch_one(&mut *self.transaction)
        .await?;
        let facts = |state: &str, checkpoint: i64| -> Value {
            json!({"version": self.version_id, "role": self.role.as_str(), "state": state, "checkpoint": checkpoint, "failure": self.stands_on})
        };
        let before = facts(&self.state, self.checkpoint);
        let mut after = facts(state.as_str(), checkpoint);
        if let Some(job) = job {
            after["job"] = job.into();
        }
        actions::record(
            &mut self.transaction,
            order,
            action,
            &self.name,
            before,
            after,
        )
        .await?;
        self.transaction.commit().await?;
        Ok(())
    }
}
