//! The filter line gives the same answer in SQL and in memory.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_model::filter::Filter;
use highwater_model::{ExpectedVersion, ImportLine, Position};
use highwater_store::{Direction, LogQuery, Store, StoreOptions};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use support::{append, event, fresh, fresh_with, raw};

async fn positions(store: &Store, filter: &Filter) -> Vec<i64> {
    let query = LogQuery {
        limit: 1_000,
        filter: filter.clone(),
        ..LogQuery::default()
    };
    store
        .read_log(query)
        .await
        .unwrap_or_else(|error| panic!("{filter}: {error}"))
        .events
        .iter()
        .map(|event| event.position.0)
        .collect()
}

fn documents() -> Vec<Value> {
    let mut documents: Vec<Value> = [
        "1",
        "-0",
        "0.0",
        "1.50",
        "1.5",
        "100",
        "99.999999999999999999999999",
        "1e2",
        "true",
        "null",
        "\"\"",
        "\"10\"",
        "\"9\"",
        "\"true\"",
        "\"Ünïcode ÄB\"",
        "\"a%b_c\\\\d\"",
        "\"quote \\\" and\\nline\"",
        "\"abcabc\"",
        "\"*\"",
        "[1,[2,\"abc\"],{\"k\":\"V\"}]",
        "{}",
        "[]",
        "{\"\":1}",
    ]
    .iter()
    .map(|text| serde_json::from_str(&format!("{{\"a\": {text}}}")).unwrap())
    .collect();
    documents.push(json!({"a": {"b": {"c": "deep"}, "0": "zero"}, "Total": 7}));
    documents.push(json!("bare text abc"));
    documents.push(json!([10, 20, {"b": "abc"}]));
    documents
}

fn lines() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "abc",
        "a*c",
        "*",
        "a*",
        "*c",
        "1.5",
        "1.50",
        "100",
        "1e2",
        "-0",
        "0",
        "true",
        "null",
        "false",
        "\"true\"",
        "\"\"",
        "\"a%b_c\\\\d\"",
        "a%*",
        "*_c*",
        "V",
        "ün*",
        "Ü*",
        "deep",
        "9",
        "\"10\"",
        "\"*\"",
        "99.9999999999999999999999991",
        "abc*abc",
        "*abc*abc*",
    ]);
    let path = prop::sample::select(vec![
        "data.a",
        "data.a.b",
        "data.a.0",
        "data.a.-1",
        "data.a.1.1",
        "data.a.2.k",
        "data.a.b.c",
        "data.\"\"",
        "data.a.\"\"",
        "data.0",
        "data.-1.b",
        "metadata.actor",
        "data.Total",
    ]);
    let sign = prop::sample::select(vec![":", "=", ">", ">=", "<", "<="]);
    let field = (path, sign, prop::collection::vec(word, 1..3))
        .prop_map(|(path, sign, words)| format!("{path}{sign}{}", words.join(",")));
    let other = prop::sample::select(vec![
        "type:Order*",
        "type:OrderPlaced,*aid",
        "category:order",
        "category:o*",
        "stream:order-1",
        "stream:Other-1,order-1,order-2,nothing-9",
        "stream:*-*2",
        "position>5",
        "position<=9,20",
        "version:0",
        "version>=1",
        "since:1h",
        "until:1h",
        "since:2020-01-01",
        "abc",
        "ABC",
        "\"quote \\\" and\"",
        "\"line\"",
        "ünïcode",
        "1.5",
        "k",
        "total",
        "\"a%b\"",
        "order",
        "corr",
        "\\",
        "correlation:00000000-0000-0000-0000-000000000001",
        "id:00000000-0000-0000-0000-000000000001",
        "\": \"",
        "true",
    ])
    .prop_map(str::to_owned);
    let term = (
        prop::bool::weighted(0.3),
        prop_oneof![2 => field, 1 => other],
    )
        .prop_map(|(negated, term)| format!("{}{term}", if negated { "-" } else { "" }));
    prop::collection::vec(term, 1..4).prop_map(|terms| terms.join(" "))
}

#[tokio::test]
async fn sql_and_memory_agree() {
    let fresh = fresh().await;
    for (number, data) in documents().into_iter().enumerate() {
        let mut event = event(["OrderPlaced", "OrderPaid", "Shipped"][number % 3], &data);
        event.metadata = Some(raw(&match number % 3 {
            0 => json!({"actor": "ada", "correlation_id": "00000000-0000-0000-0000-000000000001"}),
            1 => json!({"actor": {"id": 5}}),
            _ => json!({}),
        }));
        let stream = format!("{}-{}", ["order", "Other", "order"][number % 3], number % 4);
        fresh
            .store
            .append(vec![append(&stream, ExpectedVersion::Any, vec![event])])
            .await
            .unwrap();
    }
    let events = fresh.store.read_tail(Position::ZERO, 1_000).await.unwrap();
    let mut runner = TestRunner::deterministic();
    let mut met = 0;
    for _ in 0..600 {
        let line = lines().new_tree(&mut runner).unwrap().current();
        let filter = Filter::parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(
            Filter::parse(&filter.to_string()).unwrap(),
            filter,
            "the normal form of {line} is {filter}"
        );
        let now = fresh.store.clock().now();
        let memory: Vec<i64> = events
            .iter()
            .filter(|event| filter.matches(event, now))
            .map(|event| event.position.0)
            .collect();
        assert_eq!(positions(&fresh.store, &filter).await, memory, "{line}");
        met += usize::from(!memory.is_empty());
    }
    assert!(met > 100, "lines that match nothing prove little: {met}");
}

