//! The filter line; its input's last line is the data of an event.

use highwater_model::filter::Filter;
use highwater_store::probe;

use super::event::{NOW, event, json};

pub(crate) const WORDS: &[&str] = &[
    "type:",
    "category:",
    "stream:",
    "correlation:",
    "causation:",
    "id:",
    "position>",
    "version<=",
    "since:",
    "until:",
    "data.",
    "metadata.",
    "a",
    ".",
    ":",
    "=",
    ">",
    "<=",
    ",",
    " ",
    "-",
    "\"",
    "\\",
    "*",
    "0",
    "1e5",
    "-0.5",
    "15m",
    "4294967295w",
    "2026-03-01",
    "T09:30",
    "Z",
    "[UTC]",
    "null",
    "true",
    "ä",
    "•",
    "\n",
    "{\"a\":",
    "[",
    "]",
    "}",
    "00000000-0000-0000-0000-000000000000",
];

/// Completions are asked for at so many places of a line.
const CURSORS: usize = 32;

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (line, data) = text.rsplit_once('\n').unwrap_or((&text, ""));
    completes(line);
    match Filter::parse(line) {
        Ok(filter) => holds(&filter, data),
        Err(error) => {
            let place = line.get(error.at..error.at + error.len);
            assert!(
                place.is_some(),
                "{line:?}: {error:?} points between characters"
            );
            assert!(!error.message.is_empty(), "{line:?}");
        }
    }
}

fn completes(line: &str) {
    for cursor in (0..=line.len() + 1).step_by(line.len() / CURSORS + 1) {
        let found = Filter::complete(line, cursor);
        let mut end = cursor.min(line.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let replaced = &line[found.from..end];
        assert!(
            replaced.ends_with(&found.prefix),
            "{line:?} at {cursor}: {found:?} is not what stands there"
        );
    }
}

fn holds(filter: &Filter, data: &str) {
    let normal = filter.to_string();
    assert_eq!(Filter::parse(&normal).as_ref(), Ok(filter), "{normal:?}");

    let Some(event) = event(json(data)) else {
        return;
    };
    let matches = filter.matches(&event, NOW);
    if filter.terms().len() == 1 {
        let opposite = normal
            .strip_prefix('-')
            .map_or_else(|| format!("-{normal}"), str::to_owned);
        let opposite = Filter::parse(&opposite).map(|filter| filter.matches(&event, NOW));
        assert_eq!(opposite, Ok(!matches), "{normal:?} on {data:?}");
    }

    // Whatever the line says is bound: of it nothing becomes SQL.
    let (sql, values) = probe::condition(filter, NOW);
    assert!(
        sql.chars().all(|c| matches!(c, ' '..='~')),
        "{normal:?}: {sql}"
    );
    assert_eq!(sql.matches('$').count(), values, "{normal:?}: {sql}");
    assert!(values < 65_000, "PostgreSQL takes 65,535 values at most");
}
