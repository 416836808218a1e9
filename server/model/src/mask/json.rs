//! Masking values inside a JSON text. What is not hidden keeps its own text: each digit of a number, the order of keys.

use serde_json::value::RawValue;

use super::MASKED;
use super::path::{MaskKey, below, ends, is_link};
use crate::filter::json::children;

/// Levels of a document that are looked into. What an API's writer sends has 64; SQL takes more, and what is that deep is hidden as a whole.
const LEVELS: usize = 200;

/// The value that stands in the place of a hidden one.
pub(super) fn mask() -> Box<RawValue> {
    raw(quoted(MASKED))
}

/// The document without what the paths lead to.
pub(super) fn masked(document: &RawValue, paths: &[&[MaskKey]]) -> Box<RawValue> {
    let mut text = String::with_capacity(document.get().len());
    value(document.get(), paths, LEVELS, &mut text);
    raw(text)
}

/// The same of metadata, which stays an object and keeps its links. Where all of it is hidden, so are its keys.
pub(super) fn masked_metadata(document: &RawValue, paths: &[&[MaskKey]]) -> Box<RawValue> {
    let all = ends(paths);
    let mut text = String::with_capacity(document.get().len());
    let mut hides = false;
    for (key, child) in children(document.get()) {
        let Some(key) = key else {
            hides = true;
            continue;
        };
        if is_link(&key) && child.starts_with('"') {
            member(&key, child, &[], LEVELS, &mut text);
        } else if all {
            hides = true;
        } else {
            member(&key, child, &below(paths, &key), LEVELS, &mut text);
        }
    }
    if hides {
        member(MASKED, "", &[&[]], LEVELS, &mut text);
    }
    raw(format!("{{{text}}}"))
}

fn value(json: &str, paths: &[&[MaskKey]], levels: usize, text: &mut String) {
    if ends(paths) {
        text.push_str(&quoted(MASKED));
        return;
    }
    let json = json.trim();
    let is_object = json.starts_with('{');
    if paths.is_empty() || !is_object && !json.starts_with('[') {
        text.push_str(json);
        return;
    }
    let Some(levels) = levels.checked_sub(1) else {
        text.push_str(&quoted(MASKED));
        return;
    };
    let mut inside = String::with_capacity(json.len());
    for (key, child) in children(json) {
        match key {
            Some(key) => member(&key, child, &below(paths, &key), levels, &mut inside),
            // A key that can't be read may be one of those that are hidden.
            None if is_object => member(MASKED, child, &[&[]], levels, &mut inside),
            None => {
                comma(&mut inside);
                value(child, paths, levels, &mut inside);
            }
        }
    }
    let (open, close) = if is_object { ('{', '}') } else { ('[', ']') };
    text.push(open);
    text.push_str(&inside);
    text.push(close);
}

fn member(key: &str, child: &str, paths: &[&[MaskKey]], levels: usize, text: &mut String) {
    comma(text);
    text.push_str(&quoted(key));
    text.push(':');
    value(child, paths, levels, text);
}

