//! Time-outs: looks for orders that have waited too long, and tells their fulfilment.
//!
//! What waits, and since when, is a read model (`open_fulfilments`) of what the process manager asked. So no timer has to outlive a process: one
//! that is killed and started again reads the same rows, a second one may look at the same time, and whoever looks at the page of the read
//! model sees what each order waits for. A row that is a moment old does no harm: whether the step is still waited for is decided by the
//! fulfilment's own stream.

use std::sync::Arc;
use std::time::Duration;

use highwater_store::Clock;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::aggregate::Aggregates;
use super::cause::Cause;
use super::client::{Client, ClientError};
use super::fulfilment::{Fulfilment, FulfilmentCommand};
use super::fulfilments::Fulfilments;
use super::service::Service;
use super::step::Step;
use crate::read_models::OPEN_FULFILMENTS;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);

/// A row of the read model.
#[derive(Debug, Deserialize)]
struct Open {
    fulfilment: String,
    waits_for: String,
    /// The event that asked for it.
    asked_by: Uuid,
    correlation: Option<Uuid>,
    /// Milliseconds since 1970; none where nothing may time out.
    since_ms: Option<i64>,
}

/// Looks until it is told to stop.
///
/// # Errors
/// When the server refuses.
pub async fn watch(
    client: &Arc<Client>,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    let fulfilments = Aggregates::<Fulfilment>::new(Arc::clone(client));
    loop {
        for open in late(client, patience).await? {
            time_out(&fulfilments, &open).await?;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Those that have waited for too long.
async fn late(client: &Client, patience: Duration) -> Result<Vec<Open>, ClientError> {
    let (name, _) = OPEN_FULFILMENTS;
    let page = match client.rows(name, "since_ms").await {
        Ok(page) => page,
        // It is defined when the service starts, and its tables are made a moment later.
        Err(ClientError::Missing) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    let before = Clock.now().as_millisecond().saturating_sub(patience);
    let rows = page.rows.iter();
    let open = rows.filter_map(|row| serde_json::from_str::<Open>(row.get()).ok());
    Ok(open
        .filter(|open| open.since_ms.is_some_and(|since| since < before))
        .collect())
}

async fn time_out(fulfilments: &Aggregates<Fulfilment>, open: &Open) -> Result<(), ClientError> {
    let Some(step) = Step::named(&open.waits_for) else {
        return Ok(());
    };
    let correlation = open.correlation.unwrap_or(open.asked_by);
    let cause = Cause::recorded(Fulfilments::NAME, open.asked_by, correlation);
    let command = FulfilmentCommand::TimeOut(step);
    let outcome = fulfilments
        .handle(&open.fulfilment, &command, &cause)
        .await?;
    tracing::debug!(
        fulfilment = open.fulfilment,
        waits_for = open.waits_for,
        ?outcome,
        "late"
    );
    Ok(())
}
