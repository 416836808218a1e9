//! Reading: causes, counts over time, pages, and what is rare.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::{Duration, Instant};

use highwater_model::{EventPage, ExpectedVersion, ImportLine, Position};
use highwater_store::{Direction, Ids, LogQuery};
use serde_json::json;
use support::{ANY, append, event, event_with_id, fresh, raw};

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
