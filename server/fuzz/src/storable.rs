//! What of JSON the database could not store, and how deep it nests.

use highwater_model::{Limits, ProposedEvent, StreamName};
use highwater_store::{LimitError, StoreError, probe};
use serde_json::value::RawValue;

pub(crate) const WORDS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "{\"a\":",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud83d",
    "\\ude00",
    "\\\\",
    "\\\"",
    "u0000",
    "\"a\"",
    "ä",
    "1",
    "-",
    ".",
    "e",
    "1e10000",
    "1e-10001",
    "0.5e-9999",
    "null",
    " ",
    "\"correlation_id\":",
    "\"01890000-0000-7000-8000-000000000002\"",
];

/// From here on a number may be refused.
const LONG: usize = 1_000;

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(json) = RawValue::from_string(text.to_owned()) else {
        return;
    };
    let limits = Limits::default();
    let found = Found::of(json.get());
    let told = probed(&json, None, &limits);
    match told {
        Ok(()) => {
            assert!(found.depth <= limits.json_depth, "{json}");
            assert!(!found.bad_text, "{json}");
        }
        Err(StoreError::Limit(LimitError::JsonDepth { .. })) => {
            assert!(found.depth > limits.json_depth, "{json}");
        }
        Err(StoreError::Limit(LimitError::NotStorable { what, .. })) => {
            let number = what.contains("number") && found.far_number;
            assert!(number || found.bad_text, "{json}: {what}");
        }
        Err(StoreError::Limit(LimitError::EventBytes { bytes, .. })) => {
            assert!(bytes > limits.event_bytes);
        }
        Err(error) => panic!("{json}: {error}"),
    }
    // As metadata it is refused or taken; what it says of correlation and causation is read on the way.
    let _ = probed(&json, Some(json.clone()), &limits);
}

fn probed(
    data: &RawValue,
    metadata: Option<Box<RawValue>>,
    limits: &Limits,
) -> Result<(), StoreError> {
    let Ok(stream) = StreamName::new("order-1") else {
        return Ok(());
    };
    let event = ProposedEvent {
        event_type: "OrderPlaced".to_owned(),
        data: data.to_owned(),
        id: None,
        occurred_at: None,
        metadata,
    };
    probe::check_event(&stream, event, limits)
}

/// What `serde_json` says of a JSON text.
struct Found {
    depth: usize,
    /// A text that no `String` is, or one that holds a NUL.
    bad_text: bool,
    /// A number with an exponent, or a long one.
    far_number: bool,
}

impl Found {
    fn of(json: &str) -> Self {
        let (mut depth, mut deepest) = (0_usize, 0);
        let (mut bad_text, mut far_number) = (false, false);
        let mut left = json;
        while let Some(first) = left.chars().next() {
            let mut end = first.len_utf8();
            match first {
                '{' | '[' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                '}' | ']' => depth -= 1,
                '"' => {
                    let mut texts =
                        serde_json::Deserializer::from_str(left).into_iter::<&RawValue>();
                    end = match texts.next() {
                        Some(Ok(text)) => text.get().len(),
                        _ => left.len(),
                    };
                    let text = serde_json::from_str::<String>(&left[..end]);
                    bad_text |= text.map_or(true, |text| text.contains('\0'));
                }
                '-' | '0'..='9' => {
                    end = left
                        .find([',', ']', '}', ' ', '\t', '\n', '\r'])
                        .unwrap_or(left.len());
                    far_number |= end > LONG || left[..end].contains(['e', 'E']);
                }
                _ => {}
            }
            left = &left[end..];
        }
        Self {
            depth: deepest,
            bad_text,
            far_number,
        }
    }
}