/// Named streams are read by their own index: each page, from each end, has what a look at every event would find.
#[tokio::test]
async fn pages_of_named_streams_leave_nothing_out() {
    let fresh = fresh().await;
    for number in 0..60_usize {
        let stream = format!("{}-1", ["order", "cart", "stock"][number * number % 7 % 3]);
        let event = event(["A", "B"][number % 2], &json!({"n": number}));
        fresh
            .store
            .append(vec![append(&stream, ExpectedVersion::Any, vec![event])])
            .await
            .unwrap();
    }
    let tail = fresh.store.read_tail(Position::ZERO, 1_000);
    let events = tail.await.unwrap();
    let now = fresh.store.clock().now();
    for line in [
        "stream:cart-1",
        "stream:order-1,stock-1,cart-9",
        "stream:cart-1 type:A",
        "stream:cart-1,order-1 -stream:cart-1",
        "stream:cart-9",
    ] {
        let filter: Filter = line.parse().unwrap();
        for (after, before) in [(0, 61), (0, 30), (17, 44), (30, 31), (60, 61)] {
            let mut memory: Vec<i64> = events
                .iter()
                .filter(|event| filter.matches(event, now))
                .map(|event| event.position.0)
                .filter(|position| after < *position && *position < before)
                .collect();
            for direction in [Direction::Forward, Direction::Backward] {
                let mut found = Vec::new();
                let mut query = LogQuery {
                    after: Some(Position(after)),
                    before: Some(Position(before)),
                    limit: 4,
                    direction,
                    filter: filter.clone(),
                };
                loop {
                    let page = fresh.store.read_log(query.clone()).await.unwrap();
                    found.extend(page.events.iter().map(|event| event.position.0));
                    match (page.next, direction) {
                        (Some(next), Direction::Forward) => query.after = Some(next),
                        (Some(next), Direction::Backward) => query.before = Some(next),
                        (None, _) => break,
                    }
                }
                assert_eq!(found, memory, "{line} {after} to {before} {direction:?}");
                memory.reverse();
            }
        }
    }
}

/// Who looks for little in a long log is told how far the page has looked, and leaves nothing out by going on from there.
#[tokio::test]
async fn a_page_that_stops_looking_says_where_to_go_on() {
    let fresh = fresh_with(StoreOptions {
        look_for: Duration::ZERO,
        ..StoreOptions::default()
    })
    .await;
    let rare = [3, 9_999, 10_000, 26_000, 44_444, 59_998];
    for chunk in 0..60 {
        let lines = (chunk * 1_000..(chunk + 1) * 1_000).map(|number: i64| {
            let kind = if number / 20_000 == 1 { "B" } else { "A" };
            let data = json!({"n": number, "rare": rare.contains(&number)});
            let line = json!({"stream": format!("s-{}", number % 50), "type": kind, "data": data});
            serde_json::from_str::<ImportLine>(&line.to_string()).unwrap()
        });
        fresh.store.import(lines.collect()).await.unwrap();
    }
    for (line, expected) in [
        ("data.rare:true", &rare[..]),
        // In blocks of its type alone: the log's first third and its last.
        ("data.rare:true type:A", &[3, 9_999, 10_000, 44_444, 59_998]),
        ("data.rare:true -type:A", &[26_000]),
    ] {
        let filter: Filter = line.parse().unwrap();
        for direction in [Direction::Forward, Direction::Backward] {
            let (mut found, mut pages) = (Vec::new(), Vec::new());
            let mut query = LogQuery {
                direction,
                filter: filter.clone(),
                ..LogQuery::default()
            };
            loop {
                let page = fresh.store.read_log(query.clone()).await.unwrap();
                found.extend(page.events.iter().map(|event| event.position.0 - 1));
                let Some(next) = page.next else { break };
                pages.push(next);
                match direction {
                    Direction::Forward => query.after = Some(next),
                    Direction::Backward => query.before = Some(next),
                }
            }
            if direction == Direction::Backward {
                found.reverse();
                pages.reverse();
            }
            assert_eq!(found.as_slice(), expected, "{line} {direction:?}");
            assert!(pages.len() > 1 && pages.is_sorted(), "{line} {pages:?}");
        }
    }
    // What an index leads to is not looked for.
    let page = fresh.store.read_log(LogQuery {
        filter: "stream:s-3 data.rare:true".parse().unwrap(),
        ..LogQuery::default()
    });
    let page = page.await.unwrap();
    assert_eq!((page.events.len(), page.next), (1, None));
}

#[test]
fn errors_point_at_the_place() {
    for (line, at, len) in [
        ("tipe:A", 0, 4),
        ("type:A since:soon", 13, 4),
        ("id:12", 3, 2),
        ("data.\"a\"", 8, 0),
        ("\"open", 0, 5),
        ("type:", 5, 0),
        ("-", 0, 1),
    ] {
        let error = Filter::parse(line).unwrap_err();
        assert_eq!((error.at, error.len), (at, len), "{line}: {error}");
    }
}
