//! The API and the live feed, asked over a real socket.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it breaks"
)]

mod alert_rules;
mod alert_traces;
mod alerts;
mod append;
mod append_traces;
mod approvals;
mod approvals_gone;
mod approvals_once;
mod approvals_place;
mod approvals_who;
mod bad_appends;
mod bad_import;
mod bad_queries;
mod bad_read_models;
mod bad_rebuilds;
mod bombs;
mod charts;
mod check;
mod command;
mod deploy;
mod exposition;
mod flows;
mod identity;
mod identity_calls;
mod identity_ends;
mod identity_login;
mod idle_sockets;
mod import;
mod limits;
mod live;
mod live_nonsense;
mod maintenance;
mod masking;
mod masking_plant;
mod masking_rules;
mod masking_walk;
mod metrics;
mod odd_stream_names;
mod oidc;
mod oidc_provider;
mod oidc_refused;
mod oidc_visitor;
mod openapi;
mod overload;
mod production;
#[path = "../no_loss/program.rs"]
#[expect(
    dead_code,
    reason = "the servers of these tests run inside of them, but for one"
)]
mod program;
mod read_model_rows;
mod read_models;
mod read_models_lag;
mod readme_clients;
mod rebuild;
mod refused;
mod replay;
mod running;
mod shares;
mod slow_clients;
mod state_definitions;
mod store_page;
mod stream_states;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod tls_server;
mod totals;
#[cfg(feature = "otel")]
mod trace_collector;
#[cfg(feature = "otel")]
mod traces;
mod views;
mod webhook;
