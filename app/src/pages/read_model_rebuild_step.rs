//! Where a rebuild stands, from what the server says alone: a reload, a second window and another operator see the same.

use highwater_model::{
    Job, JobKind, JobState, ReadModel, ReadModelState, ReadModelVersion, VersionRole,
};

/// The steps of the guided rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What it will cost.
    Plan,
    /// The shadow is built.
    Run,
    /// The shadow is compared with the live one.
    Diff,
    /// It was compared, and may become live.
    Promote,
    /// It is live, and is looked after or was.
    Verified,
    /// The previous version becomes live again, or did.
    GoBack,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Plan,
        Self::Run,
        Self::Diff,
        Self::Promote,
        Self::Verified,
        Self::GoBack,
    ];

    /// As the page calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "Plan",
            Self::Run => "Run",
            Self::Diff => "Diff",
            Self::Promote => "Promote",
            Self::Verified => "Verified",
            Self::GoBack => "Go back",
        }
    }
}

/// How a step is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is behind.
    Done,
    /// It came to a bad end.
    Failed,
    /// It is the open one.
    Now,
    /// It may come.
    Later,
}

/// Jobs of the other kinds are no step of it.
pub fn is_step(job: &Job) -> bool {
    matches!(
        job.kind,
        JobKind::Rebuild | JobKind::Promote | JobKind::GoBack
    )
}

/// The version in a role.
pub fn version(model: &ReadModel, role: VersionRole) -> Option<&ReadModelVersion> {
    model.versions.iter().find(|version| version.role == role)
}

/// The job that runs; a read model has one at most.
pub fn running(jobs: &[Job]) -> Option<&Job> {
    jobs.iter().find(|job| !job.state.is_over())
}

/// The job that an order began is over: that it began is no news any more.
pub fn is_behind(began: Option<i64>, jobs: &[Job]) -> bool {
    jobs.iter()
        .any(|job| Some(job.id) == began && job.state.is_over())
}

/// The open step. `jobs` are the read model's, the newest first; `planning`: a plan is on the page; `compared`: a diff of this shadow is.
pub fn step(model: &ReadModel, jobs: &[Job], planning: bool, compared: bool) -> Step {
    match running(jobs).map(|job| job.kind) {
        Some(JobKind::Rebuild) => return Step::Run,
        Some(JobKind::Promote) => return Step::Verified,
        Some(JobKind::GoBack) => return Step::GoBack,
        Some(JobKind::Replay | JobKind::RebuildPart) | None => {}
    }
    if let Some(shadow) = version(model, VersionRole::Shadow) {
        let built = newest(jobs, JobKind::Rebuild).is_none_or(|job| job.state == JobState::Done);
        let fit = match shadow.state {
            ReadModelState::Faulted => false,
            ReadModelState::Live => true,
            _ => built,
        };
        return match (fit, compared) {
            (false, _) => Step::Run,
            (true, false) => Step::Diff,
            (true, true) => Step::Promote,
        };
    }
    if planning || version(model, VersionRole::Waiting).is_some() {
        return Step::Plan;
    }
    let kept = version(model, VersionRole::Previous).is_some();
    match jobs.first().map(|job| job.kind) {
        Some(JobKind::Promote) if kept => Step::Verified,
        Some(JobKind::GoBack) if kept => Step::GoBack,
        _ => Step::Plan,
    }
}

/// How `of` is shown while `open` is the open step.
pub fn mark(of: Step, open: Step, jobs: &[Job]) -> Mark {
    let came_to = |kind| match newest(jobs, kind).map(|job| job.state) {
        Some(JobState::Done) => Mark::Done,
        Some(JobState::Failed | JobState::Cancelled) => Mark::Failed,
        _ => Mark::Now,
    };
    match (of, open) {
        (Step::Verified, Step::Verified | Step::GoBack) => came_to(JobKind::Promote),
        (Step::GoBack, Step::GoBack) => came_to(JobKind::GoBack),
        (Step::Run, Step::Run) if running(jobs).is_none() => Mark::Failed,
        _ if of == open => Mark::Now,
        _ if of < open => Mark::Done,
        _ => Mark::Later,
    }
}

