//! The shop: services that react to each other's events. Pure: what happens follows from the seed alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use highwater_model::{AppendToStream, ExpectedVersion, ProposedEvent, StreamName, Version};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;

/// Sku, name, price in cents, pieces at the start.
pub(crate) const GOODS: [(&str, &str, u64, u64); 8] = [
    ("lamp-01", "Desk lamp", 3_900, 40),
    ("mug-07", "Enamel mug", 1_250, 120),
    ("chair-02", "Folding chair", 8_900, 25),
    ("book-11", "Field notebook", 950, 200),
    ("bag-03", "Canvas bag", 4_400, 60),
    ("clock-05", "Wall clock", 5_600, 18),
    ("vase-09", "Stone vase", 7_200, 12),
    ("pen-04", "Brass pen", 2_800, 90),
];
pub(crate) const CUSTOMERS: [&str; 10] = [
    "ada", "bela", "chen", "dora", "emeka", "freya", "goran", "hana", "iris", "jonas",
];
pub(crate) const CITIES: [&str; 6] = ["Lisbon", "Kraków", "Gent", "Aarhus", "Turin", "Graz"];
pub(crate) const CARRIERS: [&str; 3] = ["Northline", "Parcelbird", "Quickfoot"];
pub(crate) const REFUSALS: [&str; 3] = ["card expired", "insufficient funds", "suspected fraud"];

/// Of so many parcels one is lost.
pub(crate) const LOST_ONE_IN: u64 = 200;

/// One order on its way.
#[derive(Debug, Clone)]
struct Flow {
    correlation: Uuid,
    order: String,
    payment: String,
    shipment: String,
    customer: &'static str,
    city: &'static str,
    carrier: &'static str,
    items: Vec<(usize, u64)>,
    total: u64,
}

/// What a service does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    RequestPayment,
    DecidePayment,
    ReserveStock(usize),
    ConfirmOrder,
    PrepareShipment,
    DispatchShipment,
    CapturePayment,
    DeliverShipment,
    CompleteOrder,
    RefundPayment,
    CancelOrder(&'static str),
    Restock(usize),
}

/// A service's next step: in which flow, because of which event.
#[derive(Debug, Clone)]
struct Due {
    flow: u64,
    step: Step,
    cause: Uuid,
}

/// An endless, repeatable shop.
#[derive(Debug)]
pub struct Shop {
    chance: Chance,
    /// Milliseconds of the shop's own time.
    now: f64,
    /// Milliseconds from one event to the next.
    pace: f64,
    started: u64,
    flows: BTreeMap<u64, Flow>,
    waiting: BinaryHeap<Reverse<(u64, u64)>>,
    due: BTreeMap<u64, Due>,
    numbered: u64,
    versions: BTreeMap<String, i64>,
    pieces: Vec<u64>,
    restocking: Vec<bool>,
}

impl Shop {
    /// A shop that follows from `seed` and makes so many events a second.
    pub fn new(seed: u64, events_per_second: f64) -> Self {
        Self {
            chance: Chance::new(seed),
            now: 0.0,
            pace: 1_000.0 / events_per_second.max(0.01),
            started: 0,
            flows: BTreeMap::new(),
            waiting: BinaryHeap::new(),
            due: BTreeMap::new(),
            numbered: 0,
            versions: BTreeMap::new(),
            pieces: GOODS.iter().map(|good| good.3).collect(),
            restocking: vec![false; GOODS.len()],
        }
    }

