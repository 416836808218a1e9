//! No event is ever skipped, lost or recorded twice, whatever ends in the middle: real programs on a real Postgres.
//!
//! Writers note in a [`ledger`] what they were told, readers note what they saw, and at the end both are held against the log.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it breaks"
)]

mod api_writer;
mod backup;
mod crowd;
mod faults;
mod front;
mod import;
mod import_file;
mod ledger;
#[path = "../soak/load/mod.rs"]
mod load;
mod log;
mod lost_database;
mod mixed_writers;
mod postgres;
mod program;
mod proxy;
mod reader;
mod rebuild;
mod soak;
mod sql_writer;
#[path = "../support/mod.rs"]
mod support;
mod way_in;
mod worker;
