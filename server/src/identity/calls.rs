//! What each call needs. Each handler says it in its OpenAPI attribute (`security(("login" = ["operate"]))`); it is read from the
//! document here, and checked here, nowhere else. A call that says nothing is refused to everybody.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_model::{Problem, Right, Role};
use serde_json::Value;

use crate::api::problem::ApiError;
use crate::caller::{Caller, KnownBy, NotIdentified};

/// What a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Needed {
    /// Nothing: it is for everybody, before the login as well.
    Nothing,
    /// One of these rights.
    OneOf(Vec<Right>),
    /// It does not say: nobody gets it.
    Unsaid,
}

/// What all calls need, by method and path.
#[derive(Debug, Default)]
pub(crate) struct Calls(HashMap<(Method, String), Needed>);

impl Calls {
    /// Reads it from the document; and which calls do not say what they need, with the reason.
    pub(crate) fn read(document: &Value) -> (Self, Vec<String>) {
        let (mut calls, mut faults) = (HashMap::new(), Vec::new());
        let paths = document["paths"].as_object();
        for (path, operations) in paths.into_iter().flatten() {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                    continue;
                };
                let needed = needed(&operation["security"]).unwrap_or_else(|why| {
                    faults.push(format!("{method} {path} {why}"));
                    Needed::Unsaid
                });
                calls.insert((method, path.clone()), needed);
            }
        }
        (Self(calls), faults)
    }

    /// The same with a call that the document does not have.
    pub(crate) fn with(mut self, method: Method, path: &str, right: Right) -> Self {
        let needed = Needed::OneOf(vec![right]);
        self.0.insert((method, path.to_owned()), needed);
        self
    }

    /// What it needs; none when the router knows no such call either.
    fn of(&self, method: &Method, path: &str) -> Option<&Needed> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let found = self.0.get(&(method.clone(), path.to_owned()));
        let is_known = || self.0.keys().any(|(_, known)| known == path);
        found.or_else(|| (!is_known()).then_some(&Needed::Unsaid))
    }
}

fn needed(security: &Value) -> Result<Needed, String> {
    let ways = security
        .as_array()
        .ok_or("does not say what it needs; give it security((\"login\" = [\"…\"]))")?;
    let mut rights = Vec::new();
    for way in ways {
        for name in way["login"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            let right = Right::named(name);
            rights.push(right.ok_or_else(|| format!("needs {name:?}, which is no right"))?);
        }
    }
    Ok(if rights.is_empty() {
        Needed::Nothing
    } else {
        Needed::OneOf(rights)
    })
}

/// Lets through who may do what they ask for.
pub(crate) async fn check(
    State(calls): State<Arc<Calls>>,
    request: Request,
    next: Next,
) -> Response {
    match verdict(&calls, &request) {
        Ok(()) => next.run(request).await,
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

fn verdict(calls: &Calls, request: &Request) -> Result<(), Problem> {
    // Nothing is there: the router says so.
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return Ok(());
    };
    let (method, path) = (request.method(), path.as_str());
    let needed = match calls.of(method, path) {
        None | Some(Needed::Nothing) => return Ok(()),
        Some(Needed::Unsaid) => return Err(no_rule(path)),
        Some(Needed::OneOf(rights)) => rights,
    };
    let caller = request.extensions().get::<Caller>();
    if let Some(caller) = caller
        && needed.iter().any(|right| caller.may(*right))
    {
        return Ok(());
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn calls(security: &Value) -> (Calls, Vec<String>) {
        Calls::read(&json!({"paths": {"/api/x": {"get": {"security": security}}}}))
    }

    #[test]
    fn a_call_that_says_nothing_is_for_nobody() {
        let (read, faults) = calls(&Value::Null);
        assert!(faults[0].contains("GET /api/x does not say"), "{faults:?}");
        assert_eq!(read.of(&Method::GET, "/api/x"), Some(&Needed::Unsaid));
        let (_, faults) = calls(&json!([{"login": ["fly"]}]));
        assert!(faults[0].contains("\"fly\""), "{faults:?}");
        assert_eq!(
            read.of(&Method::GET, "/api/not-in-it"),
            Some(&Needed::Unsaid)
        );
    }

    #[test]
    fn one_of_several_rights_is_enough_and_a_public_call_needs_none() {
        let (either, _) = calls(&json!([{"login": ["read"]}, {"login": ["subscribe"]}]));
        let needed = Needed::OneOf(vec![Right::Read, Right::Subscribe]);
        assert_eq!(either.of(&Method::HEAD, "/api/x"), Some(&needed));
        let (public, faults) = calls(&json!([{}]));
        assert_eq!(public.of(&Method::GET, "/api/x"), Some(&Needed::Nothing));
        assert_eq!(
            public.of(&Method::POST, "/api/x"),
            None,
            "the router answers 405"
        );
        assert_eq!(faults, Vec::<String>::new());
    }
}
