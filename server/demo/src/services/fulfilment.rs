//! One order's way from its payment to its parcel, and back when something is missing: what the process manager decides.
//!
//! Each answer is noted (`AnswerNoted`), and what is due then is asked for (`PaymentAsked`, `GoodsAsked`, `ShipmentToBeStopped`, …). A stream
//! keeps its order for its readers, too: what is asked back is never handled before what was asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::aggregate::{Aggregate, Draft, Refusal};
use super::service::{beside, text};
use super::step::Step;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Payment {
    #[default]
    Open,
    Authorized,
    Refused,
    Captured,
    Refunded,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Shipment {
    #[default]
    Open,
    Dispatched,
    Delivered,
    Stopped,
}

/// One order's way.
#[derive(Debug, Clone, Default)]
pub struct Fulfilment {
    /// The order's stream; empty until it is placed.
    order: String,
    /// City, total, currency and items of the order.
    facts: Value,
    /// Pieces by good.
    wanted: BTreeMap<String, u64>,
    /// Types of what was asked.
    asked: BTreeSet<String>,
    /// What was heard, with the good that it is about.
    heard: BTreeSet<(String, String)>,
    payment: Payment,
    reserved: usize,
    depleted: bool,
    confirmed: bool,
    shipment: Shipment,
    /// Why it is being cancelled.
    cancelling: Option<String>,
    ended: bool,
}

/// What a fulfilment hears of.
#[derive(Debug, Clone, PartialEq)]
pub enum FulfilmentCommand {
    /// An order was placed.
    Start {
        /// Its stream.
        order: String,
        /// Its data.
        facts: Value,
    },
    /// A service has answered.
    Note {
        /// The type of its event.
        answer: String,
        /// The good that it is about; empty unless it is about one.
        sku: String,
    },
    /// Nobody has answered for too long.
    TimeOut(Step),
}

impl Aggregate for Fulfilment {
    type Command = FulfilmentCommand;

    fn evolve(&mut self, event_type: &str, data: &Value) {
        match event_type {
            "FulfilmentStarted" => {
                text(data, "order").clone_into(&mut self.order);
                self.facts = data.clone();
                for line in data["items"].as_array().into_iter().flatten() {
                    let pieces = self.wanted.entry(text(line, "sku").to_owned()).or_default();
                    *pieces += line["quantity"].as_u64().unwrap_or_default();
                }
            }
            "AnswerNoted" => self.note(text(data, "answer"), text(data, "sku")),
            "CancellationBegun" => self.cancelling = Some(text(data, "reason").to_owned()),
            "FulfilmentEnded" => self.ended = true,
            asked => drop(self.asked.insert(asked.to_owned())),
        }
    }

    fn decide(&self, command: &FulfilmentCommand) -> Result<Vec<Draft>, Refusal> {
        if self.ended {
            return Ok(Vec::new());
        }
        let first = match command {
            FulfilmentCommand::Start { .. } if !self.order.is_empty() => return Ok(Vec::new()),
            FulfilmentCommand::Start { order, facts } => {
                let mut data = facts.clone();
                data["order"] = json!(order);
                Draft::new("FulfilmentStarted", data)
            }
            _ if self.order.is_empty() => {
                return Err(Refusal("nobody placed this order".to_owned()));
            }
            FulfilmentCommand::Note { answer, sku } => {
                if self.heard.contains(&(answer.clone(), sku.clone())) {
                    return Ok(Vec::new());
                }
                let mut data = json!({ "order": self.order, "answer": answer });
                if !sku.is_empty() {
                    data["sku"] = json!(sku);
                }
                Draft::new("AnswerNoted", data)
            }
            FulfilmentCommand::TimeOut(step) if self.waits_for() == Some(*step) => {
                self.cancellation(step.missed())
            }
            FulfilmentCommand::TimeOut(_) => return Ok(Vec::new()),
        };
        let mut after = self.clone();
        let mut drafts = Vec::new();
        let mut next = Some(first);
        while let Some(draft) = next {
            after.evolve(draft.event_type, &draft.data);
            drafts.push(draft);
            next = after.due();
        }
        Ok(drafts)
    }
}

impl Fulfilment {
    fn note(&mut self, answer: &str, sku: &str) {
        self.heard.insert((answer.to_owned(), sku.to_owned()));
        match answer {
            "PaymentAuthorized" => self.payment = Payment::Authorized,
            "PaymentRefused" => self.payment = Payment::Refused,
            "PaymentCaptured" => self.payment = Payment::Captured,
            "PaymentRefunded" => self.payment = Payment::Refunded,
            "StockReserved" => self.reserved += 1,
            "StockDepleted" => self.depleted = true,
            "OrderConfirmed" => self.confirmed = true,
            "ShipmentStopped" => self.shipment = Shipment::Stopped,
            "ShipmentDelivered" => self.shipment = Shipment::Delivered,
            "ShipmentDispatched" => {
                self.shipment = Shipment::Dispatched;
                // It left before it could be stopped, and nothing was given back yet: the order goes on.
                if !self.has_asked("RefundAsked") {
                    self.cancelling = None;
                }
            }
            _ => {}
        }
    }

    fn has_asked(&self, what: &str) -> bool {
        self.asked.contains(what)
    }

    /// What may time out now.
    fn waits_for(&self) -> Option<Step> {
        if self.ended || self.cancelling.is_some() {
            return None;
        }
        if self.has_asked("CaptureAsked") {
            (self.shipment != Shipment::Delivered).then_some(Step::Delivery)
        } else if self.has_asked("ShipmentAsked") {
            Some(Step::Shipment)
        } else if self.has_asked("ConfirmationAsked") {
            None
        } else if self.has_asked("GoodsAsked") {
            Some(Step::Goods)
        } else {
            Some(Step::Payment)
        }
    }

    /// The next event that follows from the others; none when it has to wait.
    fn due(&self) -> Option<Draft> {
        if self.ended {
            return None;
        }
        if let Some(reason) = &self.cancelling {
            return self.due_back(reason);
        }
        if self.is_unwanted() && !self.has_left() {
            return Some(self.cancellation("cancelled by the customer"));
        }
        let once = |what, draft: Draft| (!self.has_asked(what)).then_some(draft);
        match self.payment {
            Payment::Open => return once("PaymentAsked", self.ask_money("PaymentAsked")),
            Payment::Refused | Payment::Refunded => {
                return Some(self.cancellation("payment refused"));
            }
            Payment::Authorized | Payment::Captured => {}
        }
        if !self.has_asked("GoodsAsked") {
            return Some(self.ask_goods("GoodsAsked"));
        }
        if self.depleted {
            return Some(self.cancellation("out of stock"));
        }
        if self.reserved < self.wanted.len() {
            return None;
        }
        if !self.confirmed {
            let data = json!({ "order": self.order, "payment": beside(&self.order, "payment") });
            return once("ConfirmationAsked", Draft::new("ConfirmationAsked", data));
        }
        match self.shipment {
            Shipment::Open => {
                let data = json!({ "order": self.order, "city": self.facts["city"] });
                once("ShipmentAsked", Draft::new("ShipmentAsked", data))
            }
            Shipment::Stopped => Some(self.cancellation("shipment stopped")),
            _ if !self.has_asked("CaptureAsked") => Some(self.ask_money("CaptureAsked")),
            Shipment::Delivered if self.payment == Payment::Captured => {
                let shipment = beside(&self.order, "shipment");
                let data =
                    json!({ "order": self.order, "outcome": "completed", "shipment": shipment });
                Some(Draft::new("FulfilmentEnded", data))
            }
            _ => None,
        }
    }

    /// The same on the way back.
    fn due_back(&self, reason: &str) -> Option<Draft> {
        let because = json!({ "order": self.order, "reason": reason });
        let shipment_asked = self.has_asked("ShipmentAsked");
        if shipment_asked && self.shipment == Shipment::Open {
            // Whether the parcel is still here only shipping knows; until then nothing is given back.
            let stop = "ShipmentToBeStopped";
            return (!self.has_asked(stop)).then(|| Draft::new(stop, because));
        }
        if self.payment != Payment::Refused && !self.has_asked("RefundAsked") {
            return Some(self.ask_money("RefundAsked"));
        }
        let has_goods = self.has_asked("GoodsAsked") && !self.has_left();
        if has_goods && !self.has_asked("GoodsToBeReturned") {
            return Some(self.ask_goods("GoodsToBeReturned"));
        }
        if matches!(self.payment, Payment::Authorized | Payment::Captured) {
            // The customer hears of the end when the money is back. A payment that nobody has answered is not waited for: it will find that
            // it is no longer wanted.
            return None;
        }
        let mut data = because;
        data["outcome"] = json!("cancelled");
        Some(Draft::new("FulfilmentEnded", data))
    }

    /// Its customer wants it no more.
    fn is_unwanted(&self) -> bool {
        let asked = ("OrderCancellationRequested".to_owned(), String::new());
        self.heard.contains(&asked)
    }

    fn has_left(&self) -> bool {
        matches!(self.shipment, Shipment::Dispatched | Shipment::Delivered)
    }

    fn cancellation(&self, reason: &str) -> Draft {
        let data = json!({ "order": self.order, "reason": reason });
        Draft::new("CancellationBegun", data)
    }

    fn ask_money(&self, what: &'static str) -> Draft {
        let data = json!({
            "order": self.order, "amount_cents": self.facts["total_cents"], "currency": self.facts["currency"],
        });
        Draft::new(what, data)
    }

    fn ask_goods(&self, what: &'static str) -> Draft {
        let line = |(sku, quantity): (&String, &u64)| json!({ "sku": sku, "quantity": quantity });
        let items: Vec<Value> = self.wanted.iter().map(line).collect();
        Draft::new(what, json!({ "order": self.order, "items": items }))
    }
}

#[cfg(test)]
#[path = "fulfilment_tests.rs"]
mod tests;
