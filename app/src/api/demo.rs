//! The demo shop: what it sells, what is ordered, how far an order is. What is read comes from its read models.

use highwater_model::demo::{
    Demo, DemoGood, DemoOrderBody, DemoScenario, DemoService, DemoServiceBody, DemoServiceWish,
    DemoTaken, PlayBody, Playing, Traffic,
};
use highwater_model::{HandledAnswer, OrderBody, Position};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::browser::Sending;
use super::{Answer, Api, ApiError, Query, RowsRequest, escape, read};

/// How long a customer waits until an order is to be seen, in seconds.
const SEEN_WITHIN_S: i64 = 10;

/// A good, and how many pieces there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodOnSale {
    /// The good.
    pub good: DemoGood,
    /// Pieces; none when the read model does not know it yet.
    pub pieces: Option<i64>,
}

/// An order as its customer sees it: a row of `order_progress`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderProgress {
    /// Its stream.
    pub order_name: String,
    /// Its flow.
    pub correlation: Option<Uuid>,
    /// Who ordered.
    pub customer: Option<String>,
    /// Where to.
    pub city: Option<String>,
    /// What.
    pub items: Vec<OrderedItem>,
    /// For how much.
    pub total_cents: Option<i64>,
    /// How far it is, in a word.
    pub state: String,
    /// Why it was cancelled.
    pub reason: Option<String>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When the bank said yes.
    pub paid_at: Option<Timestamp>,
    /// When all of it was there.
    pub packed_at: Option<Timestamp>,
    /// When the parcel left.
    pub sent_at: Option<Timestamp>,
    /// When it arrived.
    pub arrived_at: Option<Timestamp>,
    /// The parcel's number.
    pub tracking: Option<String>,
    /// When its customer wanted it no more.
    pub unwanted_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedItem {
    /// The good's name.
    #[serde(default)]
    pub name: String,
    /// Pieces.
    #[serde(default)]
    pub quantity: i64,
}

/// What an operator does to a service of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoOrder {
    /// It is to be so.
    Be(DemoServiceWish),
    /// Its process is killed.
    Crash,
}

#[derive(Deserialize)]
struct StockRow {
    sku: String,
    available: Option<i64>,
}

impl Api {
    /// The shop: its services, and how customers order.
    pub async fn demo(&self) -> Answer<Demo> {
        self.get(Query::new("/api/demo")).await
    }

    /// Does something to a service.
    pub async fn order_demo(&self, service: &str, order: DemoOrder) -> Answer<DemoService> {
        let path = format!("/api/demo/services/{}", escape(service));
        match order {
            DemoOrder::Be(state) => self.put(path, &DemoServiceBody { state }).await,
            DemoOrder::Crash => self.post(format!("{path}/crash"), &()).await,
        }
    }

    /// What can be played.
    pub async fn scenarios(&self) -> Answer<Vec<DemoScenario>> {
        self.get(Query::new("/api/demo/scenarios")).await
    }

    /// Begins a scenario.
    pub async fn play(&self, scenario: &str) -> Answer<Playing> {
        let path = format!("/api/demo/scenarios/{}/play", escape(scenario));
        self.post(path, &PlayBody::default()).await
    }

    /// Leads the scenario that is played.
    pub async fn lead(&self, body: &PlayBody) -> Answer<Playing> {
        self.put("/api/demo/playing".to_owned(), body).await
    }

    /// Lets it go on, whatever it waits for.
    pub async fn next_step(&self) -> Answer<Playing> {
        self.post("/api/demo/playing/next".to_owned(), &()).await
    }

    /// Ends it.
    pub async fn end_playing(&self) -> Answer<()> {
        let sending = Sending {
            method: "DELETE",
            path: "/api/demo/playing".to_owned(),
            body: None,
        };
        self.send(sending).await.map(drop)
    }

    /// From now on customers order so.
    pub async fn set_traffic(&self, traffic: &Traffic) -> Answer<Traffic> {
        self.put("/api/demo/traffic".to_owned(), traffic).await
    }

    /// What the shop sells, and how much of it is there.
    pub async fn goods(&self) -> Answer<Vec<GoodOnSale>> {
        let goods: Vec<DemoGood> = self.get(Query::new("/api/demo/goods")).await?;
        // A shop that has just opened has no read model yet; it sells all the same.
        let stock: Vec<StockRow> = match self.rows("stock_levels", &RowsRequest::default()).await {
            Ok(page) => rows(&page.rows)?,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error),
        };
        let pieces = |sku: &str| {
            let row = stock.iter().find(|row| row.sku == sku);
            row.and_then(|row| row.available)
        };
        let on_sale = |good: DemoGood| GoodOnSale {
            pieces: pieces(&good.sku),
            good,
        };
        Ok(goods.into_iter().map(on_sale).collect())
    }

    /// Places an order, and waits until it is to be seen.
    pub async fn place_order(&self, body: &DemoOrderBody) -> Answer<DemoTaken> {
        let taken: DemoTaken = self.post("/api/demo/orders".to_owned(), body).await?;
        // One that is not to be seen in time is taken all the same; its page says that it waits.
        let _ = self.wait_for_progress(taken.position).await;
        Ok(taken)
    }

    /// Asks for the end of an order.
    pub async fn cancel_order(&self, order: &str) -> Answer<DemoTaken> {
        let path = format!("/api/demo/orders/{}/cancel", escape(order));
        let taken: DemoTaken = self.post(path, &OrderBody::default()).await?;
        let _ = self.wait_for_progress(taken.position).await;
        Ok(taken)
    }

    /// How far an order is; none while the read model has not come to it.
    pub async fn order_progress(&self, order: &str) -> Answer<Option<OrderProgress>> {
        let request = RowsRequest {
            order: "order_name".to_owned(),
            equals: order.to_owned(),
            ..RowsRequest::default()
        };
        match self.rows("order_progress", &request).await {
            Ok(page) => Ok(rows(&page.rows)?.pop()),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn wait_for_progress(&self, position: Position) -> Answer<HandledAnswer> {
        let mut query = Query::new("/api/read-models/order_progress");
        query.number("wait", Some(position.0));
        query.number("timeout", Some(SEEN_WITHIN_S));
        self.get(query).await
    }
}

fn rows<T: DeserializeOwned>(
    rows: &[Box<serde_json::value::RawValue>],
) -> Result<Vec<T>, ApiError> {
    rows.iter().map(|row| read(row.get())).collect()
}
