//! Readers as pages of the console are: the live feed with a filter, and the boards that the page shows. Each checks its positions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::tally::Tally;

/// Taken from a socket at once, bytes: about a frame, as the client clears that much before each reading.
const AT_ONCE: usize = 32 << 10;
/// Before a connection that broke is made anew.
const PAUSE: Duration = Duration::from_millis(100);
/// So often in a row it may break.
const TRIES: usize = 100;
/// A page hears of the mark every two seconds at least.
const SILENCE: Duration = Duration::from_secs(40);
const POSITION: &str = "\"position\":";
/// How the database writes the time of the call into an event's data.
const AT: &str = "\"at\": ";

/// What a page of the console subscribes to, beside the mark.
#[derive(Debug)]
pub(super) struct Page {
    boards: &'static [&'static str],
    /// The filter line of its events; none for a page without events.
    filter: Option<&'static str>,
    /// The same as SQL says it.
    pub(super) condition: &'static str,
}

pub(super) static PAGES: [Page; 6] = [
    Page {
        boards: &["maintenance"],
        filter: Some(""),
        condition: "true",
    },
    Page {
        boards: &["lag", "jobs", "subscriptions", "maintenance"],
        filter: None,
        condition: "false",
    },
    Page {
        boards: &["maintenance"],
        filter: Some("type:OrderPlaced"),
        condition: "type = 'OrderPlaced'",
    },
    Page {
        boards: &["lag", "maintenance"],
        filter: Some("category:order -type:Parcel*"),
        condition: "type not like 'Parcel%'",
    },
    Page {
        boards: &["jobs", "maintenance"],
        filter: Some("stream:order-w0x*"),
        condition: "stream like 'order-w0x%'",
    },
    Page {
        boards: &["maintenance"],
        filter: Some("type:Payment*,Stock* data.cents>5000"),
        condition: "(type like 'Payment%' or type like 'Stock%') and (data->>'cents')::bigint > 5000",
    },
];

/// What one reader got.
#[derive(Debug)]
pub(super) struct Seen {
    /// Which of the pages it is.
    pub(super) page: usize,
    pub(super) events: i64,
    /// The sum of their positions.
    pub(super) positions: i64,
    /// What it was told that it didn't get, both ends exclusive.
    pub(super) gaps: Vec<(i64, i64)>,
}

type Socket = WebSocketStream<TcpStream>;

/// A connected reader.
pub(super) struct Reader {
    server: SocketAddr,
    socket: Socket,
    tally: Arc<Tally>,
    /// Everything up to here was said.
    at: i64,
    seen: Seen,
}

impl Reader {
    /// Connects the reader with this number, from the beginning of the log.
    pub(super) async fn connect(
        number: usize,
        server: SocketAddr,
        tally: Arc<Tally>,
    ) -> Result<Self> {
        let page = number % PAGES.len();
        Ok(Self {
            server,
            socket: open(server, &PAGES[page], 0).await?,
            tally,
            at: 0,
            seen: Seen {
                page,
                events: 0,
                positions: 0,
                gaps: Vec::new(),
            },
        })
    }

    /// Reads to the end of the log, once that is known. A connection that breaks is made anew from where it stood.
    pub(super) async fn follow(mut self, mut end: watch::Receiver<Option<i64>>) -> Result<Seen> {
        let mut tries = 0;
        loop {
            let before = self.at;
            match self.listen(&mut end).await? {
                Over::Done => return Ok(self.seen),
                Over::Broken => self.tally.note(|window| window.broken += 1),
            }
            tries = if self.at > before { 0 } else { tries + 1 };
            loop {
                tokio::time::sleep(PAUSE).await;
                match open(self.server, &PAGES[self.seen.page], self.at).await {
                    Ok(socket) => {
                        self.socket = socket;
                        break;
                    }
                    Err(error) if tries >= TRIES => return Err(error).context("a reader"),
                    Err(_) => tries += 1,
                }
            }
        }
    }

