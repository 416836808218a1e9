//! Frames: what the live feed sends, built once for all readers that have the same filter and stand at the same place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use highwater_model::filter::Filter;
use highwater_model::{Position, RecordedEvent, Sight};

use crate::Feed;
use crate::ring::RingRead;

/// How many events of the ring one frame looks at: a frame stays small enough to be written within a few milliseconds.
const FRAME_EVENTS: usize = 500;
/// How many bytes of events one frame looks at.
const FRAME_BYTES: usize = 256 * 1024;
/// How many frames a group remembers: readers of one group are within a few frames of each other, or they build their own.
const REMEMBERED: usize = 8;
/// For how many subscription ids a frame keeps its whole text: most clients use the same few numbers.
const TEXTS: usize = 4;

/// The events between two positions that match a filter, as the wire has them.
#[derive(Debug)]
pub struct Frame {
    /// Exclusive start.
    pub after: Position,
    /// Everything up to here has been said.
    pub next: Position,
    /// How many events matched.
    pub events: usize,
    body: Bytes,
    texts: Mutex<Vec<(u32, Bytes)>>,
}

impl Frame {
    /// A frame of encoded events.
    pub fn new<'a>(after: Position, next: Position, jsons: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut body = Vec::with_capacity(256);
        body.extend_from_slice(b"\"events\":[");
        let mut events = 0;
        for json in jsons {
            if events > 0 {
                body.push(b',');
            }
            body.extend_from_slice(json);
            events += 1;
        }
        body.extend_from_slice(format!("],\"next\":{next}}}").as_bytes());
        Self {
            after,
            next,
            events,
            body: Bytes::from(body),
            texts: Mutex::new(Vec::new()),
        }
    }

    /// The whole message for a subscription; always UTF-8.
    pub fn text(&self, id: u32) -> Bytes {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = texts.iter().find(|(known, _)| *known == id) {
            return text.clone();
        }
        let mut text = format!("{{\"id\":{id},").into_bytes();
        text.extend_from_slice(&self.body);
        let text = Bytes::from(text);
        if texts.len() < TEXTS {
            texts.push((id, text.clone()));
        }
        text
    }
}

/// What a reader gets when it asks for what follows its cursor.
#[derive(Debug)]
pub enum Next {
    /// A frame; its `next` is the new cursor. It may hold no event at all.
    Frame(Arc<Frame>),
    /// Nothing new.
    UpToDate,
    /// The cursor has fallen out of the ring; it holds what comes after `floor`.
    Fallen {
        /// The last position that is no longer held.
        floor: Position,
    },
}

/// The readers with one filter, who see as much.
#[derive(Debug)]
pub struct FrameGroup {
    filter: Filter,
    sight: Sight,
    recent: Mutex<VecDeque<Arc<Frame>>>,
}

impl FrameGroup {
    pub(crate) fn new(filter: Filter, sight: Sight) -> Self {
        Self {
            filter,
            sight,
            recent: Mutex::new(VecDeque::new()),
        }
    }

    /// The filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How much they see.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The frame that follows a cursor.
    ///
    /// The lock is held while a frame is built, so that readers who are woken by the same events wait for one frame instead of
    /// each building it.
    pub fn next(&self, feed: &Feed, after: Position) -> Next {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = recent.iter().rev().find(|frame| frame.after == after) {
            return Next::Frame(Arc::clone(frame));
        }
        let events = match feed.read(after, FRAME_EVENTS, FRAME_BYTES) {
            RingRead::Events(events) => events,
            RingRead::UpToDate => return Next::UpToDate,
            RingRead::Fallen { floor } => return Next::Fallen { floor },
        };
        let now = feed.now();
        let next = events.last().map_or(after, |last| last.event.position);
        let matching = events
            .iter()
            .filter(|e| self.filter.is_empty() || self.filter.matches(&e.event, now));
        let frame = match &self.sight {
            Sight::Whole => Frame::new(after, next, matching.map(|e| e.json.as_ref())),
            sight => {
                let seen = matching.map(|e| match sight.changed(&e.event) {
                    Some(changed) => Bytes::from(encoded(&changed)),
                    None => e.json.clone(),
                });
                let seen: Vec<Bytes> = seen.collect();
                Frame::new(after, next, seen.iter().map(|json| &json[..]))
            }
        };
        let frame = Arc::new(frame);
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(&frame));
        Next::Frame(frame)
    }
}

fn encoded(event: &RecordedEvent) -> Vec<u8> {
    serde_json::to_vec(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::event;

    #[test]
    fn frame_reads_back_as_a_server_message() {
        let (one, two) = (event(1), event(2));
        let frame = Frame::new(
            Position(0),
            Position(3),
            [one.json.as_ref(), two.json.as_ref()].into_iter(),
        );
        let message: highwater_model::ServerMessage =
            serde_json::from_slice(&frame.text(7)).unwrap();
        match message {
            highwater_model::ServerMessage::Events {
                id: 7,
                events,
                next: Position(3),
            } => assert_eq!(events.len(), 2),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn readers_with_the_same_id_share_a_text() {
        let frame = Frame::new(Position(0), Position(1), std::iter::empty());
        assert_eq!(frame.text(1).as_ptr(), frame.text(1).as_ptr());
        assert_eq!(frame.text(2), r#"{"id":2,"events":[],"next":1}"#);
    }
}
