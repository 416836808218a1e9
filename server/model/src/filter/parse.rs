//! Reads a filter line.

mod field;
mod time;
mod values;

use super::FilterError;
use super::term::{Comparison, Root, Subject, Term};

const KEYS: [&str; 11] = [
    "type:",
    "category:",
    "stream:",
    "correlation:",
    "causation:",
    "id:",
    "position>",
    "version:",
    "since:",
    "until:",
    "data.…:",
];
/// Bytes of one line: what a person types, or a program makes of a few hundred ids.
const LINE: usize = 16 << 10;
/// Terms of one line; each costs work for every event.
const TERMS: usize = 50;

/// The key of a term and the first character of its sign.
pub(super) fn split_key(term: &str) -> Option<(&str, &str)> {
    let mut in_quotes = false;
    let at = term.char_indices().find_map(|(at, c)| {
        in_quotes ^= c == '"';
        (!in_quotes && matches!(c, ':' | '=' | '<' | '>')).then_some(at)
    })?;
    Some((&term[..at], &term[at..=at]))
}

pub(super) fn parse(line: &str) -> Result<Vec<Term>, FilterError> {
    let mut reader = Reader { line, at: 0 };
    if let Some(nul) = line.find('\0') {
        return Err(reader.wrong(nul, nul + 1, "no stored text holds a NUL character", &[]));
    }
    if line.len() > LINE {
        let message = format!("a filter line has {LINE} bytes at most");
        return Err(reader.wrong(line.floor_char_boundary(LINE), line.len(), message, &[]));
    }
    let mut terms = Vec::new();
    loop {
        reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(terms);
        }
        if terms.len() == TERMS {
            return Err(reader.wrong(
                reader.at,
                line.len(),
                format!("a filter has {TERMS} terms at most"),
                &[],
            ));
        }
        terms.push(reader.term()?);
    }
}

struct Reader<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.line.len() - self.rest().trim_start().len();
    }

    #[expect(clippy::unused_self, reason = "reads better at its callers")]
    fn wrong(
        &self,
        from: usize,
        to: usize,
        message: impl Into<String>,
        expected: &[&str],
    ) -> FilterError {
        FilterError {
            at: from,
            len: to.saturating_sub(from),
            message: message.into(),
            expected: expected.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let negated = self.rest().starts_with('-');
        if negated {
            self.at += 1;
        }
        let start = self.at;
        let word = {
            let end = self
                .rest()
                .find(char::is_whitespace)
                .unwrap_or(self.rest().len());
            &self.rest()[..end]
        };
        if word.is_empty() {
            return Err(self.wrong(
                start.saturating_sub(1),
                start,
                "behind - a term is missing; put a lone - in quotes",
                &["a term", "\"-\""],
            ));
        }
        if word.starts_with('"') {
            let text = self.quoted()?;
            self.end_of_term()?;
            return Ok(Term {
                negated,
                subject: Subject::Text(text),
            });
        }
        if split_key(word).is_none() && !word.contains('"') {
            self.at += word.len();
            return Ok(Term {
                negated,
                subject: Subject::Text(word.to_owned()),
            });
        }
        let subject = self.keyed(start, word)?;
        self.end_of_term()?;
        Ok(Term { negated, subject })
    }

    fn keyed(&mut self, start: usize, word: &str) -> Result<Subject, FilterError> {
        for (name, root) in [("data", Root::Data), ("metadata", Root::Metadata)] {
            if let Some(rest) = word.strip_prefix(name)
                && rest.starts_with('.')
            {
                self.at += name.len();
                return self.field(root);
            }
        }
        let Some((key, _)) = split_key(word) else {
            return Err(self.wrong(
                start,
                start + word.len(),
                "a quote may stand at the start of a text or of a value only",
                &["\"a text\""],
            ));
        };
        let key_end = start + key.len();
        let key = key.to_owned();
        self.at = key_end;
        let sign_at = self.at;
        let comparison = self.comparison()?;
        if !matches!(key.as_str(), "position" | "version") && comparison != Comparison::Equal {
            let known = KEYS
                .iter()
                .any(|known| known.trim_end_matches([':', '>']) == key);
            if known {
                return Err(self.wrong(sign_at, self.at, format!("{key} takes : only"), &[":"]));
            }
        }
        match key.as_str() {
            "type" => Ok(Subject::Type(self.globs()?)),
            "category" => Ok(Subject::Category(self.globs()?)),
            "stream" => Ok(Subject::Stream(self.globs()?)),
            "correlation" => Ok(Subject::Correlation(self.ids()?)),
            "causation" => Ok(Subject::Causation(self.ids()?)),
            "id" => Ok(Subject::Id(self.ids()?)),
            "position" => Ok(Subject::Position(comparison, self.numbers()?)),
            "version" => Ok(Subject::Version(comparison, self.numbers()?)),
            "since" => Ok(Subject::Since(self.time()?)),
            "until" => Ok(Subject::Until(self.time()?)),
            _ => Err(self.wrong(
                start,
                key_end,
                format!("there is no term {key}; a text with : = < or > in it stands in quotes, a field begins with data. or metadata."),
                &KEYS,
            )),
        }
    }

    fn end_of_term(&self) -> Result<(), FilterError> {
        match self.rest().chars().next() {
            Some(c) if !c.is_whitespace() => Err(self.wrong(
                self.at,
                self.at + c.len_utf8(),
                "a space belongs between two terms",
                &["a space", "the end"],
            )),
            _ => Ok(()),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, FilterError> {
        for (sign, comparison) in [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
            (":", Comparison::Equal),
            ("=", Comparison::Equal),
        ] {
            if self.rest().starts_with(sign) {
                self.at += sign.len();
                return Ok(comparison);
            }
        }
        Err(self.wrong(
            self.at,
            self.at,
            "here the field is compared with something",
            &[":", "=", ">", ">=", "<", "<="],
        ))
    }

    /// From the opening quote to behind the closing one.
    fn quoted(&mut self) -> Result<String, FilterError> {
        let open = self.at;
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in self.line[open + 1..].char_indices() {
            match c {
                _ if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.at = open + 1 + at + 1;
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err(self.wrong(
            open,
            self.line.len(),
            "the closing quote is missing",
            &["\""],
        ))
    }
}
