//! The shop's log, folded order by order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::program::Server;

/// All events, as they are exported.
pub(crate) async fn export(server: &Server) -> Vec<Value> {
    let answer = server.api.request("GET", "/api/export").send().await;
    let text = answer.unwrap().text().await.unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What became of one order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// How often each type of event is about it.
    events: BTreeMap<String, usize>,
    /// The same types, in the log's order.
    went: Vec<String>,
    /// Goods that it has, and how many.
    goods: BTreeMap<String, i64>,
    wanted: BTreeSet<String>,
    told: BTreeMap<String, usize>,
    /// Why it was cancelled.
    pub(crate) reason: Option<String>,
}

impl Order {
    pub(crate) fn times(&self, event_type: &str) -> usize {
        self.events.get(event_type).copied().unwrap_or(0)
    }

    /// Both are there, and in this order.
    pub(crate) fn has_in_order(&self, first: &str, second: &str) -> bool {
        let place = |event_type| self.went.iter().position(|one| one == event_type);
        place(first).is_some() && place(first) < place(second)
    }

    fn take(&mut self, event: &Value) {
        let event_type = event["type"].as_str().unwrap();
        let data = &event["data"];
        *self.events.entry(event_type.to_owned()).or_default() += 1;
        self.went.push(event_type.to_owned());
        let stream = event["stream"].as_str().unwrap();
        let pieces = || data["quantity"].as_i64().unwrap();
        match event_type {
            "OrderPlaced" => {
                let lines = data["items"].as_array().unwrap().iter();
                self.wanted = lines
                    .map(|line| format!("stock-{}", line["sku"].as_str().unwrap()))
                    .collect();
            }
            "StockReserved" => *self.goods.entry(stream.to_owned()).or_default() += pieces(),
            "StockReleased" => *self.goods.entry(stream.to_owned()).or_default() -= pieces(),
            "CustomerNotified" => {
                let about = data["about"].as_str().unwrap().to_owned();
                *self.told.entry(about).or_default() += 1;
            }
            "OrderCancelled" => self.reason = data["reason"].as_str().map(str::to_owned),
            _ => {}
        }
    }

    /// It has ended, once, and everything about it fits together.
    fn check(&self) {
        let ended = (self.times("OrderCompleted"), self.times("OrderCancelled"));
        assert!(ended == (1, 0) || ended == (0, 1), "{ended:?}: {self:#?}");
        for (event_type, times) in &self.events {
            let several = ["Stock", "Answer", "Customer"];
            let is_one = *times == 1 || several.iter().any(|word| event_type.starts_with(word));
            assert!(is_one, "{event_type}: {self:#?}");
        }
        let has_left = self.times("ShipmentDispatched") == 1;
        let has: BTreeSet<&String> = self
            .goods
            .iter()
            .filter(|one| *one.1 != 0)
            .map(|one| one.0)
            .collect();
        if has_left {
            assert_eq!(has, self.wanted.iter().collect(), "{self:#?}");
        } else {
            assert!(has.is_empty(), "reserved and not released: {self:#?}");
        }
        if ended == (1, 0) {
            assert_eq!(self.times("PaymentCaptured"), 1, "{self:#?}");
            assert_eq!(self.times("PaymentRefunded"), 0, "{self:#?}");
            assert_eq!(self.times("ShipmentDelivered"), 1, "{self:#?}");
        } else {
            let paid = self.times("PaymentAuthorized") + self.times("PaymentCaptured") > 0;
            assert_eq!(
                self.times("PaymentRefunded"),
                usize::from(paid),
                "{self:#?}"
            );
        }
        let turns = [
            ("confirmed", "OrderConfirmed"),
            ("dispatched", "ShipmentDispatched"),
            ("delivered", "ShipmentDelivered"),
            ("cancelled", "OrderCancelled"),
        ];
        for (about, event_type) in turns {
            let told = self.told.get(about).copied().unwrap_or(0);
            assert_eq!(told, self.times(event_type), "{about}: {self:#?}");
        }
    }
}

/// Folds the log, and checks each order; of each good there are never fewer than none.
pub(crate) fn orders(log: &[Value]) -> BTreeMap<String, Order> {
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    let mut pieces: BTreeMap<&str, i64> = BTreeMap::new();
    for event in log {
        let stream = event["stream"].as_str().unwrap();
        let data = &event["data"];
        let order = data["order"].as_str();
        let order = order.or(stream.starts_with("order-").then_some(stream));
        if let Some(order) = order {
            orders.entry(order.to_owned()).or_default().take(event);
        }
        if stream.starts_with("stock-") {
            let quantity = data["quantity"].as_i64().unwrap_or(0);
            let change = match event["type"].as_str().unwrap() {
                "StockReserved" => -quantity,
                "StockReceived" | "StockReleased" => quantity,
                _ => 0,
            };
            let left = pieces.entry(stream).or_default();
            *left += change;
            assert!(*left >= 0, "{event}");
            assert_eq!(data["available"], *left, "{event}");
        }
    }
    orders.values().for_each(Order::check);
    orders
}
