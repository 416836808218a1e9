//! Who gets in, and what they may do.
//!
//! | file | what |
//! |---|---|
//! | `gate.rs` | who calls: by a session's cookie or a token, remembered for a few seconds |
//! | `calls.rs` | what each call needs, read from the OpenAPI document, and the one place that checks it |
//! | `sight.rs` | what onlookers see of what the API answers: headlines |
//! | `watch.rs` | learns within a second, on every server, that rights were taken away |
//! | `secret.rs`, `password.rs`, `cookie.rs`, `attempts.rs` | what their names say |

pub(crate) mod attempts;
pub(crate) mod calls;
pub(crate) mod cookie;
mod gate;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod sight;
mod watch;

pub(crate) use gate::SESSION;
pub use gate::{Gate, GateOptions};
