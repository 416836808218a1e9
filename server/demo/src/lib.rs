//! A shop of event-driven services (orders, payments, stock, shipping, notifications, and who leads an order through them), written as a user
//! would write it: with the HTTP API and nothing else. And the same shop as one machine that makes believable events as fast as one likes
//! ([`Shop`]), for tests, benchmarks and `highwater demo-log`.
//!
//! # Adding a step to an order's way
//! In [`services`] it is a service's answer to an event, and a line in the process manager. In `shop.rs` it is a variant of `Step`: what it appends
//! stands in `take`, what follows from it in `react`.
//!
//! # Adding a read model
//! A `.sql` file in `read_models`, its line in `read_models.rs`, and the service that brings it along; `tests/read_models.rs` checks it. The state of
//! an aggregate is the same in `states` and `state_definitions.rs`.

mod chance;
mod read_models;
pub mod scenarios;
pub mod services;
mod shop;
mod state_definitions;

pub use read_models::{FIXED, OPEN_FULFILMENTS, ORDER_PROGRESS, READ_MODELS, ReadModelFile};
pub use shop::Shop;
pub use state_definitions::{STATE_DEFINITIONS, StateFile};
