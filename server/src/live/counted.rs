//! How many feeds are open, by what they are of.

use highwater_model::live::Topic;
use metrics::{Gauge, Unit};

/// What the gauge is called.
const READERS: &str = "highwater_live_readers";

/// Counts one feed for as long as it is open.
#[derive(Debug)]
pub(super) struct Counted(Gauge);

impl Counted {
    /// One more.
    pub(super) fn new(topic: Topic) -> Self {
        let readers = readers(topic);
        readers.increment(1.0);
        Self(readers)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Says what the gauge is, and that there is nobody yet.
pub(crate) fn describe_readers() {
    metrics::describe_gauge!(
        READERS,
        Unit::Count,
        "Feeds that are open over WebSockets, by topic."
    );
    for topic in Topic::ALL {
        readers(topic).increment(0.0);
    }
}

fn readers(topic: Topic) -> Gauge {
    metrics::gauge!(READERS, "topic" => topic.as_str())
}
