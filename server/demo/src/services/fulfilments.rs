//! The process manager: hears of what the services did, and asks them for what comes next.
//!
//! It has a stream of its own for each order, `fulfilment-…`. The other services hear of what is asked there, and of nothing else from here;
//! what is decided, and when, is in [`super::fulfilment`].

use super::fulfilment::{Fulfilment, FulfilmentCommand};
use super::own::Own;
use super::service::{Commands, Heard, Service, beside};
use crate::read_models;

/// The service that leads orders through the others.
#[derive(Debug)]
pub struct Fulfilments;

impl Service for Fulfilments {
    type Aggregate = Fulfilment;
    const NAME: &'static str = "fulfilment";
    const FILTER: &'static str = "type:OrderPlaced,OrderCancellationRequested,PaymentAuthorized,PaymentRefused,PaymentCaptured,PaymentRefunded,StockReserved,StockDepleted,OrderConfirmed,ShipmentDispatched,ShipmentStopped,ShipmentDelivered";
    const OWN: Own = Own {
        read_models: &[read_models::OPEN_FULFILMENTS],
        states: &[],
        flow: None,
    };

    fn takes_ms(_: &str) -> (u64, u64) {
        (20, 80)
    }

    fn react(heard: &Heard) -> Commands<Self> {
        let order = heard.order().to_owned();
        let stream = beside(&order, "fulfilment");
        let command = if heard.event_type() == "OrderPlaced" {
            let facts = heard.data.clone();
            FulfilmentCommand::Start { order, facts }
        } else {
            let stream = heard.event.stream.as_str();
            FulfilmentCommand::Note {
                answer: heard.event_type().to_owned(),
                sku: stream.strip_prefix("stock-").unwrap_or_default().to_owned(),
            }
        };
        vec![(stream, command)]
    }
}
