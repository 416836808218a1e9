//! How far back charts look, and how fine they are.

use serde::{Deserialize, Serialize};

/// A range of time that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Span {
    /// A quarter of an hour.
    #[serde(rename = "15m")]
    Quarter,
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// Six hours.
    #[serde(rename = "6h")]
    SixHours,
    /// A day.
    #[serde(rename = "24h")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
}

impl Span {
    /// All of them, the shortest first.
    pub const ALL: [Self; 5] = [
        Self::Quarter,
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::Week,
    ];

    /// As it is written and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// Reads what [`Span::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == text)
    }

    /// As a person says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Quarter => "15 min",
            Self::Hour => "1 h",
            Self::SixHours => "6 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
        }
    }

    /// Its length.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Quarter => 900,
            Self::Hour => 3_600,
            Self::SixHours => 21_600,
            Self::Day => 86_400,
            Self::Week => 604_800,
        }
    }
}

/// Steps between the points of a chart, in seconds. From 60 on each is whole minutes, from 10 on whole tens: that is what is kept.
const STEPS: [i64; 18] = [
    1, 2, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200,
    86_400,
];
/// A chart has at most so many points in a row: a screen has room for no more that could be told apart.
const POINTS: i64 = 120;

/// Seconds between two points of a chart over so many seconds: the least that keeps it at 120 points.
pub fn chart_step_s(seconds: i64) -> i64 {
    STEPS
        .into_iter()
        .find(|step| step * POINTS >= seconds)
        .unwrap_or_else(|| (seconds / POINTS / 86_400 + 1) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for span in Span::ALL {
            assert_eq!(Span::parse(span.as_str()), Some(span));
            assert_eq!(
                serde_json::to_string(&span).unwrap(),
                format!("\"{}\"", span.as_str())
            );
        }
        assert_eq!(Span::parse("15M"), None);
    }

    #[test]
    fn a_chart_has_enough_points_and_not_too_many() {
        let steps = Span::ALL.map(|span| chart_step_s(span.seconds()));
        assert_eq!(steps, [10, 30, 180, 900, 7_200]);
        for (span, step) in Span::ALL.into_iter().zip(steps) {
            assert!((80..=120).contains(&(span.seconds() / step)));
            assert_eq!(span.seconds() % step, 0);
        }
        assert_eq!(chart_step_s(0), 1);
        assert_eq!(chart_step_s(400 * 86_400), 4 * 86_400);
    }
}
