//! Numbers and times for people. Pure: the same text on the server and in the browser.

use highwater_model::RecordedEvent;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::Value;

/// Thousands set apart by thin spaces: 2 481 307.
pub fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "−" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}

/// A rate, per second.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a rate for the eye; far below 2^63"
)]
pub fn rate(rate: f64) -> String {
    if rate > 0.0 && rate < 10.0 {
        format!("{rate:.1}")
    } else {
        number(rate.round() as i64)
    }
}

/// Time of day to the millisecond, `seconds` east of UTC.
pub fn clock(time: Timestamp, seconds: i32) -> String {
    let time = offset(seconds).to_datetime(time);
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}

/// Date and time of day to the second.
pub fn date_time(time: Timestamp, seconds: i32) -> String {
    let at = offset(seconds).to_datetime(time);
    format!(
        "{} {:02}:{:02}:{:02}",
        at.date(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// When something was, in few words: `14:05:30` within a day of `now`, before that `26 Nov`.
pub fn short_time(time: Timestamp, now: Timestamp, seconds: i32) -> String {
    let at = offset(seconds).to_datetime(time);
    if now.as_second() - time.as_second() < 86_400 {
        return format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    }
    day(at.date())
}

/// Since when something is so: `14:02`; after a day, as far as that is known, `26 Nov, 14:02`.
pub fn since(time: Timestamp, now_ms: Option<i64>, seconds: i32) -> String {
    let at = offset(seconds).to_datetime(time);
    let clock = format!("{:02}:{:02}", at.hour(), at.minute());
    if now_ms.is_some_and(|now| now - time.as_millisecond() >= 86_400_000) {
        return format!("{}, {clock}", day(at.date()));
    }
    clock
}

/// `26 Nov`.
pub fn day(date: Date) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = usize::try_from(date.month() - 1).unwrap_or_default();
    format!("{} {}", date.day(), MONTHS[month.min(11)])
}

/// `UTC`, `UTC+2`, `UTC+5:30`.
pub fn zone(seconds: i32) -> String {
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let minutes = seconds.abs() / 60;
    let sign = if seconds < 0 { '−' } else { '+' };
    if minutes % 60 == 0 {
        format!("UTC{sign}{}", minutes / 60)
    } else {
        format!("UTC{sign}{}:{:02}", minutes / 60, minutes % 60)
    }
}

fn offset(seconds: i32) -> Offset {
    Offset::from_seconds(seconds).unwrap_or(Offset::UTC)
}

/// A span between two times: `+41 ms`, `3.2 s`, `5 min`.
pub fn span(milliseconds: i64) -> String {
    match milliseconds.abs() {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms @ 1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms @ 60_000..3_600_000 => format!("{} min", ms / 60_000),
        ms @ 3_600_000..86_400_000 => format!("{} h", ms / 3_600_000),
        ms => format!("{} d", ms / 86_400_000),
    }
}

/// A span of time that is known as a range of seconds: `5–8 s`, `50 s – 2 min`, `under a second`.
pub fn between(from: f64, to: f64) -> String {
    if to < 1.0 {
        return "under a second".to_owned();
    }
    let (from, to) = (in_unit(from.max(0.0).floor()), in_unit(to.ceil()));
    if from == to {
        format!("{} {}", from.0, from.1)
    } else if from.1 == to.1 {
        format!("{}–{} {}", from.0, to.0, to.1)
    } else {
        format!("{} {} – {} {}", from.0, from.1, to.0, to.1)
    }
}

/// Seconds in the unit that a person would use.
fn in_unit(seconds: f64) -> (String, &'static str) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "far below 2^63, and cut on purpose"
    )]
    let whole = |value: f64| number(value.round() as i64);
    match seconds {
        ..90.0 => (whole(seconds), "s"),
        ..5_400.0 => (whole(seconds / 60.0), "min"),
        ..172_800.0 => (whole(seconds / 3_600.0), "h"),
        _ => (whole(seconds / 86_400.0), "d"),
    }
}

