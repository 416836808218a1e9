//! A batch: appends that are recorded with one statement and one commit.

mod answer;
mod failure;

use highwater_model::ExpectedVersion;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::columns::{self, Columns, Places, number};
use crate::heads::Heads;
use crate::json_check::{Prepared, Unit};

pub(crate) use answer::{Verdict, appended, verdict};
pub(crate) use failure::{is_connection, is_data, is_key};

/// What is known of a batch when it is sent, so that the database need not look it up.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) seen: i64,
    stream_ids: Vec<Option<i64>>,
    heads: Vec<Option<i64>>,
    types: Vec<Option<i32>>,
    /// No append is known to conflict, so nearly certainly all will be recorded.
    pub(crate) fits: bool,
}

impl Known {
    /// Looks up the streams and types of appends.
    pub(crate) fn of<'a>(
        appends: impl Iterator<Item = &'a Prepared> + Clone,
        heads: &Heads,
    ) -> Self {
        let mut known = Self {
            seen: heads.seen(),
            stream_ids: vec![],
            heads: vec![],
            types: vec![],
            fits: true,
        };
        for unit in appends.clone().flat_map(|append| &append.units) {
            let (stream_id, head) = heads.stream(&unit.stream);
            known.fits &= head.is_none_or(|head| match unit.expected {
                ExpectedVersion::None => false,
                ExpectedVersion::Any | ExpectedVersion::Exists => true,
                ExpectedVersion::Exactly(version) => version.0 == head,
            });
            known.stream_ids.push(stream_id);
            known.heads.push(head);
        }
        let (mut places, mut kinds) = (Places::default(), vec![]);
        for event in appends.flat_map(|append| &append.events) {
            places.of(&event.event_type, &mut kinds);
        }
        known.types = kinds
            .into_iter()
            .map(|kind| heads.event_type(kind))
            .collect();
        known
    }
}

/// What the database did with a batch.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// All of it, behind `base`.
    All(AllRecorded),
    /// Each append has its own outcome.
    Each(Vec<UnitRow>),
}

/// A batch that was recorded as a whole.
#[derive(Debug)]
pub(crate) struct AllRecorded {
    /// The log's end before it.
    pub(crate) base: i64,
    /// The streams' ids and their versions before it.
    pub(crate) streams: Vec<(i64, i64)>,
    /// Types that were not known, and their ids.
    pub(crate) types: Vec<(String, i32)>,
}

/// The database's answer to one unit: outcome, actual version, first version, first and last position, id.
pub(crate) type UnitRow = (
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<Uuid>,
);

/// The log's end before, ids of streams, their versions before, ids of types; no end when nothing was recorded.
type NewRow = (
    Option<i64>,
    Option<Vec<Option<i64>>>,
    Option<Vec<Option<i64>>>,
    Option<Vec<Option<i32>>>,
);

fn expected(version: ExpectedVersion) -> i64 {
    match version {
        ExpectedVersion::None => -1,
        ExpectedVersion::Any => -2,
        ExpectedVersion::Exists => -3,
        ExpectedVersion::Exactly(version) => version.0,
    }
}

/// A column of a batch, if any of its events has something there.
fn unless_none<T>(column: Vec<Option<T>>) -> Option<Vec<Option<T>>> {
    column.iter().any(Option::is_some).then_some(column)
}

/// Of each event, its unit.
fn units_of(units: &[&Unit]) -> Vec<i32> {
    let numbered = (1_i32..).zip(units);
    numbered
        .flat_map(|(unit_number, unit)| std::iter::repeat_n(unit_number, unit.count))
        .collect()
}

/// Records appends of which each is expected to succeed; `None` when one doesn't: then nothing was recorded.
pub(crate) async fn record_all(
    connection: &mut PgConnection,
    appends: &[&Prepared],
    known: &Known,
) -> Result<Option<AllRecorded>, sqlx::Error> {
    let units: Vec<&Unit> = appends.iter().flat_map(|append| &append.units).collect();
    let names: Vec<&str> = units.iter().map(|unit| unit.stream.as_str()).collect();
    let expected: Vec<i64> = units.iter().map(|unit| expected(unit.expected)).collect();
    let unit_of = units_of(&units);
    let nth = columns::nth(&unit_of);
    let columns = Columns::of(appends.iter().flat_map(|append| &append.events), false);
    let metadatas = columns.metadatas.into_iter();
    let metadatas = metadatas
        .map(|metadata| (metadata.get() != "{}").then_some(metadata))
        .collect();
    let (base, stream_ids, heads, types): NewRow = sqlx::query_as(
        "select base, stream_ids, heads, type_ids
         from highwater.append_known($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(known.seen)
    .bind(names)
    .bind(expected)
    .bind(&known.stream_ids)
    .bind(&known.heads)
    .bind(&columns.kinds)
    .bind(&known.types)
    .bind(unit_of)
    .bind(nth)
    .bind(columns.kind)
    .bind(columns.ids)
    .bind(columns.datas)
    .bind(unless_none(metadatas))
    .bind(unless_none(columns.correlations))
    .bind(unless_none(columns.causations))
    .bind(unless_none(columns.occurred))
    .fetch_one(connection)
    .await?;
    let Some(base) = base else { return Ok(None) };
    let (stream_ids, heads) = (
        stream_ids.as_ref().unwrap_or(&known.stream_ids),
        heads.as_ref().unwrap_or(&known.heads),
    );
    let missing =
        || sqlx::Error::Protocol("append_known left out a stream it was asked for".into());
    let streams = stream_ids
        .iter()
        .zip(heads)
        .map(|(stream_id, head)| Some(((*stream_id)?, (*head)?)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(missing)?;
    let types = columns
        .kinds
        .iter()
        .zip(types.unwrap_or_default())
        .filter_map(|(kind, type_id)| Some(((*kind).to_owned(), type_id?)))
        .collect();
    Ok(Some(AllRecorded {
        base,
        streams,
        types,
    }))
}

/// Records what can be recorded of appends. `look_up_all`: ids of our own may be in the log as well, from a try whose end nobody saw.
pub(crate) async fn record_each(
    connection: &mut PgConnection,
    appends: &[&Prepared],
    look_up_all: bool,
) -> Result<Vec<UnitRow>, sqlx::Error> {
    let units: Vec<&Unit> = appends.iter().flat_map(|append| &append.units).collect();
    let unit_of = units_of(&units);
    let nth = columns::nth(&unit_of);
    let (mut requests, mut names, mut versions) = (vec![], vec![], vec![]);
    let (mut counts, mut firsts, mut events) = (vec![], vec![], 0);
    for (request_number, append) in (1_i32..).zip(appends) {
        for unit in &append.units {
            requests.push(request_number);
            names.push(unit.stream.as_str());
            versions.push(expected(unit.expected));
            counts.push(number(unit.count));
            firsts.push(number(events + 1));
            events += unit.count;
        }
    }
    let columns = Columns::of(
        appends.iter().flat_map(|append| &append.events),
        look_up_all,
    );
    sqlx::query_as(
        "select outcome, actual, first_version, first_position, last_position, id
         from highwater.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) order by unit_number",
    )
    .bind(requests)
    .bind(names)
    .bind(versions)
    .bind(counts)
    .bind(firsts)
    .bind(columns.kinds)
    .bind(unit_of)
    .bind(nth)
    .bind(columns.kind)
    .bind(columns.ids)
    .bind(columns.known)
    .bind(columns.datas)
    .bind(columns.metadatas)
    .bind(columns.occurred)
    .fetch_all(connection)
    .await
}
