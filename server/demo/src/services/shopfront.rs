//! The shop's commands: what customers and suppliers ask of it. Each is checked, decided by the write model, appended, and answered with the
//! position of what came of it; how it went from there only read models tell.

use std::sync::Arc;

use highwater_model::demo::{DemoGood, DemoOrderBody, DemoTaken, LINES_MAX, PIECES_MAX};
use highwater_model::{Position, StreamName};
use highwater_store::Ids;
use serde_json::{Value, json};
use uuid::Uuid;

use super::aggregate::{Aggregates, Outcome};
use super::cause::{Cause, id_of};
use super::client::{Client, ClientError};
use super::orders::{Order, OrderCommand, Orders};
use super::service::Service;
use super::stock::{self, Stock, StockCommand, Stocks};
use crate::shop::GOODS;

/// Characters of a customer's name, and of a city's.
const NAME_CHARS: usize = 60;
/// Pieces that come in at once.
const RECEIVED_MAX: u64 = 10_000;

/// Why a command was not taken.
#[derive(Debug)]
pub enum CommandError {
    /// What was asked makes no sense: which field, and why.
    Bad {
        /// The field.
        field: &'static str,
        /// A sentence.
        why: String,
    },
    /// There is no such order, or no such good.
    Missing(String),
    /// The write model is against it: a sentence.
    Refused(String),
    /// The store did not take it.
    Store(ClientError),
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        Self::Store(error)
    }
}

/// Takes commands.
pub struct Shopfront {
    client: Arc<Client>,
    orders: Aggregates<Order>,
    stocks: Aggregates<Stock>,
}

impl std::fmt::Debug for Shopfront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shopfront")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Shopfront {
    /// Of the shop on this server.
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            orders: Aggregates::new(Arc::clone(&client)),
            stocks: Aggregates::new(Arc::clone(&client)),
            client,
        }
    }

    /// How many pieces of each good the shop opened with.
    pub fn first_pieces() -> impl Iterator<Item = (&'static str, u64)> {
        GOODS.into_iter().map(|good| (good.0, good.3))
    }

    /// What the shop sells.
    pub fn goods() -> Vec<DemoGood> {
        let good = |(sku, name, price_cents, _): (&str, &str, u64, u64)| DemoGood {
            sku: sku.to_owned(),
            name: name.to_owned(),
            price_cents,
        };
        GOODS.into_iter().map(good).collect()
    }

    /// Places an order. With an id of its own it is placed once, however often it is sent.
    ///
    /// # Errors
    /// When the order makes no sense.
    pub async fn place(&self, body: &DemoOrderBody) -> Result<DemoTaken, CommandError> {
        let (customer, data) = checked(body)?;
        let id = body.id.unwrap_or_else(|| Ids.random());
        let stream = order_stream(id);
        let cause = Cause {
            id,
            correlation: id,
            event: None,
            traceparent: None,
            service: Orders::NAME,
            actor: format!("customer:{customer}"),
        };
        let place = OrderCommand::Place(data);
        let outcome = self.orders.handle(&stream, &place, &cause).await?;
        taken(&stream, outcome, id)
    }

    /// Asks for the end of an order that is under way. What can be given back is; one that has left goes on.
    ///
    /// # Errors
    /// When there is no such order, or it is over.
    pub async fn cancel(&self, order: &str, why: &str) -> Result<DemoTaken, CommandError> {
        let missing =
            || CommandError::Missing(format!("There is no order {order}; place one first."));
        // What is no stream's name is no order's.
        let name = StreamName::new(order).map_err(|_| missing())?;
        if name.category() != "order" {
            return Err(missing());
        }
        let placed = self.client.read_stream(order, 0).await?;
        let first = placed.first().ok_or_else(missing)?;
        let metadata = first.known_metadata();
        let actor = metadata.actor.as_ref().and_then(Value::as_str);
        let correlation = metadata.correlation_id.unwrap_or(first.id);
        let cause = Cause {
            id: id_of(&[b"cancel", order.as_bytes()]),
            correlation,
            event: None,
            traceparent: None,
            service: Orders::NAME,
            actor: actor.unwrap_or("customer").to_owned(),
        };
        let ask = OrderCommand::AskToCancel {
            reason: why.to_owned(),
        };
        taken(
            order,
            self.orders.handle(order, &ask, &cause).await?,
            correlation,
        )
    }

    /// Takes in pieces of a good.
    ///
    /// # Errors
    /// When there is no such good.
    pub async fn receive(&self, sku: &str, pieces: u64) -> Result<DemoTaken, CommandError> {
        if GOODS.iter().all(|good| good.0 != sku) {
            return Err(CommandError::Missing(not_sold(sku)));
        }
        if !(1..=RECEIVED_MAX).contains(&pieces) {
            return Err(CommandError::Bad {
                field: "pieces",
                why: format!("{pieces} pieces can't come in; give 1 to {RECEIVED_MAX}."),
            });
        }
        let id = Ids.random();
        let cause = Cause {
            id,
            correlation: id,
            event: None,
            traceparent: None,
            service: Stocks::NAME,
            actor: "supplier".to_owned(),
        };
        let stream = stock::stream(sku);
        let receive = StockCommand::Receive(pieces);
        let outcome = self.stocks.handle(&stream, &receive, &cause).await?;
        taken(&stream, outcome, id)
    }
}

