//! A private Postgres that the server owns: found or fetched, set up, started, and gone when the server is.
//!
//! Synchronous and without a database client: a server is ready when its `postmaster.pid` says so. Call it before the
//! runtime starts, or from a blocking task; the process itself is watched by a thread of its own.
//!
//! Layout of a data folder: `postgres/data` (the cluster), `postgres/secret` (password, 0600), `postgres/lock` (who holds it),
//! `postgres/postgres.log`, and `postgres/run` for the socket where its path is short enough.
//!
//! Adding a place where binaries are looked for: `binaries.rs`, `system_folders`. Adding a platform to fetch for:
//! `fetch.rs`, `Package::for_this_platform`.

#[cfg(not(unix))]
compile_error!("the embedded Postgres needs a Unix system (Linux, macOS, WSL)");

mod account;
pub mod backup;
mod binaries;
mod cluster;
mod error;
mod fetch;
mod keeper;
mod places;
mod postmaster;
pub mod scratch;
mod server;
mod sys;

pub use binaries::{BIN_VARIABLE, Binaries, OLDEST_MAJOR, Search, TARBALL_VARIABLE};
pub use error::PostgresError;
pub use fetch::{Package, unpack};
pub use places::{default_cache_dir, default_data_dir};
pub use server::{Embedded, Options};
