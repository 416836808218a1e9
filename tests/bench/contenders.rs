//! Those who are measured side by side: each has a database of its own on the same server.

use std::path::Path;

use anyhow::{Context, Result};
use highwater_store::{Store, StoreOptions, Tasks};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor};

use crate::lab::{Lab, Server};
use crate::server::Program;
use crate::writers::{CONNECTIONS, Target};

/// What anybody writes at first: positions from a sequence, the same columns and keys as ours. Its readers lose events.
const NAIVE: &str = "
    create schema naive;
    create table naive.events (
      position bigserial primary key, stream text not null, version bigint not null, event_id uuid not null, type text not null,
      data jsonb not null, metadata jsonb not null default '{}', correlation_id uuid, causation_id uuid,
      occurred_at timestamptz not null default now(), recorded_at timestamptz not null default now(), unique (stream, version));
    create index on naive.events (event_id);";

/// Message DB's own scripts, in the order of its `install.sh`.
const MESSAGE_DB: [&str; 19] = [
    "schema/message-store",
    "extensions/pgcrypto",
    "tables/messages",
    "types/message",
    "functions/message-store-version",
    "functions/hash-64",
    "functions/acquire-lock",
    "functions/category",
    "functions/is-category",
    "functions/id",
    "functions/cardinal-id",
    "functions/stream-version",
    "functions/write-message",
    "functions/get-stream-messages",
    "functions/get-category-messages",
    "functions/get-last-stream-message",
    "indexes/messages-id",
    "indexes/messages-stream",
    "indexes/messages-category",
];

/// One of them.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    /// For checks.
    pub(crate) pool: PgPool,
    pub(crate) url: String,
    /// Events that it should hold.
    pub(crate) appended: u64,
    counts: &'static str,
    tasks: Option<Tasks>,
    program: Option<Program>,
}

/// Highwater's store, in this process.
pub(crate) async fn store(server: &Server) -> Result<Contender> {
    let url = server.database("store").await?;
    let tasks = Tasks::new();
    let store = Store::open(&url, StoreOptions::default(), &tasks).await?;
    Ok(Contender {
        name: "store",
        target: Target::Store(store),
        pool: pool(&url, 2).await?,
        url,
        appended: 0,
        counts: OURS,
        tasks: Some(tasks),
        program: None,
    })
}

/// Highwater's program.
pub(crate) async fn http(server: &Server) -> Result<Contender> {
    let url = server.database("http").await?;
    let program = Program::start(&url)?;
    Ok(Contender {
        name: "http",
        target: Target::Http(program.address),
        pool: pool(&url, 2).await?,
        url,
        appended: 0,
        counts: OURS,
        tasks: None,
        program: Some(program),
    })
}

/// The naive table.
pub(crate) async fn plain(server: &Server) -> Result<Contender> {
    let url = server.database("plain").await?;
    let pool = pool(&url, CONNECTIONS).await?;
    pool.execute(NAIVE).await?;
    Ok(Contender {
        name: "plain insert",
        target: Target::Plain(pool.clone()),
        pool,
        url,
        appended: 0,
        counts: "select count(*), true from naive.events",
        tasks: None,
        program: None,
    })
}

/// Message DB, where its SQL is there.
pub(crate) async fn message_db(lab: &Lab, server: &Server) -> Result<Option<Contender>> {
    let Ok(folder) = &lab.message_db else {
        return Ok(None);
    };
    let url = server.database("message_db").await?;
    let pool = pool(&url, CONNECTIONS).await?;
    for script in MESSAGE_DB {
        let path = Path::new(folder).join(script).with_extension("sql");
        let sql = std::fs::read_to_string(&path)
            .with_context(|| format!("Message DB has no {script}"))?;
        pool.execute(AssertSqlSafe(sql)).await?;
    }
    Ok(Some(Contender {
        name: "Message DB",
        target: Target::MessageDb(pool.clone()),
        pool,
        url,
        appended: 0,
        counts: "select count(*), true from message_store.messages",
        tasks: None,
        program: None,
    }))
}

/// How many events, and whether positions are 1, 2, 3 … in the order of the versions.
const OURS: &str = "select count(*), coalesce(max(position) = count(*) and min(position) = 1, true)
    and not exists (select from (select version, lag(version) over (partition by stream_id order by position) as before from highwater.events) e
                    where version <> coalesce(before, -1) + 1) from highwater.events";

impl Contender {
    /// Its program's process.
    pub(crate) fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// Compares what is there with what was answered; `None` when it is the same.
    pub(crate) async fn check(&self) -> Result<Option<String>> {
        let (count, dense): (i64, bool) = sqlx::query_as(self.counts).fetch_one(&self.pool).await?;
        Ok(if count != self.appended as i64 {
            Some(format!(
                "{}: {} events were answered, {count} are there",
                self.name, self.appended
            ))
        } else if !dense {
            Some(format!("{}: positions or versions have gaps", self.name))
        } else {
            None
        })
    }

    /// Whether positions and versions have no gaps, where they promise that.
    pub(crate) async fn dense(&self) -> Result<bool> {
        Ok(self.count().await?.1)
    }

    async fn count(&self) -> Result<(i64, bool)> {
        Ok(sqlx::query_as(self.counts).fetch_one(&self.pool).await?)
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        self.pool.close().await;
        if let Some(tasks) = self.tasks {
            tasks.shutdown().await;
        }
    }
}

async fn pool(url: &str, connections: usize) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse()?;
    Ok(PgPoolOptions::new()
        .max_connections(connections as u32)
        .test_before_acquire(false)
        .connect_with(options.options([("search_path", "message_store,public")]))
        .await?)
}
