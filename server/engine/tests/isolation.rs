//! The SQL of a read model reads its slice and writes its own tables, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::read_model_definition::Statement;
use highwater_model::{Definition, DefinitionError};
use highwater_store::read_models::ReadModelError;
use serde_json::json;
use sqlx::AssertSqlSafe;
use support::{Fresh, TOTALS, order, started};

/// A definition with statements that the reader of definitions would have refused already.
fn smuggled(tables: Option<&str>, handler: Option<&str>) -> Definition {
    let mut definition = Definition::parse("evil", TOTALS).unwrap();
    let statement = |text: &str| Statement {
        text: text.to_owned(),
        at: 0,
        answers_rows: false,
    };
    definition.tables.extend(tables.map(statement));
    definition.statements.extend(handler.map(statement));
    definition
}

async fn refused(fresh: &Fresh, definition: Definition) -> DefinitionError {
    match fresh.store.define(&definition, "api", &order()).await {
        Err(ReadModelError::Definition(error)) => error,
        other => panic!("{:?} is taken: {other:?}", definition.tables.last()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_cannot_reach_beyond_their_schema() {
    let fresh = Fresh::new().await;
    started(&fresh.read_models(), "other", TOTALS).await;
    for (statement, said) in [
        ("create table highwater.x (a int)", "permission denied"),
        ("create table public.x (a int)", "permission denied"),
        ("create table other.x (a int)", "permission denied"),
        ("create schema x", "permission denied"),
        ("alter table other.totals add x int", "permission denied"),
        (
            "alter table highwater.events add x int",
            "permission denied",
        ),
        ("drop view evil.events", "must be owner"),
        (
            "create table x as select * from highwater.events",
            "permission denied",
        ),
        (
            "create table x as select * from other.totals",
            "permission denied",
        ),
        (
            "create table x as select pg_read_file('/etc/passwd')",
            "permission denied",
        ),
        ("copy totals from '/etc/passwd'", "COPY"),
        ("copy totals from program 'id'", "COPY"),
        ("copy totals to program 'cat > /tmp/x'", "COPY"),
        ("set role postgres", "cannot set parameter \"role\""),
        (
            "set session authorization postgres",
            "cannot set parameter \"session_authorization\"",
        ),
        ("reset role", "cannot set parameter \"role\""),
        (
            "reset session authorization",
            "cannot set parameter \"session_authorization\"",
        ),
        (
            "commit",
            "EXECUTE of transaction commands is not implemented",
        ),
        ("create role x", "permission denied"),
        ("create extension dblink", "permission denied"),
        ("alter system set work_mem = '1GB'", "ALTER SYSTEM"),
        (
            "create function f() returns int language sql as 'select 1'",
            "this makes function",
        ),
        ("create view v as select 1", "this makes view"),
        (
            "create materialized view v as select 1",
            "this makes materialized view",
        ),
        ("create temp table x (a int)", "this makes table"),
        ("create unlogged table x (a int)", "this makes table"),
        (
            "create trigger t after insert on totals execute function suppress_redundant_updates_trigger()",
            "this makes trigger",
        ),
        (
            "create rule r as on delete to totals do also select 1",
            "this makes rule",
        ),
        (
            "alter table totals enable row level security",
            "this makes table",
        ),
        ("create table events (a int)", "already exists"),
    ] {
        let error = refused(&fresh, smuggled(Some(statement), None)).await;
        assert!(error.message.contains(said), "{statement}: {error}");
    }
    let left: i64 = sqlx::query_scalar(
        "select count(*) from pg_namespace where nspname like 'evil%' or nspname = 'x'",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!(left, 0);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_is_refused_what_it_may_not_do_before_it_runs() {
    let fresh = Fresh::new().await;
    started(&fresh.read_models(), "other", TOTALS).await;
    for (statement, said) in [
        ("select * from highwater.events", "permission denied"),
        (
            "update highwater.read_model_progress set checkpoint = 0",
            "permission denied",
        ),
        (
            "insert into highwater.actions (actor, action, outcome) values ('a', 'b', 'c')",
            "permission denied",
        ),
        ("select * from other.totals", "permission denied"),
        ("delete from other.totals", "permission denied"),
        ("select other.handle()", "permission denied"),
        (
            "select highwater.append('a-1', -2, '[]')",
            "permission denied",
        ),
        ("delete from events", "cannot delete from view"),
        ("select rolpassword from pg_authid", "permission denied"),
    ] {
        let error = refused(&fresh, smuggled(None, Some(statement))).await;
        assert!(error.message.contains(said), "{statement}: {error}");
    }
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_runs_cannot_leave_its_role() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 30).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let mut sql = fresh.sql().await;
    for (body, said) in [
        ("set role postgres", "cannot set parameter \"role\""),
        ("reset role", "cannot set parameter \"role\""),
        ("set local role postgres", "cannot set parameter \"role\""),
        (
            "perform set_config('role', 'postgres', false)",
            "cannot set parameter \"role\"",
        ),
        (
            "perform set_config('session_authorization', 'postgres', false)",
            "cannot set parameter \"session_authorization\"",
        ),
        ("commit", "invalid transaction termination"),
        ("rollback", "invalid transaction termination"),
        ("execute 'copy (select 1) to program ''id'''", "COPY"),
        ("perform pg_read_file('/etc/passwd')", "permission denied"),
        ("perform lo_import('/etc/passwd')", "permission denied"),
        (
            "create table x (a int)",
            "permission denied for schema totals",
        ),
        (
            "create function f() returns int language sql as 'select 1'",
            "permission denied",
        ),
        (
            "execute 'create or replace view events as select 1'",
            "permission denied",
        ),
        ("perform 1 from highwater.events", "permission denied"),
        ("lock highwater.events", "permission denied"),
    ] {
        // As it was made, with another body: owner, rights and settings stay.
        let replace = format!(
            "do $do$ begin execute regexp_replace(pg_get_functiondef('totals.handle()'::regprocedure), 'AS \\$function\\$.*\\$function\\$', $b$AS $function$begin {body}; end$function$$b$); end $do$"
        );
        sqlx::raw_sql(AssertSqlSafe(replace))
            .execute(&mut sql)
            .await
            .unwrap();
        let error = sqlx::query("select totals.handle()")
            .execute(&mut sql)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(said), "{body}: {error}");
    }
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_sees_its_slice_only() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 30).await;
    let text = "-- highwater: events OrderPlaced
-- highwater: tables
create table seen (position bigint primary key, type text not null, slice bigint not null);
-- highwater: each
select set_config('highwater.event', (position + 1)::text, true), set_config('statement_timeout', '0', false), set_config('work_mem', '64kB', false) from event;
insert into seen select position, type, 1 from event on conflict do nothing;
insert into seen select position, type, 0 from events where position > (select max(position) from seen where slice = 1) on conflict do nothing";
    let read_models = fresh.read_models();
    started(&read_models, "seen", text).await;
    fresh.caught_up(&read_models, "seen").await;
    let (types, others): (i64, i64) = sqlx::query_as(
        "select (select count(distinct type) from seen.seen), (select count(*) from seen.seen s join highwater.events e using (position) join highwater.event_types t using (type_id) where t.name <> 'OrderPlaced')",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!((types, others), (1, 0));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_a_handler_are_tried_on_its_slice_only() {
    let fresh = Fresh::new().await;
    for n in 0..50 {
        let data = [json!({"customer": "c", "cents": "none"})];
        fresh
            .append(&format!("user-x{n}"), &format!("Other{n}"), &data)
            .await;
    }
    fresh.orders(0, 30).await;
    for handler in ["slice", "each"] {
        let events = if handler == "slice" {
            "events"
        } else {
            "event"
        };
        let text = format!(
            "-- highwater: events OrderPlaced
-- highwater: tables
create table seen (position bigint primary key, stream int not null);
-- highwater: {handler}
insert into seen select position, split_part(stream, '-', 2)::int from {events}
where split_part(stream, '-', 2)::int >= 0 and (data->>'cents')::int > 0 and substr(type, 6) = 'Placed' and 1 / (case type when 'OrderPlaced' then 1 else 0 end) = 1"
        );
        let read_models = fresh.read_models();
        started(&read_models, handler, &text).await;
        fresh.caught_up(&read_models, handler).await;
        let seen: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "select count(*) from {handler}.seen"
        )))
        .fetch_one(&mut fresh.sql().await)
        .await
        .unwrap();
        assert_eq!(seen, 60);
    }
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_takes_the_logs_lock_gives_it_back() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let text = format!("{TOTALS}; select pg_advisory_lock(7210, 1) from events limit 1");
    started(&read_models, "totals", &text).await;
    for n in 0..20 {
        fresh
            .append(
                &format!("order-{n}"),
                "OrderPlaced",
                &[json!({"customer": "c", "cents": 1})],
            )
            .await;
    }
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await["c"], (20, 20));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_take_the_logs_lock_give_it_back() {
    let fresh = Fresh::new().await;
    let taker = smuggled(
        Some(
            "create table x as select pg_advisory_lock(7210, 1)::text, set_config('search_path', 'evil', false)",
        ),
        None,
    );
    fresh.store.define(&taker, "api", &order()).await.unwrap();
    fresh.orders(0, 3).await;
    assert_eq!(fresh.store.read_models().await.unwrap().len(), 1);
    fresh.tasks.shutdown().await;
}
