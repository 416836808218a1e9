//! The closed loop that every append bench runs: each writer waits for its answer before it sends the next event.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use highwater_model::{AppendToStream, ExpectedVersion, ProposedEvent, StreamName, Version};
use highwater_store::Store;
use serde_json::value::RawValue;
use sqlx::PgPool;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::types::Json;
use tokio::task::JoinSet;

use crate::events::{Event, Events};
use crate::server::Http;

/// Connections that the writers of a peer share at most: beyond it none gets faster.
pub(crate) const CONNECTIONS: usize = 64;

/// Where events go.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Highwater's store, in process.
    Store(Store),
    /// Highwater's program.
    Http(SocketAddr),
    /// An insert of our own.
    Plain(PgPool),
    /// Message DB's function.
    MessageDb(PgPool),
}

/// What a number of writers did in a time.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) events: u64,
    pub(crate) per_second: f64,
    /// Microseconds from the call to the answer.
    pub(crate) latency: Histogram<u64>,
}

impl Round {
    /// Milliseconds.
    pub(crate) fn ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

/// Lets writers append for a time; `name` keeps their streams apart from those of other rounds.
pub(crate) async fn run(
    target: &Target,
    name: &str,
    writers: usize,
    time: Duration,
) -> Result<Round> {
    let mut ready = Vec::new();
    for number in 0..writers {
        let events = Events::new("order", format_args!("{name}w{number}"));
        ready.push((Writer::new(target, writers).await?, events));
    }
    let started = Instant::now();
    let until = started + time;
    let mut running = JoinSet::new();
    for (mut writer, mut events) in ready {
        running.spawn(async move {
            let mut latency = Histogram::<u64>::new(3)?;
            while Instant::now() < until {
                let event = events.next();
                let called = Instant::now();
                writer.append(event).await?;
                latency.record(called.elapsed().as_micros() as u64)?;
            }
            Ok::<_, anyhow::Error>(latency)
        });
    }
    let mut latency = Histogram::<u64>::new(3)?;
    while let Some(done) = running.join_next().await {
        latency.add(done??)?;
    }
    let events = latency.len();
    Ok(Round {
        events,
        per_second: events as f64 / started.elapsed().as_secs_f64(),
        latency,
    })
}

/// One writer.
#[derive(Debug)]
pub(crate) enum Writer {
    Store(Store),
    Http(Http),
    Plain(Link),
    MessageDb(Link),
}

/// A connection of its own while there are enough, else a share of the pool.
#[derive(Debug)]
pub(crate) enum Link {
    Own(PoolConnection<Postgres>),
    Shared(PgPool),
}

impl Link {
    async fn new(pool: &PgPool, writers: usize) -> Result<Self> {
        Ok(if writers <= CONNECTIONS {
            Self::Own(pool.acquire().await?)
        } else {
            Self::Shared(pool.clone())
        })
    }

    async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<()> {
        match self {
            Self::Own(connection) => query.execute(&mut **connection).await?,
            Self::Shared(pool) => query.execute(&*pool).await?,
        };
        Ok(())
    }
}

impl Writer {
    /// One of so many.
    pub(crate) async fn new(target: &Target, writers: usize) -> Result<Self> {
        Ok(match target {
            Target::Store(store) => Self::Store(store.clone()),
            Target::Http(address) => Self::Http(Http::connect(*address).await?),
            Target::Plain(pool) => Self::Plain(Link::new(pool, writers).await?),
            Target::MessageDb(pool) => Self::MessageDb(Link::new(pool, writers).await?),
        })
    }

    /// Appends and waits for the answer.
    pub(crate) async fn append(&mut self, event: Event) -> Result<()> {
        match self {
            Self::Store(store) => {
                store.append(vec![to_stream(event)?]).await?;
            }
            Self::Http(http) => {
                let expected = match event.expected {
                    -1 => "expected-version: none\r\n".to_owned(),
                    version => format!("expected-version: {version}\r\n"),
                };
                let body = format!(
                    r#"[{{"type":"{}","id":"{}","data":{}}}]"#,
                    event.kind, event.id, event.data
                );
                let path = format!("/api/streams/{}/events", event.stream);
                let status = http.post(&path, &expected, &body).await?;
                if status != 201 {
                    bail!("an append was answered with {status}");
                }
            }
            Self::Plain(link) => {
                let data = RawValue::from_string(event.data)?;
                let query = sqlx::query(
                    "insert into naive.events (stream, version, event_id, type, data) values ($1, $2, $3, $4, $5)",
                );
                link.execute(
                    query
                        .bind(event.stream)
                        .bind(event.expected + 1)
                        .bind(event.id)
                        .bind(event.kind)
                        .bind(Json(data)),
                )
                .await?;
            }
            Self::MessageDb(link) => {
                let data = RawValue::from_string(event.data)?;
                let query = sqlx::query(
                    "select message_store.write_message($1::varchar, $2::varchar, $3::varchar, $4, null, $5)",
                );
                link.execute(
                    query
                        .bind(event.id.to_string())
                        .bind(event.stream)
                        .bind(event.kind)
                        .bind(Json(data))
                        .bind(event.expected),
                )
                .await?;
            }
        }
        Ok(())
    }
}

/// The event as the store takes it. Its id is given, as Message DB asks for: a retry of it would be recorded once.
pub(crate) fn to_stream(event: Event) -> Result<AppendToStream> {
    Ok(AppendToStream {
        stream: StreamName::new(event.stream)?,
        expected_version: match event.expected {
            -1 => ExpectedVersion::None,
            version => ExpectedVersion::Exactly(Version(version)),
        },
        events: vec![ProposedEvent {
            event_type: event.kind.to_owned(),
            data: RawValue::from_string(event.data)?,
            id: Some(event.id),
            occurred_at: None,
            metadata: None,
        }],
    })
}
