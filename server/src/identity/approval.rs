//! A second person's approval: with `--approval` an order that production has confirmed is kept, and carried out once another user has
//! agreed to it, by the handler that would have answered it at once, as whoever gave it. What they may do is looked up anew then.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use highwater_model::{Approval, ApprovalState, HIDDEN_TEXT, Problem, Right, Sight};
use highwater_store::Tasks;
use highwater_store::approvals::{AskedOrder, KeptOrder};
use highwater_store::read_models::Approved;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower::ServiceExt;

use super::calls;
use super::confirm::typed;
use crate::api::extract::{body, json};
use crate::api::orders::order;
use crate::api::problem::{ApiError, ApiResult, internal};
use crate::caller::{Caller, KnownBy};
use crate::limits::body_stopped;
use crate::state::AppState;

/// How long an order waits, in seconds.
const VALID_S: i64 = 24 * 60 * 60;
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

/// How an order ended.
struct Ended {
    state: ApprovalState,
    status: u16,
    said: Option<String>,
    answer: Option<Value>,
}

/// Whether it waits for a second person: what the server's own programs do when they start does not, as nobody else has their secret.
pub(super) fn waits(request: &Request) -> bool {
    let caller = request.extensions().get::<Caller>();
    caller.is_none_or(|caller| {
        !matches!(caller.by, KnownBy::Token(_)) || caller.name.starts_with(TOKEN)
    })
}

/// Keeps a confirmed order until a second person has decided, and says so.
pub(super) async fn keep(
    request: Request,
    needs: &[Right],
    state: &AppState,
) -> ApiResult<Response> {
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.ok_or_else(internal)?;
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let subject = typed(request.headers());
    let read = timeout(state.limits.body_pause, body(request, state));
    let body = read.await.map_err(|_| body_stopped())??;
    let body = text(&body)?;
    let order = order(&caller, reason(body, uri.query().unwrap_or_default())?)?;
    let person = person(&caller, state).await?;
    let asked = AskedOrder {
        person: &person,
        method: &method,
        path,
        body,
        subject: &subject,
        needs,
        valid_s: VALID_S,
    };
    let id = state.store.ask_approval(&asked, &order).await?;
    let id = id.ok_or_else(too_many)?;
    let kept = state.store.approval(id).await?.ok_or_else(internal)?;
    let place = format!("/api/approvals/{id}");
    let shown = shown(&caller, kept.approval);
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, place)],
        Json(shown),
    )
        .into_response())
}

/// What was sent along, as it is kept: JSON or a definition.
fn text(body: &[u8]) -> ApiResult<&str> {
    let text = std::str::from_utf8(body).ok();
    text.filter(|text| !text.contains('\0')).ok_or_else(|| {
        let detail = "The body is no text in UTF-8, or holds a NUL character; no call takes that.";
        ApiError::bad_request("bad_body", "The body could not be read", detail)
    })
}

/// Why somebody gives an order: in the JSON that they send, or in the query.
fn reason(sent: &str, query: &str) -> ApiResult<Option<String>> {
    // What no handler could read does not wait for anybody.
    if sent.trim_start().starts_with('{') {
        let sent: Value = json(sent.as_bytes())?;
        if let Some(reason) = sent["reason"].as_str() {
            return Ok(Some(reason.to_owned()));
        }
    }
    let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(query);
    let mut pairs = pairs.unwrap_or_default().into_iter();
    let found = pairs.find(|(name, _)| name == "reason");
    Ok(found.map(|(_, reason)| reason))
}

/// The user behind a caller: a token's is who made it, so that nobody approves what their own program asks for.
async fn person(caller: &Caller, state: &AppState) -> ApiResult<String> {
    if matches!(caller.by, KnownBy::Session(_)) {
        return Ok(caller.name.to_string());
    }
    if let Some(name) = caller.name.strip_prefix(TOKEN) {
        let tokens = state.store.tokens().await?;
        let token = tokens.into_iter().find(|token| token.name == name);
        return Ok(token.ok_or_else(nobody_behind)?.created_by);
    }
    Err(nobody_behind().into())
}

/// Why this caller may not decide on it; none: they may, while it is open.
pub(crate) fn may_not_decide(caller: &Caller, approval: &Approval) -> Option<Problem> {
    if !approval.needs.iter().any(|right| caller.may(*right)) {
        return Some(calls::not_allowed(caller, &approval.needs));
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

    /// Carries out an order that `by` has agreed to; what it was answered, as far as `by` may see that.
    pub(crate) async fn carry_out(
        &self,
        kept: KeptOrder,
        by: &Caller,
        Orders(orders): Orders,
        state: &AppState,
    ) -> ApiResult<Option<Value>> {
        let (tell, told) = oneshot::channel();
        let (by, state) = (by.clone(), state.clone());
        self.tasks.spawn("an approved order", async move {
            let id = kept.approval.id;
            let ended = given(&kept, &by, orders, &state).await;
            let ended = ended.unwrap_or_else(|ApiError(problem)| Ended::refused(problem));
            let (to, status, said) = (ended.state, ended.status, ended.said.as_deref());
            if let Err(error) = state.store.end_approval(id, to, status, said).await {
                tracing::error!(%error, id, "how an approved order ended could not be noted");
            }
            // Whoever approved it may be gone.
            let _ = tell.send(ended.answer);
        });
        told.await.map_err(|_| ApiError(internal()))
    }
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
    /// What broke off inside, or took too long, may have been done all the same.
    fn refused(problem: Problem) -> Self {
        let state = match problem.status {
            500 | 504 => ApprovalState::Unknown,
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

fn nobody_behind() -> Problem {
    let detail = "Here an order like this one waits for a second person, and nobody stands behind this program who could ask for it. \
        Give it yourself, or send a token that an admin has made.";
    Problem::new(403, "not_allowed", "You may not do this", detail)
}

fn too_many() -> Problem {
    let detail = "Too many orders wait for a second person already. Have some of them decided or withdrawn at /approvals.";
    Problem::new(409, "refused", "Too many orders wait", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stands_in_the_body_or_in_the_query() {
        let of = |sent: &str, query: &str| reason(sent, query).unwrap();
        assert_eq!(of(r#"{"reason": "late"}"#, "").as_deref(), Some("late"));
        assert_eq!(of("", "a=b&reason=no+more").as_deref(), Some("no more"));
        assert_eq!(of("-- a definition", "reasons=x"), None);
        assert!(reason("{", "").is_err());
    }

    #[test]
    fn what_took_too_long_may_have_been_done() {
        let state = |status| Ended::refused(Problem::new(status, "kind", "Title", "Why.")).state;
        assert_eq!(state(409), ApprovalState::Failed);
        assert_eq!(state(504), ApprovalState::Unknown);
    }
}
