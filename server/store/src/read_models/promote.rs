//! Promote, discard, go back: orders that say which version is live.

use std::time::Duration;

use highwater_model::{JobKind, VersionRole};
use serde_json::json;

use super::definer::take_turns;
use super::jobs::Begin;
use super::rebuild::{drop_version, execute, no_job};
use super::swap::pair;
use super::{Order, ReadModelError, actions, jobs};
use crate::{Store, maintenance};

/// A lock is waited for this long, so that slices and readers are not held up behind it; then it is tried again.
const LOCK: &str = "set local lock_timeout = '1s'; set local statement_timeout = '60s'";
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(200);

impl Store {
    /// Makes the shadow of a read model live; the live version stays as the previous one. Answers the job that looks after it.
    pub async fn promote(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        say_why(order)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_promote(name, order).await {
                Err(error) if error.is_busy() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_promote(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(&mut transaction, LOCK.to_owned()).await?;
        maintenance::refuse(&mut transaction).await?;
        let pair = pair(&mut transaction, name, VersionRole::Shadow).await?;
        no_job(&mut transaction, pair.read_model_id, name).await?;
        if !pair.diffed {
            return Err(ReadModelError::NotCompared {
                name: name.to_owned(),
            });
        }
        let before =
            json!({"live_version": pair.live.version_id, "shadow_version": pair.next.version_id});
        let swapped = pair.swap(&mut transaction).await?;
        let after = json!({"live_version": pair.next.version_id, "previous_version": pair.live.version_id, "position": swapped.position});
        let begin = Begin {
            kind: JobKind::Promote,
            read_model_id: pair.read_model_id,
            read_model: name,
            version_id: pair.next.version_id,
            before,
            after,
            plan: &json!({}),
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
        swapped.note(&mut transaction, job_id).await?;
        transaction.commit().await?;
        Ok(job_id)
    }

    /// Makes the previous version live again, once it has caught up what happened since. Answers the job.
    pub async fn go_back(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        say_why(order)?;
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        maintenance::refuse(&mut transaction).await?;
        let pair = pair(&mut transaction, name, VersionRole::Previous).await?;
        // Whoever wants back at once does not wait until the promotion is verified.
        let unverified: Option<i64> = sqlx::query_scalar(
            "select job_id from highwater.jobs where read_model_id = $1 and state = 'running' and swapped_at is not null for update",
        )
        .bind(pair.read_model_id)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(job_id) = unverified {
            let outcome = format!("{} went back before it was verified", order.actor);
            jobs::end(&mut transaction, job_id, "cancelled", &outcome, json!({})).await?;
        }
        no_job(&mut transaction, pair.read_model_id, name).await?;
        let before =
            json!({"live_version": pair.live.version_id, "previous_version": pair.next.version_id});
        let after =
            json!({"live_version": pair.next.version_id, "previous_version": pair.live.version_id});
        sqlx::query("update highwater.read_model_progress set state = 'starting', reason = null, since = now() where version_id = $1")
            .bind(pair.next.version_id)
            .execute(&mut *transaction)
            .await?;
        let begin = Begin {
            kind: JobKind::GoBack,
            read_model_id: pair.read_model_id,
            read_model: name,
            version_id: pair.next.version_id,
            before,
            after,
            plan: &json!({}),
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
        transaction.commit().await?;
        Ok(job_id)
    }

    /// The previous version has caught up: it becomes live. What stands against it ends the job. False: not while maintenance is on.
    pub async fn finish_go_back(&self, name: &str, job_id: i64) -> Result<bool, ReadModelError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_finish_go_back(name, job_id).await {
                Err(error) if error.is_busy() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(ReadModelError::Refused(why)) => {
                    let outcome = format!("{why}; the live one was not touched");
                    self.fail_job(job_id, &outcome).await?;
                    return Ok(true);
                }
                done => return done,
            }
        }
    }

    async fn try_finish_go_back(&self, name: &str, job_id: i64) -> Result<bool, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(&mut transaction, LOCK.to_owned()).await?;
        if maintenance::is_on(&mut transaction).await? {
            return Ok(false);
        }
        let job = jobs::held(&mut transaction, job_id).await?;
        if job.state != "running" || job.swapped {
            return Ok(true);
        }
        let pair = pair(&mut transaction, name, VersionRole::Previous).await?;
        let swapped = pair.swap(&mut transaction).await?;
        swapped.note(&mut transaction, job_id).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Drops the shadow or the previous version of a read model, with its rows.
    pub async fn discard(
        &self,
        name: &str,
        role: VersionRole,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        say_why(order)?;
        if !matches!(role, VersionRole::Shadow | VersionRole::Previous) {
            return Err(ReadModelError::Refused(format!(
                "the {} version can't be discarded, only a shadow or a previous one",
                role.as_str()
            )));
        }
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(
            &mut transaction,
            "set local lock_timeout = '10s'".to_owned(),
        )
        .await?;
        let pair = pair(&mut transaction, name, role).await?;
        no_job(&mut transaction, pair.read_model_id, name).await?;
        drop_version(&mut transaction, pair.next.version_id).await?;
        let before = json!({"version": pair.next.version_id, "role": role.as_str()});
        actions::record(&mut transaction, order, "discard", name, before, json!({})).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn say_why(order: &Order) -> Result<(), ReadModelError> {
    let said = order.reason.as_deref().unwrap_or_default();
    if said.trim().is_empty() {
        return Err(ReadModelError::Refused(
            "this needs a reason; say why".to_owned(),
        ));
    }
    Ok(())
}
