//! One WebSocket.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use highwater_model::Problem;
use highwater_model::live::{ClientMessage, ServerMessage};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::messages::text;
use super::one_feed::{OneFeed, Say};
use crate::api::problem::ApiError;
use crate::caller::Caller;
use crate::state::AppState;

/// Feeds of one connection: a page has a handful.
const MAX_FEEDS: usize = 32;
/// After so many messages that can't be understood the connection is closed.
const MAX_NONSENSE: u32 = 8;
/// How often the peer is asked whether it is there.
const PING: Duration = Duration::from_secs(15);
/// How long it may be silent, or not drain its socket.
const SILENT: Duration = Duration::from_secs(40);
/// Between two rounds of frames when little happens: one frame of a 60 Hz screen.
const PACE_MIN: Duration = Duration::from_millis(16);
/// Between two rounds when much happens: fewer, larger frames cost less on both sides.
const PACE_MAX: Duration = Duration::from_millis(50);
/// How long a socket stays open after its close when the rest of a message has not been read: closing it then resets the connection,
/// and the reason could be lost on its way.
const LINGER: Duration = Duration::from_secs(1);
/// How often feeds that depend on time, not on events, are looked at.
const TICK: Duration = Duration::from_millis(500);

/// Why a connection was closed: who had it may not be here any more, or may do less. 4000 and above are an application's own.
const CLOSED_OUT: u16 = 4401;

/// One WebSocket and its feeds.
pub struct Connection {
    state: AppState,
    caller: Caller,
    sink: SplitSink<WebSocket, Message>,
    feeds: Vec<OneFeed>,
    nonsense: u32,
    /// The peer has said something that is no goodbye.
    spoken: bool,
    /// The peer has said goodbye.
    closed: bool,
}

