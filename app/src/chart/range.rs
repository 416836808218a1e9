//! The range of time that charts show; the URL says it.

use highwater_model::{Span, chart_step_s};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

/// Which time charts show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Range {
    /// Up to now.
    Last(Span),
    /// Between two moments.
    Between(Timestamp, Timestamp),
}

/// What is shown unless the URL says otherwise.
const USUAL: Span = Span::Quarter;

impl Range {
    /// No chart is drawn again more often than this, in milliseconds.
    pub const DRAWN_MS: f64 = 2_500.0;

    /// Reads it: `range=1h`, or `since=…&until=…`; what can't be read is as if it weren't there.
    pub fn read(map: &ParamsMap) -> Self {
        let time = |name: &str| map.get(name).and_then(|text| moment(&text, 0));
        let between = time("since")
            .zip(time("until"))
            .filter(|(since, until)| since < until);
        let span = map.get("range").and_then(|text| Span::parse(&text));
        match (span, between) {
            (Some(span), _) => Self::Last(span),
            (None, Some((since, until))) => Self::Between(since, until),
            (None, None) => Self::Last(USUAL),
        }
    }

    /// What the URL says for it: each name with its value, empty where the name is left out.
    pub fn query(self) -> [(&'static str, String); 3] {
        let (range, since, until) = match self {
            Self::Last(span) if span == USUAL => (String::new(), String::new(), String::new()),
            Self::Last(span) => (span.as_str().to_owned(), String::new(), String::new()),
            Self::Between(since, until) => (String::new(), since.to_string(), until.to_string()),
        };
        [("range", range), ("since", since), ("until", until)]
    }

    /// The same for the API, which needs it said.
    pub fn asked(self) -> String {
        match self {
            Self::Last(span) => format!("range={}", span.as_str()),
            Self::Between(since, until) => format!("since={since}&until={until}"),
        }
    }

    /// In words, to stand after a number: `in 15 min`.
    pub fn words(self) -> String {
        match self {
            Self::Last(span) => format!("in {}", span.words()),
            Self::Between(..) => "between the two".to_owned(),
        }
    }

    /// Seconds between two points.
    pub fn step_s(self) -> i64 {
        chart_step_s(match self {
            Self::Last(span) => span.seconds(),
            Self::Between(since, until) => until.duration_since(since).as_secs(),
        })
    }

    /// From when to when at this moment. The edges of one that ends now are whole steps: points stay where they are as time goes on.
    pub fn at(self, now: Timestamp) -> (Timestamp, Timestamp) {
        match self {
            Self::Last(span) => {
                let step = self.step_s();
                let end = (now.as_second().div_euclid(step) + 1) * step;
                let until = Timestamp::from_second(end).unwrap_or(now);
                let since = until
                    .checked_sub(SignedDuration::from_secs(span.seconds()))
                    .unwrap_or(until);
                (since, until)
            }
            Self::Between(since, until) => (since, until),
        }
    }

    /// Into how many parts it is divided.
    pub fn parts(self) -> usize {
        let seconds = match self {
            Self::Last(span) => span.seconds(),
            Self::Between(since, until) => until.duration_since(since).as_secs(),
        };
        let step = self.step_s();
        usize::try_from((seconds + step - 1) / step)
            .unwrap_or(1)
            .max(1)
    }

    /// The chart is not worth drawing again more often: a tenth of a step, but every 2.5 s at most and once a minute at least.
    pub fn apart_ms(self) -> f64 {
        let step = i32::try_from(self.step_s()).unwrap_or(i32::MAX);
        (f64::from(step) * 100.0).clamp(Self::DRAWN_MS, 60_000.0)
    }
}

/// A moment as the URL has it, or as a browser's field for date and time does, then in a zone so many seconds east of UTC.
pub fn moment(text: &str, zone: i32) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil: DateTime = text.parse().ok()?;
    Offset::from_seconds(zone).ok()?.to_timestamp(civil).ok()
}

/// What such a field holds: `2026-11-26T14:05:30`.
pub fn field(at: Timestamp, zone: i32) -> String {
    let civil = Offset::from_seconds(zone)
        .unwrap_or(Offset::UTC)
        .to_datetime(at);
    format!(
        "{}T{:02}:{:02}:{:02}",
        civil.date(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read(pairs: &[(&'static str, &str)]) -> Range {
        let mut map = ParamsMap::new();
        for (name, value) in pairs {
            map.insert(*name, (*value).to_owned());
        }
        Range::read(&map)
    }

    #[test]
    fn a_link_reproduces_the_range() {
        let between = Range::Between(at("2026-01-01T00:00:00Z"), at("2026-01-01T06:00:00Z"));
        for range in Span::ALL.map(Range::Last).into_iter().chain([between]) {
            let query = range.query();
            let pairs: Vec<_> = query
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            assert_eq!(read(&pairs), range);
        }
    }

    #[test]
    fn what_is_no_range_is_the_usual_one() {
        let usual = Range::Last(Span::Quarter);
        assert_eq!(read(&[]), usual);
        assert_eq!(read(&[("range", "a while")]), usual);
        let back = [
            ("since", "2026-01-02T00:00:00Z"),
            ("until", "2026-01-01T00:00:00Z"),
        ];
        assert_eq!(read(&back), usual);
    }

    #[test]
    fn a_range_that_ends_now_stands_on_whole_steps() {
        let (since, until) = Range::Last(Span::Quarter).at(at("2026-11-26T12:00:03.5Z"));
        assert_eq!(since, at("2026-11-26T11:45:10Z"));
        assert_eq!(until, at("2026-11-26T12:00:10Z"));
        assert_eq!(Range::Last(Span::Quarter).parts(), 90);
        assert_eq!(Range::Last(Span::Week).parts(), 84);
    }

    #[test]
    fn a_field_for_date_and_time_is_read_in_the_zone() {
        let moment_of = |text| moment(text, 3_600).unwrap();
        assert_eq!(moment_of("2026-11-26T14:05"), at("2026-11-26T13:05:00Z"));
        assert_eq!(moment_of("2026-11-26T14:05Z"), at("2026-11-26T14:05:00Z"));
        assert_eq!(
            field(at("2026-11-26T13:05:09Z"), 3_600),
            "2026-11-26T14:05:09"
        );
        assert_eq!(moment("soon", 0), None);
    }
}
