//! Reads the values of a term.

use uuid::Uuid;

use super::Reader;
use super::time::time;
use crate::filter::FilterError;
use crate::filter::term::{Glob, Time};

/// Values of one term.
const VALUES: usize = 200;

/// A value as it was written.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) quoted: bool,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Written, FilterError> {
        let from = self.at;
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            return Ok(Written {
                text,
                quoted: true,
                from,
                to: self.at,
            });
        }
        let end = self
            .rest()
            .find(|c: char| c.is_whitespace() || c == ',' || c == '"')
            .unwrap_or(self.rest().len());
        let text = self.rest()[..end].to_owned();
        if text.is_empty() {
            return Err(self.wrong(
                from,
                from,
                "a value is missing here; an empty text is \"\"",
                &["a value", "\"\""],
            ));
        }
        self.at += end;
        Ok(Written {
            text,
            quoted: false,
            from,
            to: self.at,
        })
    }

    pub(super) fn values<T>(
        &mut self,
        read: impl Fn(&Self, Written) -> Result<T, FilterError>,
    ) -> Result<Vec<T>, FilterError> {
        let mut values = Vec::new();
        loop {
            let written = self.value()?;
            if values.len() == VALUES {
                return Err(self.wrong(
                    written.from,
                    written.to,
                    format!("a term has {VALUES} values at most"),
                    &[],
                ));
            }
            values.push(read(self, written)?);
            if !self.rest().starts_with(',') {
                return Ok(values);
            }
            self.at += 1;
        }
    }

    pub(super) fn globs(&mut self) -> Result<Vec<Glob>, FilterError> {
        self.values(|_, written| Ok(glob(&written)))
    }

    pub(super) fn ids(&mut self) -> Result<Vec<Uuid>, FilterError> {
        self.values(|reader, written| {
            Uuid::try_parse(&written.text).map_err(|_| {
                reader.wrong(
                    written.from,
                    written.to,
                    "this is not a UUID",
                    &["a UUID like 0190b0a4-7c1e-7d33-8a41-0242ac120002"],
                )
            })
        })
    }

    pub(super) fn numbers(&mut self) -> Result<Vec<i64>, FilterError> {
        self.values(|reader, written| {
            written.text.parse().map_err(|_| {
                reader.wrong(
                    written.from,
                    written.to,
                    "this is not a whole number",
                    &["a whole number"],
                )
            })
        })
    }

    pub(super) fn time(&mut self) -> Result<Time, FilterError> {
        let written = self.value()?;
        if let Some(time) = time(&written.text) {
            return Ok(time);
        }
        Err(self.wrong(
            written.from,
            written.to,
            "this is neither a span of time nor a moment",
            &[
                "a span of time like 90s, 15m, 2h, 7d, 1w",
                "a date like 2026-03-01 (UTC)",
                "a moment like 2026-03-01T09:30:00Z",
            ],
        ))
    }
}

pub(super) fn glob(written: &Written) -> Glob {
    if written.quoted {
        return Glob {
            parts: vec![written.text.clone()],
            quoted: true,
        };
    }
    Glob {
        parts: written.text.split('*').map(str::to_owned).collect(),
        quoted: false,
    }
}
