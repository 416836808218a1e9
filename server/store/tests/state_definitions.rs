//! State definitions: what they answer, what they may not do, and how they are taken in.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::{AppendToStream, ExpectedVersion, RecordedEvent, StateDefinition, Version};
use highwater_store::read_models::{ActionQuery, Order, ReadModelError};
use highwater_store::state_definitions::{FoldError, StateDefinitionId};
use highwater_store::{Direction, Store};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use support::{Fresh, append, event, fresh, name};

fn definition(category: &str, expression: &str) -> StateDefinition {
    StateDefinition::parse(&format!("-- highwater: state {category}\n{expression}\n")).unwrap()
}

fn ada() -> Order {
    Order::new("ada", Some("to see"))
}

async fn set(store: &Store, expression: &str) -> StateDefinitionId {
    let definition = definition("order", expression);
    store
        .set_state_definition(&definition, &ada())
        .await
        .unwrap();
    store.state_definition("order").await.unwrap().unwrap().0
}

/// Appends events to a stream, and reads them back.
async fn events(store: &Store, stream: &str, events: &[(&str, Value)]) -> Vec<RecordedEvent> {
    for part in events.chunks(500) {
        let events = part.iter().map(|(kind, data)| event(kind, data)).collect();
        let append: AppendToStream = append(stream, ExpectedVersion::Any, events);
        store.append(vec![append]).await.unwrap();
    }
    let stream = name(stream);
    let page = store.read_stream(&stream, None, 10_000, Direction::Forward);
    page.await.unwrap().unwrap().events
}

async fn states(
    store: &Store,
    id: StateDefinitionId,
    events: &[RecordedEvent],
) -> Result<Vec<Value>, FoldError> {
    let mut folding = store.fold_by(id).await.unwrap();
    let answered = folding.states(RawValue::NULL, events).await?;
    Ok(answered
        .iter()
        .map(|state| serde_json::from_str(state.get()).unwrap())
        .collect())
}

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

