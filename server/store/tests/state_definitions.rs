//! State definitions: what they may not do, and how they are taken in.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_store::Store;
use highwater_store::read_models::{ActionQuery, ReadModelError};
use highwater_store::state_definitions::FoldError;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::state_definitions::{ada, definition, events, set, states};
use support::{Fresh, fresh};

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
