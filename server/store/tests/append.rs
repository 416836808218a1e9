//! Appending: order, conflicts, retries, atomicity, and writers that use SQL.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::{Duration, Instant};

use highwater_model::{EventPage, ExpectedVersion, ImportLine, Position, RecordedEvent, Version};
use highwater_store::{Direction, Ids, LogQuery, Store, StoreError, StoreOptions, Tasks};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use support::{append, event, event_with_id, exactly, fresh, fresh_with, name, raw};

const ANY: ExpectedVersion = ExpectedVersion::Any;

#[tokio::test]
async fn many_writers_leave_no_gap_and_a_reader_sees_all_in_order() {
    let fresh = fresh().await;
    let (writers, each) = (32, 40);
    let reader = {
        let store = fresh.store.clone();
        async move {
            let mut after = Position::ZERO;
            while after.0 < writers * each {
                for event in store.read_tail(after, 500).await.unwrap() {
                    assert_eq!(event.position, after.next());
                    after = event.position;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let writing = futures_util::future::join_all((0..writers).map(|writer| {
        let store = fresh.store.clone();
        async move {
            for number in 0..each {
                let stream = format!("w-{}", (writer + number) % 8);
                store
                    .append(vec![append(
                        &stream,
                        ANY,
                        vec![event("Written", &json!(number))],
                    )])
                    .await
                    .unwrap();
            }
        }
    }));
    tokio::join!(reader, writing);
    assert_eq!(
        fresh.store.mark().await.unwrap().position,
        Position(writers * each)
    );
    assert_eq!(*fresh.store.wake().borrow(), Position(writers * each));
    let page = fresh
        .store
        .read_stream(&name("w-1"), None, 1_000, Direction::Forward)
        .await
        .unwrap()
        .unwrap();
    let versions: Vec<i64> = page.events.iter().map(|event| event.version.0).collect();
    assert_eq!(versions, (0..=page.last_version.0).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_conflict_says_where_the_stream_stands() {
    let fresh = fresh().await;
    let one = || vec![event("A", &json!(1))];
    fresh
        .store
        .append(vec![append("s-1", ExpectedVersion::None, one())])
        .await
        .unwrap();
    for (expected, actual) in [
        (ExpectedVersion::None, Some(Version(0))),
        (exactly(3), Some(Version(0))),
    ] {
        let refused = fresh
            .store
            .append(vec![append("s-1", expected, one())])
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, StoreError::Conflict { actual: found, .. } if *found == actual),
            "{refused}"
        );
    }
    let refused = fresh
        .store
        .append(vec![append("s-2", ExpectedVersion::Exists, one())])
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { actual: None, .. }));
    let done = fresh
        .store
        .append(vec![append("s-1", exactly(0), one())])
        .await
        .unwrap();
    assert_eq!(done.appended[0].first_version, Version(1));
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_a_reused_id_is_refused() {
    let fresh = fresh().await;
    let (a, b) = (Ids.event_id(), Ids.event_id());
    let both = |expected| {
        vec![append(
            "s-1",
            expected,
            vec![
                event_with_id("A", &json!({"x": 1, "y": 2}), a),
                event_with_id("B", &json!(2), b),
            ],
        )]
    };
    let first = fresh
        .store
        .append(both(ExpectedVersion::None))
        .await
        .unwrap();
    assert!(!first.duplicate);
    for expected in [ExpectedVersion::None, ANY] {
        let again = fresh.store.append(both(expected)).await.unwrap();
        assert!(again.duplicate);
        assert_eq!(again.appended, first.appended);
    }
    for (stream, data) in [("s-1", json!(3)), ("s-2", json!({"x": 1, "y": 2}))] {
        let refused = fresh
            .store
            .append(vec![append(
                stream,
                ANY,
                vec![event_with_id("A", &data, a)],
            )])
            .await
            .unwrap_err();
        assert!(
            matches!(refused, StoreError::IdReused { id } if id == a),
            "{refused}"
        );
    }
    assert_eq!(fresh.store.mark().await.unwrap().position, Position(2));
}

#[tokio::test]
async fn several_streams_are_appended_to_together_or_not_at_all() {
    let fresh = fresh().await;
    let one = || vec![event("A", &json!(1))];
    let refused = fresh
        .store
        .append(vec![
            append("s-1", ANY, one()),
            append("s-2", exactly(7), one()),
        ])
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }));
    assert_eq!(fresh.store.mark().await.unwrap().position, Position::ZERO);
    assert!(fresh.store.stream(&name("s-1")).await.unwrap().is_none());
    let done = fresh
        .store
        .append(vec![
            append("s-1", ANY, one()),
            append("s-2", ExpectedVersion::None, one()),
        ])
        .await
        .unwrap();
    assert_eq!(done.appended.len(), 2);
    assert_eq!(done.appended[1].first_position, Position(2));
}

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

