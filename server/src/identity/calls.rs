//! What each call needs. Each handler says it in its OpenAPI attribute (`security(("login" = ["operate"]))`); it is read from the
//! document here, and checked here, nowhere else. A call that says nothing is refused to everybody. Beside its right an order says
//! whether it is confirmed in production (`extensions(("x-confirm" = json!("name")))`): by the name in that part of its path; and with
//! `("x-alone" = json!(true))` that it takes no second person where others do.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_model::{Environment, Problem, Right, Role};
use serde_json::Value;

use super::asking::{keep, waits};
use super::confirm::confirmed;
use crate::api::problem::ApiError;
use crate::caller::{Caller, KnownBy, NotIdentified};
use crate::state::AppState;

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

/// What the document says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// What it needs.
    needed: Needed,
    /// The part of its path whose name confirms it in production; none: it is not asked.
    confirm: Option<String>,
    /// It is carried out at once also where confirmed orders wait for a second person.
    alone: bool,
}

/// Of a call that does not say what it needs.
static UNSAID: Said = Said {
    needed: Needed::Unsaid,
    confirm: None,
    alone: false,
};

/// What is said of all calls, by method and path.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    said: HashMap<(Method, String), Said>,
    /// What the server looks after, if that is production.
    production: Option<Environment>,
    /// Where a confirmed order waits, if a second person has to agree to it.
    approval: Option<AppState>,
}

impl Calls {
    /// Reads it from the document; and which calls do not say what they need, with the reason.
    pub(crate) fn read(document: &Value) -> (Self, Vec<String>) {
        let (mut calls, mut faults) = (Self::default(), Vec::new());
        let paths = document["paths"].as_object();
        for (path, operations) in paths.into_iter().flatten() {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                    continue;
                };
                let said = said(path, operation).unwrap_or_else(|why| {
                    faults.push(format!("{method} {path} {why}"));
                    UNSAID.clone()
                });
                calls.said.insert((method, path.clone()), said);
            }
        }
        (calls, faults)
    }

    /// The same with a call that the document does not have.
    pub(crate) fn with(mut self, method: Method, path: &str, right: Right) -> Self {
        let said = Said {
            needed: Needed::OneOf(vec![right]),
            confirm: None,
            alone: false,
        };
        self.said.insert((method, path.to_owned()), said);
        self
    }

    /// The same of a server that looks after this.
    pub(crate) fn in_environment(mut self, environment: Option<&Environment>) -> Self {
        self.production = environment.filter(|place| place.production).cloned();
        self
    }

    /// The same of a server where a second person has to agree, if that is so.
    pub(crate) fn approved_in(mut self, state: &AppState) -> Self {
        self.approval = state.approvals.is_some().then(|| state.clone());
        self
    }

    /// What is said of it; none when the router knows no such call either.
    fn of(&self, method: &Method, path: &str) -> Option<&Said> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let found = self.said.get(&(method.clone(), path.to_owned()));
        let is_known = || self.said.keys().any(|(_, known)| known == path);
        found.or_else(|| (!is_known()).then_some(&UNSAID))
    }
}

fn said(path: &str, operation: &Value) -> Result<Said, String> {
    let confirm = match &operation["x-confirm"] {
        Value::Null => None,
        Value::String(part) if path.contains(&format!("{{{part}}}")) => Some(part.clone()),
        other => return Err(format!("is confirmed by {other}, which is no part of it")),
    };
    let alone = operation["x-alone"].as_bool().unwrap_or_default();
    let needed = needed(&operation["security"])?;
    Ok(Said {
        needed,
        confirm,
        alone,
    })
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
        assert_eq!(read.of(&Method::GET, "/api/x"), Some(&UNSAID));
        let (_, faults) = calls(&json!([{"login": ["fly"]}]));
        assert!(faults[0].contains("\"fly\""), "{faults:?}");
        assert_eq!(read.of(&Method::GET, "/api/not-in-it"), Some(&UNSAID));
    }

    #[test]
    fn an_order_is_confirmed_by_a_part_of_its_path_or_is_for_nobody() {
        let read = |part: &Value| {
            let order = json!({"security": [{"login": ["operate"]}], "x-confirm": part});
            Calls::read(&json!({"paths": {"/api/x/{name}/skip": {"post": order}}}))
        };
        let (calls, faults) = read(&json!("name"));
        assert_eq!(faults, Vec::<String>::new());
        let said = calls.of(&Method::POST, "/api/x/{name}/skip").unwrap();
        assert_eq!(said.confirm.as_deref(), Some("name"));
        for wrong in [json!("id"), json!(true)] {
            let (calls, faults) = read(&wrong);
            assert!(faults[0].contains("no part of it"), "{faults:?}");
            let said = calls.of(&Method::POST, "/api/x/{name}/skip");
            assert_eq!(said, Some(&UNSAID));
        }
    }

    #[test]
    fn one_of_several_rights_is_enough_and_a_public_call_needs_none() {
        let (either, _) = calls(&json!([{"login": ["read"]}, {"login": ["subscribe"]}]));
        let said = |needed| Said {
            needed,
            confirm: None,
            alone: false,
        };
        let one_of = said(Needed::OneOf(vec![Right::Read, Right::Subscribe]));
        assert_eq!(either.of(&Method::HEAD, "/api/x"), Some(&one_of));
        let (public, faults) = calls(&json!([{}]));
        let nothing = said(Needed::Nothing);
        assert_eq!(public.of(&Method::GET, "/api/x"), Some(&nothing));
        assert_eq!(
            public.of(&Method::POST, "/api/x"),
            None,
            "the router answers 405"
        );
        assert_eq!(faults, Vec::<String>::new());
    }
}
