//! State definitions: what an event makes of the state of its category's streams, as an SQL expression.
//!
//! An expression runs in a function of its own in the schema `highwater_states`, as a role that may do nothing else, in a session that
//! may write nothing and that is stopped when it takes too long.

mod fold;
mod keep;
mod set_up;

pub use fold::{FoldError, StateFolding};
pub use keep::StateDefinitionId;
