//! The open loop: each append has its time, and how long it took counts from then, however late it could be sent.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Load;
use super::events::{self, STREAM_EVENTS};
use super::http::{Answer, Http};
use super::tally::Tally;

/// Before a connection that broke is made anew.
const PAUSE: Duration = Duration::from_millis(100);
/// So often in a row it may break.
const TRIES: usize = 100;

/// What one writer knows of its events, a bit each.
#[derive(Debug)]
pub(crate) struct Written {
    /// What its events were worth that were acknowledged.
    pub(super) cents: i64,
    acknowledged: Vec<u64>,
    found: Vec<u64>,
}

/// What an event in the log is to its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Acknowledged,
    /// Its append was refused or not answered.
    Unacknowledged,
    /// It is there more than once.
    Again,
}

impl Written {
    fn new(events: usize) -> Self {
        let words = events.div_ceil(64);
        Self {
            cents: 0,
            acknowledged: vec![0; words],
            found: vec![0; words],
        }
    }

    fn acknowledge(&mut self, number: usize) {
        self.acknowledged[number / 64] |= 1 << (number % 64);
        self.cents += events::cents(number);
    }

    /// Notes one that is in the log; none for a number that this writer never came to.
    pub(super) fn find(&mut self, number: usize) -> Option<Found> {
        let (word, bit) = (number / 64, 1 << (number % 64));
        let found = self.found.get_mut(word)?;
        let again = *found & bit != 0;
        *found |= bit;
        Some(if again {
            Found::Again
        } else if self.acknowledged[word] & bit != 0 {
            Found::Acknowledged
        } else {
            Found::Unacknowledged
        })
    }

    /// How many were acknowledged.
    pub(super) fn count(&self) -> u64 {
        let counts = self.acknowledged.iter().map(|word| word.count_ones());
        counts.map(u64::from).sum()
    }

    /// How many were acknowledged and not found.
    pub(super) fn lost(&self) -> u64 {
        let both = self.acknowledged.iter().zip(&self.found);
        let lost = both.map(|(acknowledged, found)| (acknowledged & !found).count_ones());
        lost.map(u64::from).sum()
    }
}

/// Appends for the whole time, spread evenly over the connections.
pub(super) async fn append(
    load: &Load,
    server: SocketAddr,
    tally: &Arc<Tally>,
) -> Result<Vec<Written>> {
    let each =
        Duration::from_secs(1) * load.connections * load.events_per_append / load.events_per_s;
    let appends = usize::try_from(load.time.as_nanos() / each.as_nanos().max(1))?;
    let start = Instant::now() + PAUSE;
    let mut running = JoinSet::new();
    for number in 0..load.connections {
        let writer = Writer {
            number,
            http: Http::new(server),
            tally: Arc::clone(tally),
            batch: load.events_per_append,
            stream: 0,
            version: 0,
            body: String::new(),
        };
        let first = start + each * number / load.connections;
        running.spawn(writer.run(first, each, appends, load.patience));
    }
    let mut written = Vec::new();
    while let Some(done) = running.join_next().await {
        written.push(done??);
    }
    written.sort_by_key(|(number, _)| *number);
    Ok(written.into_iter().map(|(_, written)| written).collect())
}

struct Writer {
    number: u32,
    http: Http,
    tally: Arc<Tally>,
    /// Events of one append.
    batch: u32,
    /// How many streams came before.
    stream: u64,
    /// Of its next event.
    version: u32,
    body: String,
}

impl Writer {
    async fn run(
        mut self,
        first: Instant,
        each: Duration,
        appends: usize,
        patience: Option<Duration>,
    ) -> Result<(u32, Written)> {
        let batch = self.batch as usize;
        let mut written = Written::new(appends * batch);
        let mut pace = interval_at(first, each);
        // Late ones are sent at once.
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for append in 0..appends {
            let due = pace.tick().await;
            if patience.is_some_and(|patience| due.elapsed() > patience) {
                let events = u64::from(self.batch);
                self.tally.note(|window| window.not_sent += events);
                continue;
            }
            let numbers = append * batch..(append + 1) * batch;
            let answer = self.append(numbers.clone()).await?;
            let accepted = self.note(answer, due);
            if accepted {
                for number in numbers {
                    written.acknowledge(number);
                }
                self.version += self.batch;
            }
            // After a refusal nobody knows how far the stream is.
            if !accepted || self.version >= STREAM_EVENTS {
                self.stream += 1;
                self.version = 0;
            }
        }
        Ok((self.number, written))
    }

    async fn append(&mut self, numbers: Range<usize>) -> Result<Answer> {
        let at = self.tally.micros();
        self.body.clear();
        for (number, version) in numbers.zip(self.version..) {
            self.body.push(if self.body.is_empty() { '[' } else { ',' });
            events::write(&mut self.body, self.number, number, version, at);
        }
        self.body.push(']');
        let path = format!("/api/streams/order-w{}x{}/events", self.number, self.stream);
        let expected = match self.version.checked_sub(1) {
            None => "none".to_owned(),
            Some(version) => version.to_string(),
        };
        let headers = format!("content-type: application/json\r\nexpected-version: {expected}\r\n");
        let mut tries = 0;
        loop {
            // Nobody knows whether an append that was not answered was made; the same ids again are recorded once.
            match self.http.ask("POST", &path, &headers, &self.body).await {
                Ok(answer) => return Ok(answer),
                Err(error) if tries == TRIES => return Err(error).context("an append"),
                Err(_) => self.tally.note(|window| window.broken += 1),
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Notes what became of an append; answers whether it was made.
    fn note(&self, answer: Answer, due: Instant) -> bool {
        let events = u64::from(self.batch);
        let accepted = matches!(answer.status, 200 | 201);
        let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.tally.note(|window| {
            if accepted {
                window.accepted += events;
                window.appends.saturating_record(took);
                return;
            }
            let refused = window.refused.entry(answer.status).or_default();
            refused.events += events;
            if !answer.retry_after {
                refused.without_retry_after += events;
            }
        });
        accepted
    }
}
