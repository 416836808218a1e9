//! Reads the definition of a read model: directives and the statements between them.

mod directives;
mod statements;

use crate::read_model_definition::{
    Definition, DefinitionError, FailurePolicy, HandlerKind, check_name,
};
use crate::read_model_sql::{TokenKind, checked_tokens};

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
    use crate::PartKey;

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
}
