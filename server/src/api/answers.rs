//! Answers that any call may give. They are put into the document here, once, so that handlers name what is their own.

use serde_json::{Map, Value, json};

/// Describes them, where a call does not say more of them itself.
pub(crate) fn describe(document: &mut Value) {
    let paths = document["paths"].as_object_mut();
    for (path, operations) in paths.into_iter().flatten() {
        for operation in operations.as_object_mut().into_iter().flatten() {
            if let (_, Value::Object(operation)) = operation {
                add(path, operation);
            }
        }
    }
}

fn add(path: &str, operation: &mut Map<String, Value>) {
    let has = |part: &str| {
        operation.get(part).is_some_and(|part| {
            part.as_object().is_some_and(|part| !part.is_empty())
                || part.as_array().is_some_and(|part| !part.is_empty())
        })
    };
    let (has_body, has_parameters) = (has("requestBody"), has("parameters"));
    let needs_a_right = operation
        .get("security")
        .and_then(Value::as_array)
        .is_some_and(|ways| ways.iter().any(|way| way.get("login").is_some()));
    let mut may: Vec<(&str, &str)> = Vec::new();
    if has_body || has_parameters {
        may.push(("400", "What was asked can't be read, or makes no sense"));
        may.push(("422", "A value is not one that there can be"));
    }
    if has_body {
        may.push(("408", "body_stopped: nothing of the body came for long"));
        may.push(("413", "The body is too large"));
    }
    if needs_a_right {
        may.push(("401", "login_needed, bad_token: it is not known who asks"));
        may.push(("403", "not_allowed: they may not"));
    }
    // What only says how the process is asks nobody else.
    if path.starts_with("/api/") {
        may.push((
            "429",
            "too_many_requests: Retry-After says when to try again",
        ));
        may.push(("503", "The database does not answer, or the server is full; Retry-After says when to try again"));
        may.push(("504", "It took too long and was given up"));
    }
    let may_wait = operation.contains_key("x-confirm") && !operation.contains_key("x-alone");
    let Some(Value::Object(answers)) = operation.get_mut("responses") else {
        return;
    };
    if may_wait {
        let own = answers.remove("202");
        answers.insert("202".to_owned(), own.map_or_else(waits, or_waits));
    }
    for (status, description) in may {
        if !answers.contains_key(status) {
            answers.insert(status.to_owned(), problem(description));
        }
    }
}

/// An order that production confirms, where a second person has to agree.
fn waits() -> Value {
    let schema = json!({"$ref": "#/components/schemas/Approval"});
    json!({"description": "With --approval: it waits for a second person, Location says where", "content": {"application/json": {"schema": schema}}})
}

/// The same of a call that has a 202 of its own.
fn or_waits(mut own: Value) -> Value {
    let waits = waits();
    let words = [&own["description"], &waits["description"]];
    let words: Vec<&str> = words.into_iter().filter_map(Value::as_str).collect();
    let words: Vec<&str> = words.into_iter().filter(|said| !said.is_empty()).collect();
    own["description"] = words.join(". ").into();
    let of = |answer: &Value| answer["content"]["application/json"]["schema"].clone();
    let either = json!({"oneOf": [of(&own), of(&waits)]});
    own["content"]["application/json"]["schema"] = either;
    own
}

fn problem(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": description, "content": {"application/problem+json": {"schema": schema}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(path: &str, operation: &Value) -> Map<String, Value> {
        let mut document = json!({"paths": {path: {"get": operation}}});
        describe(&mut document);
        let answers = document["paths"][path]["get"]["responses"].as_object();
        answers.unwrap().clone()
    }

    #[test]
    fn a_call_gives_the_answers_that_its_kind_may_and_keeps_its_own_words() {
        let own = json!({
            "parameters": [{"name": "id"}], "security": [{"login": ["read"]}],
            "responses": {"200": {}, "403": {"description": "masked"}},
        });
        let answers = answers("/api/x/{id}", &own);
        let statuses: Vec<&str> = answers.keys().map(String::as_str).collect();
        assert_eq!(
            statuses,
            ["200", "400", "401", "403", "422", "429", "503", "504"]
        );
        assert_eq!(answers["403"]["description"], "masked");
    }

    #[test]
    fn an_order_that_may_wait_says_so_beside_its_own_202() {
        let own = json!({"description": "It runs", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}});
        let order = |more: &str| json!({"security": [{}], "x-confirm": "name", more: true, "responses": {"202": own.clone()}});
        let answered = answers("/x/{name}", &order("x-other"));
        let both = &answered["202"];
        let either = both["content"]["application/json"]["schema"]["oneOf"].as_array();
        let either: Vec<&Value> = either.unwrap().iter().map(|one| &one["$ref"]).collect();
        assert_eq!(
            either,
            ["#/components/schemas/Job", "#/components/schemas/Approval"]
        );
        assert!(
            both["description"]
                .as_str()
                .unwrap()
                .starts_with("It runs. With --approval")
        );
        assert_eq!(answers("/x/{name}", &order("x-alone"))["202"], own);
    }

    #[test]
    fn a_call_that_asks_nobody_can_only_be_what_it_says() {
        let own = json!({"security": [{}], "responses": {"200": {}}});
        assert_eq!(answers("/healthz", &own).len(), 1);
    }
}
