//! Who gets in, and what they may do.
//!
//! | file | what |
//! |---|---|
//! | `gate.rs` | who calls: `gate/who.rs` by a session's cookie or a token, `gate/remembered.rs` for a few seconds |
//! | `met.rs` | whose secrets have worked of late |
//! | `calls.rs` | what each call needs, read from the OpenAPI document |
//! | `check.rs` | the one place that checks it |
//! | `confirm.rs` | the name that is typed before production takes an order |
//! | `approval.rs` | the second person who agrees to it, where that is wanted |
//! | `asking.rs` | which orders wait for them, and how those are kept |
//! | `asker.rs` | who asked for that, as of now |
//! | `sight.rs` | what of the API's answers they see who do not see everything: onlookers headlines, others no masked fields |
//! | `seen.rs`, `seen_states.rs` | the same of read models with their jobs and errors, and of states |
//! | `watch.rs` | learns within a second, on every server, that rights were taken away |
//! | `watcher.rs` | who may read the metrics while the database does not answer |
//! | `oidc` | the login at a provider of OpenID Connect |
//! | `secret.rs`, `password.rs`, `cookie.rs`, `attempts.rs` | what their names say |

pub(crate) mod approval;
mod asker;
mod asking;
pub(crate) mod attempts;
pub(crate) mod calls;
pub(crate) mod check;
mod confirm;
pub(crate) mod cookie;
mod gate;
mod met;
pub(crate) mod oidc;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod seen;
pub(crate) mod seen_states;
pub(crate) mod sight;
mod watch;
mod watcher;

pub use approval::Approvals;
pub use gate::{Gate, GateOptions};
pub use oidc::{OidcOptions, RoleOfGroup};
