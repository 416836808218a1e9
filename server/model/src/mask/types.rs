//! The types that a rule is about.

use std::fmt;

use super::MaskError;
use crate::filter::{Filter, Glob, Subject, Term};

/// Bytes of their text.
const BYTES: usize = 500;

/// The types that a rule is about: as the filter line has them behind `type:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MaskTypes(Vec<Glob>);

impl MaskTypes {
    /// Reads them.
    ///
    /// # Errors
    /// When the text names no types.
    pub fn parse(text: &str) -> Result<Self, MaskError> {
        let wrong = |message: String| MaskError::new("types", message);
        let text = text.trim();
        if text.len() > BYTES {
            return Err(wrong(format!(
                "The types of a rule have up to {BYTES} bytes; make several rules."
            )));
        }
        let filter = Filter::parse(&format!("type:{text}"))
            .map_err(|error| wrong(format!("types: {error}")))?;
        match filter.terms() {
            [
                Term {
                    negated: false,
                    subject: Subject::Type(globs),
                },
            ] => Ok(Self(globs.clone())),
            _ => Err(wrong(format!(
                "{text:?} is more than types; name them as CustomerMoved,Order*, without blanks, or * for all."
            ))),
        }
    }

    /// All types.
    pub(super) fn all() -> Self {
        Self(vec![Glob::starred("*")])
    }

    /// As they are looked for.
    pub fn globs(&self) -> &[Glob] {
        &self.0
    }

    /// Whether it is one of them.
    pub fn mean(&self, event_type: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(event_type))
    }

    /// Whether a type could be one of both. What nobody has recorded yet counts as well: it may come at any moment.
    pub fn meet(&self, others: &[Glob]) -> bool {
        let mut pairs = self
            .0
            .iter()
            .flat_map(|one| others.iter().map(move |other| (one, other)));
        pairs.any(|(one, other)| meet(one, other))
    }
}

impl fmt::Display for MaskTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, glob) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            glob.fmt(f)?;
        }
        Ok(())
    }
}

/// Whether a text could fit both. From the ends: whether what is left of one from here on could fit what is left of the other from there on.
fn meet(one: &Glob, other: &Glob) -> bool {
    let (one, other) = (letters(one), letters(other));
    let mut below: Vec<bool> = Vec::new();
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            let down = below.get(j).copied().unwrap_or(false);
            let right = row.get(j + 1).copied().unwrap_or(false);
            let both = below.get(j + 1).copied().unwrap_or(false);
            row[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some(Letter::Any), None) => down,
                (None, Some(Letter::Any)) => right,
                // The star ends here, or takes what stands on the other side.
                (Some(Letter::Any), Some(_)) | (Some(_), Some(Letter::Any)) => down || right,
                (Some(a), Some(b)) => a == b && both,
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Letter {
    Any,
    Is(char),
}

fn letters(glob: &Glob) -> Vec<Letter> {
    let mut letters = Vec::new();
    for (index, part) in glob.parts.iter().enumerate() {
        if index > 0 {
            letters.push(Letter::Any);
        }
        letters.extend(part.chars().map(Letter::Is));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_the_filter_line_reads_them() {
        for (text, shown) in [
            ("*", "*"),
            (" CustomerMoved ", "CustomerMoved"),
            ("Customer*,Order*Placed", "Customer*,Order*Placed"),
            ("\"late order\",A", "\"late order\",A"),
            ("Überfällig*", "Überfällig*"),
        ] {
            let types = MaskTypes::parse(text).unwrap();
            assert_eq!(types.to_string(), shown);
            assert_eq!(MaskTypes::parse(&types.to_string()).unwrap(), types);
        }
        for wrong in ["", " ", "A B", "A stream:b", "A,", "\"A", "A data.x:1"] {
            let error = MaskTypes::parse(wrong).unwrap_err();
            assert_eq!(error.field, "types", "{wrong}");
        }
        assert!(MaskTypes::parse(&"A".repeat(501)).is_err());
    }

    #[test]
    fn two_patterns_meet_where_a_type_could_fit_both() {
        let meet = |one: &str, other: &str| {
            let (a, b) = (
                MaskTypes::parse(one).unwrap(),
                MaskTypes::parse(other).unwrap(),
            );
            let (there, back) = (a.meet(b.globs()), b.meet(a.globs()));
            assert_eq!(there, back, "{one} {other}");
            there
        };
        for (one, other) in [
            ("*", "*"),
            ("*", "A"),
            ("A", "A"),
            ("Order*", "*Placed"),
            ("Order*", "OrderPlaced"),
            ("A*B*C", "*X*"),
            ("A,Order*", "Payment*,OrderPaid"),
            ("ä*", "*ö"),
            ("A*", "A"),
        ] {
            assert!(meet(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("A", "B"),
            ("Order*", "Payment*"),
            ("*Placed", "*Paid"),
            ("A*A", "A"),
            ("\"A*\"", "AB"),
            ("AB", "A"),
        ] {
            assert!(!meet(one, other), "{one} {other}");
        }
        assert!(!MaskTypes::all().meet(&[]));
    }
}
