//! The state of a stream, against the plainest way to say what it is.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

use highwater_model::{State, StateOperation, Version};
use proptest::prelude::*;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// JSON merge patch as RFC 7396 writes it down.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge_patch(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

type Step = fn(&mut State, &RawValue, Version);

/// Each state of a stream, before its first event and after each.
fn states(events: &[Value], step: Step) -> Vec<State> {
    let mut states = vec![State::default()];
    for (version, data) in (0..).zip(events) {
        let mut state = states.last().unwrap().clone();
        step(&mut state, &to_raw_value(data).unwrap(), Version(version));
        states.push(state);
    }
    states
}

fn value(state: &State) -> Value {
    serde_json::from_str(state.json().get()).unwrap()
}

/// Does what a change says, to any JSON.
fn apply(target: &mut Value, change: &highwater_model::StateChange) {
    let value = |raw: &Option<Box<serde_json::value::RawValue>>| -> Option<Value> {
        raw.as_ref()
            .map(|raw| serde_json::from_str(raw.get()).unwrap())
    };
    let (new, was) = (value(&change.value), value(&change.was));
    if change.path.is_empty() {
        *target = new.unwrap_or(Value::Null);
        return;
    }
    let (parent, name) = change.path.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    let fields = target.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert_eq!(fields.get(&name), was.as_ref(), "{}", change.path);
    match change.op {
        StateOperation::Remove => drop(fields.remove(&name)),
        StateOperation::Add | StateOperation::Replace => {
            fields.insert(name, new.unwrap());
        }
    }
}

fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(json!([1, 2])),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::btree_map("[a-c/~]{1,2}", inner, 0..3)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn a_state_is_the_merge_of_the_first_events(events in prop::collection::vec(data(), 1..8)) {
        let mut plain = Value::Null;
        for (state, data) in states(&events, State::merge)[1..].iter().zip(&events) {
            merge_patch(&mut plain, data);
            prop_assert_eq!(&value(state), &plain);
        }
    }

    #[test]
    fn a_state_becomes_what_it_is_said_to_be(events in prop::collection::vec(data(), 1..8)) {
        for (state, said) in states(&events, State::become_state)[1..].iter().zip(&events) {
            prop_assert_eq!(&value(state), said);
        }
    }

    #[test]
    fn changes_lead_from_any_state_to_any_other(events in prop::collection::vec(data(), 2..6)) {
        let mut states = states(&events, State::merge);
        states.extend(self::states(&events, State::become_state));
        for before in &states {
            for after in &states {
                let mut target = value(before);
                for change in before.changes(after) {
                    apply(&mut target, &change);
                }
                prop_assert_eq!(target, value(after));
            }
        }
    }

    #[test]
    fn a_field_was_set_by_the_event_since_which_it_has_its_value(events in prop::collection::vec(data(), 1..8)) {
        for step in [State::merge, State::become_state] {
            let states = states(&events, step);
            let values: Vec<Value> = states.iter().map(value).collect();
            let last = values.last().unwrap();
            for field in states.last().unwrap().fields() {
                let now = last.pointer(&field.path).unwrap();
                // Back from the end, as long as it is the same.
                let same = values.iter().rev().take_while(|state| state.pointer(&field.path) == Some(now)).count();
                let since = i64::try_from(values.len() - same).unwrap() - 1;
                prop_assert_eq!(field.version.0, since.max(0), "{} of {:?}", field.path, events);
            }
        }
    }
}

#[test]
fn what_nests_without_end_is_a_state_as_well() {
    let deep = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
    let deep = RawValue::from_string(deep).unwrap();
    for step in [State::merge, State::become_state] {
        let mut state = State::default();
        step(&mut state, &deep, Version(0));
        step(&mut state, &deep, Version(1));
        assert_eq!(state.json().get(), deep.get());
        assert_eq!(state.fields()[0].version, Version(0));
        assert_eq!(State::default().changes(&state).len(), 1);
    }
}

#[test]
fn numbers_keep_their_digits() {
    let mut state = State::default();
    let data = r#"{"cents": 12345678901234567890123.10, "of": {"it": 1e400}}"#;
    state.merge(serde_json::from_str(data).unwrap(), Version(0));
    assert_eq!(
        state.json().get(),
        r#"{"cents":12345678901234567890123.10,"of":{"it":1e400}}"#
    );
}
