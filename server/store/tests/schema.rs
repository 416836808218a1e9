//! What the schema refuses: changes of events, and programs that are older than it.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_store::{Store, StoreError, StoreOptions, Tasks};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use support::{ANY, append, event, fresh};

#[tokio::test]
async fn events_are_never_changed() {
    let fresh = fresh().await;
    fresh
        .store
        .append(vec![append("s-1", ANY, vec![event("A", &json!(1))])])
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    for sql in [
        "update highwater.events set data = '2'",
        "delete from highwater.events",
        "truncate highwater.events",
    ] {
        let refused = connection.execute(sql).await.unwrap_err();
        assert_eq!(
            refused.as_database_error().unwrap().code().unwrap(),
            "HW403"
        );
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let fresh = fresh().await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    connection
        .execute("insert into highwater.schema_versions (version, program) values (99, 'future')")
        .await
        .unwrap();
    let refused = Store::open(&fresh.url, StoreOptions::default(), &Tasks::new())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 99, .. }),
        "{refused}"
    );
}