/// The stream of the order with this id.
pub(super) fn order_stream(id: Uuid) -> String {
    format!("order-{}", &id.simple().to_string()[20..])
}

/// Who orders, and the data of the order.
fn checked(body: &DemoOrderBody) -> Result<(&str, Value), CommandError> {
    let customer = named("customer", &body.customer)?;
    let city = named("city", &body.city)?;
    if body.items.is_empty() || body.items.len() > LINES_MAX {
        let lines = body.items.len();
        return Err(CommandError::Bad {
            field: "items",
            why: format!("An order has 1 to {LINES_MAX} lines; this one has {lines}."),
        });
    }
    let mut total = 0;
    let mut items: Vec<Value> = Vec::new();
    for line in &body.items {
        let good = GOODS.iter().find(|good| good.0 == line.sku);
        let Some((sku, name, price, _)) = good else {
            return Err(CommandError::Bad {
                field: "items",
                why: not_sold(&line.sku),
            });
        };
        if !(1..=PIECES_MAX).contains(&line.quantity) {
            return Err(CommandError::Bad {
                field: "items",
                why: format!(
                    "{} pieces of {sku} can't be ordered; give 1 to {PIECES_MAX}.",
                    line.quantity
                ),
            });
        }
        if items.iter().any(|item| item["sku"] == *sku) {
            return Err(CommandError::Bad {
                field: "items",
                why: format!("{sku} is there twice; give it one line."),
            });
        }
        total += price * line.quantity;
        items.push(
            json!({ "sku": sku, "name": name, "quantity": line.quantity, "price_cents": price }),
        );
    }
    let data = json!({
        "customer": customer, "city": city, "items": items, "total_cents": total, "currency": "EUR",
    });
    Ok((customer, data))
}

fn named<'a>(field: &'static str, given: &'a str) -> Result<&'a str, CommandError> {
    let name = given.trim();
    let is_odd = name.chars().any(char::is_control);
    if name.is_empty() || is_odd || name.chars().count() > NAME_CHARS {
        return Err(CommandError::Bad {
            field,
            why: format!(
                "The {field} has 1 to {NAME_CHARS} characters, none of them a control character."
            ),
        });
    }
    Ok(name)
}

fn not_sold(sku: &str) -> String {
    let sold: Vec<&str> = GOODS.iter().map(|good| good.0).collect();
    format!(
        "The shop does not sell {sku:?}; it sells {}.",
        sold.join(", ")
    )
}

fn taken(stream: &str, outcome: Outcome, correlation_id: Uuid) -> Result<DemoTaken, CommandError> {
    let position: Position = match outcome {
        Outcome::Appended(position) | Outcome::Done(Some(position)) => position,
        Outcome::Done(None) => {
            return Err(CommandError::Refused("nothing came of it".to_owned()));
        }
        Outcome::Refused(refusal) => return Err(CommandError::Refused(refusal.0)),
    };
    let stream =
        StreamName::new(stream).map_err(|error| CommandError::Missing(error.to_string()))?;
    Ok(DemoTaken {
        stream,
        position,
        correlation_id,
    })
}

#[cfg(test)]
mod tests {
    use highwater_model::demo::DemoOrderLine;

    use super::*;

    fn order(lines: &[(&str, u64)]) -> DemoOrderBody {
        let line = |(sku, quantity): &(&str, u64)| DemoOrderLine {
            sku: (*sku).to_owned(),
            quantity: *quantity,
        };
        DemoOrderBody {
            customer: " ada ".to_owned(),
            city: "Gent".to_owned(),
            items: lines.iter().map(line).collect(),
            id: None,
        }
    }

    fn why(body: &DemoOrderBody) -> String {
        match checked(body) {
            Err(CommandError::Bad { field, why }) => format!("{field}: {why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_shop_knows_what_an_order_costs() {
        let body = order(&[("mug-07", 2), ("pen-04", 1)]);
        let (customer, data) = checked(&body).unwrap();
        assert_eq!(customer, "ada");
        assert_eq!(data["total_cents"], 2 * 1_250 + 2_800);
        assert_eq!(data["items"][0]["name"], "Enamel mug");
    }

    #[test]
    fn orders_that_make_no_sense_are_refused_with_what_to_do() {
        assert!(why(&order(&[])).contains("1 to 20 lines"));
        assert!(why(&order(&[("moon", 1)])).contains("it sells lamp-01"));
        assert!(why(&order(&[("mug-07", 0)])).contains("give 1 to 100"));
        assert!(why(&order(&[("mug-07", 101)])).contains("give 1 to 100"));
        assert!(why(&order(&[("mug-07", 1), ("mug-07", 1)])).contains("twice"));
        let nobody = DemoOrderBody {
            customer: "  ".to_owned(),
            ..order(&[("mug-07", 1)])
        };
        assert!(why(&nobody).starts_with("customer:"));
        let odd = DemoOrderBody {
            city: "Ge\u{7}nt".to_owned(),
            ..order(&[("mug-07", 1)])
        };
        assert!(why(&odd).starts_with("city:"));
    }
}
