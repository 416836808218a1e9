//! The API and the live feed, asked over a real socket.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it breaks"
)]

mod append;
mod bad_appends;
mod bad_import;
mod bad_queries;
mod bad_read_models;
mod bad_rebuilds;
mod charts;
mod check;
mod command;
mod flows;
mod identity;
mod identity_calls;
mod import;
mod live;
mod live_nonsense;
mod odd_stream_names;
mod openapi;
mod read_model_rows;
mod read_models;
mod read_models_lag;
mod readme_clients;
mod rebuild;
mod refused;
mod replay;
mod running;
mod shares;
mod state_definitions;
mod store_page;
mod stream_states;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
mod totals;
mod views;
