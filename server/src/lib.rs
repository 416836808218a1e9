//! The program `highwater`: HTTP, WebSocket, command line, start-up.
//!
//! - [`serve`] starts and stops, each as one readable function; `door` and `tls` say how it answers where it listens, `drain` how it leaves.
//! - [`api`] is the one way in; [`router`] puts around it what every request passes ([`caller`], [`guard`], [`security`]).
//! - [`identity`] says who gets in, and is the one place that checks what they may do.
//! - [`limits`] says how much is taken at once, and refuses more.
//! - [`alerts`] looks after the rules of alerts, and tells webhooks.
//! - [`live`] serves the WebSocket from the engine's feed; [`pages`] and [`site`] show the console; [`picture`] draws charts for reports.
//! - [`metrics`] says what is counted and measured on the way; `exposition` what is so when `/metrics` is asked; `traces` sends spans to a collector.
//! - [`cli`] has the commands, one file each.

pub mod alerts;
pub mod api;
mod audit;
pub mod caller;
mod checks;
pub mod cli;
pub mod config;
pub mod demo;
mod disk;
mod door;
mod drain;
mod exposition;
pub mod files;
pub mod guard;
pub mod identity;
pub mod limits;
pub mod live;
mod log;
pub mod memory;
pub mod metrics;
mod outside;
pub mod pages;
pub mod picture;
pub mod proxies;
pub mod router;
pub mod security;
pub mod serve;
pub mod site;
pub mod state;
mod timing;
mod tls;
mod traces;
