//! What a filter line is made of.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::text::quoted;

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// `-` before it: true for exactly the events that would not meet it.
    pub negated: bool,
    /// What it looks at.
    pub subject: Subject,
}

/// What a term looks at, and what it wants to see there. Lists are or-ed.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// `type:Order*,Payment*`
    Type(Vec<Glob>),
    /// `category:order`
    Category(Vec<Glob>),
    /// `stream:order-*`
    Stream(Vec<Glob>),
    /// `correlation:…`
    Correlation(Vec<Uuid>),
    /// `causation:…`
    Causation(Vec<Uuid>),
    /// `id:…`
    Id(Vec<Uuid>),
    /// `position>100`
    Position(Comparison, Vec<i64>),
    /// `version:0`
    Version(Comparison, Vec<i64>),
    /// `since:15m`: recorded then or later.
    Since(Time),
    /// `until:2026-01-01`: recorded before.
    Until(Time),
    /// `data.customer.city:Delft`, `metadata.actor:ada`
    Field {
        /// Whose field.
        root: Root,
        /// Keys from the outside in.
        path: Vec<String>,
        /// How to compare.
        comparison: Comparison,
        /// With what.
        values: Vec<Value>,
    },
    /// A bare word or a quoted text: somewhere in the event.
    Text(String),
}

/// The two documents of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    /// `data`
    Data,
    /// `metadata`
    Metadata,
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `:` or `=`
    Equal,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Comparison {
    /// Whether an ordering meets it.
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }

    /// Its sign, in the filter line and (but for `:`) in SQL.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => ":",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// A text in which `*` stands for any characters; in quotes it is a character like others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    /// The parts between the stars; one part has no star.
    pub parts: Vec<String>,
    /// It was written in quotes.
    pub quoted: bool,
}

impl Glob {
    /// From a text in which each star stands for any characters.
    pub fn starred(text: &str) -> Self {
        Self {
            parts: text.split('*').map(str::to_owned).collect(),
            quoted: false,
        }
    }

    /// No star in it: it names one text.
    pub fn exact(&self) -> Option<&str> {
        if let [only] = self.parts.as_slice() {
            Some(only)
        } else {
            None
        }
    }
}

/// A value that a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// As text.
    pub glob: Glob,
    /// What it is besides being text; a quoted value is text only.
    pub literal: Literal,
}

/// What a value is besides being text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literal {
    /// Text only.
    Text,
    /// A number as JSON writes it.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A moment, fixed or counted back from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// That moment.
    At(Timestamp),
    /// This long ago, in seconds.
    Ago(i64),
}

impl Time {
    /// PostgreSQL knows no moment before this one, in 4714 BC.
    pub const EARLIEST: Timestamp = Timestamp::constant(-210_866_803_200, 0);

    /// The moment itself, or the earliest that there is: nothing was recorded before it.
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        let at = match self {
            Self::At(at) => at,
            Self::Ago(seconds) => now
                .checked_sub(SignedDuration::from_secs(seconds))
                .unwrap_or(Self::EARLIEST),
        };
        at.max(Self::EARLIEST)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            return f.write_str(&quoted(&self.parts.concat()));
        }
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str("*")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Ago(seconds) => {
                for (unit, size) in [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60)] {
                    if *seconds > 0 && seconds % size == 0 {
                        return write!(f, "{}{unit}", seconds / size);
                    }
                }
                write!(f, "{seconds}s")
            }
        }
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    sign: &str,
    values: &[T],
) -> fmt::Result {
    write!(f, "{key}{sign}")?;
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write!(f, "{value}")?;
    }
    Ok(())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.glob.fmt(f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("-")?;
        }
        match &self.subject {
            Subject::Type(globs) => list(f, "type", ":", globs),
            Subject::Category(globs) => list(f, "category", ":", globs),
            Subject::Stream(globs) => list(f, "stream", ":", globs),
            Subject::Correlation(ids) => list(f, "correlation", ":", ids),
            Subject::Causation(ids) => list(f, "causation", ":", ids),
            Subject::Id(ids) => list(f, "id", ":", ids),
            Subject::Position(comparison, numbers) => {
                list(f, "position", comparison.sign(), numbers)
            }
            Subject::Version(comparison, numbers) => list(f, "version", comparison.sign(), numbers),
            Subject::Since(time) => write!(f, "since:{time}"),
            Subject::Until(time) => write!(f, "until:{time}"),
            Subject::Field {
                root,
                path,
                comparison,
                values,
            } => {
                f.write_str(match root {
                    Root::Data => "data",
                    Root::Metadata => "metadata",
                })?;
                for key in path {
                    let plain = !key.is_empty()
                        && key
                            .chars()
                            .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
                    if plain {
                        write!(f, ".{key}")?;
                    } else {
                        write!(f, ".{}", quoted(key))?;
                    }
                }
                list(f, "", comparison.sign(), values)
            }
            Subject::Text(text) => f.write_str(&quoted(text)),
        }
    }
}
