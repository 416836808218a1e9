//! Reads a statement: what it is allowed to be in the section where it stands.

use super::{Reader, Section};
use crate::read_model_definition::{DefinitionError, Statement};
use crate::read_model_sql::{Token, has_outside, verb};

/// What a handler may do.
const HANDLER_VERBS: [&str; 6] = ["select", "insert", "update", "delete", "merge", "values"];
/// What the tables' section may do.
const TABLE_VERBS: [&str; 4] = ["create", "alter", "comment", "insert"];
/// What it may make.
const CREATED: [&str; 5] = ["table", "index", "unique", "sequence", "type"];

impl Reader<'_> {
    pub(super) fn statement(&mut self, tokens: &[Token]) -> Result<(), DefinitionError> {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Ok(());
        };
        let word = |token: Token| self.text[token.start..token.end].to_ascii_lowercase();
        let what = verb(self.text, tokens).unwrap_or(*first);
        let name = word(what);
        let allowed: &[&str] = match self.section {
            Section::Header => {
                return Err(self
                    .wrong(
                        first.start,
                        "a statement stands in a section, and none has begun here",
                    )
                    .expecting(&[
                        "-- highwater: tables",
                        "-- highwater: slice",
                        "-- highwater: each",
                    ]));
            }
            Section::Tables => &TABLE_VERBS,
            Section::Handler => &HANDLER_VERBS,
        };
        if !allowed.contains(&name.as_str()) {
            let section = if self.section == Section::Tables {
                "the tables' section"
            } else {
                "a handler"
            };
            return Err(self
                .wrong(what.start, format!("{section} has no {name:?}"))
                .expecting(allowed));
        }
        if name == "create" {
            let made = tokens.get(1).copied().unwrap_or(*first);
            if !CREATED.contains(&word(made).as_str()) {
                return Err(self
                    .wrong(
                        made.start,
                        format!(
                            "a read model is made of tables and their indexes that survive a crash: no {:?}",
                            word(made)
                        ),
                    )
                    .expecting(&CREATED));
            }
        }
        if name == "select" && has_outside(self.text, tokens, "into") {
            return Err(self
                .wrong(
                    what.start,
                    "a select makes no table here: nothing goes into anything",
                )
                .expecting(&["insert into … select …"]));
        }
        let statement = Statement {
            text: self.text[first.start..last.end].to_owned(),
            at: first.start,
            answers_rows: matches!(name.as_str(), "select" | "values")
                || has_outside(self.text, tokens, "returning"),
        };
        match self.section {
            Section::Tables => self.definition.tables.push(statement),
            _ => self.definition.statements.push(statement),
        }
        Ok(())
    }
}
