//! A batch on its way to the database, and again when its connection breaks.

use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;

use crate::appender::Request;
use crate::batch::{self, AllRecorded, Known, Recorded, UnitRow};
use crate::json_check::Prepared;

/// How often a batch is sent again when its connection breaks: a fail-over or an administrator may end several in a row.
const AGAIN: u32 = 4;
/// How long it waits before that, longer each time.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// The connection that a batch goes through; a new one after it broke.
pub(crate) struct Link {
    pub(crate) pool: PgPool,
    pub(crate) open: Option<PoolConnection<Postgres>>,
    pub(crate) renewed: bool,
}

impl Link {
    async fn all(
        &mut self,
        appends: &[&Prepared],
        known: &Known,
    ) -> Result<Option<AllRecorded>, sqlx::Error> {
        let mut connection = self.take().await?;
        let outcome = batch::record_all(&mut connection, appends, known).await;
        self.put_back(connection, outcome.as_ref().err());
        outcome
    }

    async fn each(
        &mut self,
        appends: &[&Prepared],
        look_up_all: bool,
    ) -> Result<Vec<UnitRow>, sqlx::Error> {
        let mut connection = self.take().await?;
        let outcome = batch::record_each(&mut connection, appends, look_up_all).await;
        self.put_back(connection, outcome.as_ref().err());
        outcome
    }

    async fn take(&mut self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        if let Some(connection) = self.open.take() {
            return Ok(connection);
        }
        self.renewed = true;
        self.pool.acquire().await
    }

    fn put_back(&mut self, connection: PoolConnection<Postgres>, error: Option<&sqlx::Error>) {
        // Dropped, it goes to the pool, which finds out whether it lives.
        self.open = (!error.is_some_and(batch::is_connection)).then_some(connection);
    }
}

/// Records a batch, as a whole if it can be; tells as well whether a key refused it.
pub(crate) async fn record(
    link: &mut Link,
    batch: Vec<Request>,
    known: &Known,
    all_new: bool,
) -> (Vec<(Vec<Request>, Result<Recorded, sqlx::Error>)>, bool) {
    let mut met_key = false;
    let mut broken = false;
    if all_new {
        match link.all(&appends(&batch), known).await {
            Ok(Some(all)) => return (vec![(batch, Ok(Recorded::All(all)))], false),
            Ok(None) => {}
            Err(error) if batch::is_key(&error) => met_key = true,
            Err(error) if batch::is_connection(&error) => broken = told(&error),
            Err(error) if batch::is_data(&error) => {}
            Err(error) => return (vec![(batch, Err(error))], false),
        }
    }
    let mut outcome = link.each(&appends(&batch), broken).await;
    for again in 1..=AGAIN {
        match &outcome {
            Err(error) if batch::is_connection(error) => broken = told(error),
            _ => break,
        }
        tokio::time::sleep(AGAIN_PAUSE * again).await;
        outcome = link.each(&appends(&batch), broken).await;
    }
    match outcome {
        // The data of one append is refused by the database: the others must not suffer for it.
        Err(error) if batch.len() > 1 && batch::is_data(&error) => {
            let mut parts = Vec::with_capacity(batch.len());
            for request in batch {
                let rows = link.each(&[&request.append], true).await;
                parts.push((vec![request], rows.map(Recorded::Each)));
            }
            (parts, met_key)
        }
        outcome => (vec![(batch, outcome.map(Recorded::Each))], met_key),
    }
}

/// Whether a batch was committed when its connection broke is not known. Ids decide: all of them are looked up the next time, under the
/// log's lock; and if the old session lives on and records after that, the key on ids refuses it.
fn told(error: &sqlx::Error) -> bool {
    tracing::warn!(%error, "the connection broke during a batch; trying it again");
    true
}

fn appends(batch: &[Request]) -> Vec<&Prepared> {
    batch.iter().map(|request| &request.append).collect()
}
