//! Appends an event and looks whether its row is there, as somebody with a session of their own does.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use highwater_model::{AppendToStream, ExpectedVersion, Position, ProposedEvent, StreamName};
use highwater_store::Store;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(1);
/// A row that is not there then never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One account whose total is looked at.
pub(crate) struct Probe {
    store: Store,
    session: PgConnection,
    /// Reads the total, by key.
    look: String,
    account: String,
    movements: i64,
}

impl Probe {
    /// An account of this name in the table of a read model.
    pub(crate) async fn new(store: &Store, url: &str, table: &str, account: &str) -> Result<Self> {
        Ok(Self {
            store: store.clone(),
            session: PgConnection::connect(url).await?,
            look: format!("select movements from {table} where account = $1"),
            account: account.to_owned(),
            movements: 0,
        })
    }

    /// Appends a movement.
    pub(crate) async fn append(&mut self) -> Result<Position> {
        let data = format!(r#"{{"account":"{}","cents":1}}"#, self.account);
        let append = AppendToStream {
            stream: StreamName::new(format!("probe-{}", self.account))?,
            expected_version: ExpectedVersion::Any,
            events: vec![ProposedEvent {
                event_type: "OrderPlaced".to_owned(),
                data: RawValue::from_string(data)?,
                id: None,
                occurred_at: None,
                metadata: None,
            }],
        };
        let outcome = self.store.append(vec![append]).await?;
        self.movements += 1;
        match outcome.appended.last() {
            Some(appended) => Ok(appended.last_position),
            None => bail!("an append was answered with nothing"),
        }
    }

    /// Whether the row has what was appended.
    pub(crate) async fn is_seen(&mut self) -> Result<bool> {
        let movements: Option<i64> = sqlx::query_scalar(AssertSqlSafe(self.look.as_str()))
            .bind(&self.account)
            .fetch_optional(&mut self.session)
            .await?;
        if movements > Some(self.movements) {
            bail!("{} has more movements than were appended", self.account);
        }
        Ok(movements == Some(self.movements))
    }

    /// From the call of an append to its row.
    pub(crate) async fn measure(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.append().await?;
        while !self.is_seen().await? {
            if began.elapsed() > PATIENCE {
                bail!("the row of {} does not come", self.account);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(began.elapsed())
    }
}
