//! The feed: one tail a process on top of the store, and the ring that it fills.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use highwater_model::filter::Filter;
use highwater_model::{Mark, Position, RecordedEvent, Sight};
use highwater_store::{Store, StoreError, Tasks};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::frames::FrameGroup;
use crate::rate::Rate;
use crate::ring::{Ring, RingEvent, RingRead};

/// How the feed reads, and what it keeps.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// Events in the ring. 16,384 is some 16 s of a busy store: longer than a page needs to reconnect.
    pub ring_events: usize,
    /// Bytes of the events in the ring (encoded; decoded they take about as much again).
    pub ring_bytes: usize,
    /// Events that the tail reads at once.
    pub slice: usize,
    /// How long the tail waits for a wake-up before it looks by itself, at first; it doubles while nothing happens.
    pub poll_min: Duration,
    /// How long at most.
    pub poll_max: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            ring_events: 16_384,
            ring_bytes: 64 << 20,
            slice: 1_000,
            poll_min: Duration::from_millis(50),
            poll_max: Duration::from_secs(1),
        }
    }
}

/// How the tail is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedHealth {
    /// How long ago it last looked at the store with success.
    pub seen: Duration,
    /// What is wrong, if anything.
    pub fault: Option<String>,
}

/// The newest events, for every reader of this process.
#[derive(Clone)]
pub struct Feed {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    ring: RwLock<Ring>,
    head: watch::Sender<Position>,
    tail: Mutex<Tail>,
    groups: Mutex<HashMap<(String, Sight), Weak<FrameGroup>>>,
}

struct Tail {
    mark: Mark,
    rate: Rate,
    seen: Instant,
    fault: Option<String>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("head", &self.head())
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// Starts the tail at the head of the store. What lies before is read from the store by whoever wants it.
    pub async fn start(
        store: Store,
        tasks: &Tasks,
        options: FeedOptions,
    ) -> Result<Self, StoreError> {
        let mark = store.mark().await?;
        let head = mark.position;
        let feed = Self {
            inner: Arc::new(Inner {
                store,
                ring: RwLock::new(Ring::new(head, options.ring_events, options.ring_bytes)),
                head: watch::Sender::new(head),
                tail: Mutex::new(Tail {
                    mark,
                    rate: Rate::new(Duration::from_secs(2)),
                    seen: Instant::now(),
                    fault: None,
                }),
                groups: Mutex::new(HashMap::new()),
            }),
        };
        let tail = feed.clone();
        let token = tasks.token();
        tasks.spawn("feed", async move {
            tail.follow(options, token).await;
        });
        Ok(feed)
    }

    /// The newest position that the ring holds.
    pub fn head(&self) -> Position {
        *self.inner.head.borrow()
    }

    /// Says when the head moves.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.inner.head.subscribe()
    }

    /// Events behind a position, from the ring.
    pub fn read(&self, after: Position, max_events: usize, max_bytes: usize) -> RingRead {
        self.inner
            .ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .read(after, max_events, max_bytes)
    }

    /// The readers with this filter, who see this much.
    pub fn group(&self, filter: Filter, sight: Sight) -> Arc<FrameGroup> {
        let key = (filter.to_string(), sight.clone());
        let mut groups = self
            .inner
            .groups
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = groups.get(&key).and_then(Weak::upgrade) {
            return group;
        }
        groups.retain(|_, group| group.strong_count() > 0);
        let group = Arc::new(FrameGroup::new(filter, sight));
        groups.insert(key, Arc::downgrade(&group));
        group
    }

    /// The mark as the tail last saw it; `seen_at` says when.
    pub fn mark(&self) -> Mark {
        let mut tail = self
            .inner
            .tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rate = tail.rate.per_second(Instant::now());
        Mark {
            rate,
            ..tail.mark.clone()
        }
    }

    /// How the tail is doing.
    pub fn health(&self) -> FeedHealth {
        let tail = self
            .inner
            .tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        FeedHealth {
            seen: tail.seen.elapsed(),
            fault: tail.fault.clone(),
        }
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.inner.store.clock().now()
    }

    async fn follow(&self, options: FeedOptions, token: CancellationToken) {
        let mut wake = self.inner.store.wake();
        let mut pause = options.poll_min;
        loop {
            let cursor = self.head();
            match self.inner.store.read_tail(cursor, options.slice).await {
                Ok(events) if events.is_empty() => {
                    self.looked(None, 0);
                    pause = (pause * 2).min(options.poll_max);
                }
                Ok(events) => match self.take(cursor, events) {
                    Ok(()) => {
                        pause = options.poll_min;
                        if token.is_cancelled() {
                            return;
                        }
                        continue;
                    }
                    Err(hole) => {
                        self.fault(hole);
                        pause = options.poll_max;
                    }
                },
                Err(error) => {
                    self.fault(format!("the log could not be read: {error}"));
                    pause = options.poll_max;
                }
            }
            tokio::select! {
                () = token.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                changed = wake.changed() => if changed.is_err() {
                    // The store that wakes is gone; polling goes on, or the token ends it.
                    tokio::time::sleep(options.poll_min).await;
                },
            }
        }
    }

    /// Puts a slice into the ring, if it follows without a hole.
    fn take(&self, cursor: Position, events: Vec<RecordedEvent>) -> Result<(), String> {
        let mut expected = cursor.next();
        for event in &events {
            if event.position != expected {
                // Positions are dense by construction: a hole means that the store was changed behind its back, or a failover went
                // to a replica that lags. Passing over it would lose events silently, so the tail stays where it is and says so.
                metrics::counter!("highwater_feed_holes_total").increment(1);
                return Err(format!(
                    "after position {cursor} the log goes on at {}, not at {expected}; the feed stays there",
                    event.position
                ));
            }
            expected = expected.next();
        }
        let count = events.len();
        let mut newest = None;
        let mut encoded = Vec::with_capacity(count);
        for event in events {
            let json = serde_json::to_vec(&event)
                .map_err(|error| format!("event {} can't be encoded: {error}", event.position))?;
            let event = Arc::new(event);
            newest = Some(Arc::clone(&event));
            encoded.push(RingEvent {
                event,
                json: Bytes::from(json),
            });
        }
        {
            let mut ring = self
                .inner
                .ring
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            for event in encoded {
                ring.push(event);
            }
        }
        self.looked(newest.as_deref(), count);
        if let Some(newest) = newest {
            self.inner.head.send_replace(newest.position);
        }
        metrics::counter!("highwater_feed_events_total").increment(count as u64);
        Ok(())
    }

    fn looked(&self, newest: Option<&RecordedEvent>, count: usize) {
        let mut tail = self
            .inner
            .tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        tail.seen = Instant::now();
        tail.mark.seen_at = self.now();
        if tail.fault.take().is_some() {
            tracing::info!("feed: reads the log again");
        }
        if let Some(event) = newest {
            tail.mark.position = event.position;
            tail.mark.event_id = Some(event.id);
            tail.mark.recorded_at = Some(event.recorded_at);
            tail.rate.add(Instant::now(), count as u64);
        }
    }

    fn fault(&self, fault: String) {
        let mut tail = self
            .inner
            .tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Once, not at each attempt.
        if tail.fault.as_ref() != Some(&fault) {
            tracing::error!(%fault, "feed: stands still");
            tail.fault = Some(fault);
        }
    }
}
