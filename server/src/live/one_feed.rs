//! One feed of one connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Message;
use highwater_engine::{Feed, Frame, FrameGroup, Next};
use highwater_model::live::{Acknowledge, After, ServerMessage, Subscribe, Topic};
use highwater_model::{
    Gap, Job, Maintenance, Mark, Position, Problem, ReadModelLag, Right, Sight, Subscription,
};
use highwater_store::{Direction, LogQuery, StoreError};

use super::board::Watched;
use super::counted::Counted;
use super::deliveries::Deliveries;
use super::messages::{shared, text};
use crate::api::problem::ApiError;
use crate::caller::Caller;
use crate::identity::check::not_allowed;
use crate::identity::seen::Seen;
use crate::identity::sight;
use crate::state::AppState;

/// Events of one page of history.
const HISTORY_EVENTS: usize = 500;
/// A feed whose events don't match still hears where it stands, once in a while, so that it can resume near there.
const NEXT_EVERY: Duration = Duration::from_secs(1);
/// The mark at most this often …
const MARK_MIN: Duration = Duration::from_millis(500);
/// … and at least this often.
const MARK_MAX: Duration = Duration::from_secs(2);

/// One feed of one connection.
#[derive(Debug)]
pub(super) struct OneFeed {
    pub(super) id: u32,
    topic: Of,
    sight: Sight,
    _counted: Counted,
}

#[derive(Debug)]
enum Of {
    Events(Cursor),
    Mark { said: Option<(Instant, Mark)> },
    Lag(Watched<ReadModelLag>),
    Jobs(Watched<Job>),
    Subscriptions(Watched<Subscription>),
    Maintenance(Watched<Maintenance>),
    Subscription(Box<Deliveries>),
}

#[derive(Debug)]
struct Cursor {
    group: Arc<FrameGroup>,
    /// Everything up to here has been looked at.
    at: Position,
    /// Everything up to here has been said.
    said: Position,
    said_at: Instant,
    caught_up: bool,
}

/// What a feed has to say now.
#[derive(Debug)]
pub(super) enum Say {
    /// This, and perhaps more right after it.
    Message(Message, usize),
    /// Nothing yet, but look again at once: it has moved on.
    Moved,
    /// Nothing until the head moves or time passes.
    Nothing,
}

impl OneFeed {
    pub(super) fn new(
        wanted: &Subscribe,
        state: &AppState,
        caller: &Caller,
    ) -> Result<Self, Problem> {
        let needed: &[Right] = match wanted.subscribe {
            Topic::Subscription => &[Right::Subscribe],
            Topic::Jobs => &[Right::Read],
            Topic::Events
            | Topic::Mark
            | Topic::Lag
            | Topic::Subscriptions
            | Topic::Maintenance => &[Right::Read, Right::Look],
        };
        if !needed.iter().any(|right| caller.may(*right)) {
            return Err(not_allowed(caller, needed));
        }
        // The mark is a number that every page of the console begins with.
        if caller.film.is_some() && wanted.subscribe != Topic::Mark {
            return Err(sight::only_a_recording());
        }
        let id = wanted.id;
        let topic = match wanted.subscribe {
            Topic::Mark => Of::Mark { said: None },
            Topic::Lag => Of::Lag(state.boards.lag.watch()),
            Topic::Jobs => Of::Jobs(state.boards.jobs.watch()),
            Topic::Subscriptions => Of::Subscriptions(state.boards.subscriptions.watch()),
            Topic::Maintenance => Of::Maintenance(state.boards.maintenance.watch()),
            Topic::Subscription => Of::Subscription(Box::new(Deliveries::new(wanted, state)?)),
            Topic::Events => {
                let filter = sight::filter(caller, wanted.filter.as_deref())
                    .map_err(|ApiError(problem)| problem)?;
                let head = state.feed.head();
                let at = match wanted.after {
                    None | Some(After::Head) => head,
                    Some(After::Position(position)) => position,
                };
                Of::Events(Cursor {
                    group: state.feed.group(filter, caller.sight()),
                    at,
                    said: at,
                    said_at: Instant::now(),
                    caught_up: false,
                })
            }
        };
        let sight = caller.sight();
        Ok(Self {
            id,
            topic,
            sight,
            _counted: Counted::new(wanted.subscribe),
        })
    }

    /// From now on it speaks to somebody who sees more or less than before. Refused where its filter asks for what is hidden now.
    pub(super) fn see(&mut self, state: &AppState, sight: &Sight) -> Result<(), Problem> {
        if self.sight == *sight {
            return Ok(());
        }
        if let Of::Events(cursor) = &mut self.topic {
            let filter = cursor.group.filter().clone();
            sight::searchable(sight, &filter).map_err(|ApiError(problem)| problem)?;
            cursor.group = state.feed.group(filter, sight.clone());
        }
        self.sight = sight.clone();
        Ok(())
    }

    /// True when it follows the head.
    pub(super) fn follows_events(&self) -> bool {
        matches!(self.topic, Of::Events(_))
    }

    /// True when it delivers events of a subscription.
    pub(super) fn delivers(&self) -> bool {
        matches!(self.topic, Of::Subscription(_))
    }

    /// True when it will have something to say though nothing happens.
    pub(super) fn waits_for_time(&self) -> bool {
        match &self.topic {
            Of::Events(cursor) => !cursor.caught_up || cursor.said < cursor.at,
            Of::Mark { .. } | Of::Subscription(_) => true,
            Of::Lag(_) | Of::Jobs(_) | Of::Subscriptions(_) | Of::Maintenance(_) => false,
        }
    }

    /// True when what it says depends on neither events nor time.
    pub(super) fn watches_boards(&self) -> bool {
        matches!(
            self.topic,
            Of::Lag(_) | Of::Jobs(_) | Of::Subscriptions(_) | Of::Maintenance(_)
        )
    }

