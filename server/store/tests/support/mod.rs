//! A database of its own for each test.
#![allow(dead_code, reason = "each test file uses its part, one all of it")]

pub(crate) mod flows;
pub(crate) mod state_definitions;
pub(crate) mod subscriptions;

use highwater_model::{AppendToStream, ExpectedVersion, ProposedEvent, StreamName, Version};
use highwater_postgres::scratch::Scratch;
use highwater_store::{Ids, Store, StoreOptions, Tasks};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

pub(crate) const ANY: ExpectedVersion = ExpectedVersion::Any;

/// A store in a new database.
pub(crate) struct Fresh {
    pub(crate) store: Store,
    pub(crate) tasks: Tasks,
    pub(crate) url: String,
}

pub(crate) async fn fresh() -> Fresh {
    fresh_with(StoreOptions::default()).await
}

pub(crate) async fn fresh_with(options: StoreOptions) -> Fresh {
    let url = database().await;
    let tasks = Tasks::new();
    let store = Store::open(&url, options, &tasks).await.unwrap();
    Fresh { store, tasks, url }
}

/// The URL of a new, empty database.
pub(crate) async fn database() -> String {
    let name = format!("t_{}", Ids.random().simple());
    let scratch = Scratch::get();
    let mut connection = PgConnection::connect(&scratch.url_for("postgres"))
        .await
        .unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    scratch.url_for(&name)
}

pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

pub(crate) fn name(stream: &str) -> StreamName {
    StreamName::new(stream).unwrap()
}

pub(crate) fn event(event_type: &str, data: &Value) -> ProposedEvent {
    ProposedEvent {
        event_type: event_type.to_owned(),
        data: raw(data),
        id: None,
        occurred_at: None,
        metadata: None,
    }
}

pub(crate) fn event_with_id(event_type: &str, data: &Value, id: Uuid) -> ProposedEvent {
    ProposedEvent {
        id: Some(id),
        ..event(event_type, data)
    }
}

pub(crate) fn append(
    stream: &str,
    expected_version: ExpectedVersion,
    events: Vec<ProposedEvent>,
) -> AppendToStream {
    AppendToStream {
        stream: name(stream),
        expected_version,
        events,
    }
}

pub(crate) fn exactly(version: i64) -> ExpectedVersion {
    ExpectedVersion::Exactly(Version(version))
}
