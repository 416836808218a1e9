//! One step of a runner: a slice, or why there is none.

use std::time::{Duration, Instant};

use highwater_model::{FailurePolicy, Position, ReadModelState, VersionRole};
use highwater_store::StoreError;
use highwater_store::read_models::{
    BegunSlice, HandlerFault, Slice, SliceError, SliceSize, SliceStart,
};
use tracing::Instrument;

use super::job::Work;
use super::runner::{Next, POLL, Run, Runner};

/// Attempts at an event whose definition says `retry`; the waits between them double, from a second to a minute.
const ATTEMPTS: i32 = 10;
/// Positions behind the head up to which it is live.
pub(super) const LIVE_WITHIN: i64 = 1_000;

impl Runner {
    /// One slice.
    pub(super) async fn step(&self, run: &mut Run) -> Result<Next, String> {
        let mut connection = self.acquire().await?;
        let started = Instant::now();
        let (start, mut slice) = connection
            .begin(
                self.version.version_id,
                self.generation,
                run.pace.most(),
                self.timeout,
            )
            .await
            .map_err(|error| error.to_string())?;
        let begun = match start {
            SliceStart::Begun(begun) => begun,
            SliceStart::Idle { .. } => {
                self.keep(run, slice).await?;
                self.reached(run);
                if run.pace.is_large() {
                    self.resize(run, SliceSize::Live).await?;
                }
                if !self.level(run).await? {
                    return Ok(Next::Superseded);
                }
                self.tell(run, ReadModelState::Live, None).await;
                return Ok(Next::Wait(POLL));
            }
            SliceStart::Refused => {
                slice.rollback().await.map_err(|error| error.to_string())?;
                return self.refused(run).await;
            }
            SliceStart::Maintenance => {
                slice.rollback().await.map_err(|error| error.to_string())?;
                return Ok(run.held());
            }
            SliceStart::Changed { checkpoint } => {
                slice.rollback().await.map_err(|error| error.to_string())?;
                self.fault(run, &format!(
                    "another event stands at position {checkpoint} than the one that was handled: the log was replaced, perhaps by a failover to a replica that lagged; rebuild this read model"
                ))
                .await?;
                return Ok(Next::Rest(POLL));
            }
        };
        let (span, handled) = self.traced(&mut slice, &begun).await;
        match handled {
            Ok(()) => {
                self.keep(run, slice).instrument(span).await?;
                let full = begun.events >= i64::from(run.pace.most());
                self.handled(run, &begun, started.elapsed()).await?;
                self.worked(run, &begun, started.elapsed(), full).await
            }
            Err(error) => {
                // The transaction may be gone with its connection.
                let rolled_back = slice.rollback().await;
                drop(connection);
                if self.under_maintenance().await {
                    return Ok(run.held());
                }
                match error {
                    SliceError::Handler { message, sqlstate } => {
                        rolled_back.map_err(|error| error.to_string())?;
                        if !run.pace.failed(&begun) {
                            return Ok(Next::Step);
                        }
                        let fault = HandlerFault {
                            error: message,
                            sqlstate,
                        };
                        self.failed(run, begun.first, &fault).await
                    }
                    SliceError::Database(reason) => {
                        run.pace.was_too_much();
                        Err(reason)
                    }
                }
            }
        }
    }

    async fn keep(&self, run: &mut Run, mut slice: Slice<'_>) -> Result<(), String> {
        let settled = async {
            if run.unsettled {
                slice.settle_failures().await?;
            }
            slice.commit().await
        };
        settled
            .await
            .map_err(|error: SliceError| error.to_string())?;
        run.unsettled = false;
        Ok(())
    }

    async fn handled(
        &self,
        run: &mut Run,
        begun: &BegunSlice,
        time: Duration,
    ) -> Result<(), String> {
        metrics::counter!("highwater_read_model_events_total", "read_model" => self.version.name.clone())
            .increment(u64::try_from(begun.events).unwrap_or(0));
        metrics::histogram!("highwater_read_model_slice_seconds", "read_model" => self.version.name.clone())
            .record(time.as_secs_f64());
        self.moved.send_replace(());
        let behind = begun.head.0 - begun.upto.0;
        let resize = run.pace.resize(begun);
        run.pace.took(begun, time);
        if behind <= LIVE_WITHIN {
            self.reached(run);
        }
        if let Some(size) = resize {
            self.resize(run, size).await?;
        }
        let is = run.told.as_ref().map(|(state, _)| *state);
        let had_reason = matches!(&run.told, Some((_, Some(_))));
        let doing = self.doing(run);
        if behind > LIVE_WITHIN || doing.is_some() {
            self.tell(run, ReadModelState::CatchingUp, doing.as_deref())
                .await;
        } else if is != Some(ReadModelState::CatchingUp) || had_reason || behind <= 0 {
            self.tell(run, ReadModelState::Live, None).await;
        }
        Ok(())
    }

