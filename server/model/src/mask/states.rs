//! What is hidden of states, which hold what events have said at the same paths, and of examples.

use std::collections::{HashMap, HashSet};

use super::path::{MaskKey, below, ends};
use super::{MASKED, Mask, json};
use crate::filter::{Glob, Root};
use crate::{FieldSetBy, Shape, StateChange, StateDifference, StateOperation, StreamState};

impl Mask {
    /// Masks a state with its event and what that changed.
    pub fn state(&self, state: &mut StreamState) {
        if let Some(event) = self.event(&state.event) {
            state.event = event;
        }
        let paths = self.of_any_type();
        if paths.is_empty() {
            return;
        }
        state.state = json::masked(&state.state, &paths);
        state.changes = changes(std::mem::take(&mut state.changes), &paths);
        state.fields = fields(std::mem::take(&mut state.fields), &paths);
    }

    /// Masks the difference of two states.
    pub fn difference(&self, difference: &mut StateDifference) {
        let paths = self.of_any_type();
        if !paths.is_empty() {
            difference.changes = changes(std::mem::take(&mut difference.changes), &paths);
        }
    }

    /// Masks the examples of a type's fields. What is below a hidden field is a part of it, its keys as well.
    pub fn shape(&self, event_type: &str, shape: &mut Vec<Shape>) {
        for path in self.paths(event_type, Root::Data) {
            let (here, inside) = written(path);
            shape.retain(|one| !inside.matches(&plain(&one.path)));
            for one in shape
                .iter_mut()
                .filter(|one| here.matches(&plain(&one.path)))
            {
                if one.example.is_some() {
                    one.example = Some(MASKED.to_owned());
                }
            }
        }
    }

    /// Whatever a rule is about: a state does not tell which of its events said what.
    fn of_any_type(&self) -> Vec<&[MaskKey]> {
        let rules = self
            .0
            .iter()
            .filter(|hidden| hidden.path.root == Root::Data);
        rules.map(|hidden| hidden.path.keys.as_slice()).collect()
    }
}

/// Where a JSON Pointer leads.
enum Place<'a> {
    /// To what is hidden, or into it: this much of the pointer leads there.
    Hidden(String),
    /// To what may hold something hidden, at these paths below it.
    Seen(Vec<&'a [MaskKey]>),
}

fn place<'a>(pointer: &str, paths: &[&'a [MaskKey]]) -> Place<'a> {
    let mut left = paths.to_vec();
    let mut so_far = String::new();
    for part in pointer.split('/').skip(1) {
        if ends(&left) {
            break;
        }
        left = below(&left, &part.replace("~1", "/").replace("~0", "~"));
        so_far.push('/');
        so_far.push_str(part);
    }
    if ends(&left) {
        Place::Hidden(so_far)
    } else {
        Place::Seen(left)
    }
}

/// Several changes inside of what is hidden are one.
fn changes(all: Vec<StateChange>, paths: &[&[MaskKey]]) -> Vec<StateChange> {
    let mut hidden = HashSet::new();
    let mut seen: Vec<StateChange> = Vec::with_capacity(all.len());
    for mut change in all {
        match place(&change.path, paths) {
            Place::Hidden(path) if hidden.contains(&path) => continue,
            Place::Hidden(path) => {
                hidden.insert(path.clone());
                if path == change.path {
                    change.value = change.value.map(|_| json::mask());
                    change.was = change.was.map(|_| json::mask());
                } else {
                    change = StateChange {
                        op: StateOperation::Replace,
                        path,
                        value: Some(json::mask()),
                        was: Some(json::mask()),
                    };
                }
            }
            Place::Seen(left) if left.is_empty() => {}
            Place::Seen(left) => {
                let values = [&mut change.value, &mut change.was];
                for value in values.into_iter().flatten() {
                    *value = json::masked(value, &left);
                }
            }
        }
        seen.push(change);
    }
    seen
}

/// Of fields inside of what is hidden, that something is there, and the newest version that gave it.
fn fields(all: Vec<FieldSetBy>, paths: &[&[MaskKey]]) -> Vec<FieldSetBy> {
    let mut hidden: HashMap<String, usize> = HashMap::new();
    let mut seen: Vec<FieldSetBy> = Vec::with_capacity(all.len());
    for mut field in all {
        if let Place::Hidden(path) = place(&field.path, paths) {
            if let Some(there) = hidden.get(&path).and_then(|at| seen.get_mut(*at)) {
                there.version = there.version.max(field.version);
                continue;
            }
            hidden.insert(path.clone(), seen.len());
            field.path = path;
        }
        seen.push(field);
    }
    seen
}

/// A path as the examples of a type are named, and all that is below it. A key may hold dots, which nobody can tell apart there: rather one
/// example too many is hidden.
fn written(path: &[MaskKey]) -> (Glob, Glob) {
    let mut here = vec!["data".to_owned()];
    for key in path {
        let name = match key {
            MaskKey::Named(name) => plain(name),
            MaskKey::Any => String::new(),
        };
        if let Some(last) = here.last_mut() {
            last.push('.');
            last.push_str(&name);
        }
        if *key == MaskKey::Any {
            here.push(String::new());
        }
    }
    let mut inside = here.clone();
    if let Some(last) = inside.last_mut() {
        last.push('.');
    }
    inside.push(String::new());
    let glob = |parts| Glob {
        parts,
        quoted: false,
    };
    (glob(here), glob(inside))
}

