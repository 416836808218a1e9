//! The definition of a category's states: one SQL expression that says what an event makes of the state, below a line that says whose.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::read_model_definition::{DefinitionError, Statement};
use crate::read_model_sql::{Token, TokenKind, checked_tokens, directive};
use crate::{StreamName, Version};

const DIRECTIVES: [&str; 2] = ["state", "describe"];
/// What an expression may use.
pub const STATE_INPUTS: [&str; 7] = [
    "state",
    "type",
    "data",
    "metadata",
    "version",
    "stream",
    "occurred_at",
];

/// A definition that can be read; its SQL is checked by the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDefinition {
    /// Of the streams of this category.
    pub category: String,
    /// The whole text.
    pub text: String,
    /// What the state is.
    pub describe: Option<String>,
    /// Answers the state after an event as `jsonb`; null leaves it as it was. Begins with `{}`.
    pub expression: Statement,
}

impl StateDefinition {
    /// Whether a text says that it is one, rather than a read model's.
    pub fn is_one(text: &str) -> bool {
        let Ok(tokens) = checked_tokens(text) else {
            return false;
        };
        let mut directives = tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Directive);
        directives.any(|token| directive(text, *token).word == "state")
    }

    /// Reads a definition.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let tokens = checked_tokens(text)?;
        let (mut category, mut describe) = (None, None);
        for token in tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Directive)
        {
            let found = directive(text, *token);
            let place = match found.word {
                "state" => &mut category,
                "describe" => &mut describe,
                word => {
                    let message = format!("a state has no directive {word:?}");
                    return Err(DefinitionError::at(text, found.at, message).expecting(&DIRECTIVES));
                }
            };
            if place.is_some() {
                let message = format!("{} stands twice", found.word);
                return Err(DefinitionError::at(text, found.at, message));
            }
            *place = Some((found.value.to_owned(), found.value_at));
        }
        let (category, at) = category.ok_or_else(|| {
            DefinitionError::at(text, 0, "the definition does not say whose state it is")
                .expecting(&["-- highwater: state order"])
        })?;
        if category.is_empty() || category.contains('-') || category.len() > 255 {
            let message =
                "a category is named here: the part of a stream's name before its first -";
            return Err(DefinitionError::at(text, at, message).expecting(&["state order"]));
        }
        Ok(Self {
            expression: expression(text, &tokens)?,
            category,
            describe: describe
                .map(|(words, _)| words)
                .filter(|words| !words.is_empty()),
            text: text.to_owned(),
        })
    }

    /// What a new one may begin with: what happens to a state that nobody has defined, as an expression, and how a type is told apart.
    pub fn sketch(category: &str, types: &[&str]) -> String {
        let types = if types.is_empty() { &["Opened"] } else { types };
        let whens: Vec<String> = types
            .iter()
            .map(|name| format!("  when '{}' then data\n", name.replace('\'', "''")))
            .collect();
        let whens = whens.concat();
        format!(
            "-- highwater: state {category}\n-- highwater: describe What it is, in a few words\nstate || case type\n{whens}end\n"
        )
    }
}

/// The one expression.
fn expression(text: &str, tokens: &[Token]) -> Result<Statement, DefinitionError> {
    let wrong = |at: usize, message: &str| DefinitionError::at(text, at, message);
    let mut parts = tokens
        .split(|token| matches!(token.kind, TokenKind::Semicolon | TokenKind::Directive))
        .filter(|part| !part.is_empty());
    let inputs = || {
        wrong(text.len(), "the definition has no expression; it answers the state after an event from the state before and the event")
            .expecting(&["state || data", "state || case type when … then … end"])
    };
    let part = parts.next().ok_or_else(inputs)?;
    let (Some(first), Some(last)) = (part.first(), part.last()) else {
        return Err(inputs());
    };
    if let Some(more) = parts.next().and_then(<[Token]>::first) {
        return Err(wrong(
            more.start,
            "a state is one expression, and it has ended before this",
        ));
    }
    let word = &text[first.start..first.end];
    if ["select", "with", "insert", "update", "delete", "create"]
        .iter()
        .any(|statement| word.eq_ignore_ascii_case(statement))
    {
        return Err(wrong(
            first.start,
            "a state is an expression, no statement; a query stands in parentheses",
        )
        .expecting(&["state || data", "(select … )"]));
    }
    let mut open = Vec::new();
    for token in part {
        match token.kind {
            TokenKind::Open => open.push(token.start),
            TokenKind::Close if open.pop().is_none() => {
                return Err(wrong(token.start, "this parenthesis closes nothing"));
            }
            _ => {}
        }
    }
    if let Some(at) = open.pop() {
        return Err(wrong(at, "a parenthesis opens here and never closes").expecting(&[")"]));
    }
    Ok(Statement {
        text: text[first.start..last.end].to_owned(),
        at: first.start,
        answers_rows: false,
    })
}

