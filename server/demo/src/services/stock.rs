//! Stock: the pieces of each good, and who has them.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::aggregate::{Aggregate, Draft, Refusal};
use super::cause::chance_of;
use super::own::Own;
use super::service::{Commands, Heard, Service, text};
use crate::{read_models, state_definitions};

/// Who brings new pieces.
const SUPPLIER: &str = "Hafen & Sons";

/// What an order has of a good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Reserved(u64),
    Depleted,
    Released,
}

/// The pieces of one good.
#[derive(Debug, Default)]
pub struct Stock {
    available: u64,
    /// The version of the next event.
    next: i64,
    /// The version at which pieces came last.
    received_at: Option<i64>,
    orders: HashMap<String, Share>,
}

/// What can be asked of a good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// The shop opens with so many pieces.
    Open(u64),
    /// An order wants so many.
    Reserve {
        /// The order's stream.
        order: String,
        /// Pieces.
        quantity: u64,
    },
    /// An order does not want them any more.
    Release {
        /// The order's stream.
        order: String,
    },
    /// Somebody brings so many.
    Receive(u64),
    /// It ran out: so many more are bought.
    Restock {
        /// The version at which it ran out.
        depleted_at: i64,
        /// Pieces.
        quantity: u64,
    },
}

impl Aggregate for Stock {
    type Command = StockCommand;

    fn evolve(&mut self, event_type: &str, data: &Value) {
        let version = self.next;
        self.next += 1;
        if let Some(available) = data["available"].as_u64() {
            self.available = available;
        }
        let share = match event_type {
            "StockReserved" => Share::Reserved(data["quantity"].as_u64().unwrap_or_default()),
            "StockDepleted" => Share::Depleted,
            "StockReleased" => Share::Released,
            "StockReceived" => {
                self.received_at = Some(version);
                return;
            }
            _ => return,
        };
        self.orders.insert(text(data, "order").to_owned(), share);
    }

    fn decide(&self, command: &StockCommand) -> Result<Vec<Draft>, Refusal> {
        Ok(match command {
            StockCommand::Open(pieces) if self.next == 0 => vec![self.received(*pieces)],
            StockCommand::Reserve { order, .. } if self.orders.contains_key(order) => Vec::new(),
            StockCommand::Reserve { order, quantity } if *quantity > self.available => {
                let data =
                    json!({ "order": order, "wanted": quantity, "available": self.available });
                vec![Draft::new("StockDepleted", data)]
            }
            StockCommand::Reserve { order, quantity } => {
                let available = self.available - quantity;
                let data = json!({ "order": order, "quantity": quantity, "available": available });
                vec![Draft::new("StockReserved", data)]
            }
            StockCommand::Release { order } => match self.orders.get(order) {
                Some(Share::Reserved(quantity)) => {
                    let available = self.available + quantity;
                    let data =
                        json!({ "order": order, "quantity": quantity, "available": available });
                    vec![Draft::new("StockReleased", data)]
                }
                _ => Vec::new(),
            },
            // Bought already for an earlier order that found nothing.
            StockCommand::Restock { depleted_at, .. } if self.received_at > Some(*depleted_at) => {
                Vec::new()
            }
            StockCommand::Receive(quantity) | StockCommand::Restock { quantity, .. } => {
                vec![self.received(*quantity)]
            }
            StockCommand::Open(_) => Vec::new(),
        })
    }
}

impl Stock {
    fn received(&self, quantity: u64) -> Draft {
        let available = self.available + quantity;
        let data = json!({ "quantity": quantity, "available": available, "supplier": SUPPLIER });
        Draft::new("StockReceived", data)
    }
}

/// The service that keeps the stock.
#[derive(Debug)]
pub struct Stocks;

/// The stream of a good.
pub(crate) fn stream(sku: &str) -> String {
    format!("stock-{sku}")
}

