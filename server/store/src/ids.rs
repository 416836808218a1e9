//! The one generator of ids.

use uuid::Uuid;

/// Gives out ids. Nothing else in Highwater makes any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ids;

impl Ids {
    /// An event's id: a `UUIDv7`, so that ids that are made together stand together in the index.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that makes ids"
    )]
    pub fn event_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// An id that tells nothing about when it was made.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that makes ids"
    )]
    pub fn random(&self) -> Uuid {
        Uuid::new_v4()
    }
}
