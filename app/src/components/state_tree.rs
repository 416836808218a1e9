//! A state as a tree: each field with the version that gave it its value, those that just changed marked.

use std::collections::{BTreeMap, HashMap};

use highwater_model::{EventHead, StateChange, StateOperation};
use leptos::prelude::*;
use serde_json::value::RawValue;

/// Fields that are shown at most; what else there is, is said.
const FIELDS: usize = 1_000;
/// Letters of a value that are shown.
const LETTERS: usize = 300;

/// What is known of the fields.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// By JSON Pointer, the version that gave the value.
    pub versions: HashMap<String, i64>,
    /// By version, the event.
    pub events: HashMap<i64, EventHead>,
    /// What the newest event added or replaced.
    pub changed: HashMap<String, StateOperation>,
}

impl Known {
    /// Whether a change has just given this field its value, itself or with all around it.
    fn change(&self, path: &str) -> Option<StateOperation> {
        let mut path = path;
        loop {
            if let Some(operation) = self.changed.get(path) {
                return Some(*operation);
            }
            path = &path[..path.rfind('/')?];
        }
    }
}

/// The tree; `href` makes the link to a version.
pub fn tree(json: &str, known: &Known, href: Callback<i64, String>) -> AnyView {
    let mut left = FIELDS;
    let tree = value(json, "", known, href, &mut left);
    let more = (left == 0).then(|| {
        view! { <p class="dim">{format!("The state has more than {FIELDS} fields; the API has all of them.")}</p> }
    });
    view! {
        <div class="tree state" tabindex="0" role="region" aria-label="State">
            {tree}
        </div>
        {more}
    }
    .into_any()
}

fn value(
    json: &str,
    path: &str,
    known: &Known,
    href: Callback<i64, String>,
    left: &mut usize,
) -> AnyView {
    let object = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json).ok();
    let Some(fields) = object.filter(|fields| !fields.is_empty()) else {
        return leaf(json, path, known, href).into_any();
    };
    let rows = fields
        .iter()
        .map_while(|(name, inner)| {
            *left = left.checked_sub(1)?;
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            let inner = value(inner.get(), &path, known, href, left);
            Some(view! {
                <div class="field">
                    <span class="key">{name.clone()}</span>
                    {inner}
                </div>
            })
        })
        .collect_view();
    view! { <div class="fields">{rows}</div> }.into_any()
}

fn leaf(json: &str, path: &str, known: &Known, href: Callback<i64, String>) -> impl IntoView {
    let kind = match json.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'0'..=b'9' | b'-') => "number",
        _ => "word",
    };
    let change = known.change(path).map(|operation| match operation {
        StateOperation::Add => "new",
        StateOperation::Replace | StateOperation::Remove => "changed",
    });
    let by = known.versions.get(path).map(|version| {
        let event = known.events.get(version);
        let title = event.map_or_else(
            || format!("set by version {version}"),
            |event| format!("set by {} at {}", event.event_type, event.occurred_at),
        );
        view! {
            <a class="by" href=href.run(*version) title=title>
                {format!("v{version}")}
            </a>
        }
    });
    view! {
        <span class="leaf" class:changed=change.is_some()>
            <span class=kind>{short(json)}</span>
            {change.map(|word| view! { <span class="tag">{word}</span> })}
            {by}
        </span>
    }
}

/// Steps as a table; `none` is said when there is none.
pub fn changes(changes: Vec<StateChange>, none: &'static str) -> AnyView {
    if changes.is_empty() {
        return view! { <p class="dim">{none}</p> }.into_any();
    }
    let count = changes.len();
    let rows = changes
        .into_iter()
        .take(FIELDS)
        .map(|change| {
            let (class, word) = match change.op {
                StateOperation::Add => ("come", "added"),
                StateOperation::Remove => ("gone", "removed"),
                StateOperation::Replace => ("other", "replaced"),
            };
            let text = |value: Option<Box<RawValue>>| value.map(|value| short(value.get()));
            let path = if change.path.is_empty() {
                "(all of it)".to_owned()
            } else {
                change.path
            };
            view! {
                <tr class=class>
                    <td>{word}</td>
                    <td class="mono path">{path}</td>
                    <td class="mono was">{text(change.was)}</td>
                    <td class="mono is">{text(change.value)}</td>
                </tr>
            }
        })
        .collect_view();
    let more = (count > FIELDS)
        .then(|| view! { <p class="dim">{format!("{FIELDS} of {count} changes are shown.")}</p> });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Changes of the state">
            <table class="changes">
                <thead>
                    <tr>
                        <th>"change"</th>
                        <th>"field"</th>
                        <th>"before"</th>
                        <th>"after"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {more}
    }
    .into_any()
}

fn short(json: &str) -> String {
    let mut text: String = json.chars().take(LETTERS).collect();
    if text.len() < json.len() {
        text.push('…');
    }
    text
}