impl Service for Stocks {
    type Aggregate = Stock;
    const NAME: &'static str = "stock";
    const FILTER: &'static str = "type:GoodsAsked,GoodsToBeReturned,StockDepleted";
    const OWN: Own = Own {
        read_models: &[read_models::STOCK_LEVELS],
        states: &[state_definitions::STOCK],
        flow: None,
    };

    fn takes_ms(event_type: &str) -> (u64, u64) {
        match event_type {
            "StockDepleted" => (4_000, 6_000),
            _ => (100, 600),
        }
    }

    fn react(heard: &Heard) -> Commands<Self> {
        if heard.event_type() == "StockDepleted" {
            let restock = StockCommand::Restock {
                depleted_at: heard.event.version.0,
                quantity: chance_of(heard.event.id, "supplier").between(20, 60),
            };
            return vec![(heard.event.stream.to_string(), restock)];
        }
        let order = heard.order();
        let lines = heard.data["items"].as_array().into_iter().flatten();
        // Every line gets its answer, also behind one that is out of stock: whoever asked knows then what there is to return.
        lines
            .map(|line| {
                let order = order.to_owned();
                let command = match heard.event_type() {
                    "GoodsAsked" => StockCommand::Reserve {
                        order,
                        quantity: line["quantity"].as_u64().unwrap_or_default(),
                    },
                    _ => StockCommand::Release { order },
                };
                (stream(text(line, "sku")), command)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::decided;
    use super::*;

    fn reserve(order: &str, quantity: u64) -> StockCommand {
        let order = order.to_owned();
        StockCommand::Reserve { order, quantity }
    }

    fn release(order: &str) -> StockCommand {
        let order = order.to_owned();
        StockCommand::Release { order }
    }

    fn open() -> Stock {
        let mut stock = Stock::default();
        assert_eq!(
            decided(&mut stock, &StockCommand::Open(5)),
            ["StockReceived"]
        );
        assert_eq!(decided(&mut stock, &StockCommand::Open(5)), [""; 0]);
        stock
    }

    #[test]
    fn pieces_are_reserved_and_released_once_each() {
        let mut stock = open();
        assert_eq!(
            decided(&mut stock, &reserve("order-1", 3)),
            ["StockReserved"]
        );
        assert_eq!(decided(&mut stock, &reserve("order-1", 3)), [""; 0]);
        assert_eq!(stock.available, 2);
        assert_eq!(decided(&mut stock, &release("order-1")), ["StockReleased"]);
        assert_eq!(decided(&mut stock, &release("order-1")), [""; 0]);
        assert_eq!(
            decided(&mut stock, &reserve("order-1", 3)),
            [""; 0],
            "it had its chance"
        );
        assert_eq!(stock.available, 5);
    }

    #[test]
    fn who_finds_nothing_has_nothing_to_release() {
        let mut stock = open();
        assert_eq!(
            decided(&mut stock, &reserve("order-1", 6)),
            ["StockDepleted"]
        );
        assert_eq!(decided(&mut stock, &reserve("order-1", 6)), [""; 0]);
        assert_eq!(decided(&mut stock, &release("order-1")), [""; 0]);
        assert_eq!(stock.available, 5);
    }

    #[test]
    fn what_ran_out_twice_is_bought_once() {
        let mut stock = open();
        decided(&mut stock, &reserve("order-1", 6));
        decided(&mut stock, &reserve("order-2", 7));
        let restock = |depleted_at| StockCommand::Restock {
            depleted_at,
            quantity: 20,
        };
        assert_eq!(decided(&mut stock, &restock(1)), ["StockReceived"]);
        assert_eq!(decided(&mut stock, &restock(2)), [""; 0]);
        assert_eq!(decided(&mut stock, &restock(1)), [""; 0]);
        assert_eq!(stock.available, 25);
    }

    #[test]
    fn what_comes_in_is_there_whenever_it_comes() {
        let mut stock = Stock::default();
        for (pieces, available) in [(5, 5), (7, 12), (7, 19)] {
            let command = StockCommand::Receive(pieces);
            assert_eq!(decided(&mut stock, &command), ["StockReceived"]);
            assert_eq!(stock.available, available);
        }
    }
}
