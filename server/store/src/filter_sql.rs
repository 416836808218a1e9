//! A filter as SQL: the same answer as [`Filter::matches`], over the tables of `row::FROM`.

use highwater_model::filter::{Comparison, Filter, Glob, Literal, Root, Subject, Time, Value};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

type Sql = QueryBuilder<Postgres>;

/// Adds ` and …` for each term. Every value is bound; only words of this file become SQL text.
pub(crate) fn push(sql: &mut Sql, filter: &Filter, now: Timestamp) {
    for term in filter.terms() {
        // Null (a missing path) is no; so a negated term says yes to it. For a plain one `where` does that by itself, and finds the
        // index that a coalesce would hide.
        sql.push(if term.negated {
            " and not coalesce(("
        } else {
            " and ("
        });
        subject(sql, &term.subject, now);
        sql.push(if term.negated { "), false)" } else { ")" });
    }
}

/// The types of the first term that names the types an event must have.
pub(crate) fn types(filter: &Filter) -> Option<&[Glob]> {
    filter.terms().iter().find_map(|term| match &term.subject {
        Subject::Type(globs) if !term.negated => Some(globs.as_slice()),
        _ => None,
    })
}

/// The categories of the first term that names the categories an event must have.
fn categories(filter: &Filter) -> Option<&[Glob]> {
    filter.terms().iter().find_map(|term| match &term.subject {
        Subject::Category(globs) if !term.negated => Some(globs.as_slice()),
        _ => None,
    })
}

/// The streams that an event must be of, by the first term that names them whole.
pub(crate) fn streams(filter: &Filter) -> Option<Vec<String>> {
    let mut terms = filter.terms().iter().filter(|term| !term.negated);
    terms.find_map(|term| match &term.subject {
        Subject::Stream(globs) => globs
            .iter()
            .map(|glob| glob.exact().map(str::to_owned))
            .collect(),
        _ => None,
    })
}

/// Whether an index leads to the few events that a plain term lets through.
pub(crate) fn names_few(filter: &Filter) -> bool {
    let mut terms = filter.terms().iter().filter(|term| !term.negated);
    terms.any(|term| match term.subject {
        Subject::Correlation(_) | Subject::Causation(_) | Subject::Id(_) => true,
        Subject::Position(comparison, _) => comparison == Comparison::Equal,
        _ => false,
    })
}

/// When the events must have been recorded that its plain terms let through: from, and before.
pub(crate) fn span(filter: &Filter, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
    let (mut since, mut until): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    for term in filter.terms().iter().filter(|term| !term.negated) {
        match &term.subject {
            Subject::Since(time) => since = since.max(Some(time.resolve(now))),
            Subject::Until(time) => {
                let time = time.resolve(now);
                until = Some(until.map_or(time, |until| until.min(time)));
            }
            _ => {}
        }
    }
    (since, until)
}

/// True when a summary by block tells where matching events can be: [`push_blocks`] then names it.
pub(crate) fn has_blocks(filter: &Filter) -> bool {
    types(filter).is_some() || categories(filter).is_some()
}

/// `TABLE b where …`: the blocks that hold the filter's types, or else its categories.
pub(crate) fn push_blocks(sql: &mut Sql, filter: &Filter) {
    if let (None, Some(globs)) = (types(filter), categories(filter)) {
        sql.push("highwater.category_blocks b where (");
        names(sql, "b.category", globs);
        sql.push(")");
    } else {
        sql.push("highwater.type_blocks b where ");
        push_types(sql, filter, "b.type_id");
    }
}

/// `column` is one of [`types`]; true without any.
pub(crate) fn push_types(sql: &mut Sql, filter: &Filter, column: &'static str) {
    let Some(globs) = types(filter) else {
        sql.push("true");
        return;
    };
    // A handful of ids, found once, instead of a text compared for every row.
    sql.push(column)
        .push(" = any (array(select w.type_id from highwater.event_types w where ");
    names(sql, "w.name", globs);
    sql.push("))");
}

fn subject(sql: &mut Sql, subject: &Subject, now: Timestamp) {
    match subject {
        Subject::Type(globs) => {
            // A handful of ids, found once, instead of a text compared for every event.
            sql.push("e.type_id = any (array(select w.type_id from highwater.event_types w where ");
            names(sql, "w.name", globs);
            sql.push("))");
        }
        Subject::Category(globs) => names(sql, "s.category", globs),
        Subject::Stream(globs) => names(sql, "s.name", globs),
        Subject::Correlation(ids) => any_id(sql, "e.correlation_id", ids),
        Subject::Causation(ids) => any_id(sql, "e.causation_id", ids),
        Subject::Id(ids) => any_id(sql, "e.event_id", ids),
        Subject::Position(comparison, numbers) => {
            any_number(sql, "e.position", *comparison, numbers);
        }
        Subject::Version(comparison, numbers) => any_number(sql, "e.version", *comparison, numbers),
        Subject::Since(time) => moment(sql, " >= ", *time, now),
        Subject::Until(time) => moment(sql, " < ", *time, now),
        Subject::Field {
            root,
            path,
            comparison,
            values,
        } => {
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    sql.push(" or ");
                }
                sql.push("coalesce((");
                field(sql, *root, path, *comparison, value);
                sql.push("), false)");
            }
        }
        Subject::Text(text) => free_text(sql, text),
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        other => other.sign(),
    }
}

