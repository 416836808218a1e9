//! Orders: what was placed, and how it ended.

use serde_json::{Value, json};

use super::aggregate::{Aggregate, Draft, Refusal};
use super::own::Own;
use super::service::{Commands, Heard, Service, text};
use crate::{read_models, state_definitions};

/// The slowest steps together take 22 s; an order that is under way for much longer is lost.
const ORDER_WITHIN_MS: i64 = 60_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Unknown,
    Placed,
    Confirmed,
    Completed,
    Cancelled,
}

/// One order.
#[derive(Debug, Default)]
pub struct Order {
    status: Status,
    /// Its customer wants it no more.
    is_unwanted: bool,
}

/// What can be asked of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderCommand {
    /// A customer places it: who, where to, what, for how much.
    Place(Value),
    /// It is paid and there.
    Confirm {
        /// The payment's stream.
        payment: String,
    },
    /// It has arrived.
    Complete {
        /// The shipment's stream.
        shipment: String,
    },
    /// It will not be.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Its customer wants it no more; what becomes of it depends on how far it is.
    AskToCancel {
        /// Why.
        reason: String,
    },
}

impl Aggregate for Order {
    type Command = OrderCommand;

    fn evolve(&mut self, event_type: &str, _: &Value) {
        self.status = match event_type {
            "OrderCancellationRequested" => {
                self.is_unwanted = true;
                return;
            }
            "OrderPlaced" => Status::Placed,
            "OrderConfirmed" => Status::Confirmed,
            "OrderCompleted" => Status::Completed,
            "OrderCancelled" => Status::Cancelled,
            _ => return,
        };
    }

    fn decide(&self, command: &OrderCommand) -> Result<Vec<Draft>, Refusal> {
        use OrderCommand::{AskToCancel, Cancel, Complete, Confirm, Place};
        Ok(match (command, self.status) {
            (Place(data), Status::Unknown) => vec![Draft::new("OrderPlaced", data.clone())],
            (Confirm { payment }, Status::Placed) => {
                vec![Draft::new("OrderConfirmed", json!({ "payment": payment }))]
            }
            (Complete { shipment }, Status::Confirmed) => {
                vec![Draft::new(
                    "OrderCompleted",
                    json!({ "shipment": shipment }),
                )]
            }
            (Cancel { reason }, Status::Placed | Status::Confirmed) => {
                vec![Draft::new("OrderCancelled", json!({ "reason": reason }))]
            }
            (AskToCancel { reason }, Status::Placed | Status::Confirmed) if !self.is_unwanted => {
                vec![Draft::new(
                    "OrderCancellationRequested",
                    json!({ "reason": reason }),
                )]
            }
            (AskToCancel { .. }, Status::Completed) => {
                return Err(Refusal(
                    "The order has arrived, so it can't be cancelled any more.".to_owned(),
                ));
            }
            (Place(_), _)
            | (AskToCancel { .. }, Status::Placed | Status::Confirmed | Status::Cancelled)
            | (Confirm { .. }, Status::Confirmed | Status::Completed | Status::Cancelled)
            | (Complete { .. }, Status::Completed)
            | (Cancel { .. }, Status::Cancelled) => Vec::new(),
            (_, status) => return Err(Refusal(format!("the order is {status:?}"))),
        })
    }
}

/// The service that keeps orders.
#[derive(Debug)]
pub struct Orders;

impl Service for Orders {
    type Aggregate = Order;
    const NAME: &'static str = "orders";
    const FILTER: &'static str = "type:ConfirmationAsked,FulfilmentEnded";
    const OWN: Own = Own {
        read_models: &[
            read_models::CUSTOMER_TOTALS,
            read_models::ORDERS_BY_STATE,
            read_models::ORDER_PROGRESS,
            read_models::REVENUE_BY_DAY,
        ],
        states: &[state_definitions::ORDER],
        flow: Some((
            "OrderPlaced",
            &["OrderCompleted", "OrderCancelled"],
            ORDER_WITHIN_MS,
        )),
    };

    fn takes_ms(_: &str) -> (u64, u64) {
        (100, 500)
    }

    fn react(heard: &Heard) -> Commands<Self> {
        let data = &heard.data;
        let command = match (heard.event_type(), text(data, "outcome")) {
            ("ConfirmationAsked", _) => OrderCommand::Confirm {
                payment: text(data, "payment").to_owned(),
            },
            (_, "completed") => OrderCommand::Complete {
                shipment: text(data, "shipment").to_owned(),
            },
            _ => OrderCommand::Cancel {
                reason: text(data, "reason").to_owned(),
            },
        };
        vec![(heard.order().to_owned(), command)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::decided;
    use super::*;

    fn confirm() -> OrderCommand {
        let payment = "payment-1".to_owned();
        OrderCommand::Confirm { payment }
    }

    fn cancel() -> OrderCommand {
        let reason = "out of stock".to_owned();
        OrderCommand::Cancel { reason }
    }

    fn complete() -> OrderCommand {
        let shipment = "shipment-1".to_owned();
        OrderCommand::Complete { shipment }
    }

    #[test]
    fn an_order_is_placed_confirmed_and_completed_once_each() {
        let mut order = Order::default();
        let place = OrderCommand::Place(json!({"customer": "ada"}));
        for (command, event) in [
            (place, "OrderPlaced"),
            (confirm(), "OrderConfirmed"),
            (complete(), "OrderCompleted"),
        ] {
            assert_eq!(decided(&mut order, &command), [event]);
            assert_eq!(decided(&mut order, &command), [""; 0]);
        }
        assert!(order.decide(&cancel()).is_err());
    }

    #[test]
    fn a_customer_asks_once_for_the_end_of_an_order_that_has_not_arrived() {
        let reason = "found another".to_owned();
        let ask = OrderCommand::AskToCancel { reason };
        let mut order = Order::default();
        assert!(order.decide(&ask).is_err(), "nobody placed it");
        decided(&mut order, &OrderCommand::Place(json!({})));
        assert_eq!(decided(&mut order, &ask), ["OrderCancellationRequested"]);
        assert_eq!(decided(&mut order, &ask), [""; 0]);
        assert_eq!(decided(&mut order, &confirm()), ["OrderConfirmed"]);
        assert_eq!(decided(&mut order, &complete()), ["OrderCompleted"]);
        assert!(order.decide(&ask).unwrap_err().0.contains("has arrived"));
    }

    #[test]
    fn a_cancelled_order_is_neither_confirmed_nor_completed() {
        let mut order = Order::default();
        assert!(order.decide(&confirm()).is_err(), "nobody placed it");
        decided(&mut order, &OrderCommand::Place(json!({})));
        assert_eq!(decided(&mut order, &cancel()), ["OrderCancelled"]);
        assert_eq!(decided(&mut order, &cancel()), [""; 0]);
        assert_eq!(decided(&mut order, &confirm()), [""; 0]);
        assert!(order.decide(&complete()).is_err());
    }
}
