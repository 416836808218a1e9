//! The state of a stream at a version. Without any code of its owner's, the `data` of each event, in order, is merged into what was
//! there (JSON merge patch, RFC 7396): fields of objects one by one, `null` removes a field, anything else replaces what was there.
//! With a definition, each event's outcome comes from elsewhere, and the state becomes that.
//!
//! Values keep the text that the log holds, so a number shows each of its digits; and each knows the version that gave it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{FieldSetBy, StateChange, StateOperation, Version};

/// A state. Cheap to clone for what it holds: texts are shared.
#[derive(Debug, Clone, Default)]
pub struct State(Option<Node>);

#[derive(Debug, Clone)]
enum Node {
    Fields {
        fields: BTreeMap<String, Node>,
        /// The version that made it an object, or took its last field away.
        version: Version,
    },
    /// A text, a number, a list, true, false, null.
    Value { json: Arc<str>, version: Version },
}

/// Levels of fields. What an API's writer sends has 64; SQL takes more, and what is that deep is a value as a whole.
const LEVELS: usize = 200;

/// The fields of an object; none when it is something else, or lies too deep.
fn object(json: &str, level: usize) -> Option<BTreeMap<String, &RawValue>> {
    if level >= LEVELS || !json.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(json).ok()
}

impl State {
    /// Merges an event's data.
    pub fn merge(&mut self, data: &RawValue, version: Version) {
        Node::merge(&mut self.0, data.get(), 0, version);
    }

    /// Becomes what an event made of it. What is the same as before keeps the version that gave it.
    pub fn become_state(&mut self, after: &RawValue, version: Version) {
        self.0 = Some(Node::becomes(self.0.take(), after.get(), 0, version));
    }

    /// As JSON; `null` before the first event.
    pub fn json(&self) -> Box<RawValue> {
        let mut text = String::new();
        match &self.0 {
            Some(node) => node.write(&mut text),
            None => text.push_str("null"),
        }
        raw(text)
    }

    /// Of each field that is no object itself, the version that gave it its value.
    pub fn fields(&self) -> Vec<FieldSetBy> {
        let mut fields = Vec::new();
        if let Some(node) = &self.0 {
            node.fields(&mut String::new(), &mut fields);
        }
        fields
    }

    /// What is to be done to this one to get another (JSON Patch, RFC 6902, with what was there before). Lists are compared as a whole.
    pub fn changes(&self, after: &Self) -> Vec<StateChange> {
        let mut changes = Vec::new();
        changed(
            self.0.as_ref(),
            after.0.as_ref(),
            &mut String::new(),
            &mut changes,
        );
        changes
    }
}

impl Node {
    fn merge(place: &mut Option<Self>, json: &str, level: usize, version: Version) {
        let Some(patch) = object(json, level) else {
            let stays = matches!(place, Some(Self::Value { json: there, .. }) if **there == *json);
            if !stays {
                *place = Some(Self::Value {
                    json: json.into(),
                    version,
                });
            }
            return;
        };
        if !matches!(place, Some(Self::Fields { .. })) {
            *place = Some(Self::Fields {
                fields: BTreeMap::new(),
                version,
            });
        }
        let Some(Self::Fields {
            fields,
            version: since,
        }) = place
        else {
            return;
        };
        let was_empty = fields.is_empty();
        for (name, value) in patch {
            if value.get() == "null" {
                fields.remove(&name);
                continue;
            }
            let mut there = fields.remove(&name);
            Self::merge(&mut there, value.get(), level + 1, version);
            fields.extend(there.map(|node| (name, node)));
        }
        if fields.is_empty() && !was_empty {
            *since = version;
        }
    }

    fn becomes(before: Option<Self>, json: &str, level: usize, version: Version) -> Self {
        let Some(after) = object(json, level) else {
            return match before {
                Some(Self::Value {
                    json: there,
                    version,
                }) if *there == *json => Self::Value {
                    json: there,
                    version,
                },
                _ => Self::Value {
                    json: json.into(),
                    version,
                },
            };
        };
        let (mut there, since, was_empty) = match before {
            Some(Self::Fields { fields, version }) => {
                let was_empty = fields.is_empty();
                (fields, version, was_empty)
            }
            _ => (BTreeMap::new(), version, after.is_empty()),
        };
        let fields: BTreeMap<String, Self> = after
            .into_iter()
            .map(|(name, value)| {
                let node = Self::becomes(there.remove(&name), value.get(), level + 1, version);
                (name, node)
            })
            .collect();
        let version = if fields.is_empty() && !was_empty {
            version
        } else {
            since
        };
        Self::Fields { fields, version }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Value { json, .. } => text.push_str(json),
            Self::Fields { fields, .. } => {
                text.push('{');
                for (number, (name, node)) in fields.iter().enumerate() {
                    if number > 0 {
                        text.push(',');
                    }
                    text.push_str(&quoted(name));
                    text.push(':');
                    node.write(text);
                }
                text.push('}');
            }
        }
    }

    fn json(&self) -> Box<RawValue> {
        let mut text = String::new();
        self.write(&mut text);
        raw(text)
    }

    fn fields(&self, path: &mut String, found: &mut Vec<FieldSetBy>) {
        match self {
            Self::Fields { fields, .. } if !fields.is_empty() => {
                for (name, node) in fields {
                    under(path, name, |path| node.fields(path, found));
                }
            }
            Self::Fields { version, .. } | Self::Value { version, .. } => found.push(FieldSetBy {
                path: path.clone(),
                version: *version,
            }),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value { json, .. }, Self::Value { json: other, .. }) => json == other,
            (Self::Fields { fields, .. }, Self::Fields { fields: others, .. }) => {
                fields.is_empty() && others.is_empty()
            }
            _ => false,
        }
    }
}

fn changed(
    before: Option<&Node>,
    after: Option<&Node>,
    path: &mut String,
    changes: &mut Vec<StateChange>,
) {
    let operation = match (before, after) {
        (None, None) => return,
        (None, Some(_)) => StateOperation::Add,
        (Some(_), None) => StateOperation::Remove,
        (Some(Node::Fields { fields, .. }), Some(Node::Fields { fields: others, .. })) => {
            for (name, node) in fields {
                under(path, name, |path| {
                    changed(Some(node), others.get(name), path, changes);
                });
            }
            for (name, node) in others {
                if !fields.contains_key(name) {
                    under(path, name, |path| changed(None, Some(node), path, changes));
                }
            }
            return;
        }
        (Some(before), Some(after)) if before.is(after) => return,
        (Some(_), Some(_)) => StateOperation::Replace,
    };
    changes.push(StateChange {
        op: operation,
        path: path.clone(),
        value: after.map(Node::json),
        was: before.map(Node::json),
    });
}

/// Does something at a field's JSON Pointer (RFC 6901).
fn under(path: &mut String, name: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    // Writing into a text does not fail.
    let _ = write!(path, "/{}", name.replace('~', "~0").replace('/', "~1"));
    work(path);
    path.truncate(length);
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Made of texts that were JSON, so it is.
fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