#[tokio::test]
async fn events_are_never_changed() {
    let fresh = fresh().await;
    fresh
        .store
        .append(vec![append("s-1", ANY, vec![event("A", &json!(1))])])
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    for sql in [
        "update highwater.events set data = '2'",
        "delete from highwater.events",
        "truncate highwater.events",
    ] {
        let refused = connection.execute(sql).await.unwrap_err();
        assert_eq!(
            refused.as_database_error().unwrap().code().unwrap(),
            "HW403"
        );
    }
}

#[tokio::test]
async fn importing_twice_imports_once() {
    let fresh = fresh().await;
    let ids: Vec<_> = (0..50).map(|_| Ids.event_id()).collect();
    let lines = || -> Vec<ImportLine> {
        ids.iter()
            .enumerate()
            .map(|(number, id)| {
                serde_json::from_str(&json!({"stream": format!("i-{}", number % 3), "type": "Imported", "id": id, "data": {"n": number}, "position": 9}).to_string()).unwrap()
            })
            .collect()
    };
    let half = fresh
        .store
        .import(lines().into_iter().take(20).collect())
        .await
        .unwrap();
    assert_eq!((half.imported, half.skipped), (20, 0));
    let rest = fresh.store.import(lines()).await.unwrap();
    assert_eq!(
        (
            rest.imported,
            rest.skipped,
            rest.first_position,
            rest.last_position
        ),
        (30, 20, Some(Position(21)), Some(Position(50)))
    );
    let again = fresh.store.import(lines()).await.unwrap();
    assert_eq!(
        (again.imported, again.skipped, again.first_position),
        (0, 50, None)
    );
}

#[tokio::test]
async fn limits_and_metadata_are_refused_with_a_sentence() {
    let fresh = fresh().await;
    let refusal = async |event| {
        fresh
            .store
            .append(vec![append("s-1", ANY, vec![event])])
            .await
            .unwrap_err()
            .to_string()
    };
    assert!(
        refusal(event("A", &json!("a\u{0}b")))
            .await
            .contains("\\u0000")
    );
    assert!(
        refusal(event("", &json!(1)))
            .await
            .contains("a type has 1 to 255 bytes")
    );
    assert!(
        refusal(event("A", &json!("x".repeat(2 << 20))))
            .await
            .contains("1048576")
    );
    let mut deep = json!(1);
    for _ in 0..65 {
        deep = json!([deep]);
    }
    assert!(refusal(event("A", &deep)).await.contains("deeper than 64"));
    let mut bad = event("A", &json!(1));
    bad.metadata = Some(raw(&json!({"correlation_id": "x"})));
    assert!(
        refusal(bad.clone())
            .await
            .contains("correlation_id must be a UUID")
    );
    bad.metadata = Some(raw(&json!([])));
    assert!(refusal(bad).await.contains("must be a JSON object"));
}

