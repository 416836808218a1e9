//! What callers see of the API's answers who do not see everything.
//!
//! Onlookers have a link to the Stage and no login: that something happened, not of whom, nothing of what it holds. Whoever reads, and
//! has fields masked ([`highwater_model::mask`]), gets of each answer and each topic of the live feed:
//!
//! | answer | with masked fields |
//! |---|---|
//! | `events` (also live), `events/{id}`, `streams/{stream}/events`, `export`, `export/events` | events masked, whatever way they come: [`Sight::of`] |
//! | their filter lines, those of `events/histogram`, `flows`, `export/flows`, of a subscription that is put | refused where a term asks for what is hidden: [`filter`] |
//! | `streams/{stream}/state`, `…/changes`, `…/first` | masked by path; conditions as filter lines; by a definition refused where the stream has events with masked fields, as nobody knows what it made of them: `seen_states.rs` |
//! | `state-definitions/{category}/try` | the same |
//! | `types`, `types/{type}`, `new-shapes` | examples masked; paths and types stay: [`shape`] |
//! | `read-models/{name}/rows`, `…/diff`, `…/check` | refused, unless the read model is cleared: `seen.rs` |
//! | `read-models` (also live `lag`), `…/{name}`, `…/failures`, `…/plan`, orders; `jobs` (also live), `actions`, their exports | texts that may quote an event hidden, of read models that handle masked types: `seen.rs` |
//! | `subscriptions` (also live), `…/{name}`, `actions` on them | filter lines without what is hidden: [`subscriptions`] |
//! | `subscriptions/{name}/parked` | members' errors hidden, where its events have masked fields: [`parked`] |
//! | `views` | those of others whose filter line asks for what is hidden are left out: [`views`] |
//! | `approvals`, `approvals/{id}` | what was sent along, unless it is a definition, and why it was refused hidden, unless they have asked for it; of what an order was answered nothing is kept: `approval.rs` |
//! | `store` | statements of open sessions hidden: they may be appends: [`store`] |
//! | `subscriptions/{name}/fetch` (also live `subscription`) | whole: members are programs that work on the events |
//! | `categories`, `streams`, `streams/{stream}`, `…/timeline`, `find`, `flows`, `flows/{correlation_id}`, `flow-kinds`, `flow-map`, `export/streams`, `export/flows`, `charts`, `…/lag`, `lag-history`, `subscriptions/{name}/plan`, `store/sizes`, `store/checks`, `actions/verify`, `alerts`, `alert-rules`, `maintenance`, `masking`, `demo`, live `mark`, `maintenance` | as they are: names, types, counts, times, links between events |
//! | `state-definitions`, `definitions/refused` | as they are: what authors wrote |
//!
//! An export that is under way ends as it began.

