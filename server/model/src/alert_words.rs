//! Spans of time in the sentences of alerts.

/// Seconds in the unit that a person would use: `95 s` is `95 s`, `600` is `10 min`.
pub fn span(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "far below 2^63, and cut on purpose"
    )]
    let whole = |value: f64| value.max(0.0).round() as i64;
    match seconds {
        ..120.0 => format!("{} s", whole(seconds)),
        ..7_200.0 => format!("{} min", whole(seconds / 60.0)),
        ..172_800.0 => format!("{} h", whole(seconds / 3_600.0)),
        _ => format!("{} d", whole(seconds / 86_400.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_unit_of_a_person() {
        assert_eq!(
            [0.4, 95.0, 600.0, 7_200.0, 259_200.0].map(span),
            ["0 s", "95 s", "10 min", "2 h", "3 d"]
        );
    }
}
