//! A second person's approval: with `--approval` an order that production has confirmed is kept, and carried out once another user has
//! agreed to it, by the handler that would have answered it at once, as whoever gave it. What they may do is looked up anew then.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use highwater_model::{Approval, ApprovalState, HIDDEN_TEXT, Problem, Right, Sight};
use highwater_store::Tasks;
use highwater_store::approvals::KeptOrder;
use highwater_store::read_models::{Approved, Order};
use serde_json::Value;
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::check;
use crate::api::problem::{ApiError, ApiResult, internal};
use crate::caller::{Caller, KnownBy};
use crate::state::AppState;

/// How large an answer of an order may be.
const ANSWER_BYTES: usize = 4 << 20;
/// What a token's name has in front, as the audit log writes it.
pub(super) const TOKEN: &str = "token:";

/// Carries out what a second person has agreed to.
#[derive(Debug, Clone)]
pub struct Approvals {
    tasks: Tasks,
}

/// The API as an approved order asks it: inside of what finds out who calls.
#[derive(Debug, Clone)]
pub(crate) struct Orders(pub(crate) Router);

/// What became of an order that was to be carried out.
pub(crate) enum Carried {
    /// It came to its end; what it was answered, as far as who agreed may see that.
    Out(Option<Value>),
    /// It was no longer open: nothing was done.
    NotOpen,
}

/// How an order ended.
struct Ended {
    state: ApprovalState,
    status: u16,
    said: Option<String>,
    answer: Option<Value>,
}

/// Why this caller may not decide on it; none: they may, while it is open.
pub(crate) fn may_not_decide(caller: &Caller, approval: &Approval) -> Option<Problem> {
    if !approval.needs.iter().any(|right| caller.may(*right)) {
        return Some(check::not_allowed(caller, &approval.needs));
    }
    let refused = |detail: &str| Problem::new(403, "not_allowed", "You may not do this", detail);
    if !matches!(caller.by, KnownBy::Session(_)) {
        return Some(refused(
            "A person decides on it, who has logged in; a program can't.",
        ));
    }
    if approval.person.eq_ignore_ascii_case(&caller.name) || *approval.asked_by == *caller.name {
        return Some(refused(
            "You have asked for it yourself, or a token of yours has; another person approves it. You can withdraw it.",
        ));
    }
    // Else whoever was given a token could ask by it, and agree alone.
    if approval.asked_by.starts_with(TOKEN) && !caller.may(Right::Administer) {
        return Some(refused(
            "A token has asked for it, and who holds that is not known: an admin other than the one who made it decides.",
        ));
    }
    None
}

/// An order that waits as this caller sees it.
pub(crate) fn shown(caller: &Caller, mut approval: Approval) -> Approval {
    let is_theirs = approval.person.eq_ignore_ascii_case(&caller.name);
    approval.is_mine = is_theirs || *approval.asked_by == *caller.name;
    approval.may_decide =
        approval.state == ApprovalState::Open && may_not_decide(caller, &approval).is_none();
    // The key of a part that is rebuilt, and why the database refused, may quote an event.
    if caller.sight().mask().is_some() && *approval.asked_by != *caller.name {
        approval.body = approval.body.filter(Value::is_string);
        approval.said = approval.said.map(|_| HIDDEN_TEXT.to_owned());
    }
    approval
}

impl Approvals {
    /// They are carried out to their end, also when whoever approves goes away meanwhile.
    pub fn new(tasks: &Tasks) -> Self {
        Self {
            tasks: tasks.clone(),
        }
    }

    /// Carries out an order that `by` agrees to by `agreed`, if it is still open. Both are done by one task, so that an order which was
    /// agreed to is carried out.
    pub(crate) async fn carry_out(
        &self,
        kept: KeptOrder,
        by: &Caller,
        agreed: Order,
        Orders(orders): Orders,
        state: &AppState,
    ) -> ApiResult<Carried> {
        let (tell, told) = oneshot::channel();
        let (by, state) = (by.clone(), state.clone());
        self.tasks.spawn("an approved order", async move {
            // Whoever approved it may be gone.
            let _ = tell.send(carried(&kept, &by, &agreed, orders, &state).await);
        });
        told.await.map_err(|_| ApiError(internal()))?
    }
}

/// Notes that it is agreed to, carries it out, and notes how it ended.
async fn carried(
    kept: &KeptOrder,
    by: &Caller,
    agreed: &Order,
    orders: Router,
    state: &AppState,
) -> ApiResult<Carried> {
    let id = kept.approval.id;
    let to = ApprovalState::CarryingOut;
    if !state.store.decide_approval(id, to, agreed).await? {
        return Ok(Carried::NotOpen);
    }
    let ended = given(kept, by, orders, state).await;
    let ended = ended.unwrap_or_else(|ApiError(problem)| Ended::refused(problem));
    let (to, status, said) = (ended.state, ended.status, ended.said.as_deref());
    if let Err(error) = state.store.end_approval(id, to, status, said).await {
        tracing::error!(%error, id, "how an approved order ended could not be noted");
    }
    Ok(Carried::Out(ended.answer))
}

/// Gives the order as whoever asked for it.
async fn given(
    kept: &KeptOrder,
    by: &Caller,
    orders: Router,
    state: &AppState,
) -> ApiResult<Ended> {
    let approval = &kept.approval;
    let approved = Approved {
        id: approval.id,
        by: by.name.to_string(),
    };
    let asker = state.gate.asker(approval, approved).await?;
    let may_see = by.sight() == Sight::Whole || by.sight() == asker.sight();
    let request = Request::builder()
        .method(approval.method.as_str())
        .uri(approval.path.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json")
        .extension(asker)
        .body(Body::from(kept.body.clone()))
        .map_err(|_| internal())?;
    let response = match orders.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), ANSWER_BYTES).await;
    let body = body.unwrap_or_default();
    if !status.is_success() {
        let problem = serde_json::from_slice(&body);
        return Ok(Ended::refused(problem.unwrap_or_else(|_| internal())));
    }
    let answer = serde_json::from_slice(&body).ok();
    Ok(Ended {
        state: ApprovalState::Done,
        status: status.as_u16(),
        said: None,
        answer: answer.filter(|_| may_see),
    })
}

impl Ended {
    /// What broke off inside, took too long, or lost the database before it heard of its commit, may have been done all the same.
    fn refused(problem: Problem) -> Self {
        let state = match problem.status {
            500 | 504 => ApprovalState::Unknown,
            503 if problem.kind == "database_unavailable" => ApprovalState::Unknown,
            _ => ApprovalState::Failed,
        };
        Self {
            state,
            status: problem.status,
            said: Some(problem.detail),
            answer: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_too_long_may_have_been_done() {
        let state = |status| Ended::refused(Problem::new(status, "kind", "Title", "Why.")).state;
        assert_eq!(state(409), ApprovalState::Failed);
        assert_eq!(state(504), ApprovalState::Unknown);
        // Refused before anything began.
        assert_eq!(state(503), ApprovalState::Failed);
        let lost = Problem::new(503, "database_unavailable", "Title", "Why.");
        assert_eq!(Ended::refused(lost).state, ApprovalState::Unknown);
    }
}
