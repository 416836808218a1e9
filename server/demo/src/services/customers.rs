//! Customers: they place orders, as the traffic is, through the write model of orders.

use std::sync::Arc;
use std::time::Duration;

use highwater_model::demo::Traffic;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::aggregate::{Aggregates, Outcome};
use super::cause::{Cause, chance_of, id_of};
use super::client::{Client, ClientError};
use super::lead::Led;
use super::orders::{Order, OrderCommand, Orders};
use super::service::Service;
use super::shopfront::order_stream;
use crate::shop::{CITIES, CUSTOMERS, GOODS};

/// How often customers look whether it is time for the next order.
const EVERY: Duration = Duration::from_millis(50);

/// What customers do.
#[derive(Debug, Clone, Copy)]
pub struct Customers {
    /// What the orders follow from: the same seed gives the same ones.
    pub seed: u64,
    /// After so many they have what they want; never unless given.
    pub orders: Option<u64>,
}

/// When the next order is placed.
struct Pace {
    traffic: watch::Receiver<Traffic>,
    tick: Interval,
    /// When the pattern began.
    began: Instant,
    looked: Instant,
    due: Due,
}

impl Pace {
    /// The first order comes at once.
    fn of(traffic: watch::Receiver<Traffic>) -> Self {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        Self {
            traffic,
            tick,
            began: now,
            looked: now,
            due: Due(1.0),
        }
    }

    /// Waits until an order is due.
    async fn next(&mut self) {
        loop {
            let now = Instant::now();
            if self.traffic.has_changed().unwrap_or(false) {
                self.began = now;
            }
            let traffic = *self.traffic.borrow_and_update();
            let rate = traffic.rate_at((now - self.began).as_secs_f64());
            let passed = now - self.looked;
            self.looked = now;
            if self.due.take(rate, passed) {
                return;
            }
            self.tick.tick().await;
        }
    }
}

/// Orders that are due.
struct Due(f64);

impl Due {
    /// Takes one, if it is due after that much time at so many a second.
    fn take(&mut self, rate: f64, passed: Duration) -> bool {
        // After a stall customers go on at their pace: what a second brings is the most that they make up for.
        self.0 = (self.0 + rate * passed.as_secs_f64()).min(rate.max(1.0));
        let is_due = rate > 0.0 && self.0 >= 1.0;
        if is_due {
            self.0 -= 1.0;
        }
        is_due
    }
}

/// One order before it is placed.
struct Wish {
    stream: String,
    data: Value,
    cause: Cause,
}

impl Customers {
    /// Places orders until it is told to stop. Those that an earlier process has placed with this seed are passed over, so one that is killed
    /// and started again goes on.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn run(
        self,
        client: &Arc<Client>,
        led: &Led,
        stop: &CancellationToken,
    ) -> Result<(), ClientError> {
        let orders = Aggregates::<Order>::new(Arc::clone(client));
        let first = self.first(client).await?;
        tracing::info!(service = "customers", placed = first, "at work");
        let mut pace = Pace::of(led.traffic.clone());
        for number in first..self.orders.unwrap_or(u64::MAX) {
            tokio::select! {
                () = stop.cancelled() => break,
                () = pace.next() => {}
            }
            let Wish {
                stream,
                data,
                cause,
            } = self.wish(number);
            let place = OrderCommand::Place(data);
            if let Outcome::Refused(refusal) = orders.handle(&stream, &place, &cause).await? {
                tracing::warn!(%stream, why = refusal.0, "refused");
            }
        }
        tracing::info!(service = "customers", "stopped");
        Ok(())
    }

    /// The number of the first order that is not placed yet. They are placed one after the other, so a few looks find it among many.
    async fn first(&self, client: &Client) -> Result<u64, ClientError> {
        let placed = async |number: u64| -> Result<bool, ClientError> {
            let stream = self.wish(number).stream;
            Ok(!client.read_stream(&stream, 0).await?.is_empty())
        };
        let (mut from, mut to) = (0, 1);
        while placed(to - 1).await? {
            (from, to) = (to, to * 2);
        }
        // All before `from` are placed, the one before `to` is not.
        while from + 1 < to {
            let middle = from + (to - from) / 2;
            if placed(middle - 1).await? {
                from = middle;
            } else {
                to = middle;
            }
        }
        Ok(from)
    }

    fn wish(&self, number: u64) -> Wish {
        let id = id_of(&[b"order", &self.seed.to_le_bytes(), &number.to_le_bytes()]);
        let mut chance = chance_of(id, "wish");
        let mut lines: Vec<Value> = Vec::new();
        let mut total = 0;
        for _ in 0..chance.between(1, 3) {
            let good = chance.between(0, GOODS.len() as u64 - 1);
            let (sku, name, price, _) = GOODS[usize::try_from(good).unwrap_or(0)];
            if lines.iter().all(|line| line["sku"] != sku) {
                let quantity = chance.between(1, 3);
                total += price * quantity;
                lines.push(
                    json!({ "sku": sku, "name": name, "quantity": quantity, "price_cents": price }),
                );
            }
        }
        let customer = chance.pick(&CUSTOMERS);
        let data = json!({
            "customer": customer, "city": chance.pick(&CITIES), "items": lines,
            "total_cents": total, "currency": "EUR",
        });
        Wish {
            stream: order_stream(id),
            data,
            cause: Cause {
                id,
                correlation: id,
                event: None,
                traceparent: None,
                service: Orders::NAME,
                actor: format!("customer:{customer}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_orders_and_each_is_another() {
        let customers = |seed| Customers { seed, orders: None };
        let streams = |seed| -> BTreeSet<String> {
            (0..500)
                .map(|number| customers(seed).wish(number).stream)
                .collect()
        };
        assert_eq!(streams(1), streams(1));
        assert_eq!(streams(1).len(), 500);
        assert!(streams(1).is_disjoint(&streams(2)));
        assert_eq!(customers(1).wish(3).data, customers(1).wish(3).data);
    }

    #[test]
    fn orders_are_due_at_the_rate_and_none_at_none() {
        let mut due = Due(1.0);
        let mut in_ten_seconds = |rate: f64| {
            let mut orders = 0;
            for _ in 0..200 {
                let mut passed = EVERY;
                while due.take(rate, passed) {
                    orders += 1;
                    passed = Duration::ZERO;
                }
            }
            orders
        };
        assert!((40..=42).contains(&in_ten_seconds(4.0)));
        assert_eq!(in_ten_seconds(0.0), 0);
        assert!((199..=202).contains(&in_ten_seconds(20.0)));
    }

    #[test]
    fn nobody_orders_to_catch_up() {
        let mut due = Due(0.0);
        assert!(due.take(3.0, Duration::from_mins(1)));
        let more = (0..100).filter(|_| due.take(3.0, Duration::ZERO)).count();
        assert_eq!(more, 2);
    }
}
