//! The field that a rule hides, as a path.

use std::fmt;

use super::MaskError;
use crate::filter::{Root, quoted};

/// Bytes of a path's text.
const BYTES: usize = 500;
/// Keys of a path.
const KEYS: usize = 20;
/// What metadata shows whatever a rule says: flows, the flow map and the Stage are made of it.
const LINKS: [&str; 3] = ["correlation_id", "causation_id", "service"];

/// The field that a rule hides: `data.customer.email`, `metadata.ip`, `data.*.iban`, `data."a.b"`; `data` alone is everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MaskPath {
    pub(super) root: Root,
    pub(super) keys: Vec<MaskKey>,
}

/// A key of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum MaskKey {
    /// Whatever it is called.
    Any,
    /// This one.
    Named(String),
}

impl MaskKey {
    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(named) => named == name,
        }
    }
}

/// What is left of paths below a key. Lists have no keys: what is left stays as it is.
pub(super) fn below<'a>(paths: &[&'a [MaskKey]], name: &str) -> Vec<&'a [MaskKey]> {
    let paths = paths.iter().filter_map(|path| path.split_first());
    let fitting = paths.filter(|(key, _)| key.is(name));
    fitting.map(|(_, left)| left).collect()
}

/// One of these paths ends here: all that is here is hidden.
pub(super) fn ends(paths: &[&[MaskKey]]) -> bool {
    paths.iter().any(|path| path.is_empty())
}

/// Metadata that no rule hides, if it is a text.
pub(super) fn is_link(name: &str) -> bool {
    LINKS.contains(&name)
}

fn wrong(message: impl Into<String>) -> MaskError {
    MaskError::new("path", message)
}

impl MaskPath {
    /// Reads a path.
    ///
    /// # Errors
    /// When the text is none, or one that can't be hidden.
    pub fn parse(text: &str) -> Result<Self, MaskError> {
        let text = text.trim();
        if text.len() > BYTES || text.chars().any(char::is_control) {
            return Err(wrong(format!(
                "A path has up to {BYTES} bytes, on one line."
            )));
        }
        let roots = [("data", Root::Data), ("metadata", Root::Metadata)];
        let found = roots.into_iter().find_map(|(name, root)| {
            let left = text.strip_prefix(name)?.trim_start_matches("[]");
            (left.is_empty() || left.starts_with('.')).then_some((root, left))
        });
        let (root, mut left) = found.ok_or_else(|| {
            wrong(format!(
                "A path begins with data or metadata, as data.customer.email; {text:?} does not."
            ))
        })?;
        let mut keys = Vec::new();
        while let Some(behind) = left.strip_prefix('.') {
            let (found, rest) = key(behind)?;
            keys.push(found);
            left = rest;
        }
        if !left.is_empty() {
            return Err(wrong(format!(
                "Behind a key comes a dot or the end; here comes {left:?}. A key with other characters than letters, digits, _ and - stands in quotes: data.\"a.b\"."
            )));
        }
        if keys.len() > KEYS {
            return Err(wrong(format!("A path has up to {KEYS} keys.")));
        }
        if root == Root::Metadata
            && let Some(MaskKey::Named(name)) = keys.first()
            && is_link(name)
        {
            return Err(wrong(format!(
                "metadata.{name} can't be masked: flows and the Stage are made of {}.",
                LINKS.join(", ")
            )));
        }
        let path = Self { root, keys };
        // The normal form is what is kept, and has quotes of its own.
        if path.to_string().len() > BYTES {
            return Err(wrong(format!(
                "A path has up to {BYTES} bytes, with what its quotes need."
            )));
        }
        Ok(path)
    }

    /// All of a document.
    pub(super) fn whole(root: Root) -> Self {
        Self {
            root,
            keys: Vec::new(),
        }
    }

    /// Whether a path of the filter line leads to what this one hides, into it, or to what holds it.
    pub(super) fn meets(&self, root: Root, path: &[String]) -> bool {
        if root != self.root {
            return false;
        }
        if let (Root::Metadata, [only]) = (root, path)
            && is_link(only)
        {
            return false;
        }
        // How much of this path is behind us; several, where a number may be a key or count the items of a list.
        let mut behind = vec![0];
        for name in path {
            let mut next: Vec<usize> = Vec::new();
            for at in behind {
                let Some(key) = self.keys.get(at) else {
                    return true;
                };
                if is_index(name) {
                    next.push(at);
                }
                if key.is(name) {
                    next.push(at + 1);
                }
            }
            next.sort_unstable();
            next.dedup();
            behind = next;
        }
        !behind.is_empty()
    }
}

/// It may count the items of a list, as PostgreSQL's `#>` reads it.
fn is_index(name: &str) -> bool {
    let blank = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];
    name.trim_start_matches(blank).parse::<i32>().is_ok()
}

