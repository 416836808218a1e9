//! A chart in words, for those who don't see it.

use jiff::Timestamp;

use super::Plot;
use crate::format;

/// What an empty chart says.
pub(super) const NOTHING: &str = "Nothing was measured in this time.";

/// What is read out at a moment: `14:05:30: 42 / s`.
pub(super) fn spoken(plot: &Plot, at: Timestamp, zone: i32) -> String {
    let values: Vec<String> = plot
        .read(at)
        .into_iter()
        .map(|(index, value)| {
            let told = plot.unit.told(value);
            match plot.series.len() {
                1 => told,
                _ => format!("{} {told}", plot.series[index].name),
            }
        })
        .collect();
    format!("{}: {}", format::date_time(at, zone), values.join(", "))
}

/// The whole chart in a sentence.
pub(super) fn summary(plot: &Plot) -> String {
    let highest = plot.series.iter().filter_map(|series| {
        let values = series.points.iter().map(|(_, value)| *value);
        let most = values.max_by(f64::total_cmp)?;
        let last = series.points.last()?.1;
        Some((series, most, last))
    });
    let told: Vec<String> = highest
        .map(|(series, most, last)| {
            let (most, last) = (plot.unit.told(most), plot.unit.told(last));
            format!("{}: last {last}, {most} at most.", series.name)
        })
        .collect();
    if told.is_empty() {
        NOTHING.to_owned()
    } else {
        told.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Series, Shape, Unit};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn plot(names: &[&str]) -> Plot {
        let series = names.iter().map(|name| Series {
            name: (*name).to_owned(),
            points: vec![(at(0), 4.0), (at(10), 1.5)],
            shape: Shape::Line(12_000),
        });
        Plot::new((at(0), at(60)), Unit::Seconds, series.collect(), 0)
    }

    #[test]
    fn what_is_read_out_names_the_series_where_there_are_several() {
        assert_eq!(
            spoken(&plot(&["a"]), at(10), 3_600),
            "2026-01-01 01:00:10: 1.5 s"
        );
        assert_eq!(
            spoken(&plot(&["a", "b"]), at(0), 0),
            "2026-01-01 00:00:00: a 4.0 s, b 4.0 s"
        );
    }

    #[test]
    fn a_chart_is_told_in_a_sentence() {
        assert_eq!(summary(&plot(&["a"])), "a: last 1.5 s, 4.0 s at most.");
        assert_eq!(summary(&plot(&[])), "Nothing was measured in this time.");
    }
}
