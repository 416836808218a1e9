//! A writer that uses SQL: `highwater.append` in transactions of its own, which end in every way that a transaction can end.

use std::time::Duration;

use highwater_store::Ids;
use serde_json::{Value, json};
use sqlx::{Connection, Error, PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::ledger::{Fate, Ledger};

/// How a transaction ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Commits,
    /// After others that began later.
    CommitsLate,
    RollsBack,
    /// Its backend is terminated while it is open.
    IsTerminated,
    /// Its client's socket is dropped while it is open.
    LosesItsClient,
    /// The same in the middle of a statement.
    LosesItsClientInAStatement,
    /// Its backend is terminated while it commits; its client tries again with the same ids.
    IsTerminatedInCommit,
}

const ENDINGS: [Ending; 9] = [
    Ending::Commits,
    Ending::CommitsLate,
    Ending::RollsBack,
    Ending::IsTerminated,
    Ending::CommitsLate,
    Ending::LosesItsClient,
    Ending::Commits,
    Ending::LosesItsClientInAStatement,
    Ending::IsTerminatedInCommit,
];

/// One of several SQL writers.
#[derive(Clone)]
pub(crate) struct SqlWriter {
    pub(crate) database_url: String,
    pub(crate) ledger: Ledger,
    /// Its number among them, so that they do different things at a time.
    pub(crate) number: usize,
}

impl SqlWriter {
    /// Runs so many transactions.
    pub(crate) async fn write(self, transactions: usize) {
        for turn in 0..transactions {
            let ids: Vec<Uuid> = (0..=turn % 3).map(|_| Ids.event_id()).collect();
            let ending = ENDINGS[(turn + self.number) % ENDINGS.len()];
            // In order of their names, as writers of several streams have to, or they deadlock.
            let mut streams = [turn % 4, (turn + self.number) % 4].map(|n| format!("shared-{n}"));
            streams.sort_unstable();
            let fate = self.transaction(ending, &streams, &ids).await;
            self.ledger.note(&ids, fate);
        }
    }

    async fn transaction(&self, ending: Ending, streams: &[String; 2], ids: &[Uuid]) -> Fate {
        let mut connection = self.connect().await;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let mut transaction = connection.begin().await.unwrap();
        append(&mut transaction, streams, ids).await.unwrap();
        match ending {
            Ending::Commits => transaction.commit().await.unwrap(),
            Ending::CommitsLate => {
                let time = 10 + 13 * u64::try_from(self.number % 5).unwrap();
                tokio::time::sleep(Duration::from_millis(time)).await;
                transaction.commit().await.unwrap();
            }
            Ending::RollsBack => {
                transaction.rollback().await.unwrap();
                return Fate::Never;
            }
            Ending::IsTerminated => {
                terminate(&mut self.connect().await, backend).await;
                transaction.commit().await.unwrap_err();
                return Fate::Never;
            }
            Ending::LosesItsClient => {
                // Forgotten, so that no rollback is sent: the socket simply ends.
                std::mem::forget(transaction);
                drop(connection);
                return Fate::Never;
            }
            Ending::LosesItsClientInAStatement => {
                let statement = sqlx::query("select pg_sleep(0.2)").execute(&mut *transaction);
                let cut = tokio::time::timeout(Duration::from_millis(5), statement).await;
                cut.unwrap_err();
                std::mem::forget(transaction);
                drop(connection);
                return Fate::Never;
            }
            Ending::IsTerminatedInCommit => {
                let mut other = self.connect().await;
                let (committed, ()) =
                    tokio::join!(transaction.commit(), terminate(&mut other, backend));
                if committed.is_err() {
                    self.again(streams, ids).await;
                }
            }
        }
        Fate::Committed
    }

    /// What a client does that was not told whether its commit happened.
    async fn again(&self, streams: &[String; 2], ids: &[Uuid]) {
        let mut connection = self.connect().await;
        let mut transaction = connection.begin().await.unwrap();
        append(&mut transaction, streams, ids).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.database_url).await.unwrap()
    }
}

async fn terminate(connection: &mut PgConnection, backend: i32) {
    sqlx::query("select pg_terminate_backend($1, 5000)")
        .bind(backend)
        .execute(connection)
        .await
        .unwrap();
}

/// The first event to one stream, the others to the other.
async fn append(
    transaction: &mut Transaction<'_, Postgres>,
    streams: &[String; 2],
    ids: &[Uuid],
) -> Result<(), Error> {
    for (stream, ids) in streams.iter().zip([&ids[..1], &ids[1..]]) {
        if ids.is_empty() {
            continue;
        }
        let events: Vec<Value> = ids
            .iter()
            .map(|id| json!({"type": "Written", "id": id, "data": {"by": "sql"}}))
            .collect();
        sqlx::query("select highwater.append($1, -2, $2)")
            .bind(stream)
            .bind(Value::from(events))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}
