//! The messages of the live feed (`GET /api/live`, subprotocol [`SUBPROTOCOL`]).

mod client;
mod read;
mod server;

pub use client::{Acknowledge, After, ClientMessage, Subscribe, Topic, Unsubscribe};
pub use server::{Gap, ServerMessage};

/// The WebSocket subprotocol; the version in it changes when a client of today could no longer understand the server.
pub const SUBPROTOCOL: &str = "highwater.v1";
