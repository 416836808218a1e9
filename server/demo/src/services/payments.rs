//! Payments: one for each order, asked of the customer's bank.

use serde_json::{Value, json};

use super::aggregate::{Aggregate, Draft, Refusal};
use super::cause::chance_of;
use super::own::Own;
use super::service::{Commands, Heard, Service, beside};
use crate::shop::REFUSALS;
use crate::{read_models, state_definitions};

/// Of a hundred payments the bank refuses so many.
const REFUSED_PERCENT: u64 = 8;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Unknown,
    Requested,
    Authorized,
    Refused,
    Captured,
    Refunded,
}

/// One payment.
#[derive(Debug, Default)]
pub struct Payment {
    status: Status,
    /// Order, amount, currency: in each of its events.
    money: Value,
}

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentCommand {
    /// The bank is asked for this much, for this order.
    Request(Value),
    /// The bank has answered: refused for this reason, or authorised.
    Decide(Option<&'static str>),
    /// The money is taken.
    Capture,
    /// The money is given back, or never taken.
    Refund,
}

impl Aggregate for Payment {
    type Command = PaymentCommand;

    fn evolve(&mut self, event_type: &str, data: &Value) {
        self.status = match event_type {
            "PaymentRequested" => {
                self.money = data.clone();
                Status::Requested
            }
            "PaymentAuthorized" => Status::Authorized,
            "PaymentRefused" => Status::Refused,
            "PaymentCaptured" => Status::Captured,
            "PaymentRefunded" => Status::Refunded,
            _ => return,
        };
    }

    fn decide(&self, command: &PaymentCommand) -> Result<Vec<Draft>, Refusal> {
        use PaymentCommand::{Capture, Decide, Refund, Request};
        let money = |event_type| vec![Draft::new(event_type, self.money.clone())];
        let refused = |reason: &str| {
            let data = json!({ "order": self.money["order"], "reason": reason });
            vec![Draft::new("PaymentRefused", data)]
        };
        Ok(match (command, self.status) {
            (Request(data), Status::Unknown) => vec![Draft::new("PaymentRequested", data.clone())],
            (Decide(None), Status::Requested) => money("PaymentAuthorized"),
            (Decide(Some(reason)), Status::Requested) => refused(reason),
            (Capture, Status::Authorized) => money("PaymentCaptured"),
            // The bank has not answered, and now it need not: a late answer finds the payment refused.
            (Refund, Status::Requested) => refused("no longer wanted"),
            (Refund, Status::Authorized | Status::Captured) => money("PaymentRefunded"),
            (_, Status::Unknown) => {
                return Err(Refusal("nobody asked for this payment".to_owned()));
            }
            (Capture, Status::Requested | Status::Refused | Status::Refunded) => {
                return Err(Refusal(format!("the payment is {:?}", self.status)));
            }
            (Request(_) | Decide(_), _)
            | (Capture, Status::Captured)
            | (Refund, Status::Refused | Status::Refunded) => Vec::new(),
        })
    }
}

/// The service that takes payments.
#[derive(Debug)]
pub struct Payments;

impl Service for Payments {
    type Aggregate = Payment;
    const NAME: &'static str = "payments";
    const FILTER: &'static str = "type:PaymentAsked,PaymentRequested,CaptureAsked,RefundAsked";
    const OWN: Own = Own {
        read_models: &[read_models::OPEN_PAYMENTS],
        states: &[state_definitions::PAYMENT],
        flow: None,
    };

    fn takes_ms(event_type: &str) -> (u64, u64) {
        match event_type {
            "PaymentRequested" => (300, 2_000),
            "CaptureAsked" => (100, 800),
            _ => (200, 900),
        }
    }

    fn react(heard: &Heard) -> Commands<Self> {
        let command = match heard.event_type() {
            "PaymentAsked" => PaymentCommand::Request(json!({
                "order": heard.data["order"], "amount_cents": heard.data["amount_cents"], "currency": heard.data["currency"],
            })),
            "PaymentRequested" => {
                let mut chance = chance_of(heard.event.id, "bank");
                let refused = chance.percent(REFUSED_PERCENT);
                PaymentCommand::Decide(refused.then(|| chance.pick(&REFUSALS)))
            }
            "CaptureAsked" => PaymentCommand::Capture,
            _ => PaymentCommand::Refund,
        };
        let stream = if heard.event.category == "payment" {
            // Also where another shop on the same log names its payments in its own way.
            heard.event.stream.to_string()
        } else {
            beside(heard.order(), "payment")
        };
        vec![(stream, command)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::decided;
    use super::*;

    fn requested() -> Payment {
        let mut payment = Payment::default();
        let money = json!({"order": "order-1", "amount_cents": 1250, "currency": "EUR"});
        let request = PaymentCommand::Request(money);
        assert_eq!(decided(&mut payment, &request), ["PaymentRequested"]);
        assert_eq!(decided(&mut payment, &request), [""; 0]);
        payment
    }

    #[test]
    fn a_payment_is_captured_once_and_given_back_once() {
        let mut payment = requested();
        assert!(payment.decide(&PaymentCommand::Capture).is_err());
        for (command, event) in [
            (PaymentCommand::Decide(None), "PaymentAuthorized"),
            (PaymentCommand::Capture, "PaymentCaptured"),
            (PaymentCommand::Refund, "PaymentRefunded"),
        ] {
            assert_eq!(decided(&mut payment, &command), [event]);
            assert_eq!(decided(&mut payment, &command), [""; 0]);
        }
        assert!(payment.decide(&PaymentCommand::Capture).is_err());
    }

    #[test]
    fn an_answer_that_comes_after_the_refund_finds_the_payment_refused() {
        let mut payment = requested();
        let drafts = payment.decide(&PaymentCommand::Refund).unwrap();
        assert_eq!(
            drafts[0].data,
            json!({"order": "order-1", "reason": "no longer wanted"})
        );
        assert_eq!(
            decided(&mut payment, &PaymentCommand::Refund),
            ["PaymentRefused"]
        );
        assert_eq!(
            decided(&mut payment, &PaymentCommand::Decide(None)),
            [""; 0]
        );
        assert!(payment.decide(&PaymentCommand::Capture).is_err());
    }

    #[test]
    fn nobody_is_refunded_without_a_payment() {
        assert!(Payment::default().decide(&PaymentCommand::Refund).is_err());
    }
}