    async fn listen(&mut self, end: &mut watch::Receiver<Option<i64>>) -> Result<Over> {
        loop {
            if end.borrow().is_some_and(|end| self.is_done(end)) {
                return Ok(Over::Done);
            }
            let heard = tokio::select! {
                heard = tokio::time::timeout(SILENCE, self.socket.next()) => heard,
                changed = end.changed() => {
                    changed.context("nobody says where the log ends")?;
                    continue;
                }
            };
            // Who hears nothing for so long has a connection that is none any more.
            let Ok(heard) = heard else {
                return Ok(Over::Broken);
            };
            match heard {
                Some(Ok(Message::Text(text))) => self.take(text.as_str())?,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(Over::Broken),
                Some(Ok(_)) => {}
            }
        }
    }

    fn is_done(&self, end: i64) -> bool {
        PAGES[self.seen.page].filter.is_none() || self.at >= end
    }

    /// Looks at a message no closer than it has to: parsing each event would cost more than sending it.
    fn take(&mut self, text: &str) -> Result<()> {
        if text.starts_with(r#"{"id":1,"events":["#) {
            return self.take_events(text);
        }
        // News of a board names errors of its own, further inside.
        let start = text.get(..32).unwrap_or(text);
        if start.contains("\"error\":") {
            bail!("a reader was refused: {text}");
        }
        if text.starts_with(r#"{"id":1,"gap":"#) {
            let message: Value = serde_json::from_str(text)?;
            let number = |key: &str| message["gap"][key].as_i64().context("not a gap");
            let (after, before) = (number("after")?, number("before")?);
            // It may begin further on: up to there nothing matched.
            if after < self.at {
                bail!("a reader at {} was told of a gap after {after}", self.at);
            }
            self.tally.note(|window| window.gaps += 1);
            self.seen.gaps.push((after, before));
            self.at = before - 1;
        }
        Ok(())
    }

    fn take_events(&mut self, text: &str) -> Result<()> {
        let now = self.tally.micros();
        let mut took = Vec::new();
        let mut last = self.at;
        let mut rest = text;
        while let Some(found) = rest.find(POSITION) {
            rest = &rest[found + POSITION.len()..];
            let position = number(rest);
            if position <= last {
                bail!("after {last} a reader got {position}");
            }
            last = position;
            self.seen.events += 1;
            self.seen.positions += position;
            if let Some(found) = rest.find(AT) {
                rest = &rest[found + AT.len()..];
                took.push(now.saturating_sub(number(rest).unsigned_abs()));
            }
        }
        let next = text.rsplit_once("\"next\":").map(|(_, next)| number(next));
        let next = next.context("events without their end")?;
        if next < last {
            bail!("a reader at {last} was told {next}");
        }
        self.at = next;
        self.tally.note(|window| {
            for micros in took {
                window.deliveries.saturating_record(micros);
            }
        });
        Ok(())
    }
}

/// Why a connection is not read any more.
enum Over {
    Done,
    Broken,
}

async fn open(server: SocketAddr, page: &Page, after: i64) -> Result<Socket> {
    let mut request = format!("ws://{server}/api/live").into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "highwater.v1".parse()?);
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(AT_ONCE);
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    let mut messages = vec![json!({"subscribe": "mark", "id": 2})];
    if let Some(filter) = page.filter {
        let mut subscribe = json!({"subscribe": "events", "id": 1, "after": after});
        if !filter.is_empty() {
            subscribe["filter"] = filter.into();
        }
        messages.push(subscribe);
    }
    let boards = page.boards.iter().zip(3..);
    messages.extend(boards.map(|(board, id)| json!({"subscribe": board, "id": id})));
    for message in messages {
        socket.send(Message::text(message.to_string())).await?;
    }
    Ok(socket)
}

/// The number that a text begins with.
fn number(text: &str) -> i64 {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}