/// The key that a text begins with, and what comes behind it.
fn key(text: &str) -> Result<(MaskKey, &str), MaskError> {
    if let Some(inside) = text.strip_prefix('"') {
        let (mut name, mut escaped) = (String::new(), false);
        for (at, letter) in inside.char_indices() {
            match letter {
                _ if escaped => {
                    name.push(letter);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => return Ok((MaskKey::Named(name), &inside[at + 1..])),
                _ => name.push(letter),
            }
        }
        return Err(wrong("A closing quote is missing in the path."));
    }
    let end = text.find(|letter: char| {
        letter.is_whitespace() || matches!(letter, '.' | ',' | ':' | '=' | '<' | '>' | '"')
    });
    let (name, behind) = text.split_at(end.unwrap_or(text.len()));
    // As the page of a type writes the items of a list.
    match name.trim_end_matches("[]") {
        "" => Err(wrong(
            "The name of a key is missing in the path, as in data.customer.email.",
        )),
        "*" => Ok((MaskKey::Any, behind)),
        name if name.contains('*') => Err(wrong(format!(
            "* stands for a whole key; a key that holds one stands in quotes: {}.",
            quoted(name)
        ))),
        name => Ok((MaskKey::Named(name.to_owned()), behind)),
    }
}

impl fmt::Display for MaskPath {
    /// The normal form: parsing it gives the same path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.root {
            Root::Data => "data",
            Root::Metadata => "metadata",
        })?;
        for key in &self.keys {
            let is_plain = |name: &str| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-')
            };
            match key {
                MaskKey::Any => f.write_str(".*")?,
                MaskKey::Named(name) if is_plain(name) => write!(f, ".{name}")?,
                MaskKey::Named(name) => write!(f, ".{}", quoted(name))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Filter, Subject};

    #[test]
    fn a_path_reads_back_as_it_is_shown() {
        for (text, shown) in [
            ("data", "data"),
            ("data.customer.email", "data.customer.email"),
            (" metadata.ip ", "metadata.ip"),
            ("data.*.iban", "data.*.iban"),
            ("data.items[].price", "data.items.price"),
            ("data[].x", "data.x"),
            ("data.\"a.b\".c", "data.\"a.b\".c"),
            ("data.\"*\"", "data.\"*\""),
            ("data.straße", "data.straße"),
            ("metadata.*", "metadata.*"),
        ] {
            let path = MaskPath::parse(text).unwrap();
            assert_eq!(path.to_string(), shown);
            assert_eq!(MaskPath::parse(shown).unwrap(), path);
        }
    }

    #[test]
    fn what_is_no_path_or_can_not_be_hidden_is_refused_in_words() {
        for (text, words) in [
            ("", "begins with data"),
            ("customer.email", "begins with data"),
            ("data.", "key is missing"),
            ("data..x", "key is missing"),
            ("data.em*", "whole key"),
            ("data.\"a", "closing quote"),
            ("data.\"a\"b", "comes a dot"),
            ("data.a:b", "comes a dot"),
            ("data.a b", "comes a dot"),
            ("metadata.correlation_id", "can't be masked"),
            ("metadata.service", "can't be masked"),
            ("data.a\nb", "one line"),
        ] {
            let error = MaskPath::parse(text).unwrap_err();
            assert_eq!(error.field, "path");
            assert!(error.message.contains(words), "{text:?}: {error}");
        }
        assert!(MaskPath::parse(&format!("data{}", ".a".repeat(21))).is_err());
        let needs_quotes = format!("data.{}", "\\".repeat(300));
        assert!(MaskPath::parse(&needs_quotes).is_err());
    }

    #[test]
    fn a_filter_that_leads_there_or_into_it_or_above_it_is_known() {
        let meets = |rule: &str, line: &str| {
            let filter = Filter::parse(&format!("{line}:x")).unwrap();
            let Subject::Field { root, path, .. } = &filter.terms()[0].subject else {
                panic!("{line}");
            };
            MaskPath::parse(rule).unwrap().meets(*root, path)
        };
        for (rule, line) in [
            ("data.customer.email", "data.customer.email"),
            ("data.customer.email", "data.customer"),
            ("data.customer.email", "data.customer.email.domain"),
            ("data.customer.email", "data.customer.0.email"),
            ("data.customer.email", "data.customer.-1.email.2"),
            ("data.items.price", "data.items.3.price"),
            ("data.*.iban", "data.anything.iban"),
            ("metadata", "metadata.ip"),
            ("metadata.*", "metadata.actor"),
            ("data.\"a.b\"", "data.\"a.b\""),
        ] {
            assert!(meets(rule, line), "{rule} {line}");
        }
        for (rule, line) in [
            ("data.customer.email", "data.customer.name"),
            ("data.customer.email", "metadata.customer.email"),
            ("data.customer.email", "data.email"),
            ("data.\"a.b\"", "data.a.b"),
            ("metadata", "metadata.correlation_id"),
            ("metadata.*", "metadata.service"),
        ] {
            assert!(!meets(rule, line), "{rule} {line}");
        }
        // Numbers that are keys or count items: as many ways as there are, and no waiting for them.
        let long = format!("data{}", ".1".repeat(5_000));
        assert!(meets(&format!("data{}", ".*".repeat(20)), &long));
    }
}
