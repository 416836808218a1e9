//! The document that describes the API.

use serde_json::Value;

use crate::running::Running;

/// Every `$ref` in it.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                found.push(reference);
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_schema_that_the_document_names_is_in_it() {
    let server = Running::start().await;
    let (_, document) = server.get("/api/openapi.json").await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(
        found.contains(&"#/components/schemas/ReadModelLag"),
        "{found:?}"
    );
    for reference in found {
        let path = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(path).is_some(),
            "{reference} leads nowhere"
        );
    }
}

#[tokio::test]
async fn every_read_model_call_says_how_it_refuses() {
    let server = Running::start().await;
    let (_, document) = server.get("/api/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    let calls = paths
        .iter()
        .filter(|(path, _)| path.starts_with("/api/read-models/"));
    let mut checked = 0;
    for (path, call) in calls {
        for (method, call) in call.as_object().unwrap() {
            let responses = call["responses"].as_object().unwrap();
            let refusals = responses
                .iter()
                .filter(|(status, _)| status.starts_with('4'));
            let mut count = 0;
            for (_, refusal) in refusals {
                count += 1;
                assert!(
                    refusal["content"].get("application/problem+json").is_some(),
                    "{method} {path}"
                );
            }
            assert!(count > 0, "{method} {path}");
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
}
