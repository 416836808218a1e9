//! Reads the definition of a read model: directives and the statements between them.

use crate::PartKey;
use crate::filter::Glob;
use crate::read_model_definition::{
    Definition, DefinitionError, FailurePolicy, HandlerKind, Key, Statement, check_name,
};
use crate::read_model_sql::{
    Directive, Token, TokenKind, checked_tokens, directive, has_outside, verb,
};

const DIRECTIVES: [&str; 9] = [
    "events",
    "describe",
    "key",
    "replay-safe",
    "ignore",
    "policy",
    "tables",
    "slice",
    "each",
];
/// What a handler may do.
const HANDLER_VERBS: [&str; 6] = ["select", "insert", "update", "delete", "merge", "values"];
/// What the tables' section may do.
const TABLE_VERBS: [&str; 4] = ["create", "alter", "comment", "insert"];
/// What it may make.
const CREATED: [&str; 5] = ["table", "index", "unique", "sequence", "type"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Header,
    Tables,
    Handler,
}

pub(crate) fn parse(name: &str, text: &str) -> Result<Definition, DefinitionError> {
    check_name(name).map_err(|error| DefinitionError::at(text, 0, error.to_string()))?;
    let tokens = checked_tokens(text)?;
    let mut reader = Reader {
        text,
        section: Section::Header,
        seen: Vec::new(),
        definition: Definition {
            name: name.to_owned(),
            text: text.to_owned(),
            events: Vec::new(),
            describe: None,
            key: None,
            replay_safe: false,
            ignored_columns: Vec::new(),
            policy: FailurePolicy::default(),
            tables: Vec::new(),
            handler: HandlerKind::Slice,
            statements: Vec::new(),
        },
    };
    let mut first = 0;
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token.kind, TokenKind::Semicolon | TokenKind::Directive) {
            reader.statement(&tokens[first..at])?;
            first = at + 1;
        }
        if token.kind == TokenKind::Directive {
            reader.directive(*token)?;
        }
    }
    reader.statement(&tokens[first..])?;
    reader.end()
}

struct Reader<'a> {
    text: &'a str,
    section: Section,
    seen: Vec<&'static str>,
    definition: Definition,
}

