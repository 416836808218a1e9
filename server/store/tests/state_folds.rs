//! States that definitions make of events: what an expression sees, pages, sizes, what fails.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::Version;
use highwater_store::state_definitions::FoldError;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::state_definitions::{events, set, states};
use support::{Fresh, fresh};

#[tokio::test]
async fn an_expression_sees_the_state_before_and_all_of_the_event() {
    let Fresh { store, .. } = fresh().await;
    let id = set(
        &store,
        "state || case type
           when 'Opened' then data || jsonb_build_object('by', metadata->>'actor', 'stream', stream, 'at', occurred_at)
           when 'Counted' then jsonb_build_object('sum', coalesce((state->>'sum')::int, 0) + (data->>'n')::int, 'version', version)
         end",
    )
    .await;
    let events = events(
        &store,
        "order-7",
        &[
            ("Opened", json!({"what": "a"})),
            ("Counted", json!({"n": 2})),
            ("Unheard", json!({"n": 100})),
            ("Counted", json!({"n": 40})),
        ],
    )
    .await;
    let found = states(&store, id, &events).await.unwrap();
    let at = found[0]["at"].as_str().unwrap();
    assert!(at.ends_with("+00:00"), "{at} is of no fixed zone");
    assert_eq!(
        at[..19],
        events[0].occurred_at.to_string()[..19],
        "the moment of the event"
    );
    assert_eq!(
        (&found[0]["stream"], &found[0]["what"]),
        (&json!("order-7"), &json!("a"))
    );
    assert_eq!(found[0]["by"], Value::Null);
    assert_eq!(found[1]["sum"], 2);
    // Null leaves the state as it was.
    assert_eq!(found[2], found[1]);
    assert_eq!(
        (&found[3]["sum"], &found[3]["version"]),
        (&json!(42), &json!(3))
    );
}

#[tokio::test]
async fn whatever_the_pages_the_states_are_the_same() {
    let Fresh { store, .. } = fresh().await;
    let id = set(
        &store,
        "jsonb_build_object('list', coalesce(state->'list', '[]') || (data->'n'), 'before', state->'list'->-1)",
    )
    .await;
    let data: Vec<(&str, Value)> = (0..60)
        .map(|n| ("Counted", json!({"n": n * n % 17})))
        .collect();
    let events = events(&store, "order-1", &data).await;
    let at_once = states(&store, id, &events).await.unwrap();
    let mut plain = Vec::new();
    for (n, state) in at_once.iter().enumerate() {
        let before = plain.last().cloned().unwrap_or(Value::Null);
        plain.push(data[n].1["n"].clone());
        assert_eq!(state, &json!({"list": plain, "before": before}));
    }
    for size in [1, 7, 59] {
        let mut folding = store.fold_by(id).await.unwrap();
        let mut before = RawValue::NULL.to_owned();
        let mut found = Vec::new();
        for page in events.chunks(size) {
            for state in folding.states(&before, page).await.unwrap() {
                found.push(serde_json::from_str::<Value>(state.get()).unwrap());
                before = state;
            }
        }
        assert_eq!(found, at_once, "pages of {size}");
    }
}

#[tokio::test]
async fn large_states_come_in_parts_and_too_large_ones_are_refused() {
    let Fresh { store, .. } = fresh().await;
    let id = set(
        &store,
        "state || jsonb_build_object('text', repeat('x', (data->>'bytes')::int))",
    )
    .await;
    let data: Vec<(&str, Value)> = (0..20)
        .map(|_| ("Grown", json!({"bytes": 1_000_000})))
        .collect();
    let grown = events(&store, "order-1", &data).await;
    let answered = states(&store, id, &grown).await.unwrap().len();
    assert!((8..=9).contains(&answered), "{answered} states of 1 MB");
    let data = [
        ("Grown", json!({"bytes": 10})),
        ("Grown", json!({"bytes": 5_000_000})),
    ];
    let huge = events(&store, "order-2", &data).await;
    match states(&store, id, &huge).await {
        Err(FoldError::Expression { version, message }) => {
            assert_eq!(version, Some(Version(1)));
            assert!(message.contains("more than 4000000"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_fails_names_the_event_and_what_never_ends_is_stopped() {
    let Fresh { store, .. } = fresh().await;
    let numbers = [("Divided", json!({"by": 2})), ("Divided", json!({"by": 0}))];
    let divided = events(&store, "order-1", &numbers).await;
    let id = set(
        &store,
        "state || jsonb_build_object('n', 10 / (data->>'by')::int)",
    )
    .await;
    match states(&store, id, &divided).await {
        Err(FoldError::Expression { version, message }) => {
            assert_eq!(version, Some(Version(1)));
            assert_eq!(message, "division by zero");
        }
        other => panic!("{other:?}"),
    }
    let id = set(
        &store,
        "state || jsonb_build_object('slept', pg_sleep(1.1)::text)",
    )
    .await;
    let many = ["Slept"; 3].map(|kind| (kind, json!({})));
    let slow = events(&store, "order-2", &many).await;
    let answered = states(&store, id, &slow).await.unwrap().len();
    assert_eq!(answered, 1, "what was ready after a second");
    let id = set(
        &store,
        "state || jsonb_build_object('slept', pg_sleep(60)::text)",
    )
    .await;
    match states(&store, id, &divided).await {
        Err(FoldError::Expression { message, .. }) => {
            assert!(message.contains("longer than 5s"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}
