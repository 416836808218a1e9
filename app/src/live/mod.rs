//! The live feed in the page: a pure state machine ([`machine`]) and a bounded buffer ([`buffer`]), both tested without a browser;
//! [`socket`] is the one file that touches the browser's WebSocket.

pub mod buffer;
pub mod jobs;
pub mod machine;
pub mod maintenance;
pub mod read_models;
pub mod socket;
pub mod subscriptions;

use highwater_model::{Job, MaintenanceAnswer, Mark, ReadModelLag, Subscription};
use leptos::prelude::*;

pub use buffer::{Buffer, Row};
pub use jobs::{is_late, on_jobs};
pub use machine::Status;
pub use maintenance::maintenance_now;
pub use read_models::{follow_read_models, on_lag, on_pulse, take_over};
pub use subscriptions::on_subscriptions;

/// What the parts of the page see of the feed.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// How the connection is.
    pub status: RwSignal<Status>,
    /// The newest mark, from the server that rendered the page at first.
    pub mark: RwSignal<Option<Mark>>,
    /// How the read models are, while a page watches them.
    pub lag: RwSignal<Option<Vec<ReadModelLag>>>,
    /// How the jobs are, while a page watches them: all that run, and the newest that are over.
    pub jobs: RwSignal<Option<Vec<Job>>>,
    /// How the subscriptions are, while a page watches them.
    pub subscriptions: RwSignal<Option<Vec<Subscription>>>,
    /// Whether maintenance is on; none until the feed has said it.
    pub maintenance: RwSignal<Option<MaintenanceAnswer>>,
    /// When the last message came, in milliseconds since 1970 (the browser's clock).
    pub heard_at: RwSignal<Option<f64>>,
    /// The browser's clock, ticking once a second; none on the server.
    pub now: RwSignal<Option<f64>>,
}

impl Live {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self {
            status: RwSignal::new(Status::Connecting),
            mark: RwSignal::new(None),
            lag: RwSignal::new(None),
            jobs: RwSignal::new(None),
            subscriptions: RwSignal::new(None),
            maintenance: RwSignal::new(None),
            heard_at: RwSignal::new(None),
            now: RwSignal::new(None),
        }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}
