//! What onlookers see, who have a link to the Stage and no login: that something happened, not of whom, nothing of what it holds.

use highwater_model::demo::Demo;
use highwater_model::filter::{Filter, Subject};
use highwater_model::{EventPage, FlowMap, Problem, ReadModel, ReadModelLag, Sight, Subscription};
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::extract;
use crate::api::problem::{ApiError, ApiResult};
use crate::caller::Caller;

/// The filter line of a caller. What somebody may not see, they may not search for: only by time, and a recording's time at most.
pub(crate) fn filter(caller: &Caller, line: Option<&str>) -> ApiResult<Filter> {
    let filter = extract::filter(line)?;
    if caller.sight() == Sight::Whole {
        return Ok(filter);
    }
    let by_time = |subject: &Subject| matches!(subject, Subject::Since(_) | Subject::Until(_));
    if !filter.terms().iter().all(|term| by_time(&term.subject)) {
        let detail = "Onlookers filter by time only: since: and until:. Log in to search.";
        return Err(ApiError(Problem::new(
            403,
            "not_allowed",
            "You may not search for this",
            detail,
        )));
    }
    match caller.film {
        Some((since, until)) => {
            extract::filter(Some(&format!("since:{since} until:{until} {filter}")))
        }
        None => Ok(filter),
    }
}

/// The range of time of a caller: a recording's at most.
pub(crate) fn range(
    caller: &Caller,
    (since, until): (Timestamp, Timestamp),
) -> ApiResult<(Timestamp, Timestamp)> {
    let Some((first, last)) = caller.film else {
        return Ok((since, until));
    };
    let range = (since.max(first), until.min(last));
    if range.0 < range.1 {
        return Ok(range);
    }
    Err(ApiError(only_a_recording()))
}

/// What is outside of the recording is not for them.
pub(crate) fn only_a_recording() -> Problem {
    let detail = "This link shows a recording, and nothing outside of its time.";
    Problem::new(403, "not_allowed", "You may not look at this", detail)
}

/// A page of the log.
pub(crate) fn events(sight: Sight, mut page: EventPage) -> EventPage {
    page.events = page
        .events
        .into_iter()
        .map(|event| sight.of(event))
        .collect();
    page
}

/// Subscriptions, without what their members and operators wrote.
pub(crate) fn subscriptions(sight: Sight, mut all: Vec<Subscription>) -> Vec<Subscription> {
    if sight == Sight::Headlines {
        for one in &mut all {
            one.reason = None;
            for member in &mut one.members {
                "…".clone_into(&mut member.name);
            }
            one.filter = only_types(&one.filter);
        }
    }
    all
}

/// How read models are, without the errors on which they stand.
pub(crate) fn lags(sight: Sight, mut all: Vec<ReadModelLag>) -> Vec<ReadModelLag> {
    if sight == Sight::Headlines {
        for one in &mut all {
            one.reason = None;
        }
    }
    all
}

/// The flow map, without the events that it leads to.
pub(crate) fn flow_map(sight: Sight, mut map: FlowMap) -> FlowMap {
    if sight == Sight::Headlines {
        for edge in &mut map.edges {
            edge.newest = Uuid::nil();
        }
    }
    map
}

/// Of a filter line the terms that tell nothing of whom: types and categories.
fn only_types(line: &str) -> String {
    let filter = Filter::parse(line).unwrap_or_default();
    let kept = filter
        .terms()
        .iter()
        .filter(|term| matches!(term.subject, Subject::Type(_) | Subject::Category(_)));
    kept.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The demo shop, without the presenter's notes.
pub(crate) fn demo(sight: Sight, mut now: Demo) -> Demo {
    if let (Sight::Headlines, Some(playing)) = (sight, &mut now.playing) {
        playing.note = None;
        "…".clone_into(&mut playing.by);
    }
    now
}

/// Read models, without their definitions and the events and errors on which they stand: both may quote data.
pub(crate) fn read_models(sight: Sight, mut all: Vec<ReadModel>) -> Vec<ReadModel> {
    if sight == Sight::Headlines {
        for one in &mut all {
            one.reason = None;
            one.stands_on = None;
            for version in &mut one.versions {
                version.definition.clear();
                version.reason = None;
            }
        }
    }
    all
}
