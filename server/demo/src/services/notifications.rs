//! Notifications: a customer hears of each turn of an order once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::aggregate::{Aggregate, Draft, Refusal};
use super::own::Own;
use super::service::{Commands, Heard, Service, beside, text};

/// What the customer of one order was told.
#[derive(Debug, Default)]
pub struct Notification {
    told: BTreeSet<String>,
}

/// Tells a customer something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The order's stream.
    pub order: String,
    /// What happened to it, in one word.
    pub about: &'static str,
}

impl Aggregate for Notification {
    type Command = Notify;

    fn evolve(&mut self, event_type: &str, data: &Value) {
        if event_type == "CustomerNotified" {
            self.told.insert(text(data, "about").to_owned());
        }
    }

    fn decide(&self, Notify { order, about }: &Notify) -> Result<Vec<Draft>, Refusal> {
        if self.told.contains(*about) {
            return Ok(Vec::new());
        }
        let text = format!("Your {order} is {about}.").replace("order-", "order ");
        let data = json!({ "order": order, "about": about, "text": text });
        Ok(vec![Draft::new("CustomerNotified", data)])
    }
}

/// The service that tells customers.
#[derive(Debug)]
pub struct Notifications;

impl Service for Notifications {
    type Aggregate = Notification;
    const NAME: &'static str = "notifications";
    const FILTER: &'static str =
        "type:OrderConfirmed,ShipmentDispatched,ShipmentDelivered,OrderCancelled";
    const OWN: Own = Own::NOTHING;

    fn takes_ms(_: &str) -> (u64, u64) {
        (50, 300)
    }

    fn react(heard: &Heard) -> Commands<Self> {
        let about = match heard.event_type() {
            "OrderConfirmed" => "confirmed",
            "ShipmentDispatched" => "dispatched",
            "ShipmentDelivered" => "delivered",
            _ => "cancelled",
        };
        let order = heard.order().to_owned();
        vec![(beside(&order, "notification"), Notify { order, about })]
    }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::decided;
    use super::*;

    #[test]
    fn a_customer_is_told_of_each_turn_once() {
        let mut notification = Notification::default();
        for about in ["confirmed", "dispatched", "delivered"] {
            let order = "order-1".to_owned();
            let notify = Notify { order, about };
            assert_eq!(decided(&mut notification, &notify), ["CustomerNotified"]);
            assert_eq!(decided(&mut notification, &notify), [""; 0]);
        }
        let first = Notify {
            order: "order-1".to_owned(),
            about: "cancelled",
        };
        let drafts = notification.decide(&first).unwrap();
        assert_eq!(drafts[0].data["text"], "Your order 1 is cancelled.");
    }
}
