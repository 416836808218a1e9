//! The chain of the audit log: what was changed, removed or put in between is seen.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::{SavedViewBody, ViewPage};
use highwater_store::Store;
use highwater_store::read_models::Order;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::{Fresh, fresh};

/// So many actions, sealed.
async fn sealed(count: usize) -> (Fresh, PgConnection) {
    let fresh = fresh().await;
    act(&fresh.store, count).await;
    while fresh.store.seal_actions(true).await.unwrap() {}
    let sql = PgConnection::connect(&fresh.url).await.unwrap();
    (fresh, sql)
}

async fn act(store: &Store, count: usize) {
    for number in 0..count {
        let body = SavedViewBody {
            page: ViewPage::Live,
            name: format!("view {number}"),
            query: String::new(),
            shared: true,
        };
        let order = Order::new("tester", Some("a test of \"seals\" – ä"));
        store.save_view(&body, &order).await.unwrap();
    }
}

/// Does what only somebody can who may do everything to the database.
async fn tamper(sql: &mut PgConnection, statement: &str) {
    sqlx::query("set session_replication_role = replica")
        .execute(&mut *sql)
        .await
        .unwrap();
    let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
    assert!(statement.execute(&mut *sql).await.unwrap().rows_affected() > 0);
    sqlx::query("reset session_replication_role")
        .execute(sql)
        .await
        .unwrap();
}

/// The seals at which something is wrong.
async fn faults(store: &Store) -> Vec<i64> {
    let verdict = store.verify_actions().await.unwrap();
    verdict.faults.iter().map(|fault| fault.seal).collect()
}

#[tokio::test]
async fn what_was_only_added_to_is_whole_whatever_the_session_is_set_to() {
    let (fresh, mut sql) = sealed(40).await;
    let first = fresh.store.verify_actions().await.unwrap();
    assert_eq!(
        (first.sealed, first.unsealed, first.faults.len()),
        (40, 0, 0)
    );
    let kept = first.newest.unwrap();
    act(&fresh.store, 10).await;
    assert_eq!(fresh.store.verify_actions().await.unwrap().unsealed, 10);
    while fresh.store.seal_actions(false).await.unwrap() {}
    let verdict = fresh.store.verify_actions().await.unwrap();
    assert_eq!((verdict.sealed, verdict.faults.len()), (50, 0));
    assert_eq!(
        fresh.store.seal_hash(kept.seal).await.unwrap(),
        Some(kept.hash)
    );
    // The text of an action does not depend on who reads it.
    sqlx::query("set timezone to 'Asia/Tokyo'")
        .execute(&mut sql)
        .await
        .unwrap();
    sqlx::query("set datestyle to 'German'")
        .execute(&mut sql)
        .await
        .unwrap();
    let same: bool = sqlx::query_scalar(
        "select bool_and(s.hash = highwater.seal_hash(b.hash, a)) from highwater.action_seals s
         join highwater.action_seals b on b.seal = s.seal - 1 join highwater.actions a on a.action_id = s.action_id",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert!(same);
}

#[tokio::test]
async fn an_action_that_was_changed_is_named() {
    let (fresh, mut sql) = sealed(12).await;
    for (column, seal) in [
        ("actor = 'nobody'", 3),
        ("reason = null", 7),
        ("at = at + interval '1 microsecond'", 9),
        ("after = after || '{\"x\": 1}'", 11),
    ] {
        let change = format!(
            "update highwater.actions set {column} where action_id = (select action_id from highwater.action_seals where seal = {seal})"
        );
        tamper(&mut sql, &change).await;
    }
    assert_eq!(faults(&fresh.store).await, [3, 7, 9, 11]);
}

#[tokio::test]
async fn what_was_removed_or_put_in_between_is_seen() {
    let (fresh, mut sql) = sealed(8).await;
    tamper(&mut sql, "delete from highwater.actions where action_id = (select action_id from highwater.action_seals where seal = 4)").await;
    assert_eq!(faults(&fresh.store).await, [4]);
    // With its seal as well.
    tamper(
        &mut sql,
        "delete from highwater.action_seals where seal = 4",
    )
    .await;
    assert_eq!(faults(&fresh.store).await, [5]);
    // And the later ones moved up.
    tamper(
        &mut sql,
        "update highwater.action_seals set seal = seal - 1 where seal > 4",
    )
    .await;
    assert_eq!(faults(&fresh.store).await, [4]);
}

#[tokio::test]
async fn a_chain_made_anew_is_not_the_one_that_was_kept() {
    let (fresh, mut sql) = sealed(6).await;
    let kept = fresh.store.verify_actions().await.unwrap().newest.unwrap();
    tamper(&mut sql, "update highwater.actions set actor = 'nobody' where action_id = (select action_id from highwater.action_seals where seal = 2)").await;
    tamper(&mut sql, "delete from highwater.action_seals").await;
    while fresh.store.seal_actions(true).await.unwrap() {}
    assert_eq!(faults(&fresh.store).await, Vec::<i64>::new());
    assert_ne!(
        fresh.store.seal_hash(kept.seal).await.unwrap(),
        Some(kept.hash)
    );
}

#[tokio::test]
async fn several_programs_seal_each_action_once() {
    let fresh = fresh().await;
    let other = Store::open(
        &fresh.url,
        highwater_store::StoreOptions::default(),
        &fresh.tasks,
    )
    .await
    .unwrap();
    let sealing = async |store: &Store| {
        for _ in 0..60 {
            store.seal_actions(false).await.unwrap();
        }
    };
    tokio::join!(
        act(&fresh.store, 60),
        sealing(&fresh.store),
        sealing(&other)
    );
    while fresh.store.seal_actions(true).await.unwrap() {}
    let verdict = fresh.store.verify_actions().await.unwrap();
    assert_eq!(
        (verdict.sealed, verdict.unsealed, verdict.faults.len()),
        (60, 0, 0)
    );
}

#[tokio::test]
async fn nobody_changes_a_seal_in_the_usual_way() {
    let (_fresh, mut sql) = sealed(2).await;
    for statement in [
        "update highwater.action_seals set hash = ''",
        "delete from highwater.action_seals",
        "truncate highwater.action_seals",
    ] {
        let refused = sqlx::query(statement).execute(&mut sql).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