/// The connection is over; the peer knows, or is gone.
struct Over;

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("feeds", &self.feeds)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Serves a socket until either side ends it.
    pub async fn run(socket: WebSocket, state: AppState, caller: Caller) {
        let open = metrics::gauge!("highwater_live_connections");
        open.increment(1.0);
        let (sink, mut stream) = socket.split();
        let mut connection = Self {
            state,
            caller,
            sink,
            feeds: Vec::new(),
            nonsense: 0,
            spoken: false,
            closed: false,
        };
        let _: Result<(), Over> = connection.serve(&mut stream).await;
        let broken = !connection.closed && !connection.state.stopping.is_cancelled();
        for feed in connection.feeds.drain(..) {
            feed.end(&connection.state, broken).await;
        }
        open.decrement(1.0);
    }

    async fn serve(
        &mut self,
        stream: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin),
    ) -> Result<(), Over> {
        let token = self.state.stopping.clone();
        let mut head = self.state.feed.watch();
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let unspoken = heard + self.state.limits.unspoken();
        // When to look at the feeds next; none while there is nothing to say.
        let mut due: Option<Instant> = None;
        let mut not_before = Instant::now();
        let mut boards = self.state.boards.moved();
        let mut subscriptions = self.state.subscriptions.any_moved();
        let mut identity = self.state.gate.moved();
        loop {
            let follows = self.feeds.iter().any(OneFeed::follows_events);
            let waits = due.is_none() && self.feeds.iter().any(OneFeed::waits_for_time);
            let watches = self.feeds.iter().any(OneFeed::watches_boards);
            let delivers = self.feeds.iter().any(OneFeed::delivers);
            tokio::select! {
                () = token.cancelled() => return self.close(close_code::RESTART, "the server is stopping; connect again").await,
                message = stream.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(said))) => {
                            self.spoken = true;
                            self.hear(&said).await?;
                            due = Some(Instant::now());
                        }
                        Some(Ok(Message::Binary(_))) => self.refuse(None, binary()).await?,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Err(error)) if is_too_long(&error) => {
                            let over = self.close(close_code::SIZE, "a message has 16 KiB at most").await;
                            tokio::time::sleep(LINGER).await;
                            return over;
                        }
                        Some(Ok(Message::Close(_))) => {
                            self.closed = true;
                            return Err(Over);
                        }
                        Some(Err(_)) | None => return Err(Over),
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENT {
                        return self.close(close_code::AWAY, "no answer to pings").await;
                    }
                    self.send(Message::Ping(bytes::Bytes::new())).await?;
                }
                // Whoever connects wants to hear something; a place is not kept for who only holds it.
                () = sleep_until(unspoken), if !self.spoken => {
                    return self.close(close_code::POLICY, "nothing was asked for; subscribe to something").await;
                }
                _ = tick.tick(), if waits => due = due.or(Some(not_before)),
                Ok(()) = boards.changed(), if watches => due = due.or(Some(not_before)),
                Ok(()) = subscriptions.changed(), if delivers => due = due.or(Some(not_before)),
                Ok(()) = identity.changed() => self.identify().await?,
                changed = head.changed(), if follows && due.is_none() => {
                    if changed.is_err() {
                        return self.close(close_code::RESTART, "the server is stopping; connect again").await;
                    }
                    due = Some(not_before);
                }
                () = sleep_until(due.unwrap_or(not_before)), if due.is_some() => {
                    // What was hidden or taken away by now is not said any more, whichever branch was looked at first.
                    if identity.has_changed().unwrap_or(false) {
                        identity.mark_unchanged();
                        self.identify().await?;
                    }
                    head.mark_unchanged();
                    let (events, more) = self.round().await?;
                    not_before = Instant::now() + if events > 100 { PACE_MAX } else { PACE_MIN };
                    due = more.then_some(not_before);
                }
            }
        }
    }

    /// Asks anew who this is: rights may have been taken away, fields hidden, or time has run out. Feeds that they may not hear any more end
    /// with the connection; those whose events are seen in another way go on so.
    async fn identify(&mut self) -> Result<(), Over> {
        match self.state.gate.again(&self.caller).await {
            Ok(Some(caller)) if self.caller.rights.iter().all(|right| caller.may(*right)) => {
                self.caller = caller;
                self.see().await
            }
            Ok(_) => {
                self.close(CLOSED_OUT, "the login has ended; log in again")
                    .await
            }
            // Who they are can't be asked just now; what they hear is refused as soon as it can.
            Err(_) => Ok(()),
        }
    }

    /// Has each feed speak to who this is now. One whose filter asks for what is hidden ends with its reason.
    async fn see(&mut self) -> Result<(), Over> {
        let sight = self.caller.sight();
        let mut index = 0;
        while let Some(feed) = self.feeds.get_mut(index) {
            match feed.see(&self.state, &sight) {
                Ok(()) => index += 1,
                Err(problem) => self.end(index, problem).await?,
            }
        }
        Ok(())
    }

    /// Ends a feed, and says why; the client subscribes again after its last `next`.
    async fn end(&mut self, index: usize, error: Problem) -> Result<(), Over> {
        let feed = self.feeds.remove(index);
        let id = Some(feed.id);
        feed.end(&self.state, false).await;
        self.send(text(&ServerMessage::Error { id, error })).await
    }

    /// Lets each feed say something; says how many events were sent, and whether there may be more.
    async fn round(&mut self) -> Result<(usize, bool), Over> {
        let mut events = 0;
        let mut more = false;
        let mut index = 0;
        while index < self.feeds.len() {
            let feed = &mut self.feeds[index];
            match feed.next(&self.state).await {
                Ok(Say::Nothing) => {}
                Ok(Say::Moved) => more = true,
                Ok(Say::Message(message, count)) => {
                    events += count;
                    more |= feed.follows_events() || feed.delivers();
                    self.send(message).await?;
                }
                Err(ApiError(problem)) => {
                    self.end(index, problem).await?;
                    continue;
                }
            }
            index += 1;
        }
        Ok((events, more))
    }

    async fn hear(&mut self, said: &str) -> Result<(), Over> {
        match ClientMessage::read(said) {
            Err((id, problem)) => self.refuse(id, problem).await,
            Ok(ClientMessage::Unsubscribe(message)) => {
                let ended = self
                    .feeds
                    .extract_if(.., |feed| feed.id == message.unsubscribe);
                for feed in ended.collect::<Vec<_>>() {
                    feed.end(&self.state, false).await;
                }
                Ok(())
            }
            Ok(ClientMessage::Acknowledge(message)) => {
                let id = message.acknowledge;
                let mut feeds = self.feeds.iter_mut().filter(|feed| feed.id == id);
                if feeds.next().is_some_and(|feed| feed.hear(message)) {
                    return Ok(());
                }
                let detail = format!(
                    "Feed {id} delivers no events of a subscription; say {{\"subscribe\": \"subscription\", \"id\": {id}, \"name\": …}} first."
                );
                let problem = Problem::new(404, "no_such_feed", "There is no such feed", detail);
                self.refuse(Some(id), problem).await
            }
            Ok(ClientMessage::Subscribe(message)) => {
                let id = message.id;
                if self.feeds.iter().any(|feed| feed.id == id) {
                    let problem = Problem::new(
                        409,
                        "id_in_use",
                        "The id is in use",
                        format!("Feed {id} runs already; unsubscribe it, or take another id."),
                    );
                    return self.refuse(Some(id), problem).await;
                }
                if self.feeds.len() >= MAX_FEEDS {
                    let detail = format!(
                        "A connection has {MAX_FEEDS} feeds at most; unsubscribe one, or open another connection."
                    );
                    return self
                        .refuse(
                            Some(id),
                            Problem::new(429, "too_many_feeds", "Too many feeds", detail),
                        )
                        .await;
                }
                match OneFeed::new(&message, &self.state, &self.caller) {
                    Ok(feed) => {
                        self.feeds.push(feed);
                        Ok(())
                    }
                    // A wrong filter is a typing mistake, not nonsense.
                    Err(problem) => {
                        self.send(text(&ServerMessage::Error {
                            id: Some(id),
                            error: problem,
                        }))
                        .await
                    }
                }
            }
        }
    }

    async fn refuse(&mut self, id: Option<u32>, problem: Problem) -> Result<(), Over> {
        self.nonsense += 1;
        self.send(text(&ServerMessage::Error { id, error: problem }))
            .await?;
        if self.nonsense >= MAX_NONSENSE {
            return self
                .close(
                    close_code::POLICY,
                    "too many messages that are not understood",
                )
                .await;
        }
        Ok(())
    }

    /// Sends and waits until the socket took it: that is what keeps a slow reader's memory at nothing.
    async fn send(&mut self, message: Message) -> Result<(), Over> {
        match timeout(SILENT, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Over),
            Err(_) => {
                tracing::debug!("live: closed a connection that drained nothing");
                Err(Over)
            }
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Over> {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        let _: Result<_, _> = timeout(
            Duration::from_secs(1),
            self.sink.send(Message::Close(Some(frame))),
        )
        .await;
        Err(Over)
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let inner = std::error::Error::source(error);
    matches!(
        inner.and_then(|inner| inner.downcast_ref()),
        Some(tokio_tungstenite::tungstenite::Error::Capacity(_))
    )
}

fn binary() -> Problem {
    Problem::new(
        400,
        "bad_message",
        "The message is not understood",
        "Binary messages are not taken; send JSON as text.",
    )
}
