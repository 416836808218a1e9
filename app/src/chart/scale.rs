//! Where the grid of a chart stands, and what is written beside it. Pure: the same on the server and in the browser.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::format;

/// What a chart's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Events a second.
    Rate,
    /// Events.
    Events,
    /// Seconds.
    Seconds,
}

/// The axis of values: from 0 to the last of `ticks`, which are equally far apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Where the grid's lines are, 0 first.
    pub ticks: Vec<f64>,
}

impl Values {
    /// The end of the axis.
    pub fn top(&self) -> f64 {
        self.ticks.last().copied().unwrap_or(1.0)
    }
}

/// Steps of seconds that a person counts in.
const SECONDS: [f64; 24] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0,
    3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 432_000.0, 864_000.0,
];
/// The axis of values has at most so many parts.
const PARTS: f64 = 4.0;

impl Unit {
    /// The axis that has room for `most`.
    pub fn values(self, most: f64) -> Values {
        let most = if most.is_finite() { most } else { 0.0 };
        let step = match self {
            Self::Seconds => SECONDS
                .into_iter()
                .find(|step| step * PARTS >= most.max(1.0))
                .unwrap_or_else(|| nice(most / PARTS)),
            // A tenth of an event a second is the least that is told apart; half an event there is none.
            Self::Rate => nice(most.max(0.4) / PARTS),
            Self::Events => nice(most.max(PARTS) / PARTS),
        };
        let parts = (most / step - 1e-9).ceil().clamp(1.0, PARTS);
        let ticks = (0..=4_u8).map(f64::from);
        Values {
            ticks: ticks
                .take_while(|tick| *tick <= parts)
                .map(|tick| tick * step)
                .collect(),
        }
    }

    /// A value in words: `42 / s`, `3.2 s`.
    pub fn told(self, value: f64) -> String {
        match self {
            Self::Rate => format!("{} / s", format::rate(value)),
            Self::Events => format::rate(value),
            #[expect(clippy::cast_possible_truncation, reason = "an age in milliseconds")]
            Self::Seconds => format::span((value * 1_000.0).round() as i64),
        }
    }

    /// What stands beside a line of the grid: `40`, `1.5 s`, `2 min`.
    pub fn label(self, value: f64) -> String {
        #[expect(clippy::cast_possible_truncation, reason = "rounded on purpose")]
        let whole = |value: f64| format::number(value.round() as i64);
        let trimmed = |value: f64| {
            if (value - value.round()).abs() < 1e-9 {
                whole(value)
            } else {
                format!("{value:.1}")
            }
        };
        if value == 0.0 {
            return "0".to_owned();
        }
        match self {
            Self::Rate | Self::Events => match value {
                1_000_000.0.. => format!("{} M", trimmed(value / 1_000_000.0)),
                10_000.0.. => format!("{} k", trimmed(value / 1_000.0)),
                _ => trimmed(value),
            },
            Self::Seconds => match value {
                ..60.0 => format!("{} s", trimmed(value)),
                ..3_600.0 => format!("{} min", trimmed(value / 60.0)),
                ..86_400.0 => format!("{} h", trimmed(value / 3_600.0)),
                _ => format!("{} d", trimmed(value / 86_400.0)),
            },
        }
    }
}

/// The least of 1, 2, 5, 10, 20, … (and of 0.1, 0.2, 0.5) that is not less.
pub fn nice(least: f64) -> f64 {
    if !least.is_finite() || least <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// Steps of time between two labels, in seconds.
const STEPS: [i64; 24] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 345_600, 604_800, 1_209_600, 2_592_000, 7_776_000,
];

/// The axis of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// Where the grid's lines are, oldest first: whole minutes, hours or days of the zone.
    pub ticks: Vec<Timestamp>,
    /// Seconds between two of them.
    pub step_s: i64,
}

impl Times {
    /// At most `most` lines between two moments, in a zone so many seconds east of UTC.
    pub fn new(since: Timestamp, until: Timestamp, zone: i32, most: i64) -> Self {
        let (from, to) = (since.as_second(), until.as_second());
        let step_s = STEPS
            .into_iter()
            .find(|step| (to - from) / step <= most)
            .unwrap_or_else(|| ((to - from) / most.max(1)).max(1));
        let zone = i64::from(zone);
        let first = (from + zone).div_euclid(step_s) * step_s - zone;
        let ticks = (0..=most + 1)
            .filter_map(|at| Timestamp::from_second(first + at * step_s).ok())
            .filter(|at| *at >= since && *at <= until)
            .collect();
        Self { ticks, step_s }
    }