/// Bytes: `512 B`, `48 kB`, `2.1 MB`.
pub fn bytes(bytes: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for the eye")]
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value.abs() < 1_000.0 {
            return if unit == "B" || value >= 10.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1_000.0;
    }
    format!("{value:.1} TB")
}

/// As it stands at the beginning of a sentence.
pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The class that gives an event type its hue, always the same for a name (FNV-1a, 36 hues).
pub fn hue(event_type: &str) -> String {
    format!("type {}", hue_alone(event_type))
}

/// The same for a drawing: `type` draws a box before words.
pub fn hue_alone(event_type: &str) -> String {
    format!("h{}", hue_step(event_type))
}

/// The same in degrees, for what is painted.
pub fn hue_degrees(event_type: &str) -> u16 {
    hue_step(event_type) * 10
}

fn hue_step(event_type: &str) -> u16 {
    let hash = event_type.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    u16::try_from((hash ^ (hash >> 15)) % 36).unwrap_or(0)
}

/// The first fields of an event's data in one line.
pub fn preview(event: &RecordedEvent) -> String {
    let Ok(data) = serde_json::from_str::<Value>(event.data.get()) else {
        return String::new();
    };
    let mut out = match data {
        Value::Object(fields) => fields
            .iter()
            .take(6)
            .map(|(key, value)| format!("{key} {}", brief(value)))
            .collect::<Vec<_>>()
            .join(" · "),
        other => brief(&other),
    };
    if let Some((at, _)) = out.char_indices().nth(160) {
        out.truncate(at);
        out.push('…');
    }
    out
}

fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.len()),
        Value::Object(fields) => format!("{{{}}}", fields.len()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [number(0), number(999), number(1_000), number(2_481_307)],
            ["0", "999", "1\u{2009}000", "2\u{2009}481\u{2009}307"]
        );
    }

    #[test]
    fn a_sentence_begins_with_a_capital() {
        let begun = ["version 2", "über", "12 rows", ""].map(capital);
        assert_eq!(begun, ["Version 2", "Über", "12 rows", ""]);
    }

    #[test]
    fn a_range_of_time_is_told_in_the_units_of_a_person() {
        assert_eq!(between(0.1, 0.6), "under a second");
        assert_eq!(between(4.6, 7.2), "4–8 s");
        assert_eq!(between(5.0, 5.0), "5 s");
        assert_eq!(between(50.0, 130.0), "50 s – 2 min");
        assert_eq!(between(-3.0, 2.0), "0–2 s");
        assert_eq!(between(7_200.0, 10_800.0), "2–3 h");
    }

    #[test]
    fn bytes_are_told_in_thousands() {
        assert_eq!(
            [bytes(0), bytes(999), bytes(48_200), bytes(2_120_000)],
            ["0 B", "999 B", "48 kB", "2.1 MB"]
        );
    }

    #[test]
    fn what_was_a_day_ago_is_told_by_its_day() {
        let time: Timestamp = "2026-11-23T14:21:59Z".parse().unwrap();
        let later: Timestamp = "2026-11-26T14:21:59Z".parse().unwrap();
        assert_eq!(short_time(time, time, 3_600), "15:21:59");
        assert_eq!(short_time(time, later, 36_000), "24 Nov");
        assert_eq!(since(time, None, 0), "14:21");
        assert_eq!(since(time, Some(time.as_millisecond()), 3_600), "15:21");
        let later = later.as_millisecond();
        assert_eq!(since(time, Some(later), 36_000), "24 Nov, 00:21");
    }

    #[test]
    fn a_time_is_told_in_the_zone_that_was_asked_for() {
        let time: Timestamp = "2026-11-23T14:21:59.503Z".parse().unwrap();
        assert_eq!(clock(time, 0), "14:21:59.503");
        assert_eq!(clock(time, 5 * 3_600 + 1_800), "19:51:59.503");
        assert_eq!(zone(19_800), "UTC+5:30");
    }
}
