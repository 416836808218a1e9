//! What callers see of read models, and of what is told of them: jobs, actions, errors.
//!
//! Of a read model nobody knows what it made of a masked field, nor what its errors quote. So it depends on what it handles: rows are refused
//! and texts are hidden, unless somebody has said that it holds nothing of what is masked. Types that only an earlier version handled count
//! as well, as do those that nobody has recorded yet.

use std::sync::Arc;

use highwater_model::filter::Glob;
use highwater_model::read_model_plan::PROBE_FAILS;
use highwater_model::{
    Action, Failure, HIDDEN_TEXT, Job, JobState, Mask, Problem, ReadModel, ReadModelLag,
    ReadModelState, Role, Sight,
};
use highwater_store::identity::HandledTypes;
use highwater_store::read_models::ReadModelError;
use serde_json::Value;

use super::sight::searches;
use crate::api::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::state::AppState;

/// Outcomes that the program itself has words for, and how those begin that quote nothing.
const PLAIN: [&str; 2] = ["done", "begun"];
const PLAIN_BEGINS: [&str; 2] = ["done: ", "cancelled: "];

/// How much a caller sees, and what read models handle.
#[derive(Debug)]
pub(crate) struct Seen {
    sight: Sight,
    handled: Arc<HandledTypes>,
}

/// A read model as the caller sees it.
pub(crate) async fn read_model(
    state: &AppState,
    caller: &Caller,
    name: &str,
) -> ApiResult<ReadModel> {
    let found = state.store.read_model(name).await?;
    Ok(Seen::by(state, caller).await?.read_model(found))
}

/// Refuses what is made of a read model's rows.
pub(crate) async fn rows(state: &AppState, caller: &Caller, read_model: &str) -> ApiResult<()> {
    Seen::by(state, caller).await?.rows(read_model)
}

/// A job as the caller sees it.
pub(crate) async fn job(state: &AppState, caller: &Caller, id: i64) -> ApiResult<Job> {
    let found = state.store.job(id).await?;
    Ok(Seen::by(state, caller).await?.job(found))
}

/// What comes of an order to a read model; a refusal may quote an error.
pub(crate) async fn ordered<T>(
    state: &AppState,
    caller: &Caller,
    read_model: &str,
    order: impl Future<Output = Result<T, ReadModelError>>,
) -> ApiResult<T> {
    match order.await {
        Ok(done) => Ok(done),
        Err(error) => Err(Seen::by(state, caller).await?.refusal(read_model, error)),
    }
}

/// Refuses what may be made of masked fields.
pub(super) fn masked(sight: &Sight, what: &str) -> ApiError {
    let role = sight.mask().map_or(Role::Admin, Mask::visible_to).as_str();
    let detail = format!(
        "{what} The role {role} or more sees it, and a token with the right reveal; GET /api/masking has the rules."
    );
    let problem = Problem::new(403, "masked", "It may hold masked fields", detail);
    ApiError(problem.with("visible_to", role))
}

fn hidden() -> String {
    HIDDEN_TEXT.to_owned()
}

/// The reason of a state: an operator's own words stay.
fn reason(words: &mut Option<String>, state: ReadModelState) {
    if state != ReadModelState::Paused {
        *words = words.take().map(|_| hidden());
    }
}

/// A warning of a plan, without what the handler said.
fn without_error(warning: &mut String) {
    if warning.starts_with(PROBE_FAILS) {
        *warning = format!("{PROBE_FAILS}{HIDDEN_TEXT}");
    }
}

impl Seen {
    /// What a caller sees. Asked after what is to be seen was read: a definition that came meanwhile counts.
    pub(crate) async fn by(state: &AppState, caller: &Caller) -> ApiResult<Self> {
        let sight = caller.sight();
        let handled = if sight.mask().is_some() {
            state.store.handled_types().await?
        } else {
            HandledTypes::default()
        };
        Ok(Self::with(&sight, Arc::new(handled)))
    }

    /// The same of somebody who sees this much.
    pub(crate) fn with(sight: &Sight, handled: Arc<HandledTypes>) -> Self {
        Self {
            sight: sight.clone(),
            handled,
        }
    }

    /// Whether it handles, or has handled, events of which something is hidden. One that nobody knows may.
    fn hides(&self, read_model: &str) -> bool {
        let handled = self.handled.of(read_model);
        let mask = self.sight.mask();
        mask.is_some_and(|mask| handled.is_none_or(|types| mask.concerns(types)))
    }

    /// Refuses rows of a read model, and what is counted of them: a definition could ask what it likes.
    fn rows(&self, read_model: &str) -> ApiResult<()> {
        if !self.hides(read_model) {
            return Ok(());
        }
        let what = format!(
            "{read_model} handles events with masked fields, and nobody knows what its rows hold of them. An admin can say at /access that they hold nothing of it."
        );
        Err(masked(&self.sight, &what))
    }

