//! What the tests across packages share: a database of their own, the API, the live feed's socket.

pub(crate) mod api;
pub(crate) mod database;
pub(crate) mod socket;
