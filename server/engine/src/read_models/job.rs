//! What a runner does for a job: progress, speed, and what comes when it is level with the log.

use std::time::{Duration, Instant};

use highwater_model::{Position, VersionRole};
use highwater_store::read_models::{BegunSlice, IndexesMade};

use super::governor::{Governor, Seen};
use super::runner::{Next, Run, Runner};
use super::step::LIVE_WITHIN;
use crate::rate::Rate;

/// How often progress is written down, and the speed looked up.
const NOTE: Duration = Duration::from_millis(500);
/// Over which time the speed is what it is lately.
const LATELY: Duration = Duration::from_secs(10);

/// A job as its runner knows it.
pub(super) struct Work {
    job_id: i64,
    rate: Rate,
    began: Instant,
    noted: Option<Instant>,
    /// Events a second.
    limit: Option<i32>,
    /// The head as it was when it came near: there it is level, whatever is appended meanwhile.
    goal: Option<Position>,
    governor: Governor,
    /// Time that it has rested for others since it was noted.
    yielded: Duration,
}

impl Work {
    pub(super) fn new(job_id: i64) -> Self {
        Self {
            job_id,
            rate: Rate::new(LATELY),
            began: Instant::now(),
            noted: None,
            limit: None,
            goal: None,
            governor: Governor::default(),
            yielded: Duration::ZERO,
        }
    }

    pub(super) fn job_id(&self) -> i64 {
        self.job_id
    }

    /// Events a second at most, as far as they are ordered.
    pub(super) fn limit(&self) -> Option<i32> {
        self.limit
    }

    /// Whether it is level after a slice.
    fn is_level(&mut self, slice: &BegunSlice) -> bool {
        if slice.head.0 - slice.upto.0 > LIVE_WITHIN {
            return false;
        }
        slice.upto >= *self.goal.get_or_insert(slice.head)
    }

    /// Time in which it stands and waits for somebody's order is no work.
    pub(super) fn stands(&mut self) {
        self.noted = Some(Instant::now());
    }

    /// Events a second; a job younger than the window has had less time for them.
    fn lately(&mut self, now: Instant) -> f64 {
        let time = now.duration_since(self.began).min(LATELY).as_secs_f64();
        self.rate.per_second(now) * LATELY.as_secs_f64() / time.max(0.001)
    }
}

impl Runner {
    /// After a slice: notes progress, and waits as the speed demands.
    pub(super) async fn worked(
        &self,
        run: &mut Run,
        begun: &BegunSlice,
        time: Duration,
        full: bool,
    ) -> Result<Next, String> {
        let next = if full { Next::Step } else { Next::Breathe };
        if run.work.as_ref().and_then(Work::limit).is_none() {
            run.pace.keep_below(i32::MAX);
        }
        let Some(work) = run.work.as_mut() else {
            return Ok(next);
        };
        work.rate
            .add(Instant::now(), u64::try_from(begun.events).unwrap_or(0));
        if work.noted.is_none_or(|noted| noted.elapsed() >= NOTE) {
            if !self.note(run).await? {
                return Ok(Next::Superseded);
            }
            self.govern(run).await?;
        }
        let level = run.work.as_mut().is_some_and(|work| work.is_level(begun));
        if level && !self.level(run).await? {
            return Ok(Next::Superseded);
        }
        let Some(work) = run.work.as_mut() else {
            return Ok(next);
        };
        let rest = work.governor.rest(time);
        let Some(limit) = work.limit else {
            work.yielded += rest;
            return Ok(if rest.is_zero() {
                next
            } else {
                Next::Rest(rest)
            });
        };
        // Half a second of events at most: a change of the speed is felt at once.
        run.pace.keep_below(limit / 2);
        let events = u32::try_from(begun.events).unwrap_or(u32::MAX);
        let due = Duration::from_secs_f64(f64::from(events) / f64::from(limit));
        let due = due.saturating_sub(time);
        work.yielded += rest.saturating_sub(due);
        Ok(Next::Rest(due.max(rest)))
    }

