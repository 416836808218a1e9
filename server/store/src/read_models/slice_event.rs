//! An event as a projection in code gets it.

use highwater_model::{Position, Version};
use jiff::Timestamp;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// An event of a slice. It is borrowed from what the database sent: a projection that catches up reads millions of them, and to copy
/// their texts and to check once more the JSON that the database has checked would take longer than the projection itself.
#[derive(Debug, Clone, Copy)]
pub struct SliceEvent<'a> {
    /// Where it stands in the log.
    pub position: Position,
    /// The name of its stream.
    pub stream: &'a str,
    /// The stream's category.
    pub category: &'a str,
    /// Where it stands in its stream.
    pub version: Version,
    /// Its id.
    pub id: Uuid,
    /// Its type.
    pub event_type: &'a str,
    /// What happened: JSON, for `serde_json::from_str`.
    pub data: &'a str,
    /// What is known about it: a JSON object.
    pub metadata: &'a str,
    /// When it happened, as its writer says.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// What a projection looks at besides position, version, id, type, data and times. What it does without is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Streams' names and their categories; else they are empty.
    pub streams: bool,
    /// Metadata; else it is `{}`.
    pub metadata: bool,
}

impl Reads {
    /// All of an event.
    pub const ALL: Self = Self {
        streams: true,
        metadata: true,
    };
    /// What happened, and nothing of what is known about it.
    pub const DATA: Self = Self {
        streams: false,
        metadata: false,
    };
}

/// The text of a `jsonb` column, as it is.
pub(super) fn json_text(row: &PgRow, column: usize) -> Result<&str, sqlx::Error> {
    let wrong = |what: String| sqlx::Error::ColumnDecode {
        index: column.to_string(),
        source: what.into(),
    };
    match row.try_get_unchecked::<&[u8], _>(column)? {
        // The version of its binary form, then its text.
        [1, text @ ..] => std::str::from_utf8(text).map_err(|error| wrong(error.to_string())),
        _ => Err(wrong("jsonb in a form that is not known".to_owned())),
    }
}