#[tokio::test]
async fn an_expression_may_read_and_write_nothing() {
    let Fresh { store, url, .. } = fresh().await;
    let one = events(&store, "order-1", &[("A", json!({}))]).await;
    let refused = |expression: &str| definition("order", expression);
    // Its own role may not, which its check finds already.
    for (expression, words) in [
        (
            "(select to_jsonb(count(*)) from highwater.events)",
            "permission denied",
        ),
        (
            "highwater.append('x', -2, '[]')::jsonb",
            "permission denied",
        ),
    ] {
        let error = store
            .set_state_definition(&refused(expression), &ada())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{expression}: {error}");
    }
    // What looks innocent until it runs.
    for (expression, words) in [
        (
            "to_jsonb(set_config('role', 'postgres', false))",
            "security-definer",
        ),
        (
            "to_jsonb(query_to_xml('select 1 from highwater.events', false, false, '')::text)",
            "permission denied",
        ),
        ("to_jsonb(pg_read_file('/etc/passwd'))", "permission denied"),
    ] {
        let id = match store
            .set_state_definition(&refused(expression), &ada())
            .await
        {
            Ok(_) => store.state_definition("order").await.unwrap().unwrap().0,
            Err(error) => {
                assert!(error.to_string().contains(words), "{expression}: {error}");
                continue;
            }
        };
        match states(&store, id, &one).await {
            Err(FoldError::Expression { message, .. }) => {
                assert!(message.contains(words), "{expression}: {message}");
            }
            other => panic!("{expression}: {other:?}"),
        }
        let mut trial = store.fold_by_trial(&refused(expression)).await.unwrap();
        let tried = trial.states(RawValue::NULL, &one).await.unwrap_err();
        assert!(tried.to_string().contains(words), "{expression}: {tried}");
    }
    // Before PostgreSQL 16 a large object may be made in a transaction that writes nothing: it ends with it.
    let definition = refused("to_jsonb(lo_create(0)::bigint)");
    store
        .set_state_definition(&definition, &ada())
        .await
        .unwrap();
    let id = store.state_definition("order").await.unwrap().unwrap().0;
    let _ = states(&store, id, &one).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let large: i64 = sqlx::query_scalar("select count(*) from pg_largeobject_metadata")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(large, 0, "large objects are left");
    let functions: Vec<String> = sqlx::query_scalar(
        "select p.proname::text from pg_proc p where p.pronamespace = 'highwater_states'::regnamespace",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(
        functions.len(),
        1,
        "the kept one and no trial: {functions:?}"
    );
}

#[tokio::test]
async fn mistakes_are_told_at_their_place() {
    let Fresh { store, .. } = fresh().await;
    for (expression, line, column, words) in [
        ("state ||\n  dat", 3, 3, "dat"),
        (
            "state || ('ü'::text\n || upper(data))",
            3,
            5,
            "upper(jsonb)",
        ),
        ("'{}'::text", 2, 1, "cannot be matched"),
        (
            "case type when 'A' then nowhere.f(data) end",
            2,
            25,
            "nowhere",
        ),
        ("state || || data", 2, 10, "|| jsonb"),
    ] {
        let refused = store
            .set_state_definition(&definition("order", expression), &ada())
            .await;
        match refused {
            Err(ReadModelError::Definition(error)) => {
                assert_eq!(
                    (error.line, error.column),
                    (line, column),
                    "{expression}: {error}"
                );
                assert!(error.message.contains(words), "{expression}: {error}");
                assert!(error.sqlstate.is_some(), "{expression}: {error}");
            }
            other => panic!("{expression}: {other:?}"),
        }
    }
    assert!(store.state_definition("order").await.unwrap().is_none());
    assert_eq!(store.actions(None, None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_definition_is_changed_and_taken_back_on_record() {
    let Fresh { store, url, .. } = fresh().await;
    let first = set(&store, "state || data").await;
    assert_eq!(set(&store, "state || data").await, first, "the same text");
    let second = set(&store, "data").await;
    assert_ne!(second, first);
    let one = events(&store, "order-1", &[("A", json!({"a": 1}))]).await;
    assert!(states(&store, first, &one).await.is_err(), "it is gone");
    assert_eq!(
        states(&store, second, &one).await.unwrap(),
        [json!({"a": 1})]
    );
    let kept = store.state_definitions().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((&*kept[0].category, &*kept[0].actor), ("order", "ada"));
    assert!(
        store
            .remove_state_definition("order", &ada())
            .await
            .unwrap()
    );
    assert!(
        !store
            .remove_state_definition("order", &ada())
            .await
            .unwrap()
    );
    let query = ActionQuery {
        action: Some("state_definition".to_owned()),
        limit: 10,
        ..ActionQuery::default()
    };
    let actions = store.find_actions(&query).await.unwrap();
    let told: Vec<(&Value, &Value)> = actions
        .iter()
        .map(|action| (&action.before["definition"], &action.after["definition"]))
        .collect();
    let text = |expression: &str| json!(definition("order", expression).text);
    let (old, new) = (text("state || data"), text("data"));
    assert_eq!(
        told,
        [(&new, &Value::Null), (&old, &new), (&Value::Null, &old)]
    );
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let left: i64 = sqlx::query_scalar(
        "select count(*) from pg_proc where pronamespace = 'highwater_states'::regnamespace",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn operators_who_define_at_once_take_turns() {
    let Fresh { store, .. } = fresh().await;
    let mut orders = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = store.clone();
        orders.spawn(async move {
            let category = if n % 2 == 0 { "order" } else { "stock" };
            let definition =
                definition(category, &format!("state || jsonb_build_object('n', {n})"));
            store
                .set_state_definition(&definition, &ada())
                .await
                .unwrap();
            store.fold_by_trial(&definition).await.unwrap();
        });
    }
    while let Some(done) = orders.join_next().await {
        done.unwrap();
    }
    assert_eq!(store.state_definitions().await.unwrap().len(), 2);
}

/// A user who may not make roles is told what an administrator has to run; after that it works, for a user who is no superuser.
#[tokio::test]
async fn a_plain_user_is_told_what_an_administrator_has_to_run() {
    let url = support::database().await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let user = format!("u_{}", highwater_store::Ids.random().simple());
    let database: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!(
        "create role {user}; grant create on database {database} to {user}"
    )))
    .execute(&mut admin)
    .await
    .unwrap();
    let tasks = highwater_store::Tasks::new();
    let plain = format!("{url}&options=-crole%3D{user}");
    let store = Store::open(&plain, highwater_store::StoreOptions::default(), &tasks)
        .await
        .unwrap();
    let state = definition("order", "state || data");
    let statements = match store.set_state_definition(&state, &ada()).await {
        Err(ReadModelError::NeedsAdministrator { statements }) => statements,
        other => panic!("{other:?}"),
    };
    sqlx::raw_sql(AssertSqlSafe(statements.join("\n")))
        .execute(&mut admin)
        .await
        .unwrap();
    store.set_state_definition(&state, &ada()).await.unwrap();
    let id = store.state_definition("order").await.unwrap().unwrap().0;
    let one = events(&store, "order-1", &[("A", json!({"a": 1}))]).await;
    assert_eq!(states(&store, id, &one).await.unwrap(), [json!({"a": 1})]);
    store
        .remove_state_definition("order", &ada())
        .await
        .unwrap();
}
