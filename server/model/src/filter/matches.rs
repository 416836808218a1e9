//! Decides in memory whether an event is meant. `highwater_store` says the same in SQL.

use jiff::Timestamp;

use super::json;
use super::term::{Comparison, Glob, Literal, Root, Subject, Term, Value};
use crate::RecordedEvent;

pub(super) fn matches(terms: &[Term], event: &RecordedEvent, now: Timestamp) -> bool {
    terms
        .iter()
        .all(|term| term.negated != meets(&term.subject, event, now))
}

fn meets(subject: &Subject, event: &RecordedEvent, now: Timestamp) -> bool {
    match subject {
        Subject::Type(globs) => globs.iter().any(|glob| glob.matches(&event.event_type)),
        Subject::Category(globs) => globs.iter().any(|glob| glob.matches(&event.category)),
        Subject::Stream(globs) => globs.iter().any(|glob| glob.matches(event.stream.as_str())),
        Subject::Correlation(ids) => event
            .known_metadata()
            .correlation_id
            .is_some_and(|id| ids.contains(&id)),
        Subject::Causation(ids) => event
            .known_metadata()
            .causation_id
            .is_some_and(|id| ids.contains(&id)),
        Subject::Id(ids) => ids.contains(&event.id),
        Subject::Position(comparison, numbers) => numbers
            .iter()
            .any(|number| comparison.holds(event.position.0.cmp(number))),
        Subject::Version(comparison, numbers) => numbers
            .iter()
            .any(|number| comparison.holds(event.version.0.cmp(number))),
        Subject::Since(time) => event.recorded_at >= time.resolve(now),
        Subject::Until(time) => event.recorded_at < time.resolve(now),
        Subject::Field {
            root,
            path,
            comparison,
            values,
        } => {
            let document = match root {
                Root::Data => &event.data,
                Root::Metadata => &event.metadata,
            };
            json::at_path(document.get(), path)
                .is_some_and(|found| values.iter().any(|value| value.meets(*comparison, found)))
        }
        Subject::Text(text) => {
            let word = text.to_ascii_lowercase();
            let has = |text: &str| text.to_ascii_lowercase().contains(&word);
            has(event.stream.as_str())
                || has(&event.event_type)
                || anywhere(event.data.get(), &has)
                || anywhere(event.metadata.get(), &has)
        }
    }
}

/// A string, a number or a key in the document. From end to end rather than from value to value: what SQL appends may nest without a limit.
fn anywhere(json: &str, has: &impl Fn(&str) -> bool) -> bool {
    let begins = |c: char| matches!(c, '"' | '-' | '0'..='9');
    let mut left = json;
    while let Some(at) = left.find(begins) {
        let word = &left[at..];
        let (word, behind) = word.split_at(json::value_end(word));
        let found = if json::is_number(word) {
            has(word)
        } else {
            json::text(word).is_some_and(|text| has(&text))
        };
        if found {
            return true;
        }
        left = behind;
    }
    false
}

impl Value {
    fn meets(&self, comparison: Comparison, found: &str) -> bool {
        if self.literal == Literal::Number && json::is_number(found) {
            return comparison.holds(json::compare(found, &self.glob.literally()));
        }
        if comparison != Comparison::Equal {
            return self.literal != Literal::Number
                && json::text(found).is_some_and(|text| {
                    comparison.holds(text.as_bytes().cmp(self.glob.literally().as_bytes()))
                });
        }
        match self.literal {
            Literal::True if found == "true" => true,
            Literal::False if found == "false" => true,
            Literal::Null if found == "null" => true,
            _ => json::text(found).is_some_and(|text| self.glob.matches(&text)),
        }
    }
}

impl Glob {
    /// With its stars as characters.
    pub fn literally(&self) -> String {
        self.parts.join("*")
    }

    /// Whether the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, others)) = self.parts.split_first() else {
            return false;
        };
        let Some((last, middle)) = others.split_last() else {
            return text == first;
        };
        let Some(rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else {
            return false;
        };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        true
    }
}
