//! Reads a term on a field of what an event holds.

use super::Reader;
use super::values::{Written, glob};
use crate::filter::FilterError;
use crate::filter::term::{Literal, Root, Subject, Value};

impl Reader<'_> {
    pub(super) fn field(&mut self, root: Root) -> Result<Subject, FilterError> {
        let mut path = Vec::new();
        while self.rest().starts_with('.') {
            self.at += 1;
            let from = self.at;
            if self.rest().starts_with('"') {
                path.push(self.quoted()?);
            } else {
                let end = self
                    .rest()
                    .find(|c: char| {
                        c.is_whitespace() || matches!(c, '.' | ':' | '=' | '<' | '>' | '"')
                    })
                    .unwrap_or(self.rest().len());
                if end == 0 {
                    return Err(self.wrong(
                        from,
                        from,
                        "the name of a field is missing here",
                        &["a field's name"],
                    ));
                }
                path.push(self.rest()[..end].to_owned());
                self.at += end;
            }
        }
        let comparison = self.comparison()?;
        let values = self.values(|reader, written| {
            let literal = literal(&written);
            if literal == Literal::Number && !handy(&written.text) {
                return Err(reader.wrong(
                    written.from,
                    written.to,
                    "this number is longer than any comparison needs",
                    &["a number of 200 digits at most"],
                ));
            }
            Ok(Value {
                glob: glob(&written),
                literal,
            })
        })?;
        Ok(Subject::Field {
            root,
            path,
            comparison,
            values,
        })
    }
}

fn literal(written: &Written) -> Literal {
    match written.text.as_str() {
        _ if written.quoted => Literal::Text,
        "true" => Literal::True,
        "false" => Literal::False,
        "null" => Literal::Null,
        text if is_number(text) => Literal::Number,
        _ => Literal::Text,
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

/// Small enough for an exact comparison without end.
fn handy(number: &str) -> bool {
    let exponent = number.find(['e', 'E']).map(|e| {
        number[e + 1..]
            .trim_start_matches('+')
            .parse::<i64>()
            .unwrap_or(i64::MAX)
    });
    number.len() <= 200 && exponent.is_none_or(|exponent| exponent.saturating_abs() <= 1_000)
}
