//! A stream's events on an axis, a mark each. One path a type, so that thousands of marks are a handful of elements.

use std::collections::BTreeMap;
use std::fmt::Write;

use highwater_model::{EventHead, StreamTimeline};
use jiff::Timestamp;

use crate::format;

/// Width of the drawing in its own units; the page stretches it.
const WIDTH: f64 = 1_200.0;
const HEIGHT: u32 = 44;

/// Where marks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// At the time when they happened.
    Time,
    /// One beside the other.
    Even,
}

/// When the earliest and the latest event of a timeline happened.
pub fn ends(timeline: &StreamTimeline) -> Option<(Timestamp, Timestamp)> {
    let times = || timeline.marks.iter().map(|mark| mark.occurred_at);
    times().min().zip(times().max())
}

/// Where each mark stands, from 0 to 1, in the order of versions.
#[expect(clippy::cast_precision_loss, reason = "times and counts, below 2^52")]
pub fn places(timeline: &StreamTimeline, axis: Axis) -> Vec<f64> {
    let marks = &timeline.marks;
    let even = |at: usize| (at as f64 + 0.5) / marks.len() as f64;
    let (from, length) = ends(timeline).map_or((0, 0), |(from, to)| {
        let from = from.as_millisecond();
        (from, to.as_millisecond() - from)
    });
    let place = |(at, mark): (usize, &EventHead)| match axis {
        Axis::Time if length > 0 => {
            // Not at the very edge, where half of it would be cut off.
            let part = (mark.occurred_at.as_millisecond() - from) as f64 / length as f64;
            0.005 + part * 0.99
        }
        _ => even(at),
    };
    marks.iter().enumerate().map(place).collect()
}

/// The mark nearest to a place.
pub fn nearest(places: &[f64], place: f64) -> Option<usize> {
    let distance = |at: &usize| (places[*at] - place).abs();
    (0..places.len()).min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

/// The drawing. Each type's path has the class of its hue; the mark of `version` has `here`.
pub fn svg(timeline: &StreamTimeline, axis: Axis, version: i64) -> String {
    let places = places(timeline, axis);
    let marks = timeline.marks.iter().zip(places.iter().copied());
    let mut places = marks.clone();
    let here = places
        .find(|(mark, _)| mark.version.0 == version)
        .map(|(_, place)| place);
    drawing(marks, here)
}

/// Marks at their places, from 0 to 1, and a line through one place.
pub fn drawing<'a>(marks: impl Iterator<Item = (&'a EventHead, f64)>, here: Option<f64>) -> String {
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for (mark, place) in marks {
        // Writing into a text does not fail.
        let _ = write!(
            paths.entry(&mark.event_type).or_default(),
            "M{:.1} 12V{HEIGHT}",
            place * WIDTH
        );
    }
    let mut out = format!(
        "<svg class=\"marks\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    for (event_type, path) in &paths {
        let hue = format::hue_alone(event_type);
        let _ = write!(
            out,
            "<path class=\"{hue}\" d=\"{path}\" vector-effect=\"non-scaling-stroke\"/>"
        );
    }
    if let Some(place) = here {
        let x = place * WIDTH;
        let _ = write!(
            out,
            "<path class=\"here\" d=\"M{x:.1} 0V{HEIGHT}\" vector-effect=\"non-scaling-stroke\"/>"
        );
    }
    out + "</svg>"
}

/// Types of events, those with the most marks first.
pub fn types<'a>(marks: impl IntoIterator<Item = &'a EventHead>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for mark in marks {
        *counts.entry(&mark.event_type).or_default() += 1;
    }
    let mut types: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    types.sort_by_key(|of| std::cmp::Reverse(of.1));
    types
}

/// How many events say that they happened before the one that was recorded before them.
pub fn running_back(timeline: &StreamTimeline) -> usize {
    let pairs = timeline.marks.windows(2);
    pairs
        .filter(|pair| pair[1].occurred_at < pair[0].occurred_at)
        .count()
}

#[cfg(test)]
mod tests {
    use highwater_model::{Position, StreamName, Version};

    use super::*;

    fn timeline(seconds: &[i64]) -> StreamTimeline {
        let at = |second| Timestamp::from_second(1_767_225_600 + second).unwrap();
        let mark = |(version, second): (i64, &i64)| EventHead {
            version: Version(version),
            position: Position(version + 1),
            id: uuid::Uuid::nil(),
            event_type: format!("Type{}", version % 2),
            occurred_at: at(*second),
            recorded_at: at(*second),
        };
        let last = Version(i64::try_from(seconds.len()).unwrap() - 1);
        StreamTimeline {
            stream: StreamName::new("order-1".to_owned()).unwrap(),
            from: Version(0),
            to: last,
            last_version: last,
            every: 1,
            marks: (0..).zip(seconds).map(mark).collect(),
        }
    }

    #[test]
    fn marks_stand_at_their_times_or_one_beside_the_other() {
        let timeline = timeline(&[0, 10, 100]);
        let close =
            |one: &[f64], other: &[f64]| one.iter().zip(other).all(|(a, b)| (a - b).abs() < 0.001);
        let by_time = places(&timeline, Axis::Time);
        assert!(close(&by_time, &[0.005, 0.104, 0.995]), "{by_time:?}");
        let even = places(&timeline, Axis::Even);
        assert!(close(&even, &[1.0 / 6.0, 0.5, 5.0 / 6.0]), "{even:?}");
        assert_eq!(nearest(&by_time, 0.3), Some(1));
        assert_eq!(nearest(&[], 0.3), None);
        let svg = svg(&timeline, Axis::Time, 1);
        assert_eq!(svg.matches("<path").count(), 3, "{svg}");
        assert!(!svg.contains("style="), "{svg}");
    }

    #[test]
    fn events_of_one_moment_and_clocks_that_run_back_have_their_places() {
        let places_of = |seconds: &[i64]| places(&timeline(seconds), Axis::Time);
        assert_eq!(places_of(&[5, 5]), [0.25, 0.75]);
        assert!(
            places_of(&[10, 0])
                .iter()
                .all(|place| (0.0..=1.0).contains(place))
        );
        assert_eq!(running_back(&timeline(&[10, 0, 5])), 1);
    }
}
