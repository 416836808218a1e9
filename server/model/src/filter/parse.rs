//! Reads a filter line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::term::{Comparison, Glob, Literal, Root, Subject, Term, Time, Value};

/// Where a filter line goes wrong, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct FilterError {
    /// Byte offset in the line.
    pub at: usize,
    /// How many bytes are wrong.
    pub len: usize,
    /// A sentence.
    pub message: String,
    /// What could stand there instead.
    pub expected: Vec<String>,
}

impl FilterError {
    /// What is wrong and what could stand there, as a person reads it.
    fn sentence(&self) -> String {
        let mut letters = self.message.chars();
        let first = letters.next().map(char::to_uppercase);
        let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
        sentence.push('.');
        if !self.expected.is_empty() {
            sentence.push_str(" Expected: ");
            sentence.push_str(&self.expected.join(", "));
            sentence.push('.');
        }
        sentence
    }
}

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
/// Values of one term.
const VALUES: usize = 200;

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

/// A value as it was written.
struct Written {
    text: String,
    quoted: bool,
    from: usize,
    to: usize,
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

    fn values<T>(
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

    fn globs(&mut self) -> Result<Vec<Glob>, FilterError> {
        self.values(|_, written| Ok(glob(&written)))
    }

    fn ids(&mut self) -> Result<Vec<Uuid>, FilterError> {
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

    fn numbers(&mut self) -> Result<Vec<i64>, FilterError> {
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

    fn time(&mut self) -> Result<Time, FilterError> {
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

    fn field(&mut self, root: Root) -> Result<Subject, FilterError> {
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

fn glob(written: &Written) -> Glob {
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

fn time(text: &str) -> Option<Time> {
    let unit = text.chars().last()?;
    let size = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => 0,
    };
    if size > 0 {
        let count = text[..text.len() - 1].parse::<u32>().ok()?;
        return Some(Time::Ago(i64::from(count) * size));
    }
    let at = text.parse::<Timestamp>().ok().or_else(|| utc(text))?;
    // The database keeps microseconds.
    Timestamp::from_microsecond(at.as_microsecond())
        .ok()
        .map(Time::At)
}

/// A date, or a date and a time, that says nothing of where: UTC.
fn utc(text: &str) -> Option<Timestamp> {
    // A time zone in brackets would be read and left out.
    if text.contains('[') {
        return None;
    }
    let civil = text.parse::<DateTime>().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_an_offset_is_utc_to_the_second() {
        for (text, at) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T09:30", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30:05.1234567", "2026-03-01T09:30:05.123456Z"),
            ("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00Z"),
        ] {
            assert_eq!(time(text), Some(Time::At(at.parse().unwrap())), "{text}");
        }
        for text in ["2026-03-01T09:30[Europe/Paris]", "9999-12-31", "2026-13-01"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn no_moment_is_before_those_that_the_database_knows() {
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        for text in ["4294967295w", "-009999-01-03", "-004713-11-23T23:59:59Z"] {
            assert_eq!(time(text).unwrap().resolve(now), Time::EARLIEST, "{text}");
        }
        assert_eq!(Time::EARLIEST.to_string(), "-004713-11-24T00:00:00Z");
    }
}
