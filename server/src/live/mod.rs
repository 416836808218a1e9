//! The live feed's connections: each is a set of cursors into the ring, never a queue.
//!
//! While a socket is not drained nothing is sent to it and nothing is kept for it: its cursors stay where they are and, when they
//! have fallen out of the ring, it is told which positions it did not get.

mod board;
mod connection;
mod counted;
mod deliveries;
mod messages;
mod one_feed;

pub use board::Boards;
pub use connection::Connection;
pub(crate) use counted::describe_readers;
