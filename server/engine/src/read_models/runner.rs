//! Runs one read model: slice by slice, until it is told to end or somebody else has taken over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater_model::{FailurePolicy, Position, ReadModelState};
use highwater_store::read_models::{
    BegunSlice, HandlerFault, RunnableVersion, Slice, SliceConnections, SliceError, SliceStart,
};
use highwater_store::{Store, StoreError};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::projection::{Projection, ProjectionError};

/// How long it waits for a wake-up before it looks by itself; orders that reached another server are found then, too.
const POLL: Duration = Duration::from_secs(1);
/// From one slice of a few events to the next: a busy log wakes more often than a person, or a page, can see.
const BREATH: Duration = Duration::from_millis(4);
/// Attempts at an event whose definition says `retry`; the waits between them double, from a second to a minute.
const ATTEMPTS: i32 = 10;
/// Positions behind the head up to which it is live.
const LIVE_WITHIN: i64 = 1_000;

/// What the runner works with.
pub(crate) struct Runner {
    pub(crate) store: Store,
    pub(crate) connections: SliceConnections,
    pub(crate) version: RunnableVersion,
    pub(crate) generation: i64,
    /// The projection in code; none for an SQL read model.
    pub(crate) code: Option<Arc<dyn Projection>>,
    /// How long a slice may take.
    pub(crate) timeout: Duration,
    /// An order was given in this process.
    pub(crate) poke: Arc<Notify>,
    /// Checkpoints have moved.
    pub(crate) moved: watch::Sender<()>,
    pub(crate) token: CancellationToken,
    /// Cancelled when the whole server stops.
    pub(crate) server: CancellationToken,
}

/// What comes after a step.
enum Next {
    /// Another one, at once.
    Step,
    /// Another one, in a moment.
    Breathe,
    /// Nothing, until events come, or an order, or this time has passed.
    Wait(Duration),
    /// Nothing, until an order comes or this time has passed.
    Rest(Duration),
    /// Somebody else runs it.
    Superseded,
}

/// What the runner remembers between steps.
struct Run {
    pace: Pace,
    wake: watch::Receiver<Position>,
    /// What was written down last.
    told: Option<(ReadModelState, Option<String>)>,
    /// Failures may be open that the next slice settles.
    unsettled: bool,
    /// Attempts in a row that the database did not answer.
    unanswered: u32,
}

impl Runner {
    /// Runs; ends with a state on record.
    pub(crate) async fn run(self) {
        let mut run = Run {
            pace: Pace::new(1),
            wake: self.store.wake(),
            told: None,
            unsettled: true,
            unanswered: 0,
        };
        tracing::info!(
            read_model = self.version.name,
            generation = self.generation,
            "read model: runs here"
        );
        let mut ready = false;
        loop {
            run.wake.borrow_and_update();
            let began = Instant::now();
            let step = async {
                if !ready {
                    self.make_ready(&mut run).await?;
                    ready = true;
                }
                self.step(&mut run).await
            };
            let next = tokio::select! {
                () = self.token.cancelled() => break,
                next = step => match next {
                    Ok(next) => {
                        run.unanswered = 0;
                        next
                    }
                    Err(reason) => self.unanswered(&mut run, &reason).await,
                },
            };
            let (rest, woken) = match next {
                Next::Step => continue,
                Next::Breathe => (BREATH, false),
                Next::Wait(rest) => (rest, true),
                Next::Rest(rest) => (rest, false),
                Next::Superseded => {
                    tracing::info!(read_model = self.version.name, "read model: runs elsewhere");
                    return;
                }
            };
            tokio::select! {
                () = self.token.cancelled() => break,
                () = self.poke.notified() => {}
                () = tokio::time::sleep(rest) => {}
                changed = run.wake.changed(), if woken => match changed {
                    Ok(()) => tokio::time::sleep(BREATH.saturating_sub(began.elapsed())).await,
                    Err(_) => tokio::time::sleep(POLL).await,
                },
            }
        }
        let reason = if self.server.is_cancelled() {
            "its server stopped"
        } else {
            "its server lost the lease"
        };
        self.tell(&mut run, ReadModelState::Stopped, Some(reason))
            .await;
    }

    /// Small slices at first; a projection in code makes its tables.
    async fn make_ready(&self, run: &mut Run) -> Result<(), String> {
        let schema = self.version.schema.as_deref();
        let limit = self
            .store
            .size_slices(self.version.version_id, self.generation, schema, false)
            .await
            .map_err(|error| error.to_string())?;
        run.pace = Pace::new(limit);
        if let Some(code) = &self.code {
            let mut connection = self.acquire().await?;
            code.set_up(connection.connection())
                .await
                .map_err(|error| format!("its tables can't be made: {error}"))?;
        }
        Ok(())
    }