    /// Takes what a member says of events that it was given; false when this feed gives none.
    pub(super) fn hear(&mut self, said: Acknowledge) -> bool {
        let Of::Subscription(deliveries) = &mut self.topic else {
            return false;
        };
        deliveries.hear(said);
        true
    }

    /// The feed is over; `broken`: its connection was lost.
    pub(super) async fn end(self, state: &AppState, broken: bool) {
        if let Of::Subscription(deliveries) = self.topic {
            deliveries.end(state, broken).await;
        }
    }

    /// What to say now.
    pub(super) async fn next(&mut self, state: &AppState) -> Result<Say, ApiError> {
        match &mut self.topic {
            Of::Mark { said } => Ok(next_mark(self.id, said, &state.feed)),
            Of::Lag(lag) => Ok(news(lag, |lag| ServerMessage::Lag {
                id: self.id,
                lag: Seen::with(&self.sight, state.boards.handled()).lags(lag),
            })),
            Of::Jobs(jobs) => Ok(news(jobs, |jobs| ServerMessage::Jobs {
                id: self.id,
                jobs: Seen::with(&self.sight, state.boards.handled()).jobs(jobs),
            })),
            Of::Subscriptions(all) => Ok(news(all, |all| ServerMessage::Subscriptions {
                id: self.id,
                subscriptions: sight::subscriptions(&self.sight, all),
            })),
            Of::Maintenance(on) => Ok(news(on, |mut on| ServerMessage::Maintenance {
                id: self.id,
                maintenance: on.pop().map(|on| sight::maintenance(&self.sight, on)),
            })),
            Of::Subscription(deliveries) => deliveries.next(self.id, state).await,
            Of::Events(cursor) => Ok(cursor.next(self.id, state).await?),
        }
    }
}

fn news<T: Clone>(watched: &mut Watched<T>, say: impl FnOnce(Vec<T>) -> ServerMessage) -> Say {
    match watched.news() {
        Some(news) => Say::Message(text(&say(news)), 0),
        None => Say::Nothing,
    }
}

fn next_mark(id: u32, said: &mut Option<(Instant, Mark)>, feed: &Feed) -> Say {
    let mark = feed.mark();
    let now = Instant::now();
    if let Some((at, last)) = said {
        let age = now.duration_since(*at);
        if age < MARK_MIN || (age < MARK_MAX && last.position == mark.position) {
            return Say::Nothing;
        }
    }
    *said = Some((now, mark.clone()));
    Say::Message(text(&ServerMessage::Mark { id, mark }), 0)
}

impl Cursor {
    async fn next(&mut self, id: u32, state: &AppState) -> Result<Say, StoreError> {
        match self.group.next(&state.feed, self.at) {
            Next::Frame(frame) => Ok(self.say(id, &frame)),
            Next::Fallen { floor } if self.caught_up => {
                let gap = Gap::between(self.at, floor.next());
                metrics::counter!("highwater_live_gaps_total").increment(1);
                metrics::counter!("highwater_live_dropped_positions_total")
                    .increment(u64::try_from(gap.count).unwrap_or(0));
                self.at = floor;
                self.said(floor);
                Ok(Say::Message(text(&ServerMessage::Gap { id, gap }), 0))
            }
            // Apart: every reader would carry the size of a query, and few read history.
            Next::Fallen { .. } => Box::pin(self.history(id, state)).await,
            // The tail may be a moment behind an append that this process has answered already: that is history, too.
            Next::UpToDate if !self.caught_up && self.at < *state.store.wake().borrow() => {
                Ok(Say::Nothing)
            }
            Next::UpToDate if !self.caught_up => {
                self.caught_up = true;
                self.said(self.at);
                Ok(Say::Message(
                    text(&ServerMessage::CaughtUp {
                        id,
                        caught_up: self.at,
                    }),
                    0,
                ))
            }
            Next::UpToDate if self.said < self.at && self.said_at.elapsed() >= NEXT_EVERY => {
                let frame = Frame::new(self.said, self.at, std::iter::empty());
                self.said(self.at);
                Ok(Say::Message(shared(frame.text(id)), 0))
            }
            Next::UpToDate => Ok(Say::Nothing),
        }
    }

    /// What is older than the ring comes from the store.
    async fn history(&mut self, id: u32, state: &AppState) -> Result<Say, StoreError> {
        // Asked before the read: whatever is recorded up to here, the page sees.
        let head = state.feed.head();
        let filter = self.group.filter().clone();
        let query = LogQuery {
            after: Some(self.at),
            limit: HISTORY_EVENTS,
            direction: Direction::Forward,
            filter,
            ..LogQuery::default()
        };
        let page = state.store.read_log(query).await?;
        let last = page.events.last().map_or(self.at, |event| event.position);
        // A page that is not the last one ends at its `next`. Behind the last one nothing matches up to the head.
        let next = page.next.unwrap_or(last.max(head)).max(last);
        let sight = self.group.sight();
        let jsons: Vec<Vec<u8>> = page
            .events
            .into_iter()
            .map(|event| serde_json::to_vec(&sight.of(event)).unwrap_or_default())
            .collect();
        let frame = Frame::new(self.at, next, jsons.iter().map(Vec::as_slice));
        Ok(self.say(id, &frame))
    }

    fn say(&mut self, id: u32, frame: &Frame) -> Say {
        self.at = frame.next;
        if frame.events == 0 && self.said_at.elapsed() < NEXT_EVERY {
            return Say::Moved;
        }
        self.said(frame.next);
        Say::Message(shared(frame.text(id)), frame.events)
    }

    fn said(&mut self, position: Position) {
        self.said = position;
        self.said_at = Instant::now();
    }
}
