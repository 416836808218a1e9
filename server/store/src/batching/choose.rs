//! Which appends go together: what fits into one batch, one append to a stream, one use of an id.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use uuid::Uuid;

use super::Task;
use crate::StoreError;
use crate::appender::Request;
use crate::json_check::Prepared;

const BATCH_EVENTS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

/// Streams and ids of the batches on their way. Streams by their hash: two that share one only wait for each other.
#[derive(Default)]
pub(super) struct Taken {
    hasher: RandomState,
    pub(super) streams: HashSet<u64>,
    pub(super) ids: HashSet<Uuid>,
}

impl Taken {
    pub(super) fn streams(&self, append: &Prepared) -> Vec<u64> {
        append
            .units
            .iter()
            .map(|unit| self.hasher.hash_one(&unit.stream))
            .collect()
    }

    pub(super) fn release(&mut self, append: &Prepared) {
        for stream in self.streams(append) {
            self.streams.remove(&stream);
        }
        for event in &append.events {
            self.ids.remove(&event.id);
        }
    }
}

impl Task {
    /// Takes what can go together, in order; so many appends at most.
    pub(super) fn next_batch(&mut self, most: usize) -> Vec<Request> {
        let now = Instant::now();
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        let (mut events, mut bytes) = (0, 0);
        // What goes and what waits keep their streams from those behind them, so that appends to a stream stay in order.
        let mut kept: HashSet<u64> = HashSet::new();
        let mut kept_ids: HashSet<Uuid> = HashSet::new();
        while let Some(request) = self.ready.pop_front() {
            if request.again.is_none() && now.duration_since(request.since) > self.age {
                metrics::counter!("highwater_appends_refused_total", "reason" => "too_old")
                    .increment(1);
                self.answer(request, Err(StoreError::Overloaded { retry_after_s: 1 }));
                continue;
            }
            let append = &request.append;
            let streams = self.taken.streams(append);
            let given = || append.events.iter().filter(|event| event.given);
            let resting = request.again.is_some_and(|again| again > now);
            let fits = batch.is_empty()
                || (events + append.events.len() <= BATCH_EVENTS
                    && bytes + append.bytes <= BATCH_BYTES);
            let free = streams
                .iter()
                .all(|stream| !kept.contains(stream) && !self.taken.streams.contains(stream))
                && given().all(|event| {
                    !kept_ids.contains(&event.id) && !self.taken.ids.contains(&event.id)
                });
            kept.extend(streams);
            kept_ids.extend(given().map(|event| event.id));
            if !resting && fits && free {
                events += append.events.len();
                bytes += append.bytes;
                batch.push(request);
            } else {
                later.push_back(request);
            }
            if events >= BATCH_EVENTS || bytes >= BATCH_BYTES || batch.len() >= most {
                break;
            }
        }
        later.append(&mut self.ready);
        self.ready = later;
        batch
    }
}
