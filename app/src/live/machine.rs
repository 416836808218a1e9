//! The connection as a state machine: inputs in, effects out; no clock, no socket, no randomness of its own.

use highwater_model::live::{After, ClientMessage, ServerMessage, Subscribe, Topic, Unsubscribe};
use highwater_model::{Gap, Position};

/// More missed events than this are shown as a gap instead of being poured into the page.
pub const MISSED_AT_MOST: i64 = 2_000;
/// A clock that jumps this far between two ticks (of a second) has slept.
const SLEPT_MS: f64 = 20_000.0;
/// Silence after which the connection is taken for dead: the mark comes every two seconds.
const SILENT_MS: f64 = 12_000.0;
const FIRST_WAIT_MS: f64 = 500.0;
const LONGEST_WAIT_MS: f64 = 30_000.0;
/// The feed of the mark has this id.
const MARK_FEED: u32 = 1;
/// Feeds of events count up from behind it, so that an answer to an earlier filter is told apart.
const LAST_FIXED_FEED: u32 = 4;

/// What a page can watch as a whole: each message says all of it anew, so there is no place to resume from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Board {
    /// How the read models are.
    Lag,
    /// How the jobs are.
    Jobs,
    /// How the subscriptions are.
    Subscriptions,
    /// Whether maintenance is on.
    Maintenance,
}

impl Board {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Lag,
        Self::Jobs,
        Self::Subscriptions,
        Self::Maintenance,
    ];

    fn feed(self) -> u32 {
        match self {
            Self::Lag => 0,
            Self::Jobs => 2,
            Self::Subscriptions => 3,
            Self::Maintenance => LAST_FIXED_FEED,
        }
    }

    fn begin(self) -> Effect {
        let topic = match self {
            Self::Lag => Topic::Lag,
            Self::Jobs => Topic::Jobs,
            Self::Subscriptions => Topic::Subscriptions,
            Self::Maintenance => Topic::Maintenance,
        };
        subscribe_to(topic, self.feed())
    }

    fn end(self) -> Effect {
        Effect::Send(ClientMessage::Unsubscribe(Unsubscribe {
            unsubscribe: self.feed(),
        }))
    }
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Status {
    /// Opening a connection.
    Connecting,
    /// Connected; reading what was recorded meanwhile.
    Behind,
    /// Connected; events come as they are recorded.
    Live,
    /// Lost; the next attempt is at this time.
    Waiting {
        /// Milliseconds since 1970.
        until: f64,
    },
    /// Ended for good.
    Closed,
}

/// What happens to the machine.
#[derive(Debug)]
pub enum Input {
    /// The page wants to be connected.
    Start,
    /// The socket is open.
    Opened,
    /// The socket is gone.
    Lost,
    /// A message came.
    Message(Box<ServerMessage>),
    /// A second has passed, or the page became visible.
    Tick,
    /// The page wants the events of this filter, from this position on.
    Follow {
        /// The filter line; empty for every event.
        filter: String,
        /// Where what the page shows ends.
        after: Position,
    },
    /// The page wants no events any more.
    Unfollow,
    /// The page wants to know what is on a board, or no more.
    Watch(Board, bool),
    /// The page ends.
    Stop,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a socket.
    Connect,
    /// Close the socket and forget it.
    Disconnect,
    /// Send this.
    Send(ClientMessage),
    /// Show what was missed.
    Missed(Gap),
    /// The message's events belong to what the page follows.
    Take,
}

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

