//! Batches: what the appender remembers, and appends of every kind in one.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::HashSet;

use futures_util::future::join_all;
use highwater_model::{ExpectedVersion, Position, Version};
use highwater_store::{Ids, Store, StoreError, StoreOptions, Tasks};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use support::{append, event, event_with_id, exactly, fresh};

async fn second(url: &str, tasks: &Tasks) -> Store {
    Store::open(url, StoreOptions::default(), tasks)
        .await
        .unwrap()
}

async fn one(store: &Store, stream: &str, expected: ExpectedVersion) -> Result<i64, StoreError> {
    let outcome = store
        .append(vec![append(
            stream,
            expected,
            vec![event("Done", &json!({}))],
        )])
        .await?;
    Ok(outcome.appended[0].last_version.0)
}

fn actual(outcome: Result<i64, StoreError>) -> Option<Version> {
    match outcome {
        Err(StoreError::Conflict { actual, .. }) => actual,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn what_a_server_remembers_of_a_stream_gives_way_to_what_others_appended() {
    let fresh = fresh().await;
    let here = &fresh.store;
    let there = second(&fresh.url, &fresh.tasks).await;
    assert_eq!(
        one(here, "order-1", ExpectedVersion::None).await.unwrap(),
        0
    );
    assert_eq!(one(here, "order-1", exactly(0)).await.unwrap(), 1);
    assert_eq!(one(&there, "order-1", exactly(1)).await.unwrap(), 2);
    // Known here as 1.
    assert_eq!(
        actual(one(here, "order-1", exactly(1)).await),
        Some(Version(2))
    );
    assert_eq!(one(here, "order-1", exactly(2)).await.unwrap(), 3);
    // Somebody else, elsewhere: then the head that is known is looked up, and is right.
    assert_eq!(
        one(&there, "order-2", ExpectedVersion::Any).await.unwrap(),
        0
    );
    assert_eq!(
        one(here, "order-1", ExpectedVersion::Exists).await.unwrap(),
        4
    );
    assert_eq!(
        actual(one(here, "order-1", ExpectedVersion::None).await),
        Some(Version(4))
    );
    assert_eq!(actual(one(here, "order-3", exactly(0)).await), None);
    assert_eq!(
        actual(one(here, "order-3", ExpectedVersion::Exists).await),
        None
    );

    let mut sql = PgConnection::connect(&fresh.url).await.unwrap();
    sql.execute(
        "select * from highwater.append('order-1', 4, '[{\"type\": \"Done\", \"data\": {}}]')",
    )
    .await
    .unwrap();
    assert_eq!(
        actual(one(here, "order-1", exactly(4)).await),
        Some(Version(5))
    );
    assert_eq!(one(here, "order-1", ExpectedVersion::Any).await.unwrap(), 6);
    // A stream that began elsewhere is not known here at all.
    assert_eq!(
        actual(one(here, "order-2", ExpectedVersion::None).await),
        Some(Version(0))
    );
    assert_eq!(one(here, "order-2", exactly(0)).await.unwrap(), 1);
}

#[tokio::test]
async fn an_append_that_is_refused_or_known_spoils_no_other_of_its_batch() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let (known, reused) = (Ids.event_id(), Ids.event_id());
    let with_id = |stream: &str, id, data| {
        store.append(vec![append(
            stream,
            ExpectedVersion::Any,
            vec![event_with_id("Done", &json!(data), id)],
        )])
    };
    with_id("known-1", known, 1).await.unwrap();
    with_id("reused-1", reused, 1).await.unwrap();
    for round in 0..3 {
        let others = join_all((0..150).map(|number| {
            let stream = format!("other-{}", round * 1_000 + number);
            async move { one(store, &stream, ExpectedVersion::None).await }
        }));
        let (others, again, twice, conflict) = tokio::join!(
            others,
            with_id("known-1", known, 1),
            with_id("reused-1", reused, 2),
            one(store, "known-1", ExpectedVersion::None),
        );
        assert!(others.into_iter().all(|version| version.unwrap() == 0));
        let again = again.unwrap();
        assert!(again.duplicate);
        assert_eq!(again.appended[0].first_position, Position(1));
        assert!(
            matches!(twice, Err(StoreError::IdReused { id }) if id == reused),
            "{twice:?}"
        );
        assert_eq!(actual(conflict), Some(Version(0)));
    }
    assert_eq!(store.mark().await.unwrap().position, Position(452));
}

#[tokio::test]
async fn many_who_append_to_the_same_streams_through_two_servers_get_each_version_once() {
    let fresh = fresh().await;
    let stores = [fresh.store.clone(), second(&fresh.url, &fresh.tasks).await];
    let writing = join_all((0..256_usize).map(|writer| {
        // Most through the first, so that it has batches in flight of which it knows the heads.
        let store = stores[usize::from(writer % 16 == 0)].clone();
        async move {
            let stream = format!("shared-{}", writer % 40);
            let mut expected = ExpectedVersion::None;
            let mut versions = Vec::new();
            while versions.len() < 8 {
                match one(&store, &stream, expected).await {
                    Ok(version) => {
                        versions.push((stream.clone(), version));
                        expected = exactly(version);
                    }
                    Err(StoreError::Conflict { actual, .. }) => {
                        expected =
                            actual.map_or(ExpectedVersion::None, |version| exactly(version.0));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            versions
        }
    }));
    let versions: Vec<(String, i64)> = writing.await.into_iter().flatten().collect();
    let distinct: HashSet<&(String, i64)> = versions.iter().collect();
    assert_eq!((versions.len(), distinct.len()), (256 * 8, 256 * 8));
    let mut after = Position::ZERO;
    loop {
        let events = stores[0].read_tail(after, 500).await.unwrap();
        let Some(last) = events.last() else { break };
        for (event, expected) in events.iter().zip(after.0 + 1..) {
            assert_eq!(event.position.0, expected);
            assert!(event.version.0 < 256 * 8 / 40 + 8);
        }
        after = last.position;
    }
    assert_eq!(after, Position(256 * 8));
}

/// Waits until a batch of the server waits for the log's lock in a session that was not ended yet, and ends that.
async fn end_the_batch_that_waits(holder: &mut PgConnection, ended: &mut HashSet<i32>) {
    loop {
        let waiting: Vec<i32> = sqlx::query_scalar(
            "select pid from pg_locks where locktype = 'advisory' and classid = 7210 and objid = 1 and not granted
             and database = (select oid from pg_database where datname = current_database())",
        )
        .fetch_all(&mut *holder)
        .await
        .unwrap();
        if let Some(process_id) = waiting
            .into_iter()
            .find(|process_id| ended.insert(*process_id))
        {
            sqlx::query("select pg_terminate_backend($1)")
                .bind(process_id)
                .execute(&mut *holder)
                .await
                .unwrap();
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// An append whose session ends so many times in a row.
async fn append_whose_sessions_end(times: usize) -> Result<i64, StoreError> {
    let fresh = fresh().await;
    let mut holder = PgConnection::connect(&fresh.url).await.unwrap();
    holder
        .execute("select pg_advisory_lock(7210, 1)")
        .await
        .unwrap();
    let store = fresh.store.clone();
    let mut appended = tokio::task::JoinSet::new();
    appended.spawn(async move { one(&store, "order-1", ExpectedVersion::None).await });
    let mut ended = HashSet::new();
    for _ in 0..times {
        end_the_batch_that_waits(&mut holder, &mut ended).await;
    }
    holder
        .execute("select pg_advisory_unlock(7210, 1)")
        .await
        .unwrap();
    let outcome = appended.join_all().await.remove(0);
    let recorded: i64 = sqlx::query_scalar("select count(*) from highwater.events")
        .fetch_one(&mut holder)
        .await
        .unwrap();
    assert_eq!(
        recorded == 1,
        outcome.is_ok(),
        "{recorded} after {outcome:?}"
    );
    outcome
}

#[tokio::test]
async fn an_append_whose_sessions_are_ended_several_times_is_recorded_once() {
    assert_eq!(append_whose_sessions_end(4).await.unwrap(), 0);
}

#[tokio::test]
async fn an_append_whose_sessions_are_ended_again_and_again_is_told_that_the_database_is_away() {
    let outcome = append_whose_sessions_end(6).await;
    assert!(
        matches!(outcome, Err(StoreError::Unavailable(_))),
        "{outcome:?}"
    );
}

/// So many events in appends of a thousand.
async fn append_many(store: &Store, thousands: usize) {
    for number in 0..thousands {
        let events = (0..1_000).map(|_| event("Done", &json!({}))).collect();
        let stream = format!("order-many-{number}");
        store
            .append(vec![append(&stream, ExpectedVersion::None, events)])
            .await
            .unwrap();
    }
}

async fn counted(connection: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "select (select position from highwater.counted), (select coalesce(sum(count), 0)::bigint from highwater.type_blocks)",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn other_processes_are_told_of_appends_and_of_the_last_one_too() {
    let fresh = fresh().await;
    let mut listener = sqlx::postgres::PgListener::connect(&fresh.url)
        .await
        .unwrap();
    listener.listen("highwater").await.unwrap();
    let mut looking = PgConnection::connect(&fresh.url).await.unwrap();
    for round in 0..20 {
        let appends = (0..10).map(|writer| {
            let stream = format!("order-{round}-{writer}");
            let store = &fresh.store;
            async move { one(store, &stream, ExpectedVersion::None).await.unwrap() }
        });
        join_all(appends).await;
        // Each time somebody is told there is all that was answered before, sooner or later.
        let seen = async {
            loop {
                listener.recv().await.unwrap();
                let head: i64 = sqlx::query_scalar("select max(position) from highwater.events")
                    .fetch_one(&mut looking)
                    .await
                    .unwrap();
                if head == (round + 1) * 10 {
                    break;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), seen)
            .await
            .expect("the last append was told");
    }
    fresh.tasks.shutdown().await;
}

#[tokio::test]
async fn events_are_counted_beside_the_appends_and_counts_are_right_all_the_time() {
    let fresh = fresh().await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    let looking = async {
        loop {
            let (position, sum) = counted(&mut connection).await;
            let head = fresh.store.mark().await.unwrap().position.0;
            // The mark was read later.
            assert!(position <= sum && sum <= head, "{position} {sum} {head}");
            if position == 4_000 {
                return;
            }
        }
    };
    let both = futures_util::future::join(append_many(&fresh.store, 4), looking);
    tokio::time::timeout(std::time::Duration::from_secs(20), both)
        .await
        .expect("all were counted");
    assert_eq!(counted(&mut connection).await, (4_000, 4_000));
    fresh.tasks.shutdown().await;
}

#[tokio::test]
async fn appends_count_for_themselves_when_nobody_else_does() {
    let fresh = fresh().await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    connection
        .execute("drop function highwater.count_appended()")
        .await
        .unwrap();
    append_many(&fresh.store, 12).await;
    let (position, sum) = counted(&mut connection).await;
    assert!(position >= 6_000, "{position}");
    assert_eq!(sum, 12_000);
    fresh.tasks.shutdown().await;
}