    /// Milliseconds of the shop's own time since it began.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds stay far below 2^52"
    )]
    pub fn now_ms(&self) -> i64 {
        self.now as i64
    }

    /// The next event that happens: what is due first, else a new order.
    pub fn next_append(&mut self) -> AppendToStream {
        self.now += self.pace;
        let is_due = self.waiting.peek().is_some_and(|Reverse((at, _))| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "milliseconds since the start stay far below 2^52"
            )]
            let at = *at as f64;
            at <= self.now
        });
        if is_due
            && let Some(Reverse((_, number))) = self.waiting.pop()
            && let Some(due) = self.due.remove(&number)
            && let Some(append) = self.take(&due)
        {
            return append;
        }
        self.place_order()
    }

    fn place_order(&mut self) -> AppendToStream {
        self.started += 1;
        let number = self.started;
        let correlation = self.chance.id();
        let short = |id: Uuid| id.simple().to_string()[..8].to_owned();
        let mut items: Vec<(usize, u64)> = Vec::new();
        for _ in 0..self.chance.between(1, 3) {
            let good = usize::try_from(self.chance.between(0, GOODS.len() as u64 - 1)).unwrap_or(0);
            if items.iter().all(|(other, _)| *other != good) {
                items.push((good, self.chance.between(1, 3)));
            }
        }
        let flow = Flow {
            correlation,
            order: format!("order-{}", short(self.chance.id())),
            payment: format!("payment-{}", short(self.chance.id())),
            shipment: format!("shipment-{}", short(self.chance.id())),
            customer: self.chance.pick(&CUSTOMERS),
            city: self.chance.pick(&CITIES),
            carrier: self.chance.pick(&CARRIERS),
            total: items
                .iter()
                .map(|(good, quantity)| GOODS[*good].2 * quantity)
                .sum(),
            items,
        };
        let lines: Vec<Value> = flow
            .items
            .iter()
            .map(|(good, quantity)| {
                let (sku, name, price, _) = GOODS[*good];
                json!({ "sku": sku, "name": name, "quantity": quantity, "price_cents": price })
            })
            .collect();
        let data = json!({
            "customer": flow.customer, "city": flow.city, "items": lines,
            "total_cents": flow.total, "currency": "EUR",
        });
        let actor = format!("customer:{}", flow.customer);
        let (append, id) = self.event(
            &flow,
            &flow.order.clone(),
            "OrderPlaced",
            &data,
            "orders",
            &actor,
            None,
        );
        self.flows.insert(number, flow);
        self.later(number, Step::RequestPayment, id, 200, 900);
        append
    }

    /// Does one step; says nothing when its flow has ended meanwhile.
    fn take(&mut self, due: &Due) -> Option<AppendToStream> {
        let flow = self.flows.get(&due.flow)?.clone();
        let number = due.flow;
        let order = flow.order.as_str();
        let money = json!({ "order": order, "amount_cents": flow.total, "currency": "EUR" });
        let (stream, event_type, data, service) = match due.step {
            Step::RequestPayment => (flow.payment.clone(), "PaymentRequested", money, "payments"),
            Step::DecidePayment if self.chance.percent(8) => {
                let reason = self.chance.pick(&REFUSALS);
                (
                    flow.payment.clone(),
                    "PaymentRefused",
                    json!({ "order": order, "reason": reason }),
                    "payments",
                )
            }
            Step::DecidePayment => (flow.payment.clone(), "PaymentAuthorized", money, "payments"),
            Step::ReserveStock(line) => self.reserve(&flow, *flow.items.get(line)?),
            Step::ConfirmOrder => (
                flow.order.clone(),
                "OrderConfirmed",
                json!({ "payment": flow.payment }),
                "orders",
            ),
            Step::PrepareShipment => {
                let data = json!({ "order": order, "carrier": flow.carrier, "city": flow.city });
                (flow.shipment.clone(), "ShipmentPrepared", data, "shipping")
            }
            Step::DispatchShipment => {
                let tracking = format!(
                    "{}-{:06}",
                    flow.carrier[..2].to_uppercase(),
                    self.chance.between(0, 999_999)
                );
                let data = json!({ "order": order, "carrier": flow.carrier, "tracking": tracking });
                (
                    flow.shipment.clone(),
                    "ShipmentDispatched",
                    data,
                    "shipping",
                )
            }
            Step::CapturePayment => (flow.payment.clone(), "PaymentCaptured", money, "payments"),
            Step::DeliverShipment => (
                flow.shipment.clone(),
                "ShipmentDelivered",
                json!({ "order": order, "city": flow.city }),
                "shipping",
            ),
            Step::CompleteOrder => (
                flow.order.clone(),
                "OrderCompleted",
                json!({ "shipment": flow.shipment }),
                "orders",
            ),
            Step::RefundPayment => (flow.payment.clone(), "PaymentRefunded", money, "payments"),
            Step::CancelOrder(reason) => (
                flow.order.clone(),
                "OrderCancelled",
                json!({ "reason": reason }),
                "orders",
            ),
            Step::Restock(good) => {
                let quantity = self.chance.between(20, 60);
                self.pieces[good] += quantity;
                self.restocking[good] = false;
                let data = json!({ "quantity": quantity, "available": self.pieces[good], "supplier": "Hafen & Sons" });
                (
                    format!("stock-{}", GOODS[good].0),
                    "StockReceived",
                    data,
                    "stock",
                )
            }
        };
        let actor = format!("service:{service}");
        let (append, id) = self.event(
            &flow,
            &stream,
            event_type,
            &data,
            service,
            &actor,
            Some(due.cause),
        );
        self.react(number, &flow, due.step, event_type, id);
        Some(append)
    }

    fn reserve(
        &mut self,
        flow: &Flow,
        (good, quantity): (usize, u64),
    ) -> (String, &'static str, Value, &'static str) {
        let stream = format!("stock-{}", GOODS[good].0);
        if self.pieces[good] < quantity {
            let data =
                json!({ "order": flow.order, "wanted": quantity, "available": self.pieces[good] });
            return (stream, "StockDepleted", data, "stock");
        }
        self.pieces[good] -= quantity;
        let data =
            json!({ "order": flow.order, "quantity": quantity, "available": self.pieces[good] });
        (stream, "StockReserved", data, "stock")
    }

    /// Which service hears of an event, and what it will do.
    fn react(&mut self, number: u64, flow: &Flow, step: Step, event_type: &str, id: Uuid) {
        match (step, event_type) {
            (Step::RequestPayment, _) => self.later(number, Step::DecidePayment, id, 300, 2_000),
            (_, "PaymentAuthorized") => self.later(number, Step::ReserveStock(0), id, 100, 600),
            (_, "PaymentRefused") => {
                self.later(number, Step::CancelOrder("payment refused"), id, 100, 500);
            }
            (Step::ReserveStock(line), "StockReserved") if line + 1 < flow.items.len() => {
                self.later(number, Step::ReserveStock(line + 1), id, 50, 200);
            }
            (Step::ReserveStock(_), "StockReserved") => {
                self.later(number, Step::ConfirmOrder, id, 100, 500);
            }
            (Step::ReserveStock(line), _) => {
                self.later(number, Step::RefundPayment, id, 200, 900);
                if let Some((good, _)) = flow.items.get(line).copied()
                    && !std::mem::replace(&mut self.restocking[good], true)
                {
                    self.later(number, Step::Restock(good), id, 4_000, 9_000);
                }
            }
            (Step::RefundPayment, _) => {
                self.later(number, Step::CancelOrder("out of stock"), id, 100, 500);
            }
            (Step::ConfirmOrder, _) => self.later(number, Step::PrepareShipment, id, 500, 2_500),
            (Step::PrepareShipment, _) => {
                self.later(number, Step::DispatchShipment, id, 1_000, 5_000);
            }
            (Step::DispatchShipment, _) => self.later(number, Step::CapturePayment, id, 100, 800),
            // The carrier loses one parcel in so many, and says nothing: that order never ends, and somebody has to find it.
            (Step::CapturePayment, _) if self.chance.between(1, LOST_ONE_IN) == 1 => {
                self.end(number);
            }
            (Step::CapturePayment, _) => {
                self.later(number, Step::DeliverShipment, id, 2_000, 9_000);
            }
            (Step::DeliverShipment, _) => self.later(number, Step::CompleteOrder, id, 100, 600),
            _ => self.end(number),
        }
    }

    /// Forgets a flow that nothing waits for, with its versions: memory stays bounded by the orders on their way.
    fn end(&mut self, number: u64) {
        if self.due.values().any(|due| due.flow == number) {
            return;
        }
        if let Some(flow) = self.flows.remove(&number) {
            for stream in [&flow.order, &flow.payment, &flow.shipment] {
                self.versions.remove(stream);
            }
        }
    }

    fn later(&mut self, flow: u64, step: Step, cause: Uuid, from_ms: u64, to_ms: u64) {
        self.numbered += 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole milliseconds, never negative"
        )]
        let at = self.now as u64 + self.chance.between(from_ms, to_ms);
        self.waiting.push(Reverse((at, self.numbered)));
        self.due.insert(self.numbered, Due { flow, step, cause });
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call a fact of the event; all private"
    )]
    fn event(
        &mut self,
        flow: &Flow,
        stream: &str,
        event_type: &str,
        data: &Value,
        service: &str,
        actor: &str,
        cause: Option<Uuid>,
    ) -> (AppendToStream, Uuid) {
        let id = self.chance.id();
        let mut metadata =
            json!({ "correlation_id": flow.correlation, "service": service, "actor": actor });
        if let (Some(cause), Some(fields)) = (cause, metadata.as_object_mut()) {
            fields.insert("causation_id".to_owned(), json!(cause));
        }
        // Stock lives longer than a run of the demo, so what its version is only the store knows.
        let expected_version = if stream.starts_with("stock-") {
            ExpectedVersion::Any
        } else {
            let next = self.versions.entry(stream.to_owned()).or_insert(0);
            *next += 1;
            if *next == 1 {
                ExpectedVersion::None
            } else {
                ExpectedVersion::Exactly(Version(*next - 2))
            }
        };
        let event = ProposedEvent {
            event_type: event_type.to_owned(),
            data: raw(data),
            id: Some(id),
            occurred_at: None,
            metadata: Some(raw(&metadata)),
        };
        (
            AppendToStream {
                stream: name(stream),
                expected_version,
                events: vec![event],
            },
            id,
        )
    }
}

