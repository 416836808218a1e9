//! Event types and what their data looks like.

use std::collections::{BTreeMap, HashSet};

use highwater_model::{EventTypeSummary, NewShapes, Position, Shape};
use jiff_sqlx::Timestamp;
use serde_json::Value;
use sqlx::types::Json;

use crate::{Store, StoreError};

/// Events that a shape is learned from.
const SAMPLE: i64 = 100;
/// Paths that a shape names at most; data that is keyed by ids has no end of them.
const PATHS: usize = 200;

/// Events from before the last day that are looked through for what the newest ones have.
const EARLIER: i64 = 1_000;
/// Larger data is not sampled, bytes as they are stored.
const SAMPLE_BYTES: i32 = 65_536;

/// Types that are looked through at most for what is new in them.
const LOOKED_THROUGH: i64 = 200;

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
        let samples = self.samples(&types, i64::MAX, SAMPLE).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let newest = samples.get(&row.0).map_or(&[][..], Vec::as_slice);
                summary(row, shape(newest))
            })
            .collect())
    }

    /// One event type, with what is new in its data; none when no event has it.
    pub async fn event_type(&self, name: &str) -> Result<Option<EventTypeSummary>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select t.type_id, t.name, t.count, t.first, t.last, f.recorded_at, l.recorded_at
             from (
               select k.type_id, k.name, sum(b.count)::bigint as count, min(b.first_position) as first, max(b.last_position) as last
               from highwater.type_blocks b join highwater.event_types k using (type_id) where k.name = $1
               group by k.type_id, k.name
             ) t join highwater.events f on f.position = t.first join highwater.events l on l.position = t.last",
        )
        .bind(name)
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let yesterday = self.yesterday().await?;
        let newest = self.samples(&[row.0], i64::MAX, SAMPLE).await?;
        let earlier = self.samples(&[row.0], yesterday, EARLIER).await?;
        let shape = shape_since(
            newest.get(&row.0).map_or(&[], Vec::as_slice),
            earlier.get(&row.0).map_or(&[], Vec::as_slice),
        );
        Ok(Some(summary(row, shape)))
    }

    /// What events have since yesterday and had not before, by type: of the 200 types with the newest events.
    pub async fn new_shapes(&self) -> Result<Vec<NewShapes>, StoreError> {
        let yesterday = self.yesterday().await?;
        let types: Vec<(i32, String)> = sqlx::query_as(
            "select k.type_id, k.name from highwater.type_blocks b join highwater.event_types k using (type_id)
             group by k.type_id, k.name having max(b.last_position) >= $1 and min(b.first_position) < $1
             order by max(b.last_position) desc limit $2",
        )
        .bind(yesterday)
        .bind(LOOKED_THROUGH)
        .fetch_all(self.pool())
        .await?;
        let ids: Vec<i32> = types.iter().map(|(type_id, _)| *type_id).collect();
        let newest = self.samples(&ids, i64::MAX, SAMPLE).await?;
        let earlier = self.samples(&ids, yesterday, EARLIER).await?;
        Ok(types
            .into_iter()
            .filter_map(|(type_id, event_type)| {
                let mut shape = shape_since(newest.get(&type_id)?, earlier.get(&type_id)?);
                shape.retain(|shape| shape.is_new == Some(true));
                (!shape.is_empty()).then_some(NewShapes { event_type, shape })
            })
            .collect())
    }

    /// The first position that was recorded within the last 24 hours.
    async fn yesterday(&self) -> Result<i64, StoreError> {
        let at = "select highwater.first_position_at(clock_timestamp() - interval '1 day')";
        Ok(sqlx::query_scalar(at).fetch_one(self.pool()).await?)
    }

    /// The data of each type's newest events below a position, through the one block that holds the newest of them: no index on the
    /// type is needed.
    async fn samples(
        &self,
        types: &[i32],
        below: i64,
        limit: i64,
    ) -> Result<BTreeMap<i32, Vec<Value>>, StoreError> {
        let samples: Vec<(i32, Json<Value>)> = sqlx::query_as(
            "select t.type_id, e.data from unnest($1::int[]) t(type_id)
             cross join lateral (select b.first_position, least(b.last_position, $2 - 1) as last_position from highwater.type_blocks b
               where b.type_id = t.type_id and b.first_position < $2 order by b.last_position desc limit 1) b
             cross join lateral (select e.data from highwater.events e
               where e.position between b.first_position and b.last_position and e.type_id = t.type_id and pg_column_size(e.data) < $3
               order by e.position desc limit $4) e",
        )
        .bind(types)
        .bind(below)
        .bind(SAMPLE_BYTES)
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        let mut by_type: BTreeMap<i32, Vec<Value>> = BTreeMap::new();
        for (type_id, Json(data)) in samples {
            by_type.entry(type_id).or_default().push(data);
        }
        Ok(by_type)
    }
}

fn summary(row: Row, shape: Vec<Shape>) -> EventTypeSummary {
    let (_, event_type, count, first, last, first_at, last_at) = row;
    EventTypeSummary {
        event_type,
        count,
        first_position: Position(first),
        last_position: Position(last),
        first_recorded_at: first_at.to_jiff(),
        last_recorded_at: last_at.to_jiff(),
        shape,
    }
}

/// The shape of the newest events, each path with whether earlier ones lack it. Without earlier ones nothing is new.
fn shape_since(newest: &[Value], earlier: &[Value]) -> Vec<Shape> {
    let known: HashSet<(String, String)> = shape(earlier)
        .into_iter()
        .map(|shape| (shape.path, shape.json_type))
        .collect();
    let mut shapes = shape(newest);
    for shape in &mut shapes {
        let key = (shape.path.clone(), shape.json_type.clone());
        // Beyond the most paths that are told, nobody knows what was there.
        shape.is_new = Some(!known.is_empty() && known.len() < PATHS && !known.contains(&key));
    }
    shapes
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
            is_new: None,
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