    async fn acquire(&self) -> Result<highwater_store::read_models::SliceConnection, String> {
        self.connections
            .acquire()
            .await
            .map_err(|error| error.to_string())
    }

    /// One slice.
    async fn step(&self, run: &mut Run) -> Result<Next, String> {
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
                if run.pace.is_large() {
                    self.resize(run, false).await?;
                }
                self.tell(run, ReadModelState::Live, None).await;
                return Ok(Next::Wait(POLL));
            }
            SliceStart::Refused => {
                slice.rollback().await.map_err(|error| error.to_string())?;
                return self.refused(run).await;
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
        match self.handle(&mut slice).await {
            Ok(()) => {
                self.keep(run, slice).await?;
                let full = begun.events >= i64::from(run.pace.most());
                self.handled(run, &begun, started.elapsed()).await?;
                Ok(if full { Next::Step } else { Next::Breathe })
            }
            Err(SliceError::Handler { message, sqlstate }) => {
                slice.rollback().await.map_err(|error| error.to_string())?;
                drop(connection);
                if !run.pace.failed(&begun) {
                    return Ok(Next::Step);
                }
                let fault = HandlerFault {
                    error: message,
                    sqlstate,
                };
                self.failed(run, begun.first, &fault).await
            }
            Err(SliceError::Database(reason)) => {
                // The transaction may be gone with its connection.
                let _ = slice.rollback().await;
                run.pace.was_too_much();
                Err(reason)
            }
        }
    }

    async fn handle(&self, slice: &mut Slice<'_>) -> Result<(), SliceError> {
        match (&self.code, &self.version.schema) {
            (Some(code), _) => {
                let events = slice.events().await?;
                code.apply(&events, slice.connection())
                    .await
                    .map_err(|error| match error {
                        ProjectionError::Sql(error) => SliceError::from_handler(&error),
                        ProjectionError::Event(message) => SliceError::Handler {
                            message,
                            sqlstate: None,
                        },
                    })
            }
            (None, Some(schema)) => slice.run_handler(schema).await,
            (None, None) => Err(SliceError::Database("it has no tables yet".to_owned())),
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
        if let Some(large) = resize {
            self.resize(run, large).await?;
        }
        let is = run.told.as_ref().map(|(state, _)| *state);
        if behind > LIVE_WITHIN {
            self.tell(run, ReadModelState::CatchingUp, None).await;
        } else if is != Some(ReadModelState::CatchingUp) || behind <= 0 {
            self.tell(run, ReadModelState::Live, None).await;
        }
        Ok(())
    }

    async fn resize(&self, run: &mut Run, large: bool) -> Result<(), String> {
        let schema = self.version.schema.as_deref();
        let limit = self
            .store
            .size_slices(self.version.version_id, self.generation, schema, large)
            .await
            .map_err(|error| error.to_string())?;
        run.pace.resized(large, limit);
        Ok(())
    }

    /// The database let no slice begin: by order, by a fault, or because somebody else runs it.
    async fn refused(&self, run: &mut Run) -> Result<Next, String> {
        run.told = None;
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
            FailurePolicy::Skip => {
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
                self.fault(run, &format!("event {position} failed: {}", fault.error))
                    .await?;
                Ok(Next::Rest(POLL))
            }
        }
    }

    async fn fault(&self, run: &mut Run, reason: &str) -> Result<(), String> {
        run.told = None;
        self.store
            .fault(self.version.version_id, self.generation, reason)
            .await
            .map_err(|error| error.to_string())
    }

    /// The database did not answer, or was in the way: it is tried again, later and later.
    async fn unanswered(&self, run: &mut Run, reason: &str) -> Next {
        let wait = Duration::from_millis(100 << run.unanswered.min(6)).min(Duration::from_secs(5));
        run.unanswered += 1;
        // One conflict is nothing to tell anybody.
        if run.unanswered > 1 {
            tracing::warn!(
                read_model = self.version.name,
                reason,
                "read model: tries again"
            );
            let state = run
                .told
                .as_ref()
                .map_or(ReadModelState::Starting, |(state, _)| *state);
            let reason = format!("the database: {reason}; it is tried again");
            self.tell(run, state, Some(&reason)).await;
        }
        Next::Rest(wait)
    }

    /// Writes down what it is doing, when that has changed.
    async fn tell(&self, run: &mut Run, state: ReadModelState, reason: Option<&str>) {
        let told = Some((state, reason.map(str::to_owned)));
        if run.told == told {
            return;
        }
        let (version, generation) = (self.version.version_id, self.generation);
        match self
            .store
            .set_runner_state(version, generation, state, reason)
            .await
        {
            Ok(_) => run.told = told,
            Err(error) => {
                tracing::warn!(read_model = self.version.name, %error, "read model: its state could not be written down");
            }
        }
    }
}