    /// It has come to where the log ends.
    fn reached(&self, run: &mut Run) {
        if self.version.role == VersionRole::Live {
            run.pace.is_read();
        }
    }

    async fn resize(&self, run: &mut Run, size: SliceSize) -> Result<(), String> {
        let schema = self.version.schema.as_deref();
        let limit = self
            .store
            .size_slices(self.version.version_id, self.generation, schema, size)
            .await
            .map_err(|error| error.to_string())?;
        run.pace.resized(size, limit);
        Ok(())
    }

    /// The database let no slice begin: by order, by a fault, or because somebody else runs it.
    async fn refused(&self, run: &mut Run) -> Result<Next, String> {
        run.told = None;
        if let Some(work) = run.work.as_mut() {
            work.stands();
        }
        let state = self
            .store
            .runner_state(self.version.version_id, self.generation)
            .await
            .map_err(|error| error.to_string())?;
        Ok(match state {
            None => Next::Superseded,
            Some(state) if state.is_running() => Next::Step,
            Some(_) => Next::Rest(POLL),
        })
    }

    /// One event was found that can't be handled.
    async fn failed(
        &self,
        run: &mut Run,
        position: Position,
        fault: &HandlerFault,
    ) -> Result<Next, String> {
        let text = |error: StoreError| error.to_string();
        // Asked first: in a replay it is about this version's own record.
        let left_out = self
            .store
            .live_skipped(self.version.version_id, position)
            .await
            .map_err(text)?;
        let noted = self
            .store
            .note_failure(self.version.version_id, self.generation, position, fault)
            .await
            .map_err(text)?;
        let Some(attempts) = noted else {
            return Ok(Next::Superseded);
        };
        run.unsettled = true;
        tracing::warn!(read_model = self.version.name, %position, attempts, error = fault.error, "read model: an event failed");
        match self.version.policy {
            // What an operator has left out of the live version would stop every rebuild and replay at the same event.
            _ if left_out => self.skip(position).await,
            FailurePolicy::Skip => self.skip(position).await,
            FailurePolicy::Retry if attempts < ATTEMPTS => {
                let wait = Duration::from_secs(1 << (attempts - 1).clamp(0, 6))
                    .min(Duration::from_mins(1));
                let reason = format!(
                    "event {position} failed (attempt {attempts} of {ATTEMPTS}, the next in {} s): {}",
                    wait.as_secs(),
                    fault.error
                );
                self.tell(run, ReadModelState::CatchingUp, Some(&reason))
                    .await;
                Ok(Next::Rest(wait))
            }
            FailurePolicy::Retry | FailurePolicy::Stop => {
                self.stand(run, &format!("event {position} failed: {}", fault.error))
                    .await
            }
        }
    }

    async fn skip(&self, position: Position) -> Result<Next, String> {
        let skipped = self
            .store
            .skip_failed(self.version.version_id, self.generation, position)
            .await
            .map_err(|error| error.to_string())?;
        Ok(if skipped {
            Next::Step
        } else {
            Next::Superseded
        })
    }

    /// It stands on an event until an operator has it tried again or left out; its job stands with it.
    async fn stand(&self, run: &mut Run, reason: &str) -> Result<Next, String> {
        if self.version.role == VersionRole::Previous {
            // Nobody can decide about an event of a version that is not live and not built: going back comes to its end here.
            self.fault(run, reason).await?;
        } else if self.note(run).await? {
            self.store
                .fault(self.version.version_id, self.generation, reason)
                .await
                .map_err(|error| error.to_string())?;
            run.told = None;
        } else {
            return Ok(Next::Superseded);
        }
        Ok(Next::Rest(POLL))
    }

    /// It can't go on, whatever is ordered; nor can its job.
    pub(super) async fn fault(&self, run: &mut Run, reason: &str) -> Result<(), String> {
        run.told = None;
        let (version, generation) = (self.version.version_id, self.generation);
        let Some(job_id) = run.work.as_ref().map(Work::job_id) else {
            let faulted = self.store.fault(version, generation, reason).await;
            return faulted.map_err(|error| error.to_string());
        };
        let outcome = if self.version.role == VersionRole::Live {
            reason.to_owned()
        } else {
            format!("{reason}; the live one was not touched")
        };
        self.store
            .fault_with_job(version, generation, reason, job_id, &outcome)
            .await
            .map_err(|error| error.to_string())?;
        // Not before: as long as the database has not taken it, the next attempt has a job to end.
        run.work = None;
        Ok(())
    }
}
