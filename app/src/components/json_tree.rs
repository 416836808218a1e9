//! JSON as a tree that folds. Scalars keep the text that the log holds, so a number shows each of its digits.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::value::RawValue;

/// Nested deeper than this, the rest is shown as text.
const DEPTH: usize = 16;

/// A JSON value as a tree.
#[component]
pub fn JsonTree(
    /// Its text.
    json: String,
) -> impl IntoView {
    view! { <div class="tree">{value(json, 0)}</div> }
}

fn value(json: String, depth: usize) -> AnyView {
    if depth < DEPTH {
        if let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&json) {
            return fold(
                fields.len(),
                ('{', '}'),
                depth,
                fields
                    .into_iter()
                    .map(|(key, inner)| field(key, &inner, depth))
                    .collect(),
            );
        }
        if let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(&json) {
            let rows = items
                .iter()
                .enumerate()
                .map(|(at, inner)| field(at.to_string(), inner, depth))
                .collect();
            return fold(items.len(), ('[', ']'), depth, rows);
        }
    }
    let class = match json.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'0'..=b'9' | b'-') => "number",
        _ => "word",
    };
    view! { <span class=class>{json}</span> }.into_any()
}

fn field(key: String, inner: &RawValue, depth: usize) -> AnyView {
    view! {
        <div class="field">
            <span class="key">{key}</span>
            {value(inner.get().to_owned(), depth + 1)}
        </div>
    }
    .into_any()
}

fn fold(count: usize, (open, close): (char, char), depth: usize, rows: Vec<AnyView>) -> AnyView {
    if count == 0 {
        return view! { <span class="word">{format!("{open}{close}")}</span> }.into_any();
    }
    if depth == 0 {
        return view! { <div>{rows}</div> }.into_any();
    }
    let noun = match (open, count) {
        ('{', 1) => "field",
        ('{', _) => "fields",
        (_, 1) => "item",
        _ => "items",
    };
    view! {
        <details open=depth < 2>
            <summary>{format!("{open} {count} {noun} {close}")}</summary>
            {rows}
        </details>
    }
    .into_any()
}
