//! Appending: order, conflicts, retries, atomicity, limits.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_model::{ExpectedVersion, Position, Version};
use highwater_store::{Direction, Ids, StoreError};
use serde_json::json;
use support::{ANY, append, event, event_with_id, exactly, fresh, name, raw};

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
