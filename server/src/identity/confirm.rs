//! In production an order that changes what readers see, or can lose something, is confirmed: whoever gives it types the name of what
//! it acts on, and sends it along. Which orders that are each handler says (`x-confirm`); `calls.rs` reads it, `check.rs` asks here.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderMap;
use highwater_model::{CONFIRM_HEADER, Environment, Problem};

use crate::api::extract::Path;
use crate::api::problem::{ApiError, internal};
use crate::api::redirect::percent;

/// Gives the request back when it brings the name that stands in this part of its path.
pub(super) async fn confirmed(
    request: Request,
    part: &str,
    environment: &Environment,
) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let path = Path::<HashMap<String, String>>::from_request_parts(&mut parts, &()).await;
    let Path(named) = path.map_err(|ApiError(problem)| problem)?;
    // `calls.rs` has seen that the path has such a part.
    let name = named.get(part).ok_or_else(internal)?;
    let typed = parts.headers.get(CONFIRM_HEADER);
    if typed.is_some_and(|typed| decoded(typed.as_bytes()) == name.as_bytes()) {
        return Ok(Request::from_parts(parts, body));
    }
    Err(confirmation_needed(name, environment))
}

fn confirmation_needed(name: &str, environment: &Environment) -> Problem {
    let place = environment.words();
    let header = percent(name);
    let detail = format!(
        "This server looks after {place}, so nothing was changed yet. Type the name {name} to go on: send it as the header {CONFIRM_HEADER}: {header}"
    );
    Problem::new(428, "confirmation_needed", "Not confirmed", detail)
        .with("confirm", name)
        .with("environment", environment.name.as_str())
}

/// The name that a confirmed order has brought.
pub(super) fn typed(headers: &HeaderMap) -> String {
    let typed = headers.get(CONFIRM_HEADER);
    let typed = typed.map(|typed| decoded(typed.as_bytes()));
    // It was compared with a name, so it is one.
    String::from_utf8(typed.unwrap_or_default()).unwrap_or_default()
}

/// What was percent-encoded; a `%` that begins no code stands for itself.
fn decoded(mut text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        let code = match rest {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = code {
            plain.push(high * 16 + low);
            text = &rest[2..];
        } else {
            plain.push(*first);
            text = rest;
        }
    }
    plain
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_a_name_of_any_letters() {
        let said = |text: &str| String::from_utf8(decoded(text.as_bytes())).unwrap();
        for name in [
            "orders",
            "größe 50% a/b",
            "%",
            "%4",
            "%zz",
            "日本",
            " a ",
            "",
        ] {
            assert_eq!(said(&percent(name)), name);
        }
        assert_eq!(said("gr%c3%b6%C3%9fe"), "größe");
        assert_eq!(said("50%"), "50%");
        assert_eq!(said("a+b"), "a+b");
    }

    #[test]
    fn what_is_to_be_typed_stands_in_the_refusal() {
        let environment = Environment {
            name: "shop eu".to_owned(),
            production: true,
        };
        let problem = confirmation_needed("größe", &environment);
        assert_eq!(problem.facts["confirm"], "größe");
        for words in [
            "production · shop eu",
            "the name größe",
            "Highwater-Confirm: gr%C3%B6%C3%9Fe",
        ] {
            assert!(problem.detail.contains(words), "{}", problem.detail);
        }
    }
}
