//! Subscriptions: named readers with a checkpoint, for programs outside.
//!
//! # How an event is delivered
//! `look.rs` goes through the log in front of the checkpoint and puts what matches into a window, a row an event
//! (`subscription_deliveries`). `deliver.rs` gives the oldest of each stream to a member that asks, and to nobody else until the member
//! has acknowledged it, has failed at it, or was silent for too long (`settle.rs`): so members share by stream, a stream's order holds, and what one
//! leaves behind another one takes. An event that was acknowledged has no row any more; the checkpoint is where the rows begin.
//!
//! All who change one subscription hold its row in `subscriptions` meanwhile, so what they see of the window stays true. Acknowledging
//! waits for no flush: what a crash takes back is delivered once more, which members must bear anyway.

mod define;
mod deliver;
mod error;
mod list;
mod look;
mod orders;
mod parked;
mod sample;
mod settle;

use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, Postgres, Transaction};

use crate::Store;

pub use deliver::{Ask, Delivered};
pub use error::SubscriptionError;
pub use look::Looked;

/// Rows of a window, at most: how far events may overtake the oldest one that is not acknowledged.
pub(crate) const WINDOW: i64 = 1_000;

/// A subscription's row, locked.
struct Held {
    transaction: Transaction<'static, Postgres>,
    id: i64,
    name: String,
    filter: String,
    state: String,
    attempts: i32,
    acknowledge_within: PgInterval,
    checkpoint: i64,
    looked_to: i64,
}

type Row = (i64, String, String, i32, PgInterval, i64, i64);

impl Store {
    async fn hold_subscription(
        &self,
        name: &str,
        begin: &'static str,
    ) -> Result<Held, SubscriptionError> {
        let mut transaction = self.pool().begin_with(begin).await?;
        let row: Option<Row> = sqlx::query_as(
            "select subscription_id, filter, state, attempts, acknowledge_within, checkpoint, looked_to from highwater.subscriptions where name = $1 for no key update",
        )
        .bind(name)
        .fetch_optional(&mut *transaction)
        .await?;
        let (id, filter, state, attempts, acknowledge_within, checkpoint, looked_to) = row
            .ok_or_else(|| SubscriptionError::Unknown {
                name: name.to_owned(),
            })?;
        Ok(Held {
            transaction,
            id,
            name: name.to_owned(),
            filter,
            state,
            attempts,
            acknowledge_within,
            checkpoint,
            looked_to,
        })
    }
}

/// An operator's order: nobody waits for long, and nothing of it is lost.
const ORDER: &str = "begin; set local lock_timeout = '10s'";
/// What members do.
const DELIVER: &str = "begin; set local lock_timeout = '10s'; set local synchronous_commit = off";

/// Moves the checkpoint to where the window begins.
async fn move_checkpoint(
    connection: &mut PgConnection,
    id: i64,
    acknowledged: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update highwater.subscriptions s set acknowledged = s.acknowledged + $2,
           checkpoint = coalesce((select min(d.position) - 1 from highwater.subscription_deliveries d where d.subscription_id = $1 and d.position > s.checkpoint), s.looked_to)
         where s.subscription_id = $1",
    )
    .bind(id)
    .bind(acknowledged)
    .execute(connection)
    .await?;
    Ok(())
}

fn numbers(positions: &[highwater_model::Position]) -> Vec<i64> {
    positions.iter().map(|position| position.0).collect()
}