impl Reader<'_> {
    fn wrong(&self, at: usize, message: impl Into<String>) -> DefinitionError {
        DefinitionError::at(self.text, at, message)
    }

    fn directive(&mut self, token: Token) -> Result<(), DefinitionError> {
        let Directive {
            word,
            at,
            value,
            value_at,
        } = directive(self.text, token);
        let Some(&directive) = DIRECTIVES.iter().find(|&&known| known == word) else {
            let message = if word.is_empty() {
                "a directive is missing here".to_owned()
            } else {
                format!("there is no directive {word:?}")
            };
            return Err(self.wrong(at, message).expecting(&DIRECTIVES));
        };
        let handler = matches!(directive, "slice" | "each");
        if self.seen.contains(&directive)
            || (handler
                && self
                    .seen
                    .iter()
                    .any(|&seen| matches!(seen, "slice" | "each")))
        {
            return Err(self.wrong(
                at,
                if handler {
                    "a read model has one handler: either slice or each, once".to_owned()
                } else {
                    format!("{directive} stands twice")
                },
            ));
        }
        self.seen.push(directive);
        self.value(directive, value, value_at)
    }

    fn value(&mut self, directive: &str, value: &str, at: usize) -> Result<(), DefinitionError> {
        match directive {
            "events" => self.definition.events = self.globs(value, at)?,
            "describe" => {
                self.definition.describe = Some(value.to_owned()).filter(|text| !text.is_empty());
            }
            "key" | "replay-safe" if self.section != Section::Header => {
                return Err(self.wrong(
                    at,
                    format!(
                        "{directive} stands before the tables: it is said of the whole read model"
                    ),
                ));
            }
            "key" => {
                let part = PartKey::ALL.into_iter().find(|key| key.as_str() == value);
                let part = part.ok_or_else(|| {
                    let what = "each row of a read model belongs to one of these, or the definition has no key";
                    self.wrong(at, what).expecting(&["stream", "category"])
                })?;
                self.definition.key = Some(Key { part, at });
            }
            "policy" => {
                self.definition.policy = [
                    FailurePolicy::Stop,
                    FailurePolicy::Retry,
                    FailurePolicy::Skip,
                ]
                .into_iter()
                .find(|policy| policy.as_str() == value)
                .ok_or_else(|| {
                    self.wrong(
                        at,
                        format!("{value:?} is not a policy for events that fail"),
                    )
                    .expecting(&["stop", "retry", "skip"])
                })?;
            }
            "ignore" => self.definition.ignored_columns = self.columns(value, at)?,
            _ if !value.is_empty() => {
                return Err(self
                    .wrong(at, format!("nothing stands behind {directive}"))
                    .expecting(&["the end of the line", "-- a remark"]));
            }
            "replay-safe" => self.definition.replay_safe = true,
            "tables" if self.section == Section::Handler => {
                return Err(self.wrong(at, "the tables stand before the handler"));
            }
            "tables" => self.section = Section::Tables,
            _ => {
                self.section = Section::Handler;
                if directive == "each" {
                    self.definition.handler = HandlerKind::Each;
                }
            }
        }
        Ok(())
    }

    /// `OrderPlaced, Order*`
    fn globs(&self, value: &str, at: usize) -> Result<Vec<Glob>, DefinitionError> {
        value
            .split(',')
            .map(|name| {
                let name = name.trim();
                if name.is_empty() || name.len() > 255 {
                    return Err(self
                        .wrong(
                            at,
                            "each event type has 1 to 255 bytes, with commas between them",
                        )
                        .expecting(&["OrderPlaced, OrderCancelled", "Order*", "*"]));
                }
                Ok(Glob::starred(name))
            })
            .collect()
    }

    /// `columns a, totals.b`
    fn columns(&self, value: &str, at: usize) -> Result<Vec<String>, DefinitionError> {
        let wrong = || {
            self.wrong(
                at,
                "columns that a comparison leaves out are named like this",
            )
            .expecting(&["columns updated_at, totals.id"])
        };
        let names = value.strip_prefix("columns ").ok_or_else(wrong)?;
        names
            .split(',')
            .map(|name| {
                let name = name.trim();
                let plain = |part: &str| {
                    !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_')
                };
                if name.split('.').count() <= 2 && name.split('.').all(plain) {
                    Ok(name.to_owned())
                } else {
                    Err(wrong())
                }
            })
            .collect()
    }

    fn statement(&mut self, tokens: &[Token]) -> Result<(), DefinitionError> {
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

    fn end(self) -> Result<Definition, DefinitionError> {
        let end = self.text.len();
        if self.definition.events.is_empty() {
            return Err(self
                .wrong(0, "the definition does not say which events it handles")
                .expecting(&["-- highwater: events OrderPlaced, OrderCancelled"]));
        }
        if self.definition.tables.is_empty() {
            return Err(self
                .wrong(end, "the definition makes no table")
                .expecting(&["-- highwater: tables, then create table …"]));
        }
        if self.definition.statements.is_empty() {
            return Err(self
                .wrong(end, "the definition handles no event")
                .expecting(&["-- highwater: slice", "-- highwater: each"]));
        }
        Ok(self.definition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTALS: &str = "-- highwater: events OrderPlaced, Order*
-- highwater: describe Totals per customer -- by day
-- highwater: ignore columns updated_at, totals.id
-- highwater: policy skip
-- highwater: replay-safe
-- highwater: tables
create table totals (customer text primary key, orders bigint not null);
create index on totals (orders);
-- highwater: slice            -- once a slice
insert into totals select data->>'customer', count(*) from events group by 1
on conflict (customer) do update set orders = totals.orders + excluded.orders;
with gone as (delete from totals where orders = 0 returning *) select count(*) from gone";

    #[test]
    fn a_definition_is_read() {
        let definition = Definition::parse("totals", TOTALS).unwrap();
        assert_eq!(definition.event_names(), ["OrderPlaced", "Order*"]);
        assert_eq!(
            definition.describe.as_deref(),
            Some("Totals per customer -- by day")
        );
        assert_eq!(definition.ignored_columns, ["updated_at", "totals.id"]);
        assert_eq!(definition.policy, FailurePolicy::Skip);
        assert!(definition.replay_safe && definition.key.is_none());
        assert_eq!(
            (definition.tables.len(), definition.statements.len()),
            (2, 2)
        );
        assert!(!definition.statements[0].answers_rows);
        assert!(definition.statements[1].answers_rows);
    }

    #[test]
    fn what_is_said_of_the_whole_stands_before_the_tables() {
        let keyed = TOTALS.replace("-- highwater: replay-safe", "-- highwater: key  category");
        let definition = Definition::parse("totals", &keyed).unwrap();
        let key = definition.key.unwrap();
        assert_eq!(key.part, PartKey::Category);
        assert!(keyed[key.at..].starts_with("category\n"));

        let wrong = error(&keyed.replace("category", "customer"));
        assert_eq!((wrong.line, wrong.column), (5, 20));
        assert_eq!(wrong.expected, ["stream", "category"]);
        for directive in ["replay-safe", "key stream"] {
            let late = format!(
                "-- highwater: events A\n-- highwater: tables\n  -- highwater: {directive}\ncreate table t (x int);"
            );
            let wrong = error(&late);
            assert_eq!(wrong.line, 3);
            assert!(wrong.message.contains("before the tables"), "{wrong}");
        }
        let wrong = error("-- highwater: replay-safe always");
        assert_eq!((wrong.line, wrong.column), (1, 27));
    }

    fn error(text: &str) -> DefinitionError {
        Definition::parse("totals", text).unwrap_err()
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        let wrong = error("-- highwater: events A\n--  highwater: colour red");
        assert_eq!((wrong.line, wrong.column), (2, 16));
        assert_eq!(wrong.message, "there is no directive \"colour\"");
        assert!(wrong.expected.contains(&"slice".to_owned()));

        let wrong = error(
            "-- highwater: events A\n-- highwater: tables\ncreate table t (x int);\n  create view v as select 1;",
        );
        assert_eq!((wrong.line, wrong.column), (4, 10));

        let wrong = error(
            "-- highwater: events A\n-- highwater: tables\ncreate table t (x int);\n-- highwater: each\ncommit",
        );
        assert_eq!(
            (wrong.line, wrong.message.as_str()),
            (5, "a handler has no \"commit\"")
        );

        let wrong = error(
            "-- highwater: events A\n-- highwater: tables\ncreate table t (x int);\n-- highwater: slice\nselect 1 into t",
        );
        assert!(wrong.message.contains("makes no table"), "{wrong}");
        assert!(error("select 1").message.contains("none has begun"));
        assert!(
            error("-- highwater: events A\n-- highwater: events B")
                .message
                .contains("twice")
        );
        assert!(error("-- highwater: events A\n-- highwater: slice\nselect 1;\n-- highwater: each\nselect 1").message.contains("one handler"));
        assert_eq!(
            error("-- highwater: events A\n-- highwater: policy drop").expected,
            ["stop", "retry", "skip"]
        );
        assert!(
            error("-- highwater: events A,,B")
                .message
                .contains("1 to 255")
        );
        assert!(error("").message.contains("which events"));
    }

    #[test]
    fn names_that_collide_are_refused() {
        for name in [
            "",
            "Orders",
            "1a",
            "highwater",
            "public",
            "pg_x",
            "information_schema",
            "a__shadow",
            "a-b",
            &"x".repeat(49),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        check_name("customer_totals2").unwrap();
    }
}
