//! What a page can watch as a whole, and the feeds that bring it.

use highwater_model::live::{ClientMessage, Subscribe, Topic, Unsubscribe};

use super::Effect;

/// The feed of the mark has this id.
pub(super) const MARK_FEED: u32 = 1;
/// Feeds of events count up from behind it, so that an answer to an earlier filter is told apart.
pub(super) const LAST_FIXED_FEED: u32 = 4;

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

    pub(super) fn begin(self) -> Effect {
        let topic = match self {
            Self::Lag => Topic::Lag,
            Self::Jobs => Topic::Jobs,
            Self::Subscriptions => Topic::Subscriptions,
            Self::Maintenance => Topic::Maintenance,
        };
        subscribe_to(topic, self.feed())
    }

    pub(super) fn end(self) -> Effect {
        Effect::Send(ClientMessage::Unsubscribe(Unsubscribe {
            unsubscribe: self.feed(),
        }))
    }
}

/// Asks for a feed that has no place to start from.
pub(super) fn subscribe_to(topic: Topic, id: u32) -> Effect {
    Effect::Send(ClientMessage::Subscribe(Subscribe::to(topic, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_feeds_have_the_same_id() {
        let mut feeds: Vec<u32> = Board::ALL.into_iter().map(Board::feed).collect();
        feeds.push(MARK_FEED);
        feeds.sort_unstable();
        feeds.dedup();
        assert_eq!(feeds.len(), Board::ALL.len() + 1);
        assert!(feeds.iter().all(|feed| *feed <= LAST_FIXED_FEED));
    }
}
