//! The shop's read models on the shop's own events.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

use highwater_demo::{FIXED, READ_MODELS, Shop};
use highwater_model::Definition;
use highwater_postgres::scratch::Scratch;
use highwater_store::{Ids, Store, StoreOptions, Tasks};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Enough for orders that are completed, refused and out of stock.
const EVENTS: usize = 1_500;

async fn shop() -> Store {
    let name = format!("t_{}", Ids.random().simple());
    let mut admin = PgConnection::connect(&Scratch::get().url_for("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut admin)
        .await
        .unwrap();
    let url = Scratch::get().url_for(&name);
    let store = Store::open(&url, StoreOptions::default(), &Tasks::new())
        .await
        .unwrap();
    let mut shop = Shop::new(1, 20.0);
    for _ in 0..EVENTS {
        store.append(vec![shop.next_append()]).await.unwrap();
    }
    store
}

#[tokio::test]
async fn no_read_model_depends_on_how_the_log_is_sliced() {
    let store = shop().await;
    for (name, text) in READ_MODELS.into_iter().chain(FIXED) {
        let definition = Definition::parse(name, text).unwrap();
        let most = i32::try_from(EVENTS).unwrap();
        let report = store.check_slicing(&definition, most, 7).await.unwrap();
        assert_eq!(report.differences, [], "{name}");
        assert!(report.events > 10, "{name}: {} events", report.events);
    }
}
