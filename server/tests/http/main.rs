//! The API and the live feed, asked over a real socket.

mod append;
mod import;
mod live;
mod running;