use highwater_model::demo::Demo;
use highwater_model::filter::{Filter, Subject};
use highwater_model::{
    EventPage, EventWithCauses, FlowMap, HIDDEN_TEXT, HiddenTerm, Maintenance, ParkedEvent,
    Problem, RecordedEvent, SavedView, Shape, Sight, StoreFacts, Subscription,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::extract;
use crate::api::problem::{ApiError, ApiResult};
use crate::caller::Caller;

/// The filter line of a caller. What somebody may not see, they may not search for; onlookers only by time, and a recording's time at most.
pub(crate) fn filter(caller: &Caller, line: Option<&str>) -> ApiResult<Filter> {
    let filter = extract::filter(line)?;
    let sight = caller.sight();
    searchable(&sight, &filter)?;
    if sight != Sight::Headlines {
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

/// Refuses a filter by whose answers a masked value could be guessed.
pub(crate) fn searchable(sight: &Sight, filter: &Filter) -> ApiResult<()> {
    let hidden = sight.mask().and_then(|mask| mask.hides_from(filter));
    hidden.map_or(Ok(()), |term| Err(not_searchable(&term)))
}

/// The condition of a caller on states, which hold what events of any type have said.
pub(crate) fn condition(caller: &Caller, line: &str) -> ApiResult<Filter> {
    let filter = extract::filter(Some(line))?;
    let sight = caller.sight();
    let hidden = sight
        .mask()
        .and_then(|mask| mask.hides_from_states(&filter));
    hidden.map_or(Ok(filter), |term| Err(not_searchable(&term)))
}

fn not_searchable(term: &HiddenTerm) -> ApiError {
    let (field, role) = (&term.field, term.visible_to.as_str());
    let what = if term.anywhere {
        format!(
            "A text is looked for in all fields, and {field} is masked. Name the field that is meant (data.…:), or types that have no masked field (type:…)."
        )
    } else {
        format!("{field} is masked, so it can't be filtered by.")
    };
    let detail = format!(
        "{what} The role {role} or more sees it, and a token with the right reveal; GET /api/masking has the rules."
    );
    let problem = Problem::new(403, "not_allowed", "You may not search for this", detail);
    ApiError(problem.with("field", field.as_str()))
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
pub(crate) fn events(sight: &Sight, mut page: EventPage) -> EventPage {
    page.events = all(sight, page.events);
    page
}

/// Events, in their order.
pub(crate) fn all(sight: &Sight, events: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
    events.into_iter().map(|event| sight.of(event)).collect()
}

/// One event with its causes.
pub(crate) fn event(sight: &Sight, found: EventWithCauses) -> EventWithCauses {
    EventWithCauses {
        event: sight.of(found.event),
        cause: found.cause.map(|cause| sight.of(cause)),
        effects: all(sight, found.effects),
        ..found
    }
}

/// The fields of a type, without examples of what is masked.
pub(crate) fn shape(sight: &Sight, event_type: &str, shape: &mut Vec<Shape>) {
    if let Some(mask) = sight.mask() {
        mask.shape(event_type, shape);
    }
}

/// Subscriptions, for onlookers without what their members and operators wrote.
pub(crate) fn subscriptions(sight: &Sight, mut all: Vec<Subscription>) -> Vec<Subscription> {
    for one in &mut all {
        match sight {
            Sight::Whole => {}
            Sight::Masked(mask) => one.filter = mask.line(&one.filter),
            Sight::Headlines => {
                one.reason = None;
                for member in &mut one.members {
                    "…".clone_into(&mut member.name);
                }
                one.filter = only_types(&one.filter);
            }
        }
    }
    all
}

/// One subscription.
pub(crate) fn subscription(sight: &Sight, one: Subscription) -> Subscription {
    if let Sight::Masked(mask) = sight {
        let filter = mask.line(&one.filter);
        return Subscription { filter, ..one };
    }
    one
}

/// Events that members of a subscription could not handle: what they say of one may quote others of its events, also of those that it
/// had with another filter.
pub(crate) fn parked(sight: &Sight, filter: &str, mut all: Vec<ParkedEvent>) -> Vec<ParkedEvent> {
    if let Some(mask) = sight.mask() {
        let filter = Filter::parse(filter).unwrap_or_default();
        let may_quote = mask.concerns_filter(&filter);
        for one in &mut all {
            let mut types = mask.types().into_iter();
            if may_quote || types.any(|glob| glob.matches(&one.event_type)) {
                HIDDEN_TEXT.clone_into(&mut one.error);
            }
        }
    }
    all
}

/// Saved views, without those of others that search for what somebody may not see.
pub(crate) fn views(caller: &Caller, mut all: Vec<SavedView>) -> Vec<SavedView> {
    let sight = caller.sight();
    all.retain(|view| *view.owner == *caller.name || !searches(&sight, &view.query));
    all
}

/// Whether a page's query has a filter line that asks for what is hidden, or one that nobody can read.
pub(super) fn searches(sight: &Sight, query: &str) -> bool {
    let Some(mask) = sight.mask() else {
        return false;
    };
    let Ok(pairs) = serde_urlencoded::from_str::<Vec<(String, String)>>(query) else {
        return true;
    };
    let mut lines = pairs.iter().filter(|(name, _)| name == "filter");
    lines.any(|(_, line)| {
        let filter = Filter::parse(line);
        !filter.is_ok_and(|filter| mask.hides_from(&filter).is_none())
    })
}

/// The store, without the statements of its sessions: an append in SQL has its data there.
pub(crate) fn store(sight: &Sight, mut facts: StoreFacts) -> StoreFacts {
    if sight.mask().is_some() {
        for holder in &mut facts.holders {
            holder.statement = holder.statement.take().map(|_| HIDDEN_TEXT.to_owned());
        }
    }
    facts
}

/// That maintenance is on, without who began it and why.
pub(crate) fn maintenance(sight: &Sight, mut now: Maintenance) -> Maintenance {
    if *sight == Sight::Headlines {
        (now.by, now.reason) = (None, None);
    }
    now
}

/// The flow map, without the events that it leads to.
pub(crate) fn flow_map(sight: &Sight, mut map: FlowMap) -> FlowMap {
    if *sight == Sight::Headlines {
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
pub(crate) fn demo(sight: &Sight, mut now: Demo) -> Demo {
    if let (Sight::Headlines, Some(playing)) = (sight, &mut now.playing) {
        playing.note = None;
        "…".clone_into(&mut playing.by);
    }
    now
}