/// The definition of a category's states as the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptStateDefinition {
    /// Of the streams of this category.
    pub category: String,
    /// The whole text.
    pub text: String,
    /// What the state is.
    pub describe: Option<String>,
    /// Who wrote it.
    pub actor: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub set_at: Timestamp,
}

/// The definition that a state was, or was to be, folded with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateDefinitionUsed {
    /// What the state is.
    pub describe: Option<String>,
    /// Who wrote the definition.
    pub actor: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub set_at: Timestamp,
    /// Why the state is not by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<StateDefinitionFailure>,
}

/// Where a definition fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateDefinitionFailure {
    /// At the event of this version of the stream; none: before the first.
    pub version: Option<Version>,
    /// What the database says.
    pub message: String,
}

/// A definition to be tried on a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateTryBody {
    /// The whole text.
    pub text: String,
    /// A stream of the category.
    pub stream: StreamName,
    /// The state at this version; the newest unless given.
    #[serde(default)]
    pub version: Option<Version>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "-- highwater: state order   -- whose
-- highwater: describe An order -- and what became of it
state || case type
  when 'Placed; or so' then data -- ;
  else (select jsonb_build_object('n', count(*)) from jsonb_object_keys(data))
end;
";

    #[test]
    fn a_definition_is_read() {
        let definition = StateDefinition::parse(ORDER).unwrap();
        assert_eq!(definition.category, "order");
        assert_eq!(
            definition.describe.as_deref(),
            Some("An order -- and what became of it")
        );
        let expression = &definition.expression;
        assert!(
            expression.text.starts_with("state ||") && expression.text.ends_with("end"),
            "{expression:?}"
        );
        assert!(ORDER[expression.at..].starts_with(&expression.text));
        assert!(StateDefinition::is_one(ORDER));
        assert!(!StateDefinition::is_one("-- highwater: events A\nstate"));
    }

    #[test]
    fn a_sketch_is_a_definition() {
        for types in [&[][..], &["It's", "B"]] {
            StateDefinition::parse(&StateDefinition::sketch("order", types)).unwrap();
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, line, column, words) in [
            ("state || data", 1, 1, "whose state"),
            ("-- highwater: state order-1\nstate", 1, 21, "first -"),
            ("-- highwater: state", 1, 20, "category"),
            ("-- highwater: state a\n", 2, 1, "no expression"),
            ("-- highwater: state a\n;;", 2, 3, "no expression"),
            (
                "-- highwater: state a\n-- highwater: state b\n1",
                2,
                15,
                "twice",
            ),
            (
                "-- highwater: state a\n-- highwater: events b\n1",
                2,
                15,
                "no directive",
            ),
            ("-- highwater: state a\n  select 1", 2, 3, "no statement"),
            (
                "-- highwater: state a\nstate; drop table x",
                2,
                8,
                "one expression",
            ),
            (
                "-- highwater: state a\nstate || (data",
                2,
                10,
                "never closes",
            ),
            (
                "-- highwater: state a\nstate) || (data",
                2,
                6,
                "closes nothing",
            ),
            ("-- highwater: state a\nstate || 'x", 2, 10, "never ends"),
        ] {
            let wrong = StateDefinition::parse(text).unwrap_err();
            assert_eq!(
                (wrong.line, wrong.column),
                (line, column),
                "{text}: {wrong}"
            );
            assert!(wrong.message.contains(words), "{text}: {wrong}");
        }
    }
}
