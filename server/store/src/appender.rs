//! The appender.

use highwater_model::Position;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;

use crate::{AppendOutcome, StoreError, StoreOptions, Tasks};

pub(crate) struct Prepared;

pub(crate) struct Appender;

impl Appender {
    pub(crate) async fn start(_: &PgConnectOptions, _: &StoreOptions, _: watch::Sender<Position>, _: &Tasks) -> Result<Self, StoreError> {
        Ok(Self)
    }

    pub(crate) async fn append(&self, _: Prepared) -> Result<AppendOutcome, StoreError> {
        Err(StoreError::Broken("appending is not there yet".to_owned()))
    }
}
