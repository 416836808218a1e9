//! Runs one read model: slice by slice, until it is told to end or somebody else has taken over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater_model::{Position, ReadModelState, VersionRole};
use highwater_store::Store;
use highwater_store::read_models::{RunnableVersion, SliceConnection, SliceConnections, SliceSize};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::LinkTrace;
use super::job::Work;
use super::pace::{FAR, Pace};
use super::projection::Projection;

/// How long it waits for a wake-up before it looks by itself; orders that reached another server are found then, too.
pub(super) const POLL: Duration = Duration::from_secs(1);
/// From one slice of a few events to the next: a busy log wakes more often than a person, or a page, can see.
const BREATH: Duration = Duration::from_millis(4);

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
    /// Spans of slices are collected.
    pub(crate) link: Option<LinkTrace>,
    /// An order was given in this process.
    pub(crate) poke: Arc<Notify>,
    /// Checkpoints have moved.
    pub(crate) moved: watch::Sender<()>,
    pub(crate) token: CancellationToken,
    /// Cancelled when the whole server stops.
    pub(crate) server: CancellationToken,
}

/// What comes after a step.
pub(super) enum Next {
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
pub(super) struct Run {
    pub(super) pace: Pace,
    wake: watch::Receiver<Position>,
    /// What was written down last.
    pub(super) told: Option<(ReadModelState, Option<String>)>,
    /// Failures may be open that the next slice settles.
    pub(super) unsettled: bool,
    /// The job that it runs for, until that is over.
    pub(super) work: Option<Work>,
    /// Attempts in a row that the database did not answer.
    unanswered: u32,
}

impl Runner {
    /// Runs; ends with a state on record.
    pub(crate) async fn run(self) {
        let mut run = Run {
            pace: Pace::new(1, SliceSize::CatchUp),
            wake: self.store.wake(),
            told: None,
            unsettled: true,
            work: self.version.job_id.map(Work::new),
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

    /// Small slices at first, unless nothing is handled and much is to do; a projection in code makes its tables.
    async fn make_ready(&self, run: &mut Run) -> Result<(), String> {
        let new = self.version.checkpoint == Position::ZERO;
        let loads = |code: &Arc<dyn Projection>| code.loading(true).is_some();
        let whole = self.code.as_ref().is_some_and(loads);
        // A projection in code that takes its events all at once gets no more of them than fit.
        let at_once = self.code.is_some() && !whole;
        let large = if at_once || self.version.role == VersionRole::Live && !new {
            SliceSize::CatchUp
        } else {
            SliceSize::Rebuild
        };
        let far = new && run.wake.borrow().0 > FAR;
        let first = if far { large } else { SliceSize::Live };
        let schema = self.version.schema.as_deref();
        let limit = self
            .store
            .size_slices(self.version.version_id, self.generation, schema, first)
            .await
            .map_err(|error| error.to_string())?;
        run.pace = Pace::new(limit, large);
        if far {
            run.pace.begin_large(large, limit, whole);
            // Who ordered it slow doesn't want it fast at first.
            self.note(run).await?;
            if let Some(limit) = run.work.as_ref().and_then(Work::limit) {
                run.pace.keep_below(limit / 2);
            }
        }
        if let Some(code) = &self.code {
            let mut connection = self.acquire().await?;
            code.set_up(connection.connection())
                .await
                .map_err(|error| format!("its tables can't be made: {error}"))?;
        }
        Ok(())
    }

    pub(super) async fn acquire(&self) -> Result<SliceConnection, String> {
        self.connections
            .acquire()
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
    pub(super) async fn tell(&self, run: &mut Run, state: ReadModelState, reason: Option<&str>) {
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
