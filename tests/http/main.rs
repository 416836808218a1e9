//! The API and the live feed, asked over a real socket.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it breaks"
)]

mod append;
mod import;
mod live;
mod running;
#[path = "../support/mod.rs"]
mod support;