#[tokio::test]
async fn counts_causes_and_pages() {
    let fresh = fresh().await;
    let cause = Ids.event_id();
    fresh
        .store
        .append(vec![append(
            "o-1",
            ANY,
            vec![event_with_id("Placed", &json!({"total": 5}), cause)],
        )])
        .await
        .unwrap();
    let mut effect = event("Paid", &json!({"by": "card"}));
    effect.metadata = Some(raw(
        &json!({"causation_id": cause, "correlation_id": cause}),
    ));
    fresh
        .store
        .append(vec![append("p-1", ANY, vec![effect])])
        .await
        .unwrap();
    let found = fresh.store.event(cause).await.unwrap().unwrap();
    assert_eq!(found.effects.len(), 1);
    assert_eq!(
        fresh
            .store
            .event(found.effects[0].id)
            .await
            .unwrap()
            .unwrap()
            .cause
            .unwrap()
            .id,
        cause
    );
    let types = fresh.store.event_types().await.unwrap();
    assert_eq!(types.len(), 2);
    assert!(types.iter().any(|kind| {
        kind.shape
            .iter()
            .any(|shape| shape.path == "data.total" && shape.json_type == "number")
    }));
    assert_eq!(
        fresh
            .store
            .categories()
            .await
            .unwrap()
            .iter()
            .map(|category| category.streams)
            .sum::<i64>(),
        2
    );
    assert_eq!(
        fresh
            .store
            .streams(highwater_store::StreamQuery {
                limit: 1,
                ..Default::default()
            })
            .await
            .unwrap()
            .next
            .as_deref(),
        Some("2")
    );
    let page = fresh
        .store
        .read_log(LogQuery {
            limit: 1,
            direction: Direction::Backward,
            ..LogQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(
        (page.events[0].position, page.next),
        (Position(2), Some(Position(2)))
    );
    let now = fresh.store.clock().now();
    let hour = jiff::SignedDuration::from_hours(1);
    let histogram = fresh
        .store
        .histogram(
            now.checked_sub(hour).unwrap(),
            now.checked_add(hour).unwrap(),
            60,
            &"type:Paid".parse().unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(
        histogram
            .buckets
            .iter()
            .map(|bucket| bucket.count)
            .sum::<i64>(),
        1
    );
    assert!(histogram.complete);
}

#[tokio::test]
async fn events_are_counted_over_time_the_same_with_a_filter_and_without() {
    let fresh = fresh().await;
    let began = fresh.store.clock().now();
    for number in 0..30 {
        let stream = format!("order-{number}");
        let events = vec![event("Placed", &json!({}))];
        let proposed = append(&stream, ExpectedVersion::Any, events);
        fresh.store.append(vec![proposed]).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(7)).await;
    }
    let until = fresh.store.clock().now();
    let second = jiff::SignedDuration::from_secs(1);
    for (since, until, buckets) in [
        (began, until, 50),
        (began - second, until + second, 7),
        (began + second / 20, until - second / 20, 1),
    ] {
        let count = async |filter: &str| {
            let filter = filter.parse().unwrap();
            fresh
                .store
                .histogram(since, until, buckets, &filter)
                .await
                .unwrap()
        };
        assert_eq!(count("").await, count("type:Placed").await);
    }
    let all = fresh
        .store
        .histogram(began, until, 3, &"".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        all.buckets.iter().map(|bucket| bucket.count).sum::<i64>(),
        30
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let fresh = fresh().await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    connection
        .execute("insert into highwater.schema_versions (version, program) values (99, 'future')")
        .await
        .unwrap();
    let refused = Store::open(&fresh.url, StoreOptions::default(), &Tasks::new())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 99, .. }),
        "{refused}"
    );
}

fn positions(page: &EventPage) -> Vec<i64> {
    page.events.iter().map(|event| event.position.0).collect()
}

#[tokio::test]
async fn a_rare_type_or_category_is_found_without_reading_the_log() {
    let fresh = fresh().await;
    let line = |number: usize| -> ImportLine {
        let (category, kind) = if number % 11_000 == 5 {
            ("rare", "Rare")
        } else {
            ("s", "Common")
        };
        serde_json::from_str(&format!(
            "{{\"stream\":\"{category}-{}\",\"type\":\"{kind}\",\"data\":{number}}}",
            number % 100
        ))
        .unwrap()
    };
    for chunk in 0..35 {
        fresh
            .store
            .import((chunk * 1_000..(chunk + 1) * 1_000).map(line).collect())
            .await
            .unwrap();
    }
    let rare = |direction, limit| LogQuery {
        limit,
        direction,
        filter: "type:Rare".parse().unwrap(),
        ..LogQuery::default()
    };
    let started = Instant::now();
    let forward = fresh
        .store
        .read_log(rare(Direction::Forward, 10))
        .await
        .unwrap();
    assert_eq!(positions(&forward), [6, 11_006, 22_006, 33_006]);
    assert_eq!(forward.next, None);
    let category = LogQuery {
        filter: "category:rare".parse().unwrap(),
        ..rare(Direction::Forward, 10)
    };
    let category = fresh.store.read_log(category).await.unwrap();
    assert_eq!(positions(&category), positions(&forward));
    let backward = fresh
        .store
        .read_log(rare(Direction::Backward, 3))
        .await
        .unwrap();
    assert_eq!(positions(&backward), [33_006, 22_006, 11_006]);
    let rest = fresh
        .store
        .read_log(LogQuery {
            before: backward.next,
            ..rare(Direction::Backward, 3)
        })
        .await
        .unwrap();
    assert_eq!(positions(&rest), [6]);
    let common = fresh
        .store
        .read_log(LogQuery {
            limit: 1_000,
            filter: "type:Com*".parse().unwrap(),
            after: Some(Position(9_500)),
            ..LogQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(
        (common.events.len(), common.events[0].position, common.next),
        (1_000, Position(9_501), Some(Position(10_500)))
    );
    assert!(started.elapsed() < Duration::from_secs(2));
}