/// The newest job of a kind.
pub fn newest(jobs: &[Job], kind: JobKind) -> Option<&Job> {
    jobs.iter().find(|job| job.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{FailurePolicy, Lag, Position};
    use serde_json::Value;

    fn with_versions(roles: &[(VersionRole, ReadModelState)]) -> ReadModel {
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let versions = roles
            .iter()
            .zip(1..)
            .map(|((role, state), number)| ReadModelVersion {
                id: i64::from(number),
                number,
                role: *role,
                definition: String::new(),
                events: Vec::new(),
                handler: None,
                policy: FailurePolicy::Stop,
                schema: None,
                state: *state,
                reason: None,
                since,
                checkpoint: Position(7),
                checkpoint_event_id: None,
                moved_at: None,
                generation: 1,
                handled: 0,
                failures: 0,
                created_at: since,
            });
        ReadModel {
            name: "totals".to_owned(),
            describe: None,
            source: "api".to_owned(),
            state: ReadModelState::Live,
            reason: None,
            since,
            checkpoint: Position(7),
            lag: Lag::default(),
            rate: 0.0,
            trend: "live".to_owned(),
            stands_on: None,
            versions: versions.collect(),
        }
    }

    fn jobs(newest_first: &[(JobKind, JobState)]) -> Vec<Job> {
        let ids = (1..=i64::try_from(newest_first.len()).unwrap()).rev();
        let job = |((kind, state), id): (&(JobKind, JobState), i64)| Job {
            id,
            kind: *kind,
            read_model: "totals".to_owned(),
            version_id: None,
            actor: "ada".to_owned(),
            reason: None,
            plan: Value::Null,
            state: *state,
            done: 0,
            total: 0,
            rate: 0.0,
            eta: None,
            speed_limit: None,
            checkpoint: None,
            doing: None,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            started_at: None,
            ended_at: None,
            outcome: None,
            numbers: Value::Null,
        };
        newest_first.iter().zip(ids).map(job).collect()
    }

    const LIVE: (VersionRole, ReadModelState) = (VersionRole::Live, ReadModelState::Live);
    const SHADOW: (VersionRole, ReadModelState) = (VersionRole::Shadow, ReadModelState::Live);
    const PREVIOUS: (VersionRole, ReadModelState) =
        (VersionRole::Previous, ReadModelState::Stopped);
    const WAITING: (VersionRole, ReadModelState) = (VersionRole::Waiting, ReadModelState::Stopped);
    use JobKind::{GoBack, Promote, Rebuild};
    use JobState::{Cancelled, Done, Failed, Running};

    #[test]
    fn the_steps_follow_each_other_as_versions_and_jobs_come() {
        let at = |roles: &[_], of: &[_], planning, compared| {
            step(&with_versions(roles), &jobs(of), planning, compared)
        };
        assert_eq!(at(&[LIVE], &[], false, false), Step::Plan);
        assert_eq!(at(&[LIVE, WAITING], &[], true, false), Step::Plan);
        let built = [(Rebuild, Done)];
        assert_eq!(
            at(&[LIVE, SHADOW], &[(Rebuild, Running)], false, false),
            Step::Run
        );
        assert_eq!(at(&[LIVE, SHADOW], &built, false, false), Step::Diff);
        assert_eq!(at(&[LIVE, SHADOW], &built, false, true), Step::Promote);
        let promoting = [(Promote, Running), (Rebuild, Done)];
        assert_eq!(
            at(&[LIVE, PREVIOUS], &promoting, false, false),
            Step::Verified
        );
        let promoted = [(Promote, Done), (Rebuild, Done)];
        assert_eq!(
            at(&[LIVE, PREVIOUS], &promoted, false, false),
            Step::Verified
        );
        let back = [(GoBack, Done), (Promote, Done), (Rebuild, Done)];
        assert_eq!(at(&[LIVE, PREVIOUS], &back, false, false), Step::GoBack);
    }

    #[test]
    fn that_a_job_began_is_no_news_once_it_is_over() {
        let known = jobs(&[(Promote, Running), (Rebuild, Done)]);
        let behind = [None, Some(1), Some(2), Some(3)].map(|began| is_behind(began, &known));
        assert_eq!(behind, [false, true, false, false]);
    }

    #[test]
    fn what_is_new_comes_before_what_was() {
        let at = |roles: &[_], of: &[_], planning| {
            step(&with_versions(roles), &jobs(of), planning, false)
        };
        let promoted = [(Promote, Done), (Rebuild, Done)];
        assert_eq!(at(&[LIVE, PREVIOUS], &promoted, true), Step::Plan);
        assert_eq!(at(&[LIVE, PREVIOUS, WAITING], &promoted, false), Step::Plan);
        assert_eq!(at(&[LIVE], &promoted, false), Step::Plan);
        assert_eq!(at(&[LIVE], &[(Rebuild, Cancelled)], false), Step::Plan);
    }

    #[test]
    fn a_shadow_that_stands_on_an_event_is_not_compared() {
        let faulted = (VersionRole::Shadow, ReadModelState::Faulted);
        let catching_up = (VersionRole::Shadow, ReadModelState::CatchingUp);
        let failed = jobs(&[(Rebuild, Failed)]);
        for roles in [[LIVE, faulted], [LIVE, catching_up]] {
            assert_eq!(
                step(&with_versions(&roles), &failed, false, false),
                Step::Run
            );
        }
        let live_again = with_versions(&[LIVE, SHADOW]);
        assert_eq!(step(&live_again, &failed, false, false), Step::Diff);
        assert_eq!(mark(Step::Run, Step::Run, &failed), Mark::Failed);
    }

    #[test]
    fn a_promotion_that_was_not_verified_is_marked_so() {
        let failed = jobs(&[(Promote, Failed), (Rebuild, Done)]);
        assert_eq!(mark(Step::Verified, Step::Verified, &failed), Mark::Failed);
        assert_eq!(mark(Step::Promote, Step::Verified, &failed), Mark::Done);
        assert_eq!(mark(Step::GoBack, Step::Verified, &failed), Mark::Later);
    }
}