/// Lists are passed through, so their brackets say nothing.
fn plain(path: &str) -> String {
    path.replace("[]", "")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::rules::tests::{event, mask};
    use super::*;

    fn state(state: &Value, changes: &Value, fields: &Value) -> StreamState {
        let data = json!({"customer": {"email": "secret"}});
        let text = json!({
            "stream": "customer-1", "version": 3, "last_version": 3, "by": "merge", "state": state, "changes": changes, "fields": fields,
            "set_by": [], "event": event("CustomerMoved", &data),
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_state_is_masked_where_its_events_are_and_what_they_changed_as_well() {
        let mut found = state(
            &json!({"customer": {"email": "secret", "name": "Ada"}, "vault": {"secret-key": {"a": "secret"}}, "n": 1}),
            &json!([
                {"op": "add", "path": "/customer", "value": {"email": "secret", "name": "Ada"}},
                {"op": "replace", "path": "/customer/email", "value": "secret", "was": "secret2"},
                {"op": "remove", "path": "/vault/secret-key/a", "was": "secret"},
                {"op": "add", "path": "/vault/secret-other", "value": 1},
                {"op": "replace", "path": "/n", "value": 1, "was": 0},
            ]),
            &json!([
                {"path": "/customer/email", "version": 1},
                {"path": "/n", "version": 2},
                {"path": "/vault/secret-key/a", "version": 0},
                {"path": "/vault/secret-other", "version": 3},
            ]),
        );
        let mask = mask(&[("*", "data.customer.email"), ("OrderPlaced", "data.vault")]);
        mask.state(&mut found);
        let text = serde_json::to_string(&found).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let seen: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            seen["state"]["customer"],
            json!({"email": MASKED, "name": "Ada"})
        );
        assert_eq!(seen["state"]["vault"], MASKED);
        let paths = |of: &str| -> Vec<String> {
            let all = seen[of].as_array().unwrap();
            all.iter()
                .map(|one| one["path"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            paths("changes"),
            ["/customer", "/customer/email", "/vault", "/n"]
        );
        assert_eq!(seen["changes"][0]["value"]["name"], "Ada");
        assert_eq!(seen["changes"][1]["op"], "replace");
        assert_eq!(seen["changes"][3]["was"], 0);
        assert_eq!(paths("fields"), ["/customer/email", "/n", "/vault"]);
        assert_eq!(seen["fields"][2]["version"], 3, "the newest");
    }

    #[test]
    fn a_state_of_which_everything_is_hidden_has_nothing_left() {
        let changes = json!([{"op": "add", "path": "/a", "value": "secret"}, {"op": "add", "path": "/secret", "value": 1}]);
        let fields = json!([{"path": "/a", "version": 1}, {"path": "/secret", "version": 2}]);
        let mut found = state(&json!({"a": "secret", "secret": 1}), &changes, &fields);
        mask(&[("*", "data")]).state(&mut found);
        let seen = serde_json::to_value(&found.fields).unwrap();
        assert_eq!(seen, json!([{"path": "", "version": 2}]));
        assert_eq!(found.state.get(), "\"•••\"");
        assert_eq!(found.changes.len(), 1);
        assert!(!serde_json::to_string(&found).unwrap().contains("secret"));
    }

    #[test]
    fn examples_are_masked_and_what_is_inside_of_a_hidden_field_is_not_named() {
        let one = |path: &str, example: Option<&str>| Shape {
            path: path.to_owned(),
            json_type: "string".to_owned(),
            share: 1.0,
            example: example.map(str::to_owned),
            is_new: None,
        };
        let all = || {
            vec![
                one("data", None),
                one("data.customer", None),
                one("data.customer.email", Some("secret")),
                one("data.items[].price", Some("secret")),
                one("data.vault", None),
                one("data.vault.secret", Some("secret")),
                one("data.a.b", Some("secret")),
                one("data.n", Some("7")),
            ]
        };
        let mask = mask(&[
            ("Customer*", "data.customer.email"),
            ("Customer*", "data.items.price"),
            ("Customer*", "data.vault"),
            ("Customer*", "data.\"a.b\""),
        ]);
        let mut shape = all();
        mask.shape("CustomerMoved", &mut shape);
        let paths: Vec<&str> = shape.iter().map(|one| one.path.as_str()).collect();
        assert!(!paths.contains(&"data.vault.secret"), "{paths:?}");
        assert_eq!(paths.len(), all().len() - 1, "{paths:?}");
        for one in &shape {
            assert_ne!(one.example.as_deref(), Some("secret"), "{}", one.path);
        }
        assert_eq!(shape.last().unwrap().example.as_deref(), Some("7"));
        let mut other = all();
        mask.shape("OrderPlaced", &mut other);
        assert_eq!(other, all());
    }
}
