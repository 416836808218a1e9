//! What a shadow has that the live read model has not, and the other way round.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Position;

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    /// Only the shadow has it.
    Added,
    /// Only the live one has it.
    Removed,
    /// Both have it, with other values.
    Changed,
}

/// How many rows have another value in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ColumnDiff {
    /// The column.
    pub column: String,
    /// Rows.
    pub changed: i64,
}

/// A table of the shadow against the same table of the live one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableDiff {
    /// The table.
    pub table: String,
    /// Columns by which rows are told apart; empty: whole rows are, and none is changed.
    pub key: Vec<String>,
    /// Rows of the live one; none: it has no such table.
    pub live_rows: Option<i64>,
    /// Rows of the shadow; none: it has no such table.
    pub shadow_rows: Option<i64>,
    /// Rows that only the shadow has.
    pub added: i64,
    /// Rows that only the live one has.
    pub removed: i64,
    /// Rows that both have, with other values.
    pub changed: i64,
    /// Columns of those rows that differ.
    pub columns: Vec<ColumnDiff>,
    /// Columns that the definition leaves out of the comparison.
    pub ignored: Vec<String>,
    /// Columns that only the shadow has.
    pub added_columns: Vec<String>,
    /// Columns that only the live one has.
    pub removed_columns: Vec<String>,
}

impl TableDiff {
    /// Nothing differs that is compared.
    pub fn is_identical(&self) -> bool {
        self.live_rows.is_some()
            && self.shadow_rows.is_some()
            && self.added + self.removed + self.changed == 0
            && self.added_columns.is_empty()
            && self.removed_columns.is_empty()
    }
}

/// A shadow against the live read model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadModelDiff {
    /// The live version.
    pub live_version: i64,
    /// The shadow.
    pub shadow_version: i64,
    /// The live one had handled everything up to here.
    pub live_position: Position,
    /// The shadow had; the same, unless the live one does not run and is behind.
    pub shadow_position: Position,
    /// Nothing differs.
    pub identical: bool,
    /// Every table, by name.
    pub tables: Vec<TableDiff>,
    /// How long it took.
    pub seconds: f64,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffRow {
    /// As the live one has it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub live: Option<Value>,
    /// As the shadow has it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub shadow: Option<Value>,
    /// Columns that differ, of a changed row.
    pub columns: Vec<String>,
}

/// Rows of one table that differ in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffPage {
    /// The table.
    pub table: String,
    /// How they differ.
    pub kind: DiffKind,
    /// In the order of the key.
    pub rows: Vec<DiffRow>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<String>,
}
