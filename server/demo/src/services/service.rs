//! Services: each hears of events by its subscription, and says what is to be done of its own streams.

use highwater_model::RecordedEvent;
use serde_json::Value;

use super::aggregate::Aggregate;
use super::own::Own;

/// An event that a service hears of.
#[derive(Debug, Clone)]
pub struct Heard {
    /// As it was recorded.
    pub event: RecordedEvent,
    /// Its data.
    pub data: Value,
}

impl Heard {
    /// Reads its data.
    pub fn new(event: RecordedEvent) -> Self {
        let data = serde_json::from_str(event.data.get()).unwrap_or_default();
        Self { event, data }
    }

    /// Its type.
    pub fn event_type(&self) -> &str {
        &self.event.event_type
    }

    /// A text of its data; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        text(&self.data, field)
    }

    /// The order that it is about: its own stream, or the one that its data names.
    pub fn order(&self) -> &str {
        if self.event.category == "order" {
            self.event.stream.as_str()
        } else {
            self.text("order")
        }
    }
}

/// A text of an event's data; empty where there is none.
pub(crate) fn text<'a>(data: &'a Value, field: &str) -> &'a str {
    data[field].as_str().unwrap_or_default()
}

/// The stream of a category that belongs to an order: `payment-8f14` to `order-8f14`.
pub(crate) fn beside(order: &str, category: &str) -> String {
    let id = order.strip_prefix("order-").unwrap_or(order);
    format!("{category}-{id}")
}

/// What is asked of which stream.
pub type Commands<S> = Vec<(String, <<S as Service>::Aggregate as Aggregate>::Command)>;

/// A service.
pub trait Service: Send + Sync + 'static {
    /// What its streams are.
    type Aggregate: Aggregate;
    /// Its name, and the name of its subscription.
    const NAME: &'static str;
    /// The events that it hears of: a filter line.
    const FILTER: &'static str;
    /// What it brings along.
    const OWN: Own;

    /// How long it works on an event of this type, in milliseconds at the usual speed: at least, at most.
    fn takes_ms(event_type: &str) -> (u64, u64);

    /// What it does because of an event. The same event leads to the same commands, however often it is heard of.
    fn react(heard: &Heard) -> Commands<Self>
    where
        Self: Sized;
}
