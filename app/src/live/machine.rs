//! The connection as a state machine: inputs in, effects out; no clock, no socket, no randomness of its own.

mod board;
mod in_out;
#[cfg(test)]
mod tests;

use highwater_model::live::{After, ClientMessage, ServerMessage, Subscribe, Topic, Unsubscribe};
use highwater_model::{Gap, Position};

pub use board::Board;
use board::{LAST_FIXED_FEED, MARK_FEED, subscribe_to};
pub use in_out::{Effect, Input, Status};

/// More missed events than this are shown as a gap instead of being poured into the page.
pub const MISSED_AT_MOST: i64 = 2_000;
/// A clock that jumps this far between two ticks (of a second) has slept.
const SLEPT_MS: f64 = 20_000.0;
/// Silence after which the connection is taken for dead: the mark comes every two seconds.
const SILENT_MS: f64 = 12_000.0;
const FIRST_WAIT_MS: f64 = 500.0;
const LONGEST_WAIT_MS: f64 = 30_000.0;

#[derive(Debug, Clone)]
struct Following {
    filter: String,
    next: Position,
    /// The feed's id once it is subscribed on this connection.
    feed: Option<u32>,
}

/// The state of the connection.
#[derive(Debug)]
pub struct Machine {
    status: Status,
    following: Option<Following>,
    watched: Vec<Board>,
    attempts: u32,
    last_feed: u32,
    heard_at: Option<f64>,
    ticked_at: Option<f64>,
    /// After a loss nothing is subscribed before the mark has said how much was missed.
    measure: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            status: Status::Connecting,
            following: None,
            watched: Vec::new(),
            attempts: 0,
            last_feed: LAST_FIXED_FEED,
            heard_at: None,
            ticked_at: None,
            measure: false,
        }
    }
}

impl Machine {
    /// How the connection is.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Where the events that were taken end.
    pub fn next(&self) -> Option<Position> {
        self.following.as_ref().map(|following| following.next)
    }

    /// Handles one input. `now` is in milliseconds, `chance` between 0 and 1.
    pub fn handle(&mut self, input: Input, now: f64, chance: f64) -> Vec<Effect> {
        if self.status == Status::Closed {
            return Vec::new();
        }
        match input {
            Input::Start => vec![self.connect(now)],
            Input::Opened => self.opened(now),
            Input::Lost => {
                self.lost(now, chance);
                Vec::new()
            }
            Input::Message(message) => self.message(&message, now),
            Input::Tick => self.tick(now, chance),
            Input::Follow { filter, after } => {
                let mut effects = self.unsubscribe();
                self.following = Some(Following {
                    filter,
                    next: after,
                    feed: None,
                });
                if self.connected() && !self.measure {
                    effects.extend(self.subscribe());
                }
                effects
            }
            Input::Unfollow => {
                let effects = self.unsubscribe();
                self.following = None;
                effects
            }
            Input::Watch(board, begin) => self.watch(board, begin),
            Input::Stop => {
                self.status = Status::Closed;
                vec![Effect::Disconnect]
            }
        }
    }

    fn watch(&mut self, board: Board, begin: bool) -> Vec<Effect> {
        if self.watched.contains(&board) == begin {
            return Vec::new();
        }
        if begin {
            self.watched.push(board);
        } else {
            self.watched.retain(|watched| *watched != board);
        }
        let effect = if begin { board.begin() } else { board.end() };
        self.connected().then_some(effect).into_iter().collect()
    }

    fn connected(&self) -> bool {
        matches!(self.status, Status::Behind | Status::Live)
    }

    fn connect(&mut self, now: f64) -> Effect {
        self.status = Status::Connecting;
        self.heard_at = Some(now);
        Effect::Connect
    }

    fn opened(&mut self, now: f64) -> Vec<Effect> {
        self.heard_at = Some(now);
        self.status = if self.following.is_some() {
            Status::Behind
        } else {
            Status::Live
        };
        if let Some(following) = &mut self.following {
            following.feed = None;
        }
        let mut effects = vec![subscribe_to(Topic::Mark, MARK_FEED)];
        effects.extend(self.watched.iter().map(|board| board.begin()));
        if !self.measure {
            effects.extend(self.subscribe());
        }
        effects
    }