fn comma(text: &mut String) {
    if !text.is_empty() {
        text.push(',');
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Made of a text that was JSON, so it is. Should it ever not be, nothing of it is seen.
fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MaskPath;

    fn paths(rules: &[&str]) -> Vec<MaskPath> {
        rules
            .iter()
            .map(|rule| MaskPath::parse(rule).unwrap())
            .collect()
    }

    fn seen(document: &str, rules: &[&str]) -> String {
        let paths = paths(rules);
        let keys: Vec<&[MaskKey]> = paths.iter().map(|path| path.keys.as_slice()).collect();
        let document = RawValue::from_string(document.to_owned()).unwrap();
        masked(&document, &keys).get().to_owned()
    }

    #[test]
    fn a_value_is_masked_and_all_else_keeps_its_text() {
        let document = r#"{"total": 1.10, "customer": {"email": "ada@x", "Email": 1e400, "name": "Adä \u0041"}, "a.b": 1, "a": {"b": 2}}"#;
        let cases: [(&[&str], &str); 6] = [
            (
                &["data.customer.email"],
                r#"{"total":1.10,"customer":{"email":"•••","Email":1e400,"name":"Adä \u0041"},"a.b":1,"a":{"b": 2}}"#,
            ),
            (
                &["data.customer", "data.customer.email"],
                r#"{"total":1.10,"customer":"•••","a.b":1,"a":{"b": 2}}"#,
            ),
            (
                &["data.\"a.b\"", "data.total"],
                r#"{"total":"•••","customer":{"email": "ada@x", "Email": 1e400, "name": "Adä \u0041"},"a.b":"•••","a":{"b": 2}}"#,
            ),
            (
                &["data.*"],
                r#"{"total":"•••","customer":"•••","a.b":"•••","a":"•••"}"#,
            ),
            (
                &["data.*.b"],
                r#"{"total":1.10,"customer":{"email":"ada@x","Email":1e400,"name":"Adä \u0041"},"a.b":1,"a":{"b":"•••"}}"#,
            ),
            (&["data"], r#""•••""#),
        ];
        for (rules, expected) in cases {
            assert_eq!(seen(document, rules), expected, "{rules:?}");
        }
        let text = "{\"total\": 1}";
        assert_eq!(seen(text, &[]), text, "nothing is hidden");
        assert_eq!(seen("\"a text\"", &["data.x"]), "\"a text\"");
        assert_eq!(
            seen(r#"{"\u0065mail":"x"}"#, &["data.email"]),
            r#"{"email":"•••"}"#
        );
    }

    #[test]
    fn lists_are_passed_through_however_they_nest() {
        let document = r#"{"items":[{"price":1,"sku":"a"},[{"price":[2,3]}],"price",4],"price":5}"#;
        assert_eq!(
            seen(document, &["data.items.price"]),
            r#"{"items":[{"price":"•••","sku":"a"},[{"price":"•••"}],"price",4],"price":5}"#
        );
        assert_eq!(seen("[1,[2]]", &["data"]), r#""•••""#);
        assert_eq!(
            seen(r#"[{"a":"{\"a\":1}, ]"},{}]"#, &["data.a"]),
            r#"[{"a":"•••"},{}]"#
        );
    }

    #[test]
    fn what_is_deep_or_large_is_masked_as_well() {
        let depth = 64;
        let deep = format!("{}\"secret\"{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let rule = format!("data{}", ".a".repeat(20));
        let found = seen(&deep, &[&rule]);
        assert!(!found.contains("secret"), "{found}");
        let lists = format!(
            "{}{{\"a\":\"secret\"}}{}",
            "[".repeat(depth),
            "]".repeat(depth)
        );
        assert!(!seen(&lists, &["data.a"]).contains("secret"));
        let endless = format!("{}\"secret\"{}", "[".repeat(20_000), "]".repeat(20_000));
        let found = seen(&endless, &["data.a"]);
        assert!(!found.contains("secret") && found.contains(MASKED));
        assert_eq!(seen(&endless, &[]), endless);
        let large = format!(
            "{{\"pad\":\"{}\",\"list\":[{}]}}",
            "x".repeat(500_000),
            vec![r#"{"n":1,"email":"secret"}"#; 20_000].join(", ")
        );
        let found = seen(&large, &["data.list.email"]);
        assert!(!found.contains("secret"));
        assert_eq!(found.matches(MASKED).count(), 20_000);
        let read: serde_json::Value = serde_json::from_str(&found).unwrap();
        assert_eq!(read["list"][19_999]["n"], 1);
    }

    #[test]
    fn metadata_stays_an_object_with_its_links() {
        let document =
            r#"{"service":"crm","correlation_id":"0192","ip":"10.0.0.7","device":{"id":"x"}}"#;
        let seen = |rules: &[&str]| {
            let paths = paths(rules);
            let keys: Vec<&[MaskKey]> = paths.iter().map(|path| path.keys.as_slice()).collect();
            let document = RawValue::from_string(document.to_owned()).unwrap();
            masked_metadata(&document, &keys).get().to_owned()
        };
        assert_eq!(
            seen(&["metadata.ip"]),
            r#"{"service":"crm","correlation_id":"0192","ip":"•••","device":{"id":"x"}}"#
        );
        assert_eq!(
            seen(&["metadata.*"]),
            r#"{"service":"crm","correlation_id":"0192","ip":"•••","device":"•••"}"#
        );
        assert_eq!(
            seen(&["metadata"]),
            r#"{"service":"crm","correlation_id":"0192","•••":"•••"}"#,
            "keys may tell something, too"
        );
    }
}