    /// What stands at a line: `14:05`, `14:05:30`; at midnight and from a day on the date, `26 Nov`.
    pub fn label(&self, at: Timestamp, zone: i32) -> String {
        let at = Offset::from_seconds(zone)
            .unwrap_or(Offset::UTC)
            .to_datetime(at);
        let midnight = (at.hour(), at.minute(), at.second()) == (0, 0, 0);
        if self.step_s >= 86_400 || (midnight && self.step_s >= 3_600) {
            return format::day(at.date());
        }
        if self.step_s < 60 {
            format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
        } else {
            format!("{:02}:{:02}", at.hour(), at.minute())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn labels(unit: Unit, most: f64) -> Vec<String> {
        let ticks = unit.values(most).ticks;
        ticks.into_iter().map(|tick| unit.label(tick)).collect()
    }

    #[test]
    fn values_are_told_at_round_numbers() {
        assert_eq!(labels(Unit::Rate, 37.0), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(Unit::Rate, 0.3), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(
            labels(Unit::Rate, 61_000.0),
            ["0", "20 k", "40 k", "60 k", "80 k"]
        );
        assert_eq!(labels(Unit::Events, 1.0), ["0", "1"]);
        assert_eq!(labels(Unit::Events, 0.0), ["0", "1"]);
        assert_eq!(labels(Unit::Seconds, 0.02), ["0", "0.5 s"]);
        assert_eq!(
            labels(Unit::Seconds, 100.0),
            ["0", "30 s", "1 min", "1.5 min", "2 min"]
        );
        assert_eq!(labels(Unit::Seconds, 200_000.0), ["0", "1 d", "2 d", "3 d"]);
    }

    #[test]
    fn the_axis_has_room_for_the_highest_and_not_much_more() {
        let mut most = 0.01;
        while most < 1e7 {
            for unit in [Unit::Rate, Unit::Events, Unit::Seconds] {
                let values = unit.values(most);
                let (top, parts) = (values.top(), values.ticks.len() - 1);
                assert!(top >= most - 1e-6, "{unit:?} {most} {top}");
                assert!((1..=4).contains(&parts), "{unit:?} {most} {parts}");
                assert!(most < 4.0 || top <= most * 2.5, "{unit:?} {most} {top}");
            }
            most *= 1.07;
        }
    }

    #[test]
    fn times_are_told_at_whole_hours_and_days_of_the_zone() {
        let day = Times::new(
            at("2026-11-25T20:10:00Z"),
            at("2026-11-26T20:10:00Z"),
            3_600,
            8,
        );
        assert_eq!(day.step_s, 10_800);
        let told: Vec<String> = day.ticks.iter().map(|at| day.label(*at, 3_600)).collect();
        assert_eq!(
            told,
            [
                "26 Nov", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"
            ]
        );
        let week = Times::new(at("2026-11-19T20:10:00Z"), at("2026-11-26T20:10:00Z"), 0, 8);
        assert_eq!(week.label(week.ticks[0], 0), "20 Nov");
        assert_eq!(week.ticks.len(), 7);
    }

    #[test]
    fn a_short_range_is_told_to_the_second() {
        let times = Times::new(at("2026-11-26T12:00:01Z"), at("2026-11-26T12:01:00Z"), 0, 6);
        assert_eq!(times.step_s, 10);
        assert_eq!(times.label(times.ticks[0], 0), "12:00:10");
    }

    #[test]
    fn no_range_has_more_lines_than_asked_for() {
        let since = at("2026-01-01T00:00:00Z");
        let mut seconds = 1;
        while seconds < 400_000_000 {
            let until = Timestamp::from_second(since.as_second() + seconds).unwrap();
            let ticks = Times::new(since, until, -12_600, 6).ticks;
            assert!(ticks.len() <= 7, "{seconds} {}", ticks.len());
            seconds = seconds * 5 / 4 + 1;
        }
    }
}
