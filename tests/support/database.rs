//! A database of its own for each test.

use highwater_postgres::scratch::Scratch;
use highwater_store::Ids;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The URL of a new, empty database.
pub(crate) async fn create() -> String {
    let name = format!("t{}", Ids.random().simple());
    let mut admin = PgConnection::connect(&Scratch::get().url_for("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut admin)
        .await
        .unwrap();
    Scratch::get().url_for(&name)
}
