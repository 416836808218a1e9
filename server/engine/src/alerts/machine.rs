//! From what is seen now to where an alert stands: pending, firing, over. Pure: time is an argument.

use jiff::{SignedDuration, Timestamp};

/// Where an alert stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stood {
    /// Since when it was wrong.
    pub(super) since: Timestamp,
    /// It fired.
    pub(super) fired: bool,
    /// The checkpoint that stood still.
    pub(super) anchor: Option<i64>,
}

/// What is seen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it should be.
    Well,
    /// It is wrong, at this checkpoint where that counts.
    Wrong(Option<i64>),
    /// It can't be told right from wrong now: nothing begins to fire, and what fires goes on.
    Quiet,
}

impl Reading {
    /// The checkpoint that stands still.
    pub(super) fn anchor(self) -> Option<i64> {
        match self {
            Self::Wrong(anchor) => anchor,
            Self::Well | Self::Quiet => None,
        }
    }
}

/// Where the alert stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// There is none, as before.
    Not,
    /// It is wrong since then, and not for long enough.
    Pending(Timestamp),
    /// It begins to fire.
    Fires(Timestamp),
    /// It goes on firing.
    Firing(Timestamp),
    /// It fired, and is seen no better or worse.
    AsItWas,
    /// It fired, and is over.
    Over,
    /// It was pending, and is over.
    Forgotten,
}

/// Where an alert stands that has to be wrong for `hold` before it fires.
pub(super) fn stands(
    stood: Option<Stood>,
    reading: Reading,
    hold: SignedDuration,
    now: Timestamp,
) -> Stands {
    match (stood, reading) {
        (None, Reading::Well | Reading::Quiet) => Stands::Not,
        (None, Reading::Wrong(_)) => wrong_since(now, hold, now),
        (Some(stood), Reading::Quiet) if stood.fired => Stands::AsItWas,
        (Some(stood), Reading::Well) if stood.fired => Stands::Over,
        (Some(_), Reading::Well | Reading::Quiet) => Stands::Forgotten,
        (Some(stood), Reading::Wrong(anchor)) => {
            // A checkpoint that has moved does not stand still, whatever else waits.
            let moved = stood.anchor != anchor;
            match (stood.fired, moved) {
                (true, true) => Stands::Over,
                (true, false) => Stands::Firing(stood.since),
                (false, true) => wrong_since(now, hold, now),
                (false, false) => wrong_since(stood.since, hold, now),
            }
        }
    }
}

fn wrong_since(since: Timestamp, hold: SignedDuration, now: Timestamp) -> Stands {
    if now.duration_since(since) >= hold {
        Stands::Fires(since)
    } else {
        Stands::Pending(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[expect(clippy::unnecessary_wraps, reason = "what it was before is an option")]
    fn since(second: i64, fired: bool, anchor: Option<i64>) -> Option<Stood> {
        Some(Stood {
            since: at(second),
            fired,
            anchor,
        })
    }

    fn after(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    const WRONG: Reading = Reading::Wrong(None);

    #[test]
    fn what_is_wrong_is_pending_then_fires_once_then_is_over_once() {
        let hold = after(30);
        assert_eq!(stands(None, Reading::Well, hold, at(0)), Stands::Not);
        assert_eq!(stands(None, WRONG, hold, at(0)), Stands::Pending(at(0)));
        let pending = since(0, false, None);
        assert_eq!(stands(pending, WRONG, hold, at(29)), Stands::Pending(at(0)));
        assert_eq!(stands(pending, WRONG, hold, at(30)), Stands::Fires(at(0)));
        let firing = since(0, true, None);
        assert_eq!(stands(firing, WRONG, hold, at(35)), Stands::Firing(at(0)));
        assert_eq!(stands(firing, Reading::Well, hold, at(40)), Stands::Over);
    }

    #[test]
    fn what_is_wrong_for_too_short_a_time_never_fires() {
        let pending = since(0, false, None);
        assert_eq!(
            stands(pending, Reading::Well, after(30), at(40)),
            Stands::Forgotten
        );
        // And it begins anew.
        assert_eq!(
            stands(None, WRONG, after(30), at(45)),
            Stands::Pending(at(45))
        );
    }

    #[test]
    fn without_a_time_it_fires_at_once() {
        assert_eq!(stands(None, WRONG, after(0), at(0)), Stands::Fires(at(0)));
    }

    #[test]
    fn a_checkpoint_that_moves_does_not_stand_still() {
        let hold = after(60);
        let pending = since(0, false, Some(7));
        let here = |position| Reading::Wrong(Some(position));
        assert_eq!(stands(pending, here(7), hold, at(60)), Stands::Fires(at(0)));
        assert_eq!(
            stands(pending, here(8), hold, at(60)),
            Stands::Pending(at(60)),
            "its time begins anew"
        );
        let firing = since(0, true, Some(7));
        assert_eq!(stands(firing, here(7), hold, at(99)), Stands::Firing(at(0)));
        assert_eq!(stands(firing, here(8), hold, at(99)), Stands::Over);
    }

    #[test]
    fn in_quiet_nothing_begins_and_nothing_ends() {
        let hold = after(30);
        assert_eq!(stands(None, Reading::Quiet, hold, at(0)), Stands::Not);
        assert_eq!(
            stands(since(0, false, None), Reading::Quiet, hold, at(99)),
            Stands::Forgotten,
            "its time does not run meanwhile"
        );
        assert_eq!(
            stands(since(0, true, None), Reading::Quiet, hold, at(99)),
            Stands::AsItWas
        );
    }

    #[test]
    fn a_clock_that_goes_back_fires_nothing() {
        let pending = since(100, false, None);
        assert_eq!(
            stands(pending, WRONG, after(30), at(50)),
            Stands::Pending(at(100))
        );
    }
}
