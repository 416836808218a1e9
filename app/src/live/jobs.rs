//! What the feed says of jobs.

use highwater_model::Job;
use leptos::prelude::*;

use super::machine::Board;
use super::{Live, socket};

/// Calls `take` in the browser with each message of the feed `jobs`. While the connection is lost the page keeps what it has.
pub fn on_jobs(take: impl Fn(&[Job]) + 'static) {
    let live = expect_context::<Live>();
    Effect::new(move || {
        socket::watch(Board::Jobs);
        on_cleanup(|| socket::unwatch(Board::Jobs));
    });
    Effect::new(move |first: Option<()>| {
        live.jobs.with(|jobs| {
            // What came before this page is older than what it shows.
            if let (Some(jobs), Some(())) = (jobs, first) {
                take(jobs);
            }
        });
    });
}

/// A job that is over does not change any more: what still says that it runs was written before its end was read.
pub fn is_late(known: &Job, said: &Job) -> bool {
    known.state.is_over() && !said.state.is_over()
}

/// Puts what is newly said of jobs into a list, the newest first: known ones change, new ones that are `wanted` come in.
pub fn merge(list: &mut Vec<Job>, said: &[Job], wanted: impl Fn(&Job) -> bool) {
    for job in said {
        match list.iter_mut().find(|known| known.id == job.id) {
            Some(known) if is_late(known, job) => {}
            Some(known) => known.clone_from(job),
            None if wanted(job) => list.push(job.clone()),
            None => {}
        }
    }
    list.sort_by_key(|job| std::cmp::Reverse(job.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{JobKind, JobState};

    fn job(id: i64, state: JobState) -> Job {
        Job {
            id,
            kind: JobKind::Rebuild,
            read_model: "totals".to_owned(),
            version_id: None,
            actor: "ada".to_owned(),
            reason: None,
            plan: serde_json::Value::Null,
            state,
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
            numbers: serde_json::Value::Null,
        }
    }

    #[test]
    fn known_jobs_change_in_their_place_and_wanted_ones_come_first() {
        let mut list = vec![job(2, JobState::Running), job(1, JobState::Done)];
        let said = [
            job(4, JobState::Running),
            job(3, JobState::Failed),
            job(2, JobState::Done),
        ];
        merge(&mut list, &said, |job| job.state == JobState::Running);
        let seen: Vec<_> = list.iter().map(|job| (job.id, job.state)).collect();
        assert_eq!(
            seen,
            [
                (4, JobState::Running),
                (2, JobState::Done),
                (1, JobState::Done)
            ]
        );
    }

    #[test]
    fn a_job_that_is_over_does_not_run_again() {
        let mut list = vec![job(1, JobState::Cancelled)];
        merge(&mut list, &[job(1, JobState::Running)], |_| true);
        assert_eq!(list[0].state, JobState::Cancelled);
    }
}
