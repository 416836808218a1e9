//! Maintenance: whether it is on, and the orders that begin and end it.

use highwater_model::{Maintenance, MaintenanceAnswer, OrderBody};

use super::browser::Sending;
use super::{Answer, Api, Query};

const PATH: &str = "/api/maintenance";

impl Api {
    /// Whether it is on.
    pub async fn maintenance(&self) -> Answer<MaintenanceAnswer> {
        self.get(Query::new(PATH)).await
    }

    /// Pauses all read models. Once it is answered, none handles anything.
    pub async fn begin_maintenance(&self, reason: String) -> Answer<Maintenance> {
        let reason = Some(reason);
        self.put(PATH.to_owned(), &OrderBody { reason }).await
    }

    /// Lets run what ran before.
    pub async fn end_maintenance(&self) -> Answer<()> {
        let (method, path, body) = ("DELETE", PATH.to_owned(), None);
        self.send(Sending { method, path, body }).await.map(drop)
    }
}
