//! What each call needs. Each handler says it in its OpenAPI attribute (`security(("login" = ["operate"]))`); it is read from the
//! document here, and checked by `check.rs`, nowhere else. A call that says nothing is refused to everybody. Beside its right an order says
//! whether it is confirmed in production (`extensions(("x-confirm" = json!("name")))`): by the name in that part of its path; and with
//! `("x-alone" = json!(true))` that it takes no second person where others do.

use std::collections::HashMap;

use axum::http::Method;
use highwater_model::{Environment, Right};
use serde_json::Value;

use crate::state::AppState;

/// What a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needed {
    /// Nothing: it is for everybody, before the login as well.
    Nothing,
    /// One of these rights.
    OneOf(Vec<Right>),
    /// It does not say: nobody gets it.
    Unsaid,
}

/// What the document says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// What it needs.
    pub(super) needed: Needed,
    /// The part of its path whose name confirms it in production; none: it is not asked.
    pub(super) confirm: Option<String>,
    /// It is carried out at once also where confirmed orders wait for a second person.
    pub(super) alone: bool,
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
    pub(super) production: Option<Environment>,
    /// Where a confirmed order waits, if a second person has to agree to it.
    pub(super) approval: Option<AppState>,
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
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<&Said> {
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
