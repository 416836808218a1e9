//! Finding streams: each order and page, as a look at every event would tell.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::BTreeMap;

use highwater_model::{ExpectedVersion, ImportLine, StreamOrder, StreamSummary};
use highwater_store::{Store, StreamQuery};
use serde_json::json;
use support::{append, event, fresh};

async fn import(store: &Store, streams: impl Iterator<Item = String>) {
    let lines: Vec<ImportLine> = streams
        .enumerate()
        .map(|(number, stream)| {
            let line =
                json!({"stream": stream, "type": format!("T{}", number % 3), "data": number});
            serde_json::from_str(&line.to_string()).unwrap()
        })
        .collect();
    for chunk in lines.chunks(1_000) {
        store.import(chunk.to_vec()).await.unwrap();
    }
}

/// Every page of a query.
async fn all(store: &Store, query: StreamQuery) -> Vec<StreamSummary> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = store
            .streams(StreamQuery {
                cursor,
                ..query.clone()
            })
            .await
            .unwrap();
        found.extend(page.streams);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

fn names(found: &[StreamSummary]) -> Vec<&str> {
    found.iter().map(|stream| stream.stream.as_str()).collect()
}

#[tokio::test]
async fn streams_come_by_name_or_by_activity_and_pages_leave_none_out() {
    let fresh = fresh().await;
    let store = &fresh.store;
    // In turns, so that the last event of each is anywhere in the log.
    let turns = (0..900_usize).map(|number| {
        let category = ["order", "cart", "stock_item"][number % 3];
        format!("{category}-{}", number * number % 37)
    });
    let mut last = BTreeMap::new();
    for (number, stream) in turns.clone().enumerate() {
        let entry = last.entry(stream).or_insert((0, -1_i64));
        *entry = (number + 1, entry.1 + 1);
    }
    import(store, turns).await;
    let by_name = all(
        store,
        StreamQuery {
            order: StreamOrder::Name,
            limit: 7,
            ..StreamQuery::default()
        },
    )
    .await;
    assert_eq!(
        names(&by_name),
        last.keys().map(String::as_str).collect::<Vec<_>>()
    );
    for stream in &by_name {
        let (position, version) = last[stream.stream.as_str()];
        assert_eq!(stream.last_position.0, i64::try_from(position).unwrap());
        assert_eq!(stream.last_version.0, version);
        assert!(stream.first_recorded_at <= stream.last_recorded_at);
        assert_eq!(
            Some(stream.clone()),
            store.stream(&stream.stream).await.unwrap()
        );
    }
    for (query, category) in [
        (None, None),
        (None, Some("cart")),
        (Some("3"), None),
        (Some("stock_*-1*"), None),
        (Some("ORDER-3"), Some("order")),
        (Some("_"), None),
        (Some("%"), None),
    ] {
        let of = |order| StreamQuery {
            query: query.map(str::to_owned),
            category: category.map(str::to_owned),
            order,
            limit: 5,
            ..StreamQuery::default()
        };
        let by_name = all(store, of(StreamOrder::Name)).await;
        let mut expected = by_name.clone();
        expected.sort_by_key(|stream| std::cmp::Reverse(stream.last_position));
        assert_eq!(
            all(store, of(StreamOrder::Active)).await,
            expected,
            "{query:?} {category:?}"
        );
        assert_eq!(by_name.is_empty(), query == Some("%"), "{query:?}");
    }
}

#[tokio::test]
async fn among_very_many_streams_the_newest_are_found_from_the_logs_end() {
    let fresh = fresh().await;
    let store = &fresh.store;
    import(store, (0..20_500).map(|number| format!("many-{number}"))).await;
    for number in [5, 20_499, 7, 5] {
        let stream = format!("many-{number}");
        let again = vec![event("Again", &json!({}))];
        store
            .append(vec![append(&stream, ExpectedVersion::Exists, again)])
            .await
            .unwrap();
    }
    let query = StreamQuery {
        order: StreamOrder::Active,
        limit: 4,
        ..StreamQuery::default()
    };
    let page = store.streams(query.clone()).await.unwrap();
    assert_eq!(
        names(&page.streams),
        ["many-5", "many-7", "many-20499", "many-20498"]
    );
    assert_eq!(page.streams[0].last_version.0, 2);
    assert_eq!(page.total, 20_500);
    let page = store
        .streams(StreamQuery {
            cursor: page.next,
            ..query
        })
        .await
        .unwrap();
    assert_eq!(
        names(&page.streams),
        ["many-20497", "many-20496", "many-20495", "many-20494"]
    );
    // The log goes on with another category; a search that many of the newest match is read from the end of its own.
    import(store, (0..50).map(|number| format!("other-{number}7"))).await;
    for (query, category, expected) in [
        ("7", Some("many"), ["many-7", "many-20497", "many-20487"]),
        ("7", None, ["other-497", "other-487", "other-477"]),
        ("2049", None, ["many-20499", "many-20498", "many-20497"]),
    ] {
        let page = store.streams(StreamQuery {
            query: Some(query.to_owned()),
            category: category.map(str::to_owned),
            order: StreamOrder::Active,
            limit: 3,
            cursor: None,
        });
        assert_eq!(names(&page.await.unwrap().streams), expected, "{query}");
    }
}
