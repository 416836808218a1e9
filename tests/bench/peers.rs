//! Peers that replay events into rows: what is in their tables is copied from our log, so that they replay the same events.

use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::lab::Lab;

/// Events that Emmett reads at once; by itself it takes 100, which is slower.
const EMMETT_BATCH: &str = "1000";

type Replay = for<'a> fn(
    &'a Lab,
    &'a PgPool,
    &'a str,
    u64,
) -> Pin<Box<dyn Future<Output = Result<f64>> + 'a>>;

/// A peer with a handler for rows.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// What of it is measured.
    pub(crate) how: &'static str,
    /// Its rows, as ours.
    pub(crate) rows: &'static str,
    /// Replays so many events; answers seconds.
    pub(crate) replay: Replay,
}

/// All of them.
pub(crate) const REPLAYS: [Peer; 2] = [
    Peer {
        name: "Emmett",
        how: "`rebuildPostgreSQLProjections` of a raw SQL projection, 1,000 events a batch without a pause",
        rows: "select account, movements, cents from emmett_totals",
        replay: |lab, pool, url, events| Box::pin(emmett(lab, pool, url, events)),
    },
    Peer {
        name: "postgres-es",
        how: "`QueryReplay` of a `GenericQuery`",
        rows: "select view_id, (payload->>'movements')::bigint, (payload->>'cents')::bigint from totals",
        replay: |lab, pool, url, events| Box::pin(postgres_es(lab, pool, url, events)),
    },
];

async fn emmett(lab: &Lab, pool: &PgPool, url: &str, events: u64) -> Result<f64> {
    let folder = known(&lab.emmett)?;
    let node = |order: &str| {
        let mut node = Command::new("node");
        node.current_dir(folder).args(["rebuild.js", order, url]);
        node
    };
    output(node("migrate")).await?;
    pool.execute(AssertSqlSafe(format!(
        "create table emmett_totals (account text primary key, movements bigint not null, cents bigint not null);
         insert into emt_messages (stream_id, stream_position, message_kind, message_data, message_metadata, message_schema_version,
           message_type, message_id, global_position, transaction_id)
         select s.name, e.version + 1, 'E', e.data, '{{}}', '1', t.name, e.event_id::text, e.position, pg_current_xact_id()
         from highwater.events e join highwater.streams s using (stream_id) join highwater.event_types t using (type_id)
         where e.position <= {events}"
    )))
    .await?;
    lab.postgres.settle().await?;
    let mut rebuild = node("rebuild");
    rebuild.arg(EMMETT_BATCH);
    seconds(rebuild).await
}

async fn postgres_es(lab: &Lab, pool: &PgPool, url: &str, events: u64) -> Result<f64> {
    let program = known(&lab.postgres_es)?;
    pool.execute(AssertSqlSafe(format!(
        r"create table events (aggregate_type text not null, aggregate_id text not null, sequence bigint not null check (sequence >= 0),
             event_type text not null, event_version text not null, payload json not null, metadata json not null,
             primary key (aggregate_type, aggregate_id, sequence));
           create table totals (view_id text primary key, version bigint not null check (version >= 0), payload json not null);
           insert into events
           select 'account', data->>'account', row_number() over (partition by data->>'account' order by position), 'Moved', '1.0', data, '{{}}'
           from highwater.events where position <= {events}"
    )))
    .await?;
    lab.postgres.settle().await?;
    let mut replay = Command::new(program);
    replay.arg(url);
    seconds(replay).await
}

fn known(place: &Result<std::path::PathBuf, String>) -> Result<&Path> {
    match place {
        Ok(path) => Ok(path),
        Err(why) => Err(anyhow!("{why}")),
    }
}

/// What a program prints.
async fn output(mut command: Command) -> Result<String> {
    command.stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output())
        .await?
        .context("the peer's program does not start")?;
    if !ended.status.success() {
        bail!("{}", String::from_utf8_lossy(&ended.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
}

/// The seconds that it prints.
async fn seconds(command: Command) -> Result<f64> {
    let text = output(command).await?;
    text.parse()
        .with_context(|| format!("the peer's program said {text:?} instead of seconds"))
}