    /// Looks at the live side, and lets the job yield to it, or not any more.
    async fn govern(&self, run: &mut Run) -> Result<(), String> {
        let Some(work) = run.work.as_mut() else {
            return Ok(());
        };
        let behind = if self.version.role == VersionRole::Shadow {
            let behind = self.store.live_behind(self.version.version_id).await;
            behind.map_err(|error| error.to_string())?
        } else {
            None
        };
        let appends = self.store.append_latency();
        let more = work.governor.saw(Seen {
            behind,
            appends: appends.map(|latency| (latency.lately, latency.calm)),
        });
        run.pace.yields(work.governor.step(), more);
        Ok(())
    }

    /// Writes progress down. False: the job is over.
    pub(super) async fn note(&self, run: &mut Run) -> Result<bool, String> {
        let Some(work) = run.work.as_mut() else {
            return Ok(true);
        };
        let now = Instant::now();
        let since = now.duration_since(work.noted.unwrap_or(work.began));
        let lately = work.lately(now);
        let found = self
            .store
            .note_job(
                work.job_id,
                since.as_secs_f64(),
                work.yielded.as_secs_f64(),
                lately,
            )
            .await
            .map_err(|error| error.to_string())?;
        work.noted = Some(now);
        work.yielded = Duration::ZERO;
        let Some(limit) = found else { return Ok(false) };
        work.limit = limit;
        Ok(true)
    }

    /// What it does, where its state alone would not tell.
    pub(super) fn doing(&self, run: &Run) -> Option<String> {
        let work = run.work.as_ref()?;
        match (work.governor.why(), self.version.replays_from) {
            (why, None) => why.map(str::to_owned),
            (None, Some(from)) => Some(format!("replays from {from}, job {}", work.job_id)),
            (Some(why), Some(from)) => {
                Some(format!("replays from {from}, job {}; {why}", work.job_id))
            }
        }
    }

    /// It has handled what there is. False: nothing more is to be done with this version here.
    pub(super) async fn level(&self, run: &mut Run) -> Result<bool, String> {
        let Some(job_id) = run.work.as_ref().map(Work::job_id) else {
            return Ok(true);
        };
        if !self.note(run).await? {
            return Ok(false);
        }
        // Neither indexes are made nor versions exchanged under maintenance: it asks again afterwards.
        if self.under_maintenance().await {
            return Ok(true);
        }
        if self.version.role == VersionRole::Live {
            let finished = self.store.finish_replay(job_id).await;
            if finished.map_err(|error| error.to_string())? {
                run.work = None;
            }
            return Ok(true);
        }
        if self.version.role == VersionRole::Shadow && !self.has_indexes(run, job_id).await? {
            return Ok(true);
        }
        let goes_back = self.version.role == VersionRole::Previous;
        let over = if goes_back {
            self.store.finish_go_back(&self.version.name, job_id).await
        } else {
            self.store.rebuild_is_level(job_id).await.map(|()| true)
        }
        .map_err(|error| error.to_string())?;
        if !over {
            return Ok(true);
        }
        // Not before: as long as the database has not taken it, the next look has a job to end.
        run.work = None;
        if !goes_back {
            // It is level without, and discarded by now perhaps.
            let analyzed = self.store.analyze_tables(self.version.version_id).await;
            if let Err(error) = analyzed {
                tracing::warn!(read_model = self.version.name, %error, "read model: the database could not look at its tables; plans are poor until it does so by itself");
            }
        }
        Ok(!goes_back)
    }

    /// Makes the indexes that wait for the end of the load. False: it is not level yet, because that took its time, or can't be.
    async fn has_indexes(&self, run: &mut Run, job_id: i64) -> Result<bool, String> {
        let made = self
            .store
            .make_indexes(job_id, self.version.version_id, self.generation)
            .await
            .map_err(|error| error.to_string())?;
        if made == IndexesMade::None {
            return Ok(true);
        }
        run.told = None;
        if let Some(work) = run.work.as_mut() {
            work.goal = None;
        }
        if let IndexesMade::Refused(why) = made {
            self.fault(run, &why).await?;
        }
        Ok(false)
    }
}