fn raw(value: &Value) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(value)
        .unwrap_or_else(|_| serde_json::value::RawValue::NULL.to_owned())
}

/// The demo's names are all of letters, digits and `-`.
fn name(stream: &str) -> StreamName {
    match StreamName::new(stream) {
        Ok(name) => name,
        Err(error) => unreachable!("{stream}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn lines(seed: u64, count: usize) -> Vec<String> {
        let mut shop = Shop::new(seed, 20.0);
        (0..count)
            .map(|_| serde_json::to_string(&shop.next_append()).unwrap())
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_events_with_the_same_ids() {
        assert_eq!(lines(7, 500), lines(7, 500));
        assert_ne!(lines(7, 5), lines(8, 5));
    }

    #[test]
    fn every_cause_is_an_earlier_event_and_no_id_is_used_twice() {
        let mut seen = BTreeSet::new();
        for line in lines(1, 5_000) {
            let append: Value = serde_json::from_str(&line).unwrap();
            let event = &append["events"][0];
            if let Some(cause) = event["metadata"]["causation_id"].as_str() {
                assert!(seen.contains(cause), "{line}");
            }
            assert!(
                seen.insert(event["id"].as_str().unwrap().to_owned()),
                "{line}"
            );
        }
    }

    #[test]
    fn orders_are_completed_refused_and_out_of_stock() {
        let all = lines(1, 20_000).join("\n");
        for word in [
            "OrderCompleted",
            "PaymentRefused",
            "StockDepleted",
            "StockReceived",
            "PaymentRefunded",
        ] {
            assert!(all.contains(word), "{word}");
        }
    }

    #[test]
    fn finished_orders_are_forgotten() {
        let mut shop = Shop::new(1, 20.0);
        (0..50_000).for_each(|_| drop(shop.next_append()));
        assert!(shop.flows.len() < 2_000, "{}", shop.flows.len());
        assert!(shop.versions.len() < 6_000, "{}", shop.versions.len());
    }
}