    /// Refuses to try a definition that handles such events: it could show what it likes of them.
    pub(crate) fn trial(&self, types: &[Glob]) -> ApiResult<()> {
        let mask = self.sight.mask();
        if mask.is_some_and(|mask| mask.concerns(types)) {
            let what = "The definition handles events with masked fields, so what comes of it is not shown.";
            return Err(masked(&self.sight, what));
        }
        Ok(())
    }

    /// Read models, for onlookers without their definitions.
    pub(crate) fn read_models(&self, all: Vec<ReadModel>) -> Vec<ReadModel> {
        all.into_iter().map(|one| self.read_model(one)).collect()
    }

    /// A read model, without the errors on which it stands.
    pub(crate) fn read_model(&self, mut one: ReadModel) -> ReadModel {
        match self.sight {
            Sight::Whole => {}
            Sight::Masked(_) => {
                if self.hides(&one.name) {
                    reason(&mut one.reason, one.state);
                    if let Some(failure) = &mut one.stands_on {
                        failure.error = hidden();
                    }
                    for version in &mut one.versions {
                        reason(&mut version.reason, version.state);
                    }
                }
            }
            Sight::Headlines => {
                one.reason = None;
                one.stands_on = None;
                for version in &mut one.versions {
                    version.definition.clear();
                    version.reason = None;
                }
            }
        }
        one
    }

    /// How read models are, without the errors on which they stand.
    pub(crate) fn lags(&self, mut all: Vec<ReadModelLag>) -> Vec<ReadModelLag> {
        for one in &mut all {
            match self.sight {
                Sight::Whole => {}
                Sight::Masked(_) => {
                    if self.hides(&one.name) {
                        reason(&mut one.reason, one.state);
                    }
                }
                Sight::Headlines => one.reason = None,
            }
        }
        all
    }

    /// Events that a read model could not handle.
    pub(crate) fn failures(&self, read_model: &str, mut all: Vec<Failure>) -> Vec<Failure> {
        if self.hides(read_model) {
            for failure in &mut all {
                failure.error = hidden();
            }
        }
        all
    }

    /// What a plan warns of.
    pub(crate) fn warnings(&self, read_model: &str, warnings: &mut [String]) {
        if self.hides(read_model) {
            warnings.iter_mut().for_each(without_error);
        }
    }

    /// Jobs.
    pub(crate) fn jobs(&self, all: Vec<Job>) -> Vec<Job> {
        all.into_iter().map(|job| self.job(job)).collect()
    }

    /// A job, without what it stands on, or failed at.
    pub(crate) fn job(&self, mut job: Job) -> Job {
        if !self.hides(&job.read_model) {
            return job;
        }
        job.doing = job.doing.map(|_| hidden());
        if job.state == JobState::Failed {
            job.outcome = job.outcome.map(|_| hidden());
        }
        let warnings = job.plan.get_mut("warnings").and_then(Value::as_array_mut);
        for warning in warnings.into_iter().flatten() {
            if let Value::String(warning) = warning {
                without_error(warning);
            }
        }
        job
    }

    /// Actions.
    pub(crate) fn actions(&self, all: Vec<Action>) -> Vec<Action> {
        all.into_iter().map(|action| self.action(action)).collect()
    }

    /// An action, without what its outcome quotes, and without filter lines that say what is hidden.
    pub(crate) fn action(&self, mut action: Action) -> Action {
        let Some(mask) = self.sight.mask() else {
            return action;
        };
        let of_read_model = action.read_model.as_deref();
        if of_read_model.is_some_and(|name| self.hides(name)) && !is_plain(&action.outcome) {
            action.outcome = hidden();
        }
        for facts in [&mut action.before, &mut action.after] {
            if let Some(Value::String(line)) = facts.get_mut("filter") {
                *line = mask.line(line);
            }
            if let Some(Value::String(query)) = facts.get_mut("query")
                && searches(&self.sight, query)
            {
                *query = hidden();
            }
        }
        action
    }

    /// Why an order is refused.
    fn refusal(&self, read_model: &str, error: ReadModelError) -> ApiError {
        let ApiError(mut problem) = error.into();
        if problem.kind == "refused" && self.hides(read_model) {
            problem.detail = hidden();
        }
        ApiError(problem)
    }
}

fn is_plain(outcome: &str) -> bool {
    let begins = |begin: &&str| outcome.starts_with(*begin);
    PLAIN.contains(&outcome) || PLAIN_BEGINS.iter().any(begins)
}
