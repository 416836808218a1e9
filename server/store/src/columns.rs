//! Events side by side, as the database takes them.

use std::collections::HashMap;

use jiff_sqlx::ToSqlx;
use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use crate::json_check::PreparedEvent;

/// The columns that the database takes events in.
pub(crate) struct Columns<'a> {
    /// The types, each once …
    pub(crate) kinds: Vec<&'a str>,
    /// … and the place of each event's type among them, from 1.
    pub(crate) kind: Vec<i32>,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) known: Vec<bool>,
    pub(crate) datas: Vec<Json<&'a RawValue>>,
    pub(crate) metadatas: Vec<Json<&'a RawValue>>,
    pub(crate) correlations: Vec<Option<Uuid>>,
    pub(crate) causations: Vec<Option<Uuid>>,
    pub(crate) occurred: Vec<Option<jiff_sqlx::Timestamp>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(events: impl Iterator<Item = &'a PreparedEvent>, look_up_all: bool) -> Self {
        let mut columns = Self {
            kinds: vec![],
            kind: vec![],
            ids: vec![],
            known: vec![],
            datas: vec![],
            metadatas: vec![],
            correlations: vec![],
            causations: vec![],
            occurred: vec![],
        };
        let mut places = Places::default();
        for event in events {
            columns
                .kind
                .push(places.of(&event.event_type, &mut columns.kinds));
            columns.ids.push(event.id);
            columns.known.push(event.given || look_up_all);
            columns.datas.push(Json(&*event.data));
            columns.metadatas.push(Json(&*event.metadata));
            columns.correlations.push(event.cause.correlation_id);
            columns.causations.push(event.cause.causation_id);
            columns
                .occurred
                .push(event.occurred_at.map(ToSqlx::to_sqlx));
        }
        columns
    }
}

/// Numbers texts as they come, from 1, as the database counts.
#[derive(Default)]
pub(crate) struct Places<'a>(HashMap<&'a str, i32>);

impl<'a> Places<'a> {
    /// Its place among `texts`, to which it is added when it is new.
    pub(crate) fn of(&mut self, text: &'a str, texts: &mut Vec<&'a str>) -> i32 {
        *self.0.entry(text).or_insert_with(|| {
            texts.push(text);
            number(texts.len())
        })
    }
}

/// Of each event its place among those of its unit, from 1.
pub(crate) fn nth(units: &[i32]) -> Vec<i32> {
    let mut counts: HashMap<i32, i32> = HashMap::new();
    let places = units.iter().map(|unit| {
        let count = counts.entry(*unit).or_default();
        *count += 1;
        *count
    });
    places.collect()
}

pub(crate) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
