//! Reads a moment or a span of time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::filter::term::Time;

pub(super) fn time(text: &str) -> Option<Time> {
    let unit = text.chars().last()?;
    let size = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => 0,
    };
    if size > 0 {
        let count = text[..text.len() - 1].parse::<u32>().ok()?;
        return Some(Time::Ago(i64::from(count) * size));
    }
    let at = text.parse::<Timestamp>().ok().or_else(|| utc(text))?;
    // The database keeps microseconds.
    Timestamp::from_microsecond(at.as_microsecond())
        .ok()
        .map(Time::At)
}

/// A date, or a date and a time, that says nothing of where: UTC.
fn utc(text: &str) -> Option<Timestamp> {
    // A time zone in brackets would be read and left out.
    if text.contains('[') {
        return None;
    }
    let civil = text.parse::<DateTime>().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_an_offset_is_utc_to_the_second() {
        for (text, at) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T09:30", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30:05.1234567", "2026-03-01T09:30:05.123456Z"),
            ("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00Z"),
        ] {
            assert_eq!(time(text), Some(Time::At(at.parse().unwrap())), "{text}");
        }
        for text in ["2026-03-01T09:30[Europe/Paris]", "9999-12-31", "2026-13-01"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn no_moment_is_before_those_that_the_database_knows() {
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        for text in ["4294967295w", "-009999-01-03", "-004713-11-23T23:59:59Z"] {
            assert_eq!(time(text).unwrap().resolve(now), Time::EARLIEST, "{text}");
        }
        assert_eq!(Time::EARLIEST.to_string(), "-004713-11-24T00:00:00Z");
    }
}
