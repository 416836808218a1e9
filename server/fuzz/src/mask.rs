//! Rules of masking; an input is the types, the path and, on all other lines, the data of an event.

use highwater_model::filter::Filter;
use highwater_model::{MASKED, Mask, MaskPath, MaskRule, MaskTypes, Role};
use serde_json::Value;

use super::event::{NOW, event, json};

pub(crate) const WORDS: &[&str] = &[
    "*",
    "Order*",
    "OrderPlaced",
    ",",
    "\n",
    "data",
    "metadata",
    ".",
    ".a",
    ".*",
    ".\"",
    "\"",
    "\\",
    "[]",
    "b",
    "ä",
    "•••",
    " ",
    "{\"a\":",
    "{\"\\u0061\":",
    "\"secret\"",
    "[",
    "]",
    "}",
    ":",
    "1e400",
    "\\ud800",
];

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(3, '\n');
    let [types, path, data] = [0; 3].map(|_| parts.next().unwrap_or_default());
    if let Ok(found) = MaskTypes::parse(types) {
        assert_eq!(MaskTypes::parse(&found.to_string()).as_ref(), Ok(&found));
    }
    if let Ok(found) = MaskPath::parse(path) {
        let shown = found.to_string();
        assert_eq!(MaskPath::parse(&shown).as_ref(), Ok(&found));
        hides(&shown, data);
    }
    let mask = mask("Order*", path);
    if let Ok(filter) = Filter::parse(types) {
        let seen = mask.line(types);
        assert!(
            Filter::parse(&seen).is_ok(),
            "{types:?} is seen as {seen:?}"
        );
        if mask.hides_from(&filter).is_none() {
            assert_eq!(seen, types);
        }
    }
}

/// A rule for viewers, whether there can be one or not.
fn mask(types: &str, path: &str) -> Mask {
    let rule = MaskRule {
        id: 1,
        types: types.to_owned(),
        path: path.to_owned(),
        visible_to: Role::Admin,
        created_by: "root".to_owned(),
        created_at: NOW,
        reason: String::new(),
    };
    Mask::of(&[rule], Some(Role::Viewer), &[])
}

fn hides(path: &str, data: &str) {
    let mask = mask("*", path);
    let Some(event) = event(json(data)) else {
        return;
    };
    let Some(seen) = mask.event(&event) else {
        panic!("{path} hides nothing");
    };
    let again = mask.event(&seen).map(|event| event.data.get().to_owned());
    assert_eq!(
        again.as_deref(),
        Some(seen.data.get()),
        "{path} on {data:?}"
    );

    // Against the plainest way to do it, where that is possible: no key in quotes, and what serde_json reads as a value.
    let Some(keys) = path.strip_prefix("data").filter(|keys| !keys.contains('"')) else {
        return;
    };
    let keys: Vec<&str> = keys.split('.').skip(1).collect();
    if let Ok(mut expected) = serde_json::from_str::<Value>(event.data.get()) {
        hide(&mut expected, &keys);
        let found = serde_json::from_str::<Value>(seen.data.get()).ok();
        assert_eq!(found, Some(expected), "{path} on {data:?}");
    }
}

fn hide(value: &mut Value, keys: &[&str]) {
    let Some((key, left)) = keys.split_first() else {
        *value = MASKED.into();
        return;
    };
    match value {
        Value::Array(items) => {
            for item in items {
                hide(item, keys);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                if *key == "*" || name == key {
                    hide(value, left);
                }
            }
        }
        _ => {}
    }
}
