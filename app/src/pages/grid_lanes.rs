//! Several streams on one axis: which time is shown, where marks stand, what was at a moment.

use highwater_model::{EventHead, StreamTimeline};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

use super::href_with;
use crate::components::grid::MOST;

/// A stream on the grid, or why it is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Its name.
    pub(super) stream: String,
    /// Its events.
    pub(super) timeline: Result<StreamTimeline, String>,
}

impl Lane {
    pub(super) fn marks(&self) -> &[EventHead] {
        self.timeline
            .as_ref()
            .map_or(&[], |timeline| timeline.marks.as_slice())
    }

    /// What had happened last at a moment. Clocks may run back: the newest version counts.
    pub(super) fn at(&self, moment: Timestamp) -> Option<&EventHead> {
        let marks = self.marks().iter().rev();
        marks.into_iter().find(|mark| mark.occurred_at <= moment)
    }
}

/// The time that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Window {
    /// All the time of the lanes' events, or what was picked of it.
    pub(super) fn of(
        lanes: &[Lane],
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Option<Self> {
        let times = || {
            lanes
                .iter()
                .flat_map(Lane::marks)
                .map(|mark| mark.occurred_at)
        };
        let (first, last) = times().min().zip(times().max())?;
        let window = Self {
            from: since.unwrap_or(first),
            to: until.unwrap_or(last),
        };
        Some(window).filter(|window| window.from <= window.to)
    }

    /// From 0 to 1; none: outside.
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds, below 2^52 for a century"
    )]
    pub(super) fn place(&self, at: Timestamp) -> Option<f64> {
        if at < self.from || at > self.to {
            return None;
        }
        let length = self.to.as_microsecond() - self.from.as_microsecond();
        if length == 0 {
            return Some(0.5);
        }
        let part = (at.as_microsecond() - self.from.as_microsecond()) as f64 / length as f64;
        // Not at the very edge, where half of it would be cut off.
        Some(0.005 + part * 0.99)
    }

    /// The moment at a place.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "microseconds, below 2^52 for a century"
    )]
    pub(super) fn moment(&self, place: f64) -> Timestamp {
        let length = self.to.as_microsecond() - self.from.as_microsecond();
        let part = ((place - 0.005) / 0.99).clamp(0.0, 1.0);
        let at = self.from.as_microsecond() + (length as f64 * part) as i64;
        Timestamp::from_microsecond(at).unwrap_or(self.to)
    }
}

/// The events in a window, of all lanes, in the order in which they happened; with the lane's number.
pub(super) fn events(lanes: &[Lane], window: Window) -> Vec<(usize, &EventHead)> {
    let mut events: Vec<(usize, &EventHead)> = lanes
        .iter()
        .enumerate()
        .flat_map(|(lane, of)| of.marks().iter().map(move |mark| (lane, mark)))
        .filter(|(_, mark)| window.place(mark.occurred_at).is_some())
        .collect();
    events.sort_by_key(|(_, mark)| (mark.occurred_at, mark.position));
    events
}

/// The event nearest to a moment.
pub(super) fn nearest<'a>(
    events: &[(usize, &'a EventHead)],
    moment: Timestamp,
) -> Option<&'a EventHead> {
    let away =
        |mark: &EventHead| (mark.occurred_at.as_microsecond() - moment.as_microsecond()).abs();
    events
        .iter()
        .map(|(_, mark)| *mark)
        .min_by_key(|mark| away(mark))
}

/// What the URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) streams: Vec<String>,
    /// The moment that is looked at; none: the end.
    pub(super) at: Option<Timestamp>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

impl Shown {
    pub(super) fn read(map: &ParamsMap) -> Self {
        let mut streams: Vec<String> = Vec::new();
        for stream in map.get_all("stream").unwrap_or_default() {
            let stream = stream.trim().to_owned();
            if !stream.is_empty() && !streams.contains(&stream) && streams.len() < MOST {
                streams.push(stream);
            }
        }
        let moment = |name: &str| map.get(name).and_then(|text| text.parse().ok());
        Self {
            streams,
            at: moment("at"),
            since: moment("since"),
            until: moment("until"),
        }
    }
}

/// The link to the grid with some of its query changed; an empty value leaves the name out.
pub(super) fn link(query: Memo<ParamsMap>, changes: &[(&'static str, &str)]) -> String {
    query.with(|query| href_with("/grid", query, changes))
}

#[cfg(test)]
mod tests {
    use highwater_model::{Position, StreamName, Version};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn lane(stream: &str, seconds: &[i64]) -> Lane {
        let mark = |(version, second): (i64, &i64)| EventHead {
            version: Version(version),
            position: Position(second * 10 + version),
            id: uuid::Uuid::nil(),
            event_type: "Happened".to_owned(),
            occurred_at: at(*second),
            recorded_at: at(*second),
        };
        let last = Version(i64::try_from(seconds.len()).unwrap() - 1);
        Lane {
            stream: stream.to_owned(),
            timeline: Ok(StreamTimeline {
                stream: StreamName::new(stream.to_owned()).unwrap(),
                from: Version(0),
                to: last,
                last_version: last,
                every: 1,
                marks: (0..).zip(seconds).map(mark).collect(),
            }),
        }
    }

    #[test]
    fn lanes_share_the_time_of_all_of_them() {
        let missing = Lane {
            stream: "none-1".to_owned(),
            timeline: Err("There is no stream none-1.".to_owned()),
        };
        let lanes = [lane("a-1", &[10, 30]), missing, lane("b-1", &[0, 20, 100])];
        let window = Window::of(&lanes, None, None).unwrap();
        assert_eq!((window.from, window.to), (at(0), at(100)));
        assert_eq!(window.place(at(50)), Some(0.5));
        assert_eq!(window.place(at(101)), None);
        let order: Vec<(usize, i64)> = events(&lanes, window)
            .iter()
            .map(|(lane, mark)| (*lane, mark.version.0))
            .collect();
        assert_eq!(order, [(2, 0), (0, 0), (2, 1), (0, 1), (2, 2)]);
        let picked = Window::of(&lanes, Some(at(15)), Some(at(40))).unwrap();
        assert_eq!(events(&lanes, picked).len(), 2);
        assert_eq!(Window::of(&lanes, Some(at(40)), Some(at(15))), None);
        assert_eq!(Window::of(&[], None, None), None);
    }

    #[test]
    fn a_place_is_a_moment_and_a_moment_a_place() {
        let window = Window {
            from: at(0),
            to: at(100),
        };
        for second in [0, 1, 50, 100] {
            let there = window.moment(window.place(at(second)).unwrap());
            let away = there.as_microsecond() - at(second).as_microsecond();
            assert!(away.abs() <= 1, "{second}: {away} µs");
        }
        assert_eq!((window.moment(-1.0), window.moment(2.0)), (at(0), at(100)));
    }

    #[test]
    fn what_was_at_a_moment_is_the_newest_that_had_happened() {
        let lane = lane("a-1", &[10, 30, 20]);
        let version = |second: i64| lane.at(at(second)).map(|mark| mark.version.0);
        assert_eq!(
            [version(9), version(10), version(25), version(40)],
            [None, Some(0), Some(2), Some(2)]
        );
        let lanes = [lane];
        let all = events(&lanes, Window::of(&lanes, None, None).unwrap());
        assert_eq!(nearest(&all, at(28)).unwrap().version.0, 1);
    }
}
