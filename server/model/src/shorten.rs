//! Long data in short: what a list or a page shows of an event that is too long to be shown.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{EventWithCauses, RecordedEvent, StreamState};

/// Fields that are left of an object.
const FIELDS: usize = 6;
/// Letters that are left of a text.
const LETTERS: usize = 160;
/// What metadata keeps whatever its length: links are made of them.
const LINKS: [&str; 5] = [
    "correlation_id",
    "causation_id",
    "actor",
    "service",
    "traceparent",
];

impl RecordedEvent {
    /// Gives data of more than so many bytes in short, and says in `data_bytes` how many there are; metadata the same.
    pub fn shorten(&mut self, bytes: usize) {
        if self.data.get().len() > bytes {
            self.data_bytes = i64::try_from(self.data.get().len()).ok();
            self.data = short(&self.data, &[]);
        }
        if self.metadata.get().len() > bytes {
            self.metadata = short(&self.metadata, &LINKS);
        }
    }
}

impl EventWithCauses {
    /// The same; of what caused it and what it caused, a line each is shown at most.
    pub fn shorten(&mut self, bytes: usize) {
        self.event.shorten(bytes);
        for other in self.cause.iter_mut().chain(&mut self.effects) {
            other.shorten(bytes.min(1_000));
        }
    }
}

impl StreamState {
    /// The same for its event and what that changed; the state itself stays whole.
    pub fn shorten(&mut self, bytes: usize) {
        self.event.shorten(bytes);
        let changes = self.changes.iter_mut();
        let values = changes.flat_map(|change| [&mut change.value, &mut change.was]);
        for value in values.flatten() {
            if value.get().len() > bytes {
                *value = short(value, &[]);
            }
        }
    }
}

/// The first fields of an object with short values; of anything else, how it begins or how many it holds.
fn short(json: &RawValue, kept: &[&str]) -> Box<RawValue> {
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json.get()) else {
        return brief(json);
    };
    let (first, rest): (Vec<_>, Vec<_>) = fields
        .into_iter()
        .partition(|(name, _)| kept.contains(&name.as_str()));
    let left: BTreeMap<String, Box<RawValue>> = first
        .into_iter()
        .chain(rest)
        .take(FIELDS.max(kept.len()))
        .map(|(name, value)| (cut(&name), brief(value)))
        .collect();
    serde_json::value::to_raw_value(&left).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A short value as it is; a long text cut, a long list or object as how many it holds.
fn brief(json: &RawValue) -> Box<RawValue> {
    let text = json.get();
    if text.len() <= LETTERS {
        return json.to_owned();
    }
    let words = if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
        format!("[{}]", items.len())
    } else if let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
        format!("{{{}}}", fields.len())
    } else if let Ok(text) = serde_json::from_str::<String>(text) {
        cut(&text)
    } else {
        // A number of very many digits.
        cut(text)
    };
    serde_json::value::to_raw_value(&words).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shortened(data: &Value, kept: &[&str]) -> Value {
        let raw = serde_json::value::to_raw_value(data).unwrap();
        let short = short(&raw, kept);
        assert!(short.get().len() < 2_500, "{}", short.get().len());
        serde_json::from_str(short.get()).unwrap()
    }

    #[test]
    fn what_is_long_is_told_in_short() {
        let long = "ü".repeat(500_000);
        let told = shortened(
            &json!({"a": long, "b": vec![1; 400], "c": {"x": long}, "d": 7, "e": [1], "f": null, "g": 1}),
            &[],
        );
        let cut = format!("{}…", "ü".repeat(160));
        assert_eq!(
            told,
            json!({"a": cut, "b": "[400]", "c": "{1}", "d": 7, "e": [1], "f": null})
        );
        assert_eq!(shortened(&json!(vec![1; 400]), &[]), json!("[400]"));
        assert_eq!(shortened(&json!(long), &[]), json!(cut));
    }

    #[test]
    fn links_stay_whatever_comes_before_them() {
        let mut fields: BTreeMap<String, String> =
            (0..50).map(|n| (format!("a{n}"), "x".repeat(99))).collect();
        fields.insert("correlation_id".to_owned(), "c".to_owned());
        fields.insert("service".to_owned(), "s".to_owned());
        let told = shortened(&json!(fields), &LINKS);
        assert_eq!(
            (&told["correlation_id"], &told["service"]),
            (&json!("c"), &json!("s"))
        );
    }
}
