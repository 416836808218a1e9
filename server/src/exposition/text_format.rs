//! The text format in which Prometheus takes metrics: families of gauges, each told once what it is.

use std::fmt::Write;

/// Families of gauges as text.
#[derive(Debug, Default)]
pub(super) struct TextFormat(String);

/// One family; whatever is said of it stands together.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl TextFormat {
    /// A family of gauges. What its unit is, its name ends with and its help says.
    pub(super) fn family(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        let text = &mut self.0;
        let _: std::fmt::Result = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        Family { text, name }
    }

    /// A family of one gauge.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.family(name, help).say(&[], value);
    }

    /// What was said.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// One of its gauges. The names of labels are ours, their values may be anybody's.
    pub(super) fn say(&mut self, labels: &[(&'static str, &str)], value: f64) {
        self.text.push_str(self.name);
        for (nth, (label, said)) in labels.iter().enumerate() {
            self.text.push_str(if nth == 0 { "{" } else { "," });
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(said, self.text);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _: std::fmt::Result = writeln!(self.text, " {value}");
    }

    /// One for each value of a label.
    pub(super) fn each<'v>(
        &mut self,
        label: &'static str,
        gauges: impl IntoIterator<Item = (&'v str, f64)>,
    ) {
        for (said, value) in gauges {
            self.say(&[(label, said)], value);
        }
    }
}

fn escape(said: &str, text: &mut String) {
    for letter in said.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            letter => text.push(letter),
        }
    }
}

/// A number of things, as a gauge has it.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(super) fn number(of: i64) -> f64 {
    of as f64
}

/// The same of things that were counted here.
pub(super) fn count(things: usize) -> f64 {
    number(i64::try_from(things).unwrap_or(i64::MAX))
}

/// Yes or no, as a gauge has it.
pub(super) fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_can_hold_anything_and_stays_on_its_line() {
        let mut text = TextFormat::default();
        text.family("lag_seconds", "Seconds.").each(
            "read_model",
            [("totals", 0.5), ("a\"} 1\nup{x=\"\\", number(1 << 40))],
        );
        text.family("state", "One is 1.")
            .say(&[("name", "totals"), ("state", "live")], yes(true));
        text.gauge("up", "1: it is.", yes(false));
        assert_eq!(
            text.into_text(),
            "# HELP lag_seconds Seconds.\n\
             # TYPE lag_seconds gauge\n\
             lag_seconds{read_model=\"totals\"} 0.5\n\
             lag_seconds{read_model=\"a\\\"} 1\\nup{x=\\\"\\\\\"} 1099511627776\n\
             # HELP state One is 1.\n\
             # TYPE state gauge\n\
             state{name=\"totals\",state=\"live\"} 1\n\
             # HELP up 1: it is.\n\
             # TYPE up gauge\n\
             up 0\n"
        );
    }
}
