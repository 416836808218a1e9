//! Event types and what their data looks like.

use std::collections::{BTreeMap, HashSet};

use highwater_model::{EventTypeSummary, Position, Shape};
use jiff_sqlx::Timestamp;
use serde_json::Value;
use sqlx::types::Json;

use crate::{Store, StoreError};

/// Events that a shape is learned from.
const SAMPLE: i64 = 100;
/// Paths that a shape names at most; data that is keyed by ids has no end of them.
const PATHS: usize = 200;

type Row = (i32, String, i64, i64, i64, Timestamp, Timestamp);

impl Store {
    /// Every event type (1,000 at most), most events first.
    pub async fn event_types(&self) -> Result<Vec<EventTypeSummary>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select t.type_id, t.name, t.count, t.first, t.last, f.recorded_at, l.recorded_at
             from (
               select k.type_id, k.name, sum(b.count)::bigint as count, min(b.first_position) as first, max(b.last_position) as last
               from highwater.type_blocks b join highwater.event_types k using (type_id)
               group by k.type_id, k.name order by 3 desc, k.name limit 1000
             ) t join highwater.events f on f.position = t.first join highwater.events l on l.position = t.last
             order by t.count desc, t.name",
        )
        .fetch_all(self.pool())
        .await?;
        let types: Vec<i32> = rows.iter().map(|row| row.0).collect();
        // Each type's newest events, through the one block that holds the newest of them: no index on the type is needed.
        let samples: Vec<(i32, Json<Value>)> = sqlx::query_as(
            "select t.type_id, e.data from unnest($1::int[]) t(type_id)
             cross join lateral (select b.first_position, b.last_position from highwater.type_blocks b
               where b.type_id = t.type_id order by b.last_position desc limit 1) b
             cross join lateral (select e.data from highwater.events e
               where e.position between b.first_position and b.last_position and e.type_id = t.type_id and pg_column_size(e.data) < 65536
               order by e.position desc limit $2) e",
        )
        .bind(&types)
        .bind(SAMPLE)
        .fetch_all(self.pool())
        .await?;
        let mut by_type: BTreeMap<i32, Vec<Value>> = BTreeMap::new();
        for (type_id, Json(data)) in samples {
            by_type.entry(type_id).or_default().push(data);
        }
        Ok(rows
            .into_iter()
            .map(
                |(type_id, event_type, count, first, last, first_at, last_at)| EventTypeSummary {
                    event_type,
                    count,
                    first_position: Position(first),
                    last_position: Position(last),
                    first_recorded_at: first_at.to_jiff(),
                    last_recorded_at: last_at.to_jiff(),
                    shape: shape(by_type.get(&type_id).map_or(&[], Vec::as_slice)),
                },
            )
            .collect())
    }
}

#[derive(Default)]
struct Seen {
    events: usize,
    example: Option<String>,
}

fn shape(samples: &[Value]) -> Vec<Shape> {
    let mut seen: BTreeMap<(String, &'static str), Seen> = BTreeMap::new();
    for sample in samples {
        // A path counts once an event, however many items of an array have it.
        let mut counted = HashSet::new();
        walk("data", sample, 0, &mut |path, json_type, example| {
            let key = (path.to_owned(), json_type);
            if seen.len() >= PATHS && !seen.contains_key(&key) {
                return;
            }
            let first = counted.insert(key.clone());
            let entry = seen.entry(key).or_default();
            entry.events += usize::from(first);
            if entry.example.is_none() {
                entry.example = example;
            }
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "two numbers up to 100")]
    seen.into_iter()
        .map(|((path, json_type), seen)| Shape {
            path,
            json_type: json_type.to_owned(),
            share: seen.events as f64 / samples.len() as f64,
            example: seen.example,
        })
        .collect()
}

fn walk(
    path: &str,
    value: &Value,
    depth: usize,
    found: &mut impl FnMut(&str, &'static str, Option<String>),
) {
    let short = |text: String| text.chars().take(60).collect::<String>();
    match value {
        Value::Null => found(path, "null", Some("null".to_owned())),
        Value::Bool(truth) => found(path, "boolean", Some(truth.to_string())),
        Value::Number(number) => found(path, "number", Some(short(number.to_string()))),
        Value::String(text) => found(path, "string", Some(short(text.clone()))),
        Value::Array(items) => {
            found(path, "array", None);
            for item in items.iter().take(if depth < 8 { 20 } else { 0 }) {
                walk(&format!("{path}[]"), item, depth + 1, found);
            }
        }
        Value::Object(map) => {
            found(path, "object", None);
            for (key, item) in map.iter().take(if depth < 8 { 100 } else { 0 }) {
                walk(&format!("{path}.{key}"), item, depth + 1, found);
            }
        }
    }
}
