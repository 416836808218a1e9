//! What every bench works with: the Postgres that xtask started, and what is known about the machine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// URL of a superuser of the Postgres under all of this.
pub(crate) const POSTGRES: &str = "HIGHWATER_BENCH_POSTGRES";
/// The same of a second one whose flush takes as long as on a cloud disk (`--long`).
const SLOW_POSTGRES: &str = "HIGHWATER_BENCH_SLOW_POSTGRES";
/// What `fdatasync` was slowed to, in microseconds; absent when it was not.
const FLUSH: &str = "HIGHWATER_BENCH_FLUSH_MICROS";
/// Folder of Message DB's SQL …
const MESSAGE_DB: &str = "HIGHWATER_BENCH_MESSAGE_DB";
/// … or why there is none.
const NO_MESSAGE_DB: &str = "HIGHWATER_BENCH_NO_MESSAGE_DB";
/// Folder of Emmett's script with its packages …
const EMMETT: &str = "HIGHWATER_BENCH_EMMETT";
/// … or why there is none.
const NO_EMMETT: &str = "HIGHWATER_BENCH_NO_EMMETT";
/// The program that replays with postgres-es …
const POSTGRES_ES: &str = "HIGHWATER_BENCH_POSTGRES_ES";
/// … or why there is none.
const NO_POSTGRES_ES: &str = "HIGHWATER_BENCH_NO_POSTGRES_ES";
/// The commit that is measured.
const COMMIT: &str = "HIGHWATER_BENCH_COMMIT";

/// Where benches run.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The long form.
    pub(crate) long: bool,
    /// Message DB's `database` folder, or why it can't be measured.
    pub(crate) message_db: Result<PathBuf, String>,
    /// The folder of Emmett's script, or why it can't be measured.
    pub(crate) emmett: Result<PathBuf, String>,
    /// The program with postgres-es, or why it can't be measured.
    pub(crate) postgres_es: Result<PathBuf, String>,
    /// The heading of the table.
    pub(crate) machine: String,
    /// The same for the file.
    pub(crate) facts: Value,
    /// The Postgres with a slow flush.
    pub(crate) slow: Option<Server>,
    /// The Postgres.
    pub(crate) postgres: Server,
}

/// A Postgres.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    url: String,
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// The URL of a new, empty database.
    pub(crate) async fn database(&self, name: &str) -> Result<String> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}_{}_{number}", std::process::id());
        let mut connection = self.connect().await?;
        connection
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await?;
        let (before, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let start = before.find("://").map_or(0, |at| at + 3);
        let end = before[start..]
            .find('/')
            .map_or(before.len(), |at| start + at);
        Ok(format!("{}/{name}?{query}", &before[..end]))
    }

    /// Writes out what the last bench left, so that no checkpoint falls into the next one.
    pub(crate) async fn settle(&self) -> Result<()> {
        self.connect().await?.execute("checkpoint").await?;
        Ok(())
    }

    async fn connect(&self) -> Result<PgConnection> {
        PgConnection::connect(&self.url)
            .await
            .context("the Postgres of the bench does not answer")
    }

    /// What the flush of a commit costs: the median of small commits with it, less that without it.
    async fn flush_cost(&self) -> Result<Duration> {
        let mut connection = self.connect().await?;
        connection
            .execute("create table if not exists flushed (n int)")
            .await?;
        let mut medians = Vec::new();
        for flushes in ["on", "off"] {
            connection
                .execute(AssertSqlSafe(format!("set synchronous_commit = {flushes}")))
                .await?;
            let mut times = Vec::new();
            for _ in 0..300 {
                let started = Instant::now();
                connection.execute("insert into flushed values (1)").await?;
                times.push(started.elapsed());
            }
            times.sort_unstable();
            medians.push(times[times.len() / 2]);
        }
        Ok(medians[0].saturating_sub(medians[1]))
    }
}

impl Lab {
    /// Connects and looks at the machine.
    pub(crate) async fn open(long: bool) -> Result<Self> {
        let given = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let postgres = Server {
            url: given(POSTGRES)
                .with_context(|| format!("no Postgres in {POSTGRES}: run `cargo xtask bench`"))?,
        };
        let slow = given(SLOW_POSTGRES).map(|url| Server { url });
        let peer = |place: &str, missing: &str| {
            given(place)
                .map(PathBuf::from)
                .ok_or_else(|| given(missing).unwrap_or_else(|| format!("nothing in {place}")))
        };
        let version: String = sqlx::query_scalar("select current_setting('server_version')")
            .fetch_one(&mut postgres.connect().await?)
            .await?;
        let cores = std::thread::available_parallelism()?.get();
        let cost = postgres.flush_cost().await?.as_micros();
        let set = given(FLUSH);
        let flush = match &set {
            Some(micros) => format!("fdatasync slowed by {micros} µs (a flush costs {cost} µs)"),
            None => format!("fdatasync in RAM, not slowed (a flush costs {cost} µs)"),
        };
        let commit = given(COMMIT).unwrap_or_else(|| "unknown".to_owned());
        Ok(Self {
            long,
            message_db: peer(MESSAGE_DB, NO_MESSAGE_DB),
            emmett: peer(EMMETT, NO_EMMETT),
            postgres_es: peer(POSTGRES_ES, NO_POSTGRES_ES),
            machine: format!(
                "{cores} cores for everything, clients too · PostgreSQL {version} in RAM, {flush} · commit {commit}"
            ),
            facts: json!({ "cores": cores, "postgres": version, "fdatasync_set_us": set, "fdatasync_measured_us": cost as u64, "commit": commit }),
            slow,
            postgres,
        })
    }
}
