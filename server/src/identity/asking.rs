//! Asking for a second person: which confirmed orders wait, and how they are kept.

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use highwater_model::{Problem, Right};
use highwater_store::approvals::{Asked, AskedOrder};
use serde_json::Value;
use tokio::time::timeout;

use super::approval::{TOKEN, shown};
use super::confirm::typed;
use crate::api::extract::{body, json};
use crate::api::orders::order;
use crate::api::problem::{ApiError, ApiResult, internal};
use crate::caller::{Caller, KnownBy};
use crate::limits::body_stopped;
use crate::state::AppState;

/// How long an order waits, in seconds.
const VALID_S: i64 = 24 * 60 * 60;
/// What is sent along is this large at most: a person reads it.
const KEPT_BYTES: usize = 256 << 10;

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
    if body.len() > KEPT_BYTES {
        return Err(too_large());
    }
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
    let id = match state.store.ask_approval(&asked, &order).await? {
        Asked::Waits(id) => id,
        Asked::TooMany => return Err(too_many("Too many orders wait")),
        Asked::TooManyOfOne => {
            return Err(too_many(&format!("Too many orders of {person} wait")));
        }
    };
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

fn nobody_behind() -> Problem {
    let detail = "Here an order like this one waits for a second person, and nobody stands behind this program who could ask for it. \
        Give it yourself, or send a token that an admin has made.";
    Problem::new(403, "not_allowed", "You may not do this", detail)
}

fn too_many(which: &str) -> ApiError {
    let detail = format!(
        "{which} for a second person already. Have some of them decided or withdrawn at /approvals."
    );
    ApiError(Problem::new(409, "refused", "Too many orders wait", detail))
}

fn too_large() -> ApiError {
    let detail = format!(
        "Here this order waits for a second person, who reads what is sent along: that is {} KiB at most. Send less at once.",
        KEPT_BYTES >> 10
    );
    ApiError(Problem::new(
        413,
        "body_too_large",
        "The body is too large",
        detail,
    ))
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
}
