//! Writers that use SQL: open transactions, what they take back, and what the others notice of them.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::{Duration, Instant};

use highwater_model::{Position, RecordedEvent};
use highwater_store::{Ids, StoreError, StoreOptions};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use support::{ANY, append, event, exactly, fresh, fresh_with, name};

async fn sql_append(
    connection: &mut PgConnection,
    stream: &str,
    expected: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar("select version from highwater.append($1, $2, '[{\"type\":\"Said\",\"data\":{\"in\":\"sql\"}}]')")
        .bind(stream)
        .bind(expected)
        .fetch_all(connection)
        .await
}

#[tokio::test]
async fn open_sql_transactions_commit_in_any_order_and_leave_no_gap() {
    let fresh = fresh().await;
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(PgConnection::connect(&fresh.url).await.unwrap());
    }
    let [first, second, third] = connections.as_mut_slice() else {
        unreachable!()
    };
    for (connection, stream) in [
        (&mut *first, "q-1"),
        (&mut *second, "q-2"),
        (&mut *third, "q-3"),
    ] {
        connection.execute("begin").await.unwrap();
        assert_eq!(sql_append(connection, stream, -1).await.unwrap(), [0]);
    }
    assert_eq!(
        sql_append(first, "q-1", 0).await.unwrap(),
        [1],
        "a second append sees the first"
    );
    fresh
        .store
        .append(vec![append("api-1", ANY, vec![event("A", &json!(1))])])
        .await
        .unwrap();
    third.execute("commit").await.unwrap();
    second.execute("rollback").await.unwrap();
    first.execute("commit").await.unwrap();
    let events = fresh.store.read_tail(Position::ZERO, 100).await.unwrap();
    let streams: Vec<&str> = events.iter().map(|event| event.stream.as_str()).collect();
    assert_eq!(streams, ["api-1", "q-3", "q-1", "q-1"]);
    assert_eq!(
        events
            .iter()
            .map(|event| event.position.0)
            .collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    let conflict = sql_append(first, "q-1", 0).await.unwrap_err();
    assert_eq!(
        conflict.as_database_error().unwrap().code().unwrap(),
        "HW409"
    );
    let pending: i64 = sqlx::query_scalar("select count(*) from highwater.pending_events")
        .fetch_one(first)
        .await
        .unwrap();
    assert_eq!(pending, 0);
}

#[tokio::test]
async fn a_sql_transaction_records_all_that_is_left_of_it_whatever_it_takes_back() {
    let fresh = fresh().await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    let connection = &mut connection;
    let thousand = "select from highwater.append('q-large', -2, (select jsonb_agg(jsonb_build_object('type', 'Said', 'id', gen_random_uuid(), 'data', n)) from generate_series(1, 1000) n))";
    connection.execute("begin; savepoint s").await.unwrap();
    sql_append(connection, "q-1", -1).await.unwrap();
    connection.execute("rollback to savepoint s").await.unwrap();
    assert_eq!(sql_append(connection, "q-1", -1).await.unwrap(), [0]);
    connection.execute("savepoint t").await.unwrap();
    assert_eq!(sql_append(connection, "q-2", -1).await.unwrap(), [0]);
    connection
        .execute("rollback to savepoint t; set constraints all immediate")
        .await
        .unwrap();
    assert_eq!(sql_append(connection, "q-3", -1).await.unwrap(), [0]);
    connection
        .execute("set constraints all deferred")
        .await
        .unwrap();
    // Enough to be noticed if what they cost grew with their square.
    for _ in 0..20 {
        connection.execute(thousand).await.unwrap();
    }
    connection.execute("commit").await.unwrap();
    let streams = |event: &RecordedEvent| event.stream.as_str().to_owned();
    let first = fresh.store.read_tail(Position::ZERO, 3).await.unwrap();
    let first: Vec<String> = first.iter().map(streams).collect();
    assert_eq!(first, ["q-1", "q-3", "q-large"]);
    let all: (i64, i64, i64) = sqlx::query_as(
        "select count(*), max(position), (select count(*) from highwater.pending_events) from highwater.events",
    )
    .fetch_one(connection)
    .await
    .unwrap();
    assert_eq!(all, (20_002, 20_002, 0));
}

async fn sql_append_with_id(connection: &mut PgConnection, stream: &str, id: uuid::Uuid) {
    sqlx::query("select from highwater.append($1, -1, jsonb_build_array(jsonb_build_object('id', $2, 'type', 'Said', 'data', 1)))")
        .bind(stream)
        .bind(id)
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_id_that_another_transaction_recorded_meanwhile_is_refused_at_commit() {
    let fresh = fresh().await;
    let id = Ids.random();
    let mut connections = Vec::new();
    for stream in ["q-1", "q-2"] {
        let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
        connection.execute("begin").await.unwrap();
        sql_append_with_id(&mut connection, stream, id).await;
        connections.push(connection);
    }
    connections[1].execute("commit").await.unwrap();
    let refused = connections[0].execute("commit").await.unwrap_err();
    assert_eq!(
        refused.as_database_error().unwrap().code().unwrap(),
        "HW410"
    );
    let events = fresh.store.read_tail(Position::ZERO, 100).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].stream.as_str(), "q-2");
    let twice = sqlx::query("select from highwater.append('q-3', -1, (select jsonb_agg(jsonb_build_object('id', $1, 'type', 'Said', 'data', n)) from generate_series(1, 2) n))")
        .bind(Ids.random())
        .execute(&mut connections[0])
        .await
        .unwrap_err();
    assert_eq!(twice.as_database_error().unwrap().code().unwrap(), "HW410");
}

#[tokio::test]
async fn an_open_sql_transaction_stops_its_own_stream_only() {
    let fresh = fresh_with(StoreOptions {
        busy_wait: Duration::from_millis(200),
        ..StoreOptions::default()
    })
    .await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    connection.execute("begin").await.unwrap();
    sql_append(&mut connection, "x-1", -2).await.unwrap();
    let one = || vec![event("A", &json!(1))];
    let busy = fresh.store.append(vec![append("x-1", ANY, one())]);
    let others = futures_util::future::join_all((0..200).map(|number| {
        let store = fresh.store.clone();
        async move {
            let started = Instant::now();
            store
                .append(vec![append(&format!("y-{number}"), ANY, one())])
                .await
                .unwrap();
            started.elapsed()
        }
    }));
    let (busy, others) = tokio::join!(busy, others);
    assert!(matches!(busy, Err(StoreError::StreamBusy { stream }) if stream == name("x-1")));
    assert!(others.into_iter().max().unwrap() < Duration::from_secs(2));
    assert!(
        fresh
            .store
            .facts()
            .await
            .unwrap()
            .holders
            .iter()
            .any(|holder| holder.what == "open")
    );
    connection.execute("commit").await.unwrap();
    let done = fresh
        .store
        .append(vec![append("x-1", exactly(0), one())])
        .await
        .unwrap();
    assert_eq!(done.appended[0].first_position, Position(202));
}
