//! Shipping: parcels, and the carriers that take them.

use serde_json::{Value, json};

use super::aggregate::{Aggregate, Draft, Refusal};
use super::cause::chance_of;
use super::own::Own;
use super::service::{Commands, Heard, Service, beside, text};
use crate::shop::{CARRIERS, LOST_ONE_IN};
use crate::state_definitions;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Unknown,
    Prepared,
    Dispatched,
    Delivered,
    Stopped,
}

/// One shipment.
#[derive(Debug, Default)]
pub struct Shipment {
    status: Status,
    /// Order, carrier, city.
    parcel: Value,
}

/// What can be asked of a shipment.
#[derive(Debug, Clone, PartialEq)]
pub enum ShipmentCommand {
    /// A parcel is packed: for which order, by which carrier, where to.
    Prepare(Value),
    /// The carrier takes it, under this number.
    Dispatch(u64),
    /// It has arrived.
    Deliver,
    /// It stays here, if it has not left yet.
    Stop {
        /// Why.
        reason: String,
    },
}

impl Aggregate for Shipment {
    type Command = ShipmentCommand;

    fn evolve(&mut self, event_type: &str, data: &Value) {
        self.status = match event_type {
            "ShipmentPrepared" => {
                self.parcel = data.clone();
                Status::Prepared
            }
            "ShipmentDispatched" => Status::Dispatched,
            "ShipmentDelivered" => Status::Delivered,
            "ShipmentStopped" => Status::Stopped,
            _ => return,
        };
    }

    fn decide(&self, command: &ShipmentCommand) -> Result<Vec<Draft>, Refusal> {
        use ShipmentCommand::{Deliver, Dispatch, Prepare, Stop};
        let Self { status, parcel } = self;
        let order = &parcel["order"];
        let draft = match (command, status) {
            (Prepare(data), Status::Unknown) => Draft::new("ShipmentPrepared", data.clone()),
            (Dispatch(number), Status::Prepared) => {
                let carrier = text(parcel, "carrier");
                let letters: String = carrier.chars().take(2).collect();
                let tracking = format!("{}-{number:06}", letters.to_uppercase());
                let data = json!({ "order": order, "carrier": carrier, "tracking": tracking });
                Draft::new("ShipmentDispatched", data)
            }
            (Deliver, Status::Dispatched) => {
                let data = json!({ "order": order, "city": parcel["city"] });
                Draft::new("ShipmentDelivered", data)
            }
            (Stop { reason }, Status::Prepared) => Draft::new(
                "ShipmentStopped",
                json!({ "order": order, "reason": reason }),
            ),
            (Deliver, Status::Prepared | Status::Stopped) | (_, Status::Unknown) => {
                return Err(Refusal(format!("the shipment is {status:?}")));
            }
            // Done already; or it was stopped before it was dispatched, or the other way round.
            _ => return Ok(Vec::new()),
        };
        Ok(vec![draft])
    }
}

/// The service that ships.
#[derive(Debug)]
pub struct Shipping;

impl Service for Shipping {
    type Aggregate = Shipment;
    const NAME: &'static str = "shipping";
    const FILTER: &'static str =
        "type:ShipmentAsked,ShipmentToBeStopped,ShipmentPrepared,ShipmentDispatched";
    const OWN: Own = Own {
        read_models: &[],
        states: &[state_definitions::SHIPMENT],
        flow: None,
    };

    fn takes_ms(event_type: &str) -> (u64, u64) {
        match event_type {
            "ShipmentAsked" => (500, 2_500),
            "ShipmentPrepared" => (1_000, 5_000),
            "ShipmentDispatched" => (2_000, 6_000),
            _ => (50, 200),
        }
    }

    fn react(heard: &Heard) -> Commands<Self> {
        let mut chance = chance_of(heard.event.id, "carrier");
        let command = match heard.event_type() {
            "ShipmentAsked" => ShipmentCommand::Prepare(json!({
                "order": heard.data["order"], "carrier": chance.pick(&CARRIERS), "city": heard.data["city"],
            })),
            "ShipmentPrepared" => ShipmentCommand::Dispatch(chance.between(0, 999_999)),
            // The carrier loses one parcel in so many, and says nothing.
            "ShipmentDispatched" if chance.between(1, LOST_ONE_IN) == 1 => return Vec::new(),
            "ShipmentDispatched" => ShipmentCommand::Deliver,
            _ => ShipmentCommand::Stop {
                reason: heard.text("reason").to_owned(),
            },
        };
        let stream = if heard.event.category == "shipment" {
            heard.event.stream.to_string()
        } else {
            beside(heard.order(), "shipment")
        };
        vec![(stream, command)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::decided;
    use super::*;

    fn prepared() -> Shipment {
        let mut shipment = Shipment::default();
        let parcel = json!({"order": "order-1", "carrier": "Northline", "city": "Gent"});
        let prepare = ShipmentCommand::Prepare(parcel);
        assert_eq!(decided(&mut shipment, &prepare), ["ShipmentPrepared"]);
        assert_eq!(decided(&mut shipment, &prepare), [""; 0]);
        shipment
    }

    fn stop() -> ShipmentCommand {
        let reason = "shipment timed out".to_owned();
        ShipmentCommand::Stop { reason }
    }

    #[test]
    fn a_parcel_leaves_once_and_arrives_once() {
        let mut shipment = prepared();
        assert!(shipment.decide(&ShipmentCommand::Deliver).is_err());
        let drafts = shipment.decide(&ShipmentCommand::Dispatch(42)).unwrap();
        assert_eq!(drafts[0].data["tracking"], "NO-000042");
        for (command, event) in [
            (ShipmentCommand::Dispatch(42), "ShipmentDispatched"),
            (ShipmentCommand::Deliver, "ShipmentDelivered"),
        ] {
            assert_eq!(decided(&mut shipment, &command), [event]);
            assert_eq!(decided(&mut shipment, &command), [""; 0]);
        }
        assert_eq!(decided(&mut shipment, &stop()), [""; 0]);
    }

    #[test]
    fn what_is_stopped_does_not_leave() {
        let mut shipment = prepared();
        assert_eq!(decided(&mut shipment, &stop()), ["ShipmentStopped"]);
        assert_eq!(decided(&mut shipment, &stop()), [""; 0]);
        assert_eq!(
            decided(&mut shipment, &ShipmentCommand::Dispatch(1)),
            [""; 0]
        );
        assert!(shipment.decide(&ShipmentCommand::Deliver).is_err());
    }
}
