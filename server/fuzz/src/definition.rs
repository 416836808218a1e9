//! Definitions of read models, and of states.

use highwater_model::read_model_definition::{DEFINITION_BYTES, Statement};
use highwater_model::{Definition, DefinitionError, HandlerKind, StateDefinition};

pub(crate) const WORDS: &[&str] = &[
    "\n",
    " ",
    "-- highwater: ",
    "events A, B*\n",
    "describe It -- all\n",
    "key stream\n",
    "replay-safe\n",
    "ignore columns a, t.b\n",
    "policy skip\n",
    "tables\n",
    "slice\n",
    "each\n",
    "state order\n",
    "create table t (x int);\n",
    "insert into t ",
    "select 1",
    "from events",
    "with a as (",
    ")",
    "(",
    ";",
    ",",
    "'",
    "e'",
    "\\",
    "\"",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "returning",
    "search",
    "into",
    "é",
];

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Definition::parse("fuzzed", &text) {
        Ok(definition) => holds(&definition),
        Err(error) => points_into(&text, &error),
    }
    match StateDefinition::parse(&text) {
        Ok(definition) => {
            assert!(StateDefinition::is_one(&text));
            stands_there(&text, &definition.expression);
            let types: Vec<&str> = text.split_whitespace().take(3).collect();
            let sketch = StateDefinition::sketch(&definition.category, &types);
            let category = StateDefinition::parse(&sketch).map(|sketch| sketch.category);
            assert_eq!(category, Ok(definition.category), "{sketch}");
        }
        Err(error) => points_into(&text, &error),
    }
}

fn points_into(text: &str, error: &DefinitionError) {
    let lines = text.matches('\n').count() + 1;
    assert!((1..=lines).contains(&error.line), "{text:?}: {error}");
    let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
    let columns = line.chars().count() + 1;
    assert!((1..=columns).contains(&error.column), "{text:?}: {error}");
}

fn stands_there(text: &str, statement: &Statement) {
    assert!(
        text[statement.at..].starts_with(&statement.text),
        "{statement:?}"
    );
}

/// Put together again from what was read of it, it is the same.
fn holds(definition: &Definition) {
    let text = written(definition);
    if text.len() > DEFINITION_BYTES {
        return;
    }
    let again = Definition::parse("fuzzed", &text);
    let again = again.unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(again.event_names(), definition.event_names());
    assert_eq!(again.describe, definition.describe);
    assert_eq!(again.replay_safe, definition.replay_safe);
    assert_eq!(again.ignored_columns, definition.ignored_columns);
    assert_eq!(again.policy, definition.policy);
    assert_eq!(again.handler, definition.handler);
    let part = |definition: &Definition| definition.key.map(|key| key.part);
    assert_eq!(part(&again), part(definition));
    for (found, was) in [
        (&again.tables, &definition.tables),
        (&again.statements, &definition.statements),
    ] {
        assert_eq!(found.len(), was.len(), "{text}");
        for (found, was) in found.iter().zip(was) {
            assert_eq!(
                (&found.text, found.answers_rows),
                (&was.text, was.answers_rows)
            );
            stands_there(&definition.text, was);
        }
    }
}

fn written(definition: &Definition) -> String {
    let mut text = String::new();
    let mut say = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    say(format!(
        "-- highwater: events {}",
        definition.event_names().join(", ")
    ));
    if let Some(words) = &definition.describe {
        say(format!("-- highwater: describe {words}"));
    }
    if let Some(key) = &definition.key {
        say(format!("-- highwater: key {}", key.part));
    }
    if definition.replay_safe {
        say("-- highwater: replay-safe".to_owned());
    }
    if !definition.ignored_columns.is_empty() {
        let columns = definition.ignored_columns.join(", ");
        say(format!("-- highwater: ignore columns {columns}"));
    }
    say(format!("-- highwater: policy {}", definition.policy));
    say("-- highwater: tables".to_owned());
    for statement in &definition.tables {
        say(format!("{};", statement.text));
    }
    say(match definition.handler {
        HandlerKind::Slice => "-- highwater: slice".to_owned(),
        HandlerKind::Each => "-- highwater: each".to_owned(),
    });
    for statement in &definition.statements {
        say(format!("{};", statement.text));
    }
    text
}
