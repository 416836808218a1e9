//! Replays events into totals by account with `postgres-es`, as its own `QueryReplay` and `GenericQuery` do; prints the seconds.
//! The tables `events` and `totals` of the database are there already, in the crate's own shape.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{GenericQuery, QueryReplay};
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use postgres_es::{PostgresEventRepository, PostgresViewRepository, default_postgress_pool};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Moved {
    cents: i64,
}

impl DomainEvent for Moved {
    fn event_type(&self) -> String {
        "Moved".to_owned()
    }
    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Account;

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = ();
    type Event = Moved;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(
        &mut self,
        (): (),
        (): &(),
        _: &EventSink<Self>,
    ) -> Result<(), std::fmt::Error> {
        Ok(())
    }
    fn apply(&mut self, _: Moved) {}
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Total {
    movements: i64,
    cents: i64,
}

impl View<Account> for Total {
    fn update(&mut self, event: &EventEnvelope<Account>) {
        self.movements += 1;
        self.cents += event.payload.cents;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .ok_or("give the URL of the database")?;
    let pool = default_postgress_pool(&url).await;
    let views = PostgresViewRepository::<Total, Account>::new("totals", pool.clone());
    let mut query = GenericQuery::new(Arc::new(views));
    query.use_error_handler(Box::new(|error| panic!("{error}")));
    let mut replay = QueryReplay::new(PostgresEventRepository::new(pool), query);
    replay.use_error_handler(Box::new(|error| panic!("{error}")));
    let began = Instant::now();
    replay.replay_all().await?;
    println!("{}", began.elapsed().as_secs_f64());
    Ok(())
}
