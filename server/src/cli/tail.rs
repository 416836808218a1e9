//! `highwater tail`: a client of the live feed.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use highwater_model::live::{After, ClientMessage, ServerMessage, Subscribe, Topic};
use highwater_model::{Position, RecordedEvent};
use tokio_tungstenite::tungstenite::Message;

use super::client::ServerArgs;
use super::{output, socket};

/// The server pings every 15 s; after three of them unheard the connection is dead.
const SILENT: Duration = Duration::from_secs(45);
/// Between attempts to connect, at first.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// Between attempts to connect, at most.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// `highwater tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// The filter line: type:OrderPlaced stream:order-* since:15m
    filter: Vec<String>,
    /// Start behind this position, 0 for everything; the newest event unless given
    #[arg(long, value_name = "POSITION", env = "HIGHWATER_AFTER")]
    after: Option<u64>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Why a connection ended.
enum End {
    /// Try again, from the cursor.
    Lost(anyhow::Error),
    /// The server refused; trying again changes nothing.
    Refused(anyhow::Error),
}

/// Shows events until it is stopped; reconnects and goes on where it was.
pub async fn run(args: TailArgs) -> anyhow::Result<()> {
    let mut after = match args.after {
        Some(position) => After::Position(Position(
            i64::try_from(position).context("that position is too large")?,
        )),
        None => After::Head,
    };
    let mut retry = RETRY_MIN;
    let mut connected_once = false;
    loop {
        let before = after;
        match follow(&args, &mut after, &mut connected_once).await {
            End::Refused(error) => return Err(error),
            End::Lost(error) if !connected_once => return Err(error),
            End::Lost(error) => {
                if before != after {
                    retry = RETRY_MIN;
                }
                eprintln!(
                    "highwater: {error:#}; trying again in {:.1} s",
                    retry.as_secs_f32()
                );
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(RETRY_MAX);
            }
        }
    }
}

async fn follow(args: &TailArgs, after: &mut After, connected_once: &mut bool) -> End {
    match listen(args, after, connected_once).await {
        Ok(end) => end,
        Err(error) => End::Lost(error),
    }
}

async fn listen(
    args: &TailArgs,
    after: &mut After,
    connected_once: &mut bool,
) -> anyhow::Result<End> {
    let mut socket = socket::open(&args.server).await?;
    *connected_once = true;
    let filter = args.filter.join(" ");
    let filter = (!filter.is_empty()).then_some(filter);
    let subscribe = ClientMessage::Subscribe(Subscribe {
        after: Some(*after),
        filter,
        ..Subscribe::to(Topic::Events, 1)
    });
    socket
        .send(Message::text(serde_json::to_string(&subscribe)?))
        .await?;
    loop {
        let message = tokio::time::timeout(SILENT, socket.next())
            .await
            .context("the server has gone silent")?;
        match message.transpose()? {
            None => bail!("the server closed the connection"),
            Some(Message::Close(frame)) => bail!(
                "the server closed the connection{}",
                frame.map_or(String::new(), |f| format!(": {}", f.reason))
            ),
            Some(Message::Text(text)) => {
                if let Some(refused) = show(
                    serde_json::from_str(&text)
                        .context("the server says what this version doesn't understand")?,
                    after,
                )? {
                    return Ok(End::Refused(refused));
                }
            }
            Some(_) => {}
        }
    }
}

/// Shows a message and moves the cursor; gives back a refusal.
fn show(message: ServerMessage, after: &mut After) -> anyhow::Result<Option<anyhow::Error>> {
    match message {
        ServerMessage::Events { events, next, .. } => {
            events
                .iter()
                .try_for_each(|event: &RecordedEvent| output::event(event))?;
            *after = After::Position(next);
        }
        ServerMessage::CaughtUp { caught_up, .. } => *after = After::Position(caught_up),
        ServerMessage::Gap { gap, .. } => {
            eprintln!(
                "highwater: this reader was too slow and missed {} positions; read them with GET /api/events?after={}&before={}",
                gap.count, gap.after, gap.before
            );
            *after = After::Position(Position(gap.before.0 - 1));
        }
        ServerMessage::Error { error, .. } => return Ok(Some(anyhow!("{error}"))),
        // Of feeds that it did not ask for.
        _ => {}
    }
    Ok(None)
}
