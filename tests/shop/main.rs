//! The demo shop as processes of their own on a real Postgres: whatever is killed, no order is lost and nothing is done twice.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it breaks"
)]

mod command;
mod delivered_again;
mod killed;
mod log;
#[path = "../no_loss/program.rs"]
#[expect(dead_code, reason = "no test here kills the server by its process id")]
mod program;
mod scenarios;
mod served;
mod services;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "no test here needs the live feed")]
mod support;
mod timed_out;
