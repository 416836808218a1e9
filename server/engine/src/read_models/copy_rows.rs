//! Rows for COPY, the fastest way into an empty table.

use std::fmt::{Display, Write};

use highwater_store::read_models::{PgConnection, SqlError};

/// Bytes that are sent at once.
const PIECE: usize = 1 << 20;

/// Rows in COPY's text format, column by column.
///
/// ```
/// # use highwater_engine::read_models::CopyRows;
/// let mut rows = CopyRows::default();
/// rows.text("account-1").value(12).null().end_row();
/// ```
#[derive(Debug, Default)]
pub struct CopyRows {
    text: String,
    begun: bool,
}

impl CopyRows {
    fn column(&mut self) {
        if self.begun {
            self.text.push('\t');
        }
        self.begun = true;
    }

    /// A column with any text, JSON too.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.column();
        for character in text.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                other => self.text.push(other),
            }
        }
        self
    }

    /// A column with a number, a truth value, a UUID, a time: what is written without any of the characters that COPY knows.
    pub fn value(&mut self, value: impl Display) -> &mut Self {
        self.column();
        // Writing into a String does not fail.
        let _ = write!(self.text, "{value}");
        self
    }

    /// A column without a value.
    pub fn null(&mut self) -> &mut Self {
        self.column();
        self.text.push_str("\\N");
        self
    }

    /// The row has all its columns.
    pub fn end_row(&mut self) {
        self.text.push('\n');
        self.begun = false;
    }

    /// Sends them; `copy` is the statement: `copy totals (account, cents) from stdin`. Answers how many rows there were.
    pub async fn send(self, copy: &str, connection: &mut PgConnection) -> Result<u64, SqlError> {
        let mut sink = connection.copy_in_raw(copy).await?;
        for piece in self.text.as_bytes().chunks(PIECE) {
            if let Err(error) = sink.send(piece).await {
                // The statement is ended, or the connection would wait for the rest.
                let _ = sink.abort(error.to_string()).await;
                return Err(error);
            }
        }
        sink.finish().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_would_take_for_its_own_is_escaped() {
        let mut rows = CopyRows::default();
        rows.text("a\tb\\c\nd\re").null().value(-5).end_row();
        rows.text("").value(true).null().end_row();
        assert_eq!(rows.text, "a\\tb\\\\c\\nd\\re\t\\N\t-5\n\ttrue\t\\N\n");
    }
}