    fn lost(&mut self, now: f64, chance: f64) {
        // Full jitter over the upper half: many pages that lost one server do not come back in the same moment.
        let longest = (FIRST_WAIT_MS
            * 2_f64.powi(i32::try_from(self.attempts.min(16)).unwrap_or(16)))
        .min(LONGEST_WAIT_MS);
        self.attempts += 1;
        self.measure = true;
        if let Some(following) = &mut self.following {
            following.feed = None;
        }
        self.status = Status::Waiting {
            until: now + longest * (0.5 + chance / 2.0),
        };
    }

    fn tick(&mut self, now: f64, chance: f64) -> Vec<Effect> {
        let slept = self
            .ticked_at
            .replace(now)
            .is_some_and(|at| now - at > SLEPT_MS);
        let silent = self.heard_at.is_some_and(|at| now - at > SILENT_MS);
        match self.status {
            // After sleep the socket may look open and be dead: a fresh one says what is true.
            Status::Connecting | Status::Behind | Status::Live if slept || silent => {
                self.lost(now, chance);
                if slept {
                    self.attempts = 0;
                    vec![Effect::Disconnect, self.connect(now)]
                } else {
                    vec![Effect::Disconnect]
                }
            }
            Status::Waiting { until } if slept || now >= until => vec![self.connect(now)],
            _ => Vec::new(),
        }
    }

    fn message(&mut self, message: &ServerMessage, now: f64) -> Vec<Effect> {
        self.heard_at = Some(now);
        self.attempts = 0;
        match message {
            ServerMessage::Mark { mark, .. } => self.measured(mark.position),
            ServerMessage::Events { id, next, .. } => self.reached(*id, *next, Effect::Take),
            ServerMessage::Gap { id, gap } => {
                self.reached(*id, Position(gap.before.0 - 1), Effect::Missed(*gap))
            }
            ServerMessage::CaughtUp { id, caught_up } => {
                let effects = self.reached(*id, *caught_up, None);
                if self.follows(*id) {
                    self.status = Status::Live;
                }
                effects
            }
            // Deliveries are for members of a subscription, and a page is none.
            ServerMessage::Lag { .. }
            | ServerMessage::Jobs { .. }
            | ServerMessage::Subscriptions { .. }
            | ServerMessage::Maintenance { .. }
            | ServerMessage::Deliveries { .. }
            | ServerMessage::NotHeld { .. }
            | ServerMessage::Error { .. } => Vec::new(),
        }
    }

    /// The first mark after coming back tells how much was missed: more than a page can use becomes a gap.
    fn measured(&mut self, head: Position) -> Vec<Effect> {
        if !std::mem::take(&mut self.measure) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if let Some(following) = &mut self.following
            && head.0 - following.next.0 > MISSED_AT_MOST
        {
            effects.push(Effect::Missed(Gap::between(following.next, head.next())));
            following.next = head;
        }
        effects.extend(self.subscribe());
        effects
    }

    /// True for the feed that the page follows now; what an earlier one still says is not taken.
    fn follows(&self, feed: u32) -> bool {
        self.following
            .as_ref()
            .is_some_and(|following| following.feed == Some(feed))
    }

    /// Everything up to `position` has been said.
    fn reached(
        &mut self,
        feed: u32,
        position: Position,
        effect: impl Into<Option<Effect>>,
    ) -> Vec<Effect> {
        if !self.follows(feed) {
            return Vec::new();
        }
        if let Some(following) = &mut self.following {
            following.next = position.max(following.next);
        }
        effect.into().into_iter().collect()
    }

    fn subscribe(&mut self) -> Vec<Effect> {
        let Some(following) = &mut self.following else {
            return Vec::new();
        };
        self.last_feed += 1;
        following.feed = Some(self.last_feed);
        self.status = Status::Behind;
        vec![Effect::Send(ClientMessage::Subscribe(Subscribe {
            after: Some(After::Position(following.next)),
            filter: (!following.filter.is_empty()).then(|| following.filter.clone()),
            ..Subscribe::to(Topic::Events, self.last_feed)
        }))]
    }

    fn unsubscribe(&mut self) -> Vec<Effect> {
        let connected = self.connected();
        match self
            .following
            .as_mut()
            .and_then(|following| following.feed.take())
        {
            Some(unsubscribe) if connected => {
                vec![Effect::Send(ClientMessage::Unsubscribe(Unsubscribe {
                    unsubscribe,
                }))]
            }
            _ => Vec::new(),
        }
    }
}
