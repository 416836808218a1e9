//! A mistake in a definition's text: where it is, and what is wrong.

use leptos::html;
use leptos::prelude::*;
use serde_json::Value;

use crate::api::ApiError;

/// Where the database or the reader of definitions found a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    line: usize,
    column: usize,
    words: String,
}

impl Mistake {
    /// The place that a refusal names.
    pub fn of(error: &ApiError) -> Option<Self> {
        let ApiError::Refused(problem) = error else {
            return None;
        };
        let number = |name: &str| {
            let fact = problem.facts.get(name).and_then(Value::as_u64)?;
            usize::try_from(fact).ok().filter(|number| *number > 0)
        };
        let message = problem.facts.get("message").and_then(Value::as_str);
        let expected: Vec<&str> = problem
            .facts
            .get("expected")
            .and_then(Value::as_array)
            .map(|words| words.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut words = message.unwrap_or(&problem.detail).to_owned();
        if !expected.is_empty() {
            words = format!("{words} (expected: {})", expected.join(", "));
        }
        Some(Mistake {
            line: number("line")?,
            column: number("column")?,
            words,
        })
    }

    /// Selects the place in the text area that holds the text.
    pub fn show_in(&self, area: NodeRef<html::Textarea>, text: &str) {
        let Some(area) = area.get_untracked() else {
            return;
        };
        let at = offset(text, self.line, self.column);
        // Both fail only out of the document.
        let _ = area.focus();
        let _ = area.set_selection_range(at, at + 1);
    }

    /// What is wrong, and the line with a mark below the place; `not` says what was not done: "Not saved".
    pub fn view(&self, not: &str, text: &str) -> AnyView {
        let line = text
            .lines()
            .nth(self.line - 1)
            .unwrap_or_default()
            .to_owned();
        let pointer = format!("{}^", " ".repeat(self.column.saturating_sub(1)));
        view! {
            <p>
                <b>{format!("{not}. Line {}, column {}: ", self.line, self.column)}</b>
                {self.words.clone()}
            </p>
            <pre tabindex="0" aria-label="The line with the mistake">
                {format!("{line}\n{pointer}")}
            </pre>
        }
        .into_any()
    }
}

/// The place in UTF-16 units, which a text area counts in.
fn offset(text: &str, line: usize, column: usize) -> u32 {
    let before: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(|line| line.encode_utf16().count())
        .sum();
    let inside: usize = text
        .lines()
        .nth(line - 1)
        .unwrap_or_default()
        .chars()
        .take(column - 1)
        .map(char::len_utf16)
        .sum();
    u32::try_from(before + inside).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_as_a_text_area_counts() {
        assert_eq!(offset("a😀b\ncd", 1, 3), 3);
        assert_eq!(offset("a😀b\ncd", 2, 2), 6);
    }
}
