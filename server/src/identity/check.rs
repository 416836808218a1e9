//! The one place that checks what a call needs: the right, in production the name that confirms it, and a second person where that is
//! wanted.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_model::{Environment, Problem, Right, Role};

use super::asking::{keep, waits};
use super::calls::{Calls, Needed};
use super::confirm::confirmed;
use crate::api::problem::ApiError;
use crate::caller::{Caller, KnownBy, NotIdentified};

/// Lets through who may do what they ask for, in production once they have confirmed it, and a second person has agreed where that is
/// wanted.
pub(crate) async fn check(
    State(calls): State<Arc<Calls>>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = verdict(&calls, &request);
    let allowed = match verdict {
        // The name was typed when it was asked for.
        Ok(Some(_)) if is_approved(&request) => Ok(request),
        Ok(Some(order)) => {
            let confirmed = confirmed(request, order.part, order.environment).await;
            match (confirmed, &calls.approval) {
                (Ok(request), Some(state)) if !order.alone && waits(&request) => {
                    let kept = keep(request, order.needs, state).await;
                    return kept.unwrap_or_else(|ApiError(problem)| refusal(problem));
                }
                (confirmed, _) => confirmed,
            }
        }
        Ok(None) => Ok(request),
        Err(problem) => Err(problem),
    };
    match allowed {
        Ok(request) => next.run(request).await,
        Err(problem) => refusal(problem),
    }
}

/// The refusal as an answer.
pub(crate) fn refusal(problem: Problem) -> Response {
    let is_login = problem.status == 401;
    let mut response = ApiError(problem).into_response();
    if is_login {
        let how = HeaderValue::from_static("Bearer realm=\"highwater\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    response
}

/// Whether a second person has agreed to it.
fn is_approved(request: &Request) -> bool {
    let caller = request.extensions().get::<Caller>();
    caller.is_some_and(|caller| caller.approved.is_some())
}

/// An order that is to be confirmed.
struct ToConfirm<'a> {
    /// The part of its path whose name is to be typed.
    part: &'a str,
    /// Where.
    environment: &'a Environment,
    /// One of these rights is needed.
    needs: &'a [Right],
    /// No second person is asked.
    alone: bool,
}

/// What is still to be confirmed of what they may do.
fn verdict<'a>(calls: &'a Calls, request: &Request) -> Result<Option<ToConfirm<'a>>, Problem> {
    // Nothing is there: the router says so.
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return Ok(None);
    };
    let (method, path) = (request.method(), path.as_str());
    let Some(said) = calls.of(method, path) else {
        return Ok(None);
    };
    let needs: &[Right] = match &said.needed {
        Needed::OneOf(rights) => rights,
        Needed::Nothing | Needed::Unsaid => &[],
    };
    let confirm = said.confirm.as_deref().zip(calls.production.as_ref());
    let to_confirm = confirm.map(|(part, environment)| ToConfirm {
        part,
        environment,
        needs,
        alone: said.alone,
    });
    let needed = match &said.needed {
        Needed::Nothing => return Ok(to_confirm),
        Needed::Unsaid => return Err(no_rule(path)),
        Needed::OneOf(rights) => rights,
    };
    let caller = request.extensions().get::<Caller>();
    if let Some(caller) = caller
        && needed.iter().any(|right| caller.may(*right))
    {
        return Ok(to_confirm);
    }
    if let Some(NotIdentified(problem)) = request.extensions().get() {
        return Err(problem.clone());
    }
    match caller {
        Some(caller) if caller.by != KnownBy::Nothing => Err(not_allowed(caller, needed)),
        _ => Err(login_needed()),
    }
}

/// Who they are has to be known first.
pub(crate) fn login_needed() -> Problem {
    let detail = "Log in at /login; a program sends Authorization: Bearer and its token, which an admin makes at /access.";
    Problem::new(401, "login_needed", "You are not logged in", detail)
}

/// They are known, and may not do this.
pub(crate) fn not_allowed(caller: &Caller, needed: &[Right]) -> Problem {
    let words: Vec<&str> = needed.iter().map(|right| right.words()).collect();
    let words = words.join(", or ");
    let name = &caller.name;
    let roles = needed.iter().map(|right| Role::least(*right));
    let role = roles.min().unwrap_or(Role::Admin).as_str();
    let detail = match caller.role {
        Some(has) => format!(
            "This needs somebody who may {words}: the role {role} or more. {name} is {}; an admin can change that at /access.",
            has.as_str()
        ),
        None => format!(
            "This needs a token that may {words}; {name} may not. An admin makes tokens at /access."
        ),
    };
    let rights: Vec<&str> = needed.iter().map(|right| right.as_str()).collect();
    Problem::new(403, "not_allowed", "You may not do this", detail).with("needs", rights)
}

fn no_rule(path: &str) -> Problem {
    tracing::error!(
        path,
        "a call says nothing of what it needs, so nobody gets it"
    );
    let detail = "This call does not say who may ask for it, so nobody may.";
    Problem::new(403, "not_allowed", "You may not do this", detail)
}