/// Asks for a feed that has no place to start from.
fn subscribe_to(topic: Topic, id: u32) -> Effect {
    Effect::Send(ClientMessage::Subscribe(Subscribe::to(topic, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(machine: &mut Machine, after: i64) -> Vec<Effect> {
        machine.handle(
            Input::Follow {
                filter: String::new(),
                after: Position(after),
            },
            0.0,
            0.0,
        )
    }

    fn says(machine: &mut Machine, text: &str, now: f64) -> Vec<Effect> {
        machine.handle(
            Input::Message(Box::new(serde_json::from_str(text).unwrap())),
            now,
            0.0,
        )
    }

    fn mark(position: i64) -> String {
        format!(
            r#"{{"id":1,"mark":{{"position":{position},"event_id":null,"recorded_at":null,"seen_at":"2026-01-01T00:00:00Z","rate":0.0}}}}"#
        )
    }

    fn subscribed_after(effects: &[Effect]) -> Option<After> {
        effects.iter().find_map(|effect| match effect {
            Effect::Send(ClientMessage::Subscribe(subscribe))
                if subscribe.subscribe == Topic::Events =>
            {
                subscribe.after
            }
            _ => None,
        })
    }

    fn live_at(position: i64) -> Machine {
        let mut machine = Machine::default();
        follow(&mut machine, position);
        assert_eq!(machine.handle(Input::Start, 0.0, 0.0), [Effect::Connect]);
        assert_eq!(
            subscribed_after(&machine.handle(Input::Opened, 0.0, 0.0)),
            Some(After::Position(Position(position)))
        );
        says(
            &mut machine,
            &format!(r#"{{"id":5,"caught_up":{position}}}"#),
            0.0,
        );
        assert_eq!(machine.status(), Status::Live);
        machine
    }

    #[test]
    fn it_resumes_where_it_was_after_a_short_loss() {
        let mut machine = live_at(10);
        assert_eq!(
            says(&mut machine, r#"{"id":5,"events":[],"next":40}"#, 1.0),
            [Effect::Take]
        );
        machine.handle(Input::Lost, 2.0, 1.0);
        assert_eq!(machine.status(), Status::Waiting { until: 502.0 });
        assert!(machine.handle(Input::Tick, 400.0, 0.0).is_empty());
        assert_eq!(machine.handle(Input::Tick, 600.0, 0.0), [Effect::Connect]);
        assert_eq!(
            subscribed_after(&machine.handle(Input::Opened, 700.0, 0.0)),
            None,
            "the mark comes first"
        );
        assert_eq!(
            subscribed_after(&says(&mut machine, &mark(100), 800.0)),
            Some(After::Position(Position(40)))
        );
    }

    #[test]
    fn what_a_long_sleep_missed_is_a_gap() {
        let mut machine = live_at(10);
        machine.handle(Input::Tick, 1_000.0, 0.0);
        assert_eq!(
            machine.handle(Input::Tick, 3_600_000.0, 0.0),
            [Effect::Disconnect, Effect::Connect]
        );
        machine.handle(Input::Opened, 3_600_100.0, 0.0);
        let effects = says(&mut machine, &mark(9_000), 3_600_200.0);
        assert_eq!(
            effects[0],
            Effect::Missed(Gap::between(Position(10), Position(9_001)))
        );
        assert_eq!(
            subscribed_after(&effects),
            Some(After::Position(Position(9_000)))
        );
    }

    #[test]
    fn attempts_grow_further_apart_up_to_half_a_minute() {
        let mut machine = live_at(0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            machine.handle(Input::Lost, 0.0, 1.0);
            if let Status::Waiting { until } = machine.status() {
                waits.push(until);
            }
        }
        assert_eq!(waits[..4], [500.0, 1_000.0, 2_000.0, 4_000.0]);
        assert_eq!(waits[9..], [30_000.0]);
    }

    #[test]
    fn an_answer_to_an_earlier_filter_is_not_taken() {
        let mut machine = live_at(10);
        let effects = machine.handle(
            Input::Follow {
                filter: "type:A".to_owned(),
                after: Position(20),
            },
            0.0,
            0.0,
        );
        assert_eq!(
            effects[0],
            Effect::Send(ClientMessage::Unsubscribe(Unsubscribe { unsubscribe: 5 }))
        );
        assert!(says(&mut machine, r#"{"id":5,"events":[],"next":30}"#, 0.0).is_empty());
        assert_eq!(machine.next(), Some(Position(20)));
        assert_eq!(
            says(&mut machine, r#"{"id":6,"events":[],"next":30}"#, 0.0),
            [Effect::Take]
        );
    }

    #[test]
    fn a_gap_of_the_server_moves_the_place_to_resume_from() {
        let mut machine = live_at(10);
        says(
            &mut machine,
            r#"{"id":5,"gap":{"after":10,"before":100,"count":89}}"#,
            0.0,
        );
        assert_eq!(machine.next(), Some(Position(99)));
    }

    #[test]
    fn silence_is_taken_for_a_dead_connection() {
        let mut machine = live_at(10);
        machine.handle(Input::Tick, 11_000.0, 0.0);
        assert_eq!(
            machine.handle(Input::Tick, 13_000.0, 0.0),
            [Effect::Disconnect]
        );
        assert!(matches!(machine.status(), Status::Waiting { .. }));
    }

    #[test]
    fn what_is_watched_is_watched_again_on_a_new_connection() {
        let mut machine = live_at(10);
        for board in Board::ALL {
            assert_eq!(
                machine.handle(Input::Watch(board, true), 0.0, 0.0),
                [board.begin()]
            );
        }
        machine.handle(Input::Lost, 0.0, 0.0);
        assert_eq!(machine.handle(Input::Tick, 600.0, 0.0), [Effect::Connect]);
        let opened = machine.handle(Input::Opened, 700.0, 0.0);
        assert!(
            Board::ALL
                .iter()
                .all(|board| opened.contains(&board.begin()))
        );
        assert_eq!(
            machine.handle(Input::Watch(Board::Lag, false), 800.0, 0.0),
            [Board::Lag.end()]
        );
        machine.handle(Input::Lost, 900.0, 0.0);
        machine.handle(Input::Tick, 2_000.0, 0.0);
        let opened = machine.handle(Input::Opened, 2_100.0, 0.0);
        assert!(opened.contains(&Board::Jobs.begin()) && !opened.contains(&Board::Lag.begin()));
    }

    #[test]
    fn no_two_feeds_have_the_same_id() {
        let mut feeds: Vec<u32> = Board::ALL.into_iter().map(Board::feed).collect();
        feeds.push(MARK_FEED);
        feeds.sort_unstable();
        feeds.dedup();
        assert_eq!(feeds.len(), Board::ALL.len() + 1);
        assert!(feeds.iter().all(|feed| *feed <= LAST_FIXED_FEED));
    }

    #[test]
    fn a_board_is_asked_for_once_and_only_when_connected() {
        let mut machine = Machine::default();
        assert!(
            machine
                .handle(Input::Watch(Board::Jobs, true), 0.0, 0.0)
                .is_empty()
        );
        machine.handle(Input::Start, 0.0, 0.0);
        assert!(
            machine
                .handle(Input::Opened, 0.0, 0.0)
                .contains(&Board::Jobs.begin())
        );
        assert!(
            machine
                .handle(Input::Watch(Board::Jobs, true), 0.0, 0.0)
                .is_empty()
        );
    }

    #[test]
    fn a_closed_one_stays_closed() {
        let mut machine = live_at(10);
        assert_eq!(machine.handle(Input::Stop, 0.0, 0.0), [Effect::Disconnect]);
        assert!(machine.handle(Input::Tick, 60_000.0, 0.0).is_empty());
        assert_eq!(machine.status(), Status::Closed);
    }
}
