//! The event store on PostgreSQL: all SQL text of Highwater's own tables stands here, nowhere else.
//!
//! # How the log stays in order
//! Every append takes one advisory lock (`7210, 1`) and gives positions `newest + 1, …` while it holds it; it lets go by committing.
//! So positions are dense and in commit order, and a reader that sees position *p* sees everything below it. What makes this fast is
//! the appender ([`append`], `batching/mod.rs`): it takes whatever waits and records it with one statement and one commit.
//!
//! # Words
//! | word | file | meaning |
//! |---|---|---|
//! | batch | `batch/mod.rs` | the appends that are recorded with one commit |
//! | heads | `heads.rs` | what the appender remembers of streams, so that a batch need not look them up |
//! | log's lock | `schema/0001_event_store.sql` | advisory `(7210, 1)`: whoever gives positions holds it until it has committed; waits for nothing while holding it but the end of a count that runs (milliseconds) |
//! | gate | the same | advisory `(7210, 2)`: shared by SQL writers; free means that none is open |
//! | SQL writer | the same | a caller of `highwater.append` in a transaction of its own |
//! | maintenance | `maintenance.rs`, `schema/0013_maintenance.sql` | advisory `(7210, 13)`: shared by whoever moves a read model's checkpoint, who never waits for it; held alone by the order that pauses all of them |
//!
//! # Adding a query
//! Put it in the file of its noun as a method of [`Store`], bounded (`limit`, keyset); give it a test in `tests/` with a database of
//! its own, and a line in `tests/plans.rs` that names the index it must use.

pub mod alerts;
pub mod append;
mod appender;
pub mod approvals;
mod audit_chain;
pub mod backup;
mod batch;
mod batching;
mod categories;
mod clock;
mod clock_jumps;
mod columns;
mod counting;
mod error;
mod event_types;
mod events;
mod events_looked_for;
mod events_of_streams;
mod facts;
mod filter_sql;
mod find;
pub mod flows;
mod heads;
mod health;
mod histogram;
pub mod identity;
mod ids;
pub mod import;
mod json_check;
mod latency;
mod link;
mod maintenance;
mod mark;
mod migrate;
mod names;
mod open;
mod pools;
pub mod probe;
pub mod read_models;
mod row;
mod saved_views;
mod sizes;
pub mod state_definitions;
mod storable;
mod stream;
mod streams;
pub mod subscriptions;
mod tasks;
mod timeline;
mod traced;
mod wake;

pub use append::AppendOutcome;
pub use clock::Clock;
pub use error::{LimitError, StoreError};
pub use events::{Direction, LogQuery};
pub use health::{DatabaseHealth, OldTransaction};
pub use ids::Ids;
pub use import::ImportChunk;
pub use latency::AppendLatency;
pub use maintenance::MaintenanceError;
pub use migrate::SCHEMA_VERSION;
pub use open::{Store, StoreOptions};
pub use pools::PoolUse;
pub use streams::StreamQuery;
pub use tasks::Tasks;
