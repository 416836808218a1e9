//! States; each line of an input is the data of an event.

use highwater_model::{State, Version};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub(crate) const WORDS: &[&str] = &[
    "{\"a\":",
    "{\"b\":",
    "{\"\":",
    "{\"a/b~c\":",
    "{\"\\u0061\":",
    "}",
    ",\"a\":",
    "[",
    "]",
    ",",
    "null",
    "1",
    "1.0",
    "-0",
    "1e400",
    "{}",
    "\"x\"",
    "\"\\ud800\"",
    "\n",
    " ",
];

/// Events of a stream; more tell nothing new.
const EVENTS: usize = 16;

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut state = State::default();
    // What RFC 7396 says; none once an event holds what serde_json does not read as a value.
    let mut plain = Some(Value::Null);
    for (version, line) in (0..).zip(text.lines().take(EVENTS)) {
        let Ok(data) = RawValue::from_string(line.to_owned()) else {
            continue;
        };
        let before = state.clone();
        state.merge(&data, Version(version));
        let said = serde_json::from_str::<Value>(data.get()).ok();
        plain = plain.zip(said).map(|(mut plain, patch)| {
            merge_patch(&mut plain, patch);
            plain
        });
        holds(&before, &state, plain.as_ref());
    }
}

fn holds(before: &State, state: &State, plain: Option<&Value>) {
    let json = state.json();
    if let Some(plain) = plain {
        let found = serde_json::from_str::<Value>(json.get()).ok();
        assert_eq!(found.as_ref(), Some(plain));
        for field in state.fields() {
            assert!(plain.pointer(&field.path).is_some(), "{field:?} of {plain}");
        }
    }
    let mut same = before.clone();
    same.become_state(&json, Version(0));
    assert_eq!(same.json().get(), json.get());
    assert!(state.changes(&same).is_empty(), "{json}");
}

/// JSON merge patch as RFC 7396 writes it down.
fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge_patch(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}
