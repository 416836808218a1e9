//! Definitions: what is wrong with one is told at its place, a changed one waits, and nothing live changes.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_model::{DefinitionError, VersionRole};
use highwater_store::read_models::{Defined, ReadModelError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::{Fresh, TOTALS, order, started};

async fn error(read_models: &ReadModels, text: &str) -> DefinitionError {
    match read_models.put("wrong", text, &order()).await {
        Err(ReadModelError::Definition(error)) => error,
        other => panic!("{text} is taken: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_sql_point_into_the_file() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    for (from, to, at, said) in [
        (
            "orders bigint",
            "orders bigimt",
            "bigimt",
            "type \"bigimt\" does not exist",
        ),
        ("create table", "create tabel", "tabel", "no \"tabel\""),
        (
            "from events group",
            "form events group",
            "events group",
            "syntax error",
        ),
        (
            "from events group",
            "from event5 group",
            "event5",
            "relation \"event5\" does not exist",
        ),
        (
            "data->>'customer'",
            "dat->>'customer'",
            "dat->>",
            "column \"dat\" does not exist",
        ),
        (
            "totals.cents + excluded",
            "totals.cent + excluded",
            "totals.cent +",
            "column totals.cent does not exist",
        ),
    ] {
        let text = TOTALS.replacen(from, to, 1);
        let expected = DefinitionError::at(&text, text.find(at).unwrap(), "");
        let error = error(&read_models, &text).await;
        assert!(error.message.contains(said), "{to}: {error}");
        assert_eq!(
            (error.line, error.column),
            (expected.line, expected.column),
            "{to}: {error}"
        );
    }
    let looping = format!("{TOTALS};\nselect loop from (select 1 as loop) l");
    let looping = error(&read_models, &looping).await;
    assert!(
        looping.message.contains("don't make a function"),
        "{looping}"
    );
    assert_eq!((looping.line, looping.column), (6, 1));
    assert!(fresh.store.read_models().await.unwrap().is_empty());
    assert!(matches!(
        read_models.put("pg_wrong", TOTALS, &order()).await,
        Err(ReadModelError::Definition(_))
    ));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_definition_waits_and_the_live_tables_stay() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let before = fresh.totals("totals").await;
    let same = read_models.put("totals", TOTALS, &order()).await.unwrap();
    assert_eq!(same, Defined::Unchanged);

    let changed = TOTALS.replace("cents bigint", "cents numeric");
    let waiting = read_models.put("totals", &changed, &order()).await.unwrap();
    assert!(matches!(waiting, Defined::Waiting { .. }), "{waiting:?}");
    assert_eq!(
        read_models.put("totals", &changed, &order()).await.unwrap(),
        waiting
    );
    let wrong = TOTALS.replace("excluded.cents", "excluded.sense");
    assert!(read_models.put("totals", &wrong, &order()).await.is_err());
    let read_model = fresh.store.read_model("totals").await.unwrap();
    let roles: Vec<VersionRole> = read_model
        .versions
        .iter()
        .map(|version| version.role)
        .collect();
    assert_eq!(roles, [VersionRole::Live, VersionRole::Waiting]);
    assert_eq!(read_model.versions[1].definition, changed);
    assert_eq!(fresh.totals("totals").await, before);
    fresh.orders(20, 20).await;
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);

    // Back to what is live: nothing waits any more.
    read_models.put("totals", TOTALS, &order()).await.unwrap();
    assert_eq!(
        fresh
            .store
            .read_model("totals")
            .await
            .unwrap()
            .versions
            .len(),
        1
    );
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_there_already_is_left_alone() {
    let fresh = Fresh::new().await;
    sqlx::query("create schema totals")
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    let refused = fresh.read_models().put("totals", TOTALS, &order()).await;
    assert!(
        matches!(refused, Err(ReadModelError::SchemaTaken { .. })),
        "{refused:?}"
    );
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_watched() {
    let fresh = Fresh::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("totals.sql");
    std::fs::write(&file, TOTALS).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
    std::fs::write(folder.path().join("wrong.sql"), "-- highwater: colour red").unwrap();
    fresh.orders(0, 20).await;
    let options = ReadModelOptions {
        folder: Some(folder.path().to_owned()),
        ..ReadModelOptions::default()
    };
    let read_models = ReadModels::start(fresh.store.clone(), &fresh.tasks, options);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while fresh.store.read_model("totals").await.is_err()
        || read_models.folder_problems().is_empty()
    {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    let problems = read_models.folder_problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems["wrong"].contains("line 1, column 15"),
        "{problems:?}"
    );

    std::fs::write(&file, TOTALS.replace("Totals per", "All totals per")).unwrap();
    std::fs::remove_file(folder.path().join("wrong.sql")).unwrap();
    let changed = fresh
        .until("totals", |read_model| read_model.versions.len() == 2)
        .await;
    assert_eq!(changed.versions[1].role, VersionRole::Waiting);
    while !read_models.folder_problems().is_empty() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_create_roles_it_waits_for_an_administrator() {
    let fresh = Fresh::new().await;
    let mut sql = fresh.sql().await;
    let database: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    let user = format!("u_{database}");
    // A user who owns Highwater's schema and may make schemas, but no roles.
    fresh.tasks.shutdown().await;
    let make = format!(
        "create role {user} login; grant create on database {database} to {user}; drop schema highwater, highwater_states cascade; set role {user};"
    );
    sqlx::raw_sql(AssertSqlSafe(make))
        .execute(&mut sql)
        .await
        .unwrap();
    let url = format!("{}&options=-crole%3D{user}", fresh.url);
    let tasks = highwater_store::Tasks::new();
    let store =
        highwater_store::Store::open(&url, highwater_store::StoreOptions::default(), &tasks)
            .await
            .unwrap();
    let read_models = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    let rights = store.owner_rights().await.unwrap();
    assert!(!rights.creates_roles && rights.creates_schemas);
    let defined = read_models.put("totals", TOTALS, &order()).await.unwrap();
    let Defined::WaitsForAdministrator { statements, .. } = defined else {
        panic!("{defined:?}");
    };
    assert_eq!(statements.len(), 2);
    let read_model = store.read_model("totals").await.unwrap();
    assert_eq!(read_model.state, highwater_model::ReadModelState::Stopped);
    assert!(read_model.reason.unwrap().contains(&statements[0]));

    let mut administrator = PgConnection::connect(&fresh.url).await.unwrap();
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut administrator)
            .await
            .unwrap();
    }
    let fresh = Fresh {
        store,
        tasks,
        url: fresh.url,
    };
    fresh
        .until("totals", |read_model| {
            read_model.versions[0].schema.is_some()
        })
        .await;
    fresh.orders(0, 20).await;
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_result_depends_on_slicing_is_found_out() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 60).await;
    let check = async |text: &str| {
        let definition = highwater_model::Definition::parse("totals", text).unwrap();
        fresh.store.check_slicing(&definition, 2_000, 7).await
    };
    for right in [TOTALS, support::EACH] {
        let report = check(right).await.unwrap();
        assert!(report.differences.is_empty(), "{report:?}");
        assert!(report.events >= 140, "{report:?}");
    }
    // It forgets what was there before the slice.
    let wrong = TOTALS.replace("totals.orders + excluded.orders", "excluded.orders");
    let report = check(&wrong).await.unwrap();
    assert_eq!(report.differences.len(), 2);
    assert_eq!(report.differences[0].table, "totals");
    assert_eq!(
        (report.differences[0].here, report.differences[0].there),
        (10, 10)
    );
    let ignoring = format!("-- highwater: ignore columns totals.orders\n{wrong}");
    assert!(check(&ignoring).await.unwrap().differences.is_empty());
    let failing = TOTALS.replace(
        "(data->>'cents')::bigint",
        "1 / (length(stream) - length(stream))",
    );
    assert!(matches!(
        check(&failing).await,
        Err(ReadModelError::Refused(_))
    ));

    let left: (i64, i64) = sqlx::query_as(
        "select (select count(*) from highwater.read_models), (select count(*) from pg_namespace where nspname like 'totals%')",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!(left, (0, 0));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_create_roles_needs_no_administrator() {
    let fresh = Fresh::new().await;
    fresh.tasks.shutdown().await;
    let mut sql = fresh.sql().await;
    let database: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    let user = format!("u_{database}");
    let make = format!(
        "create role {user} createrole; grant create on database {database} to {user}; drop schema highwater, highwater_states cascade"
    );
    sqlx::raw_sql(AssertSqlSafe(make))
        .execute(&mut sql)
        .await
        .unwrap();
    let fresh = Fresh::at(format!("{}&options=-crole%3D{user}", fresh.url)).await;
    assert!(
        fresh
            .store
            .facts()
            .await
            .unwrap()
            .rights
            .read_models_need
            .is_empty()
    );
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    let owner: String = sqlx::query_scalar(
        "select pg_get_userbyid(relowner)::text from pg_class where oid = 'totals.totals'::regclass",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert!(
        owner.starts_with("hw_") && owner.ends_with("_totals"),
        "{owner}"
    );
    fresh.tasks.shutdown().await;
}