fn any_id(sql: &mut Sql, column: &'static str, ids: &[Uuid]) {
    // One id alone leaves the index in the order of positions: the page needs no sort.
    match ids {
        [id] => sql.push(column).push(" = ").push_bind(*id),
        ids => sql
            .push(column)
            .push(" = any (")
            .push_bind(ids.to_vec())
            .push(")"),
    };
}

fn any_number(sql: &mut Sql, column: &'static str, comparison: Comparison, numbers: &[i64]) {
    sql.push(column)
        .push(" ")
        .push(sign(comparison))
        .push(" any (")
        .push_bind(numbers.to_vec())
        .push(")");
}

fn moment(sql: &mut Sql, sign: &'static str, time: Time, now: Timestamp) {
    sql.push("e.recorded_at")
        .push(sign)
        .push_bind(time.resolve(now).to_sqlx());
}

fn names(sql: &mut Sql, column: &'static str, globs: &[Glob]) {
    for (index, glob) in globs.iter().enumerate() {
        if index > 0 {
            sql.push(" or ");
        }
        sql.push(column);
        fits(sql, glob);
    }
}

fn fits(sql: &mut Sql, glob: &Glob) {
    match glob.exact() {
        Some(exact) => sql.push(" = ").push_bind(exact.to_owned()),
        None => sql.push(" like ").push_bind(
            glob.parts
                .iter()
                .map(|part| escape_like(part))
                .collect::<Vec<_>>()
                .join("%"),
        ),
    };
}

fn document(root: Root) -> &'static str {
    match root {
        Root::Data => "e.data",
        Root::Metadata => "e.metadata",
    }
}

fn field(sql: &mut Sql, root: Root, path: &[String], comparison: Comparison, value: &Value) {
    let json = |sql: &mut Sql| {
        sql.push("(")
            .push(document(root))
            .push(" #> ")
            .push_bind(path.to_vec())
            .push(")");
    };
    let text = |sql: &mut Sql| {
        sql.push("(")
            .push(document(root))
            .push(" #>> ")
            .push_bind(path.to_vec())
            .push(") collate \"C\"");
    };
    let of_kind = |sql: &mut Sql, kind: &'static str| {
        sql.push("jsonb_typeof(");
        json(sql);
        sql.push(") = '").push(kind).push("'");
    };
    let literally = value.glob.literally();
    if value.literal == Literal::Number {
        // A case, so that the cast never meets a text, whatever the planner does first.
        sql.push("case when ");
        of_kind(sql, "number");
        sql.push(" then ");
        json(sql);
        sql.push("::numeric ")
            .push(sign(comparison))
            .push(" ")
            .push_bind(literally.clone())
            .push("::numeric");
        if comparison == Comparison::Equal {
            sql.push(" when ");
            of_kind(sql, "string");
            sql.push(" then ");
            text(sql);
            fits(sql, &value.glob);
        }
        sql.push(" else false end");
        return;
    }
    sql.push("case when ");
    of_kind(sql, "string");
    sql.push(" then ");
    text(sql);
    if comparison == Comparison::Equal {
        fits(sql, &value.glob);
    } else {
        sql.push(" ")
            .push(sign(comparison))
            .push(" ")
            .push_bind(literally);
    }
    let word = match value.literal {
        Literal::True => Some("true"),
        Literal::False => Some("false"),
        Literal::Null => Some("null"),
        Literal::Text | Literal::Number => None,
    };
    match word {
        Some(word) if comparison == Comparison::Equal => {
            sql.push(" else ");
            json(sql);
            sql.push(" = '").push(word).push("'::jsonb end");
        }
        _ => {
            sql.push(" else false end");
        }
    }
}

fn free_text(sql: &mut Sql, text: &str) {
    let word = text.to_ascii_lowercase();
    for (index, column) in ["s.name", "k.name"].into_iter().enumerate() {
        if index > 0 {
            sql.push(" or ");
        }
        sql.push("position(")
            .push_bind(word.clone())
            .push(" in lower(")
            .push(column)
            .push(" collate \"C\")) > 0");
    }
    // The document's whole text holds every word that JSON does not write in another way; looking there first spares the walk.
    let plain = !word.contains(|c: char| c == '"' || c == '\\' || c.is_control());
    for document in ["e.data", "e.metadata"] {
        sql.push(" or (");
        if plain {
            sql.push("position(")
                .push_bind(word.clone())
                .push(" in lower(")
                .push(document)
                .push("::text collate \"C\")) > 0 and ");
        }
        sql.push("highwater.document_has(")
            .push(document)
            .push(", ")
            .push_bind(word.clone())
            .push("))");
    }
}

/// A text that LIKE takes literally.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
