//! `fanout`: many WebSocket readers of one server at 1,000 events/s, a tenth of them stalled.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::contenders;
use crate::lab::Lab;
use crate::pace::{self, Start};
use crate::process;
use crate::report::{Goal, Row, short};

const PER_SECOND: u32 = 1_000;
const READERS: usize = 2_000;
/// One reader in so many looks into its events; the others read where each frame ends, for looking costs more than sending.
const SAMPLE: usize = 25;
/// One in so many never reads.
const STALLED: usize = 10;
/// Milliseconds.
const GOAL: f64 = 100.0;
/// How much a reader takes from its socket at once, bytes: about a frame. The client clears that much before each reading, and with its
/// usual 128 KiB a third of the readers' time, a seventh of the machine's, went into that.
const AT_ONCE: usize = 32 << 10;
/// What the server's memory may grow by while everything runs: it holds its ring, not a queue a reader.
const FLAT_MB: f64 = 64.0;

type Socket = WebSocketStream<TcpStream>;

/// What one reader got.
struct Got {
    events: u64,
    gaps: u64,
    latency: Histogram<u64>,
}

/// Connects everybody, then appends for a while.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let time = Duration::from_secs(if lab.long { 60 } else { 12 });
    // Each end of a connection is an open file of its process.
    let readers = READERS.min(process::open_files().saturating_sub(200));
    let mut contender = contenders::http(&lab.postgres).await?;
    let program = contender.program().context("no program")?;
    let (address, pid) = (program.address, program.pid());
    eprintln!("  connecting {readers} readers");
    let start = Start::now();
    let mut sockets = Vec::new();
    for _ in 0..readers {
        sockets.push(connect(address).await?);
    }
    let stalled: Vec<Socket> = sockets.drain(..readers / STALLED).collect();
    // Rings and buffers fill before anything is measured.
    let warm = Duration::from_secs(2);
    let first = pace::count(PER_SECOND, warm);
    let last = first + pace::count(PER_SECOND, time);
    let mut reading = JoinSet::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        reading.spawn(read(socket, start, first, last, number % SAMPLE == 0));
    }
    contender.appended = pace::append(&contender.target, start, "warm", PER_SECOND, warm).await?;
    eprintln!("  {PER_SECOND} events/s for {} s", time.as_secs());
    let (memory, cpu) = (process::memory_mb(pid)?, process::cpu_seconds(pid)?);
    let started = Instant::now();
    let written = pace::append(&contender.target, start, "f", PER_SECOND, time).await?;
    contender.appended += written;
    let took = started.elapsed().as_secs_f64();
    let (cpu, memory_after) = (process::cpu_seconds(pid)? - cpu, process::memory_mb(pid)?);

    let (mut events, mut gaps) = (0, 0);
    let mut latency = Histogram::<u64>::new(3)?;
    while let Some(done) = reading.join_next().await {
        let got = done??;
        events += got.events;
        gaps += got.gaps;
        latency.add(got.latency)?;
    }
    let wrong = contender.check().await?.or_else(|| {
        let due = written * (readers - stalled.len()) as u64;
        (events + gaps < due).then(|| format!("{events} deliveries and {gaps} in gaps of {due}"))
    });
    drop(stalled);
    let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1_000.0;
    let measured = format!(
        "{readers} readers, a tenth stalled, {PER_SECOND} events/s for {} s",
        time.as_secs()
    );
    let figure = format!(
        "{:.2} M deliveries/s, p50 {} p99 {} ms",
        events as f64 / took / 1e6,
        short(ms(0.5)),
        short(ms(0.99))
    );
    let facts = json!({
        "deliveries": events, "in_gaps": gaps, "p50_ms": ms(0.5), "p99_ms": ms(0.99), "max_ms": ms(1.0),
        "server_cpu_cores": cpu / took, "memory_before_mb": memory, "memory_after_mb": memory_after,
    });
    let rows = vec![
        Row::new("fanout", measured, figure)
            .goal(ms(0.99), Goal::AtMost(GOAL))
            .rounds(facts)
            .wrong(wrong)
            .note(format!(
                "the server used {:.2} of the cores; the readers and the writers share them. One reader in {SAMPLE} measured.",
                cpu / took
            )),
        Row::new(
            "fanout_memory",
            "growth of the server meanwhile, MB",
            format!("{memory:.0} → {memory_after:.0} MB"),
        )
        .goal(memory_after - memory, Goal::AtMost(FLAT_MB)),
    ];
    contender.close().await;
    Ok(rows)
}

async fn connect(address: SocketAddr) -> Result<Socket> {
    let mut request = format!("ws://{address}/api/live").into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "highwater.v1".parse()?);
    let stream = TcpStream::connect(address).await?;
    let config = WebSocketConfig::default().read_buffer_size(AT_ONCE);
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    socket
        .send(Message::text(r#"{"subscribe":"events","id":1}"#))
        .await?;
    Ok(socket)
}

/// Reads until `last` has been said; counts from `first` on.
async fn read(mut socket: Socket, start: Start, first: u64, last: u64, looks: bool) -> Result<Got> {
    let mut got = Got {
        events: 0,
        gaps: 0,
        latency: Histogram::new(3)?,
    };
    let mut at = 0;
    while at < last {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next())
            .await
            .context("a reader got nothing for 20 s")?
            .context("the server closed a reader")??;
        let Message::Text(text) = message else {
            continue;
        };
        let now = start.micros();
        if text.contains("\"gap\"") && !text.contains("\"events\":[") {
            let gap: serde_json::Value = serde_json::from_str(&text)?;
            got.gaps += gap["gap"]["count"].as_u64().unwrap_or(0);
            at = gap["gap"]["before"].as_u64().unwrap_or(1) - 1;
            continue;
        }
        // A frame of events ends with `"next":123}`; without a filter it holds everything in between.
        let Some((_, next)) = text.rsplit_once("\"next\":") else {
            continue;
        };
        let next: u64 = next.trim_end_matches('}').parse()?;
        if next < at {
            bail!("a reader at {at} was told {next}");
        }
        got.events += next.max(first) - at.max(first);
        if looks && at >= first {
            for sent in pace::times_in(text.as_bytes()) {
                got.latency.record(now.saturating_sub(sent))?;
            }
        }
        at = next;
    }
    Ok(got)
}
