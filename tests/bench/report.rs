//! The table on the terminal and `bench.json`.

use anyhow::Result;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::reasons::why_missed;

/// What a figure must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    fn met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::AtMost(most) => format!("≤ {most}"),
        }
    }
}

/// A line of the table.
#[derive(Debug, Default)]
pub(crate) struct Row {
    name: String,
    measured: String,
    figure: String,
    against: String,
    judged: Option<(f64, Goal)>,
    /// Numbers behind it, a round each.
    rounds: Value,
    /// Under the table: what is there to know about it.
    notes: Vec<String>,
    missing: Option<String>,
    wrong: Option<String>,
}

impl Row {
    /// A figure by itself.
    pub(crate) fn new(
        name: impl Into<String>,
        measured: impl Into<String>,
        figure: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            measured: measured.into(),
            figure: figure.into(),
            ..Self::default()
        }
    }

    /// A bench that broke.
    pub(crate) fn failed(name: &str, error: &anyhow::Error) -> Self {
        Self {
            wrong: Some(format!("{error:#}")),
            ..Self::new(name, "", "failed")
        }
    }

    /// A bench that can't be run here.
    pub(crate) fn missing(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            missing: Some(why.into()),
            ..Self::new(name, "", "not measured")
        }
    }

    /// What it is compared with, and its figure.
    pub(crate) fn against(mut self, peer: impl Into<String>) -> Self {
        self.against = peer.into();
        self
    }

    /// The number that is held to a goal.
    pub(crate) fn goal(mut self, judged: f64, goal: Goal) -> Self {
        self.judged = Some((judged, goal));
        self
    }

    /// The numbers behind it.
    pub(crate) fn rounds(mut self, rounds: Value) -> Self {
        self.rounds = rounds;
        self
    }

    /// A sentence under the table.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The check at the end found this.
    pub(crate) fn wrong(mut self, found: Option<String>) -> Self {
        self.wrong = found;
        self
    }

    /// True when something broke or what was written is not what is there.
    pub(crate) fn is_wrong(&self) -> bool {
        self.wrong.is_some()
    }

    fn met(&self) -> Option<bool> {
        self.judged.map(|(figure, goal)| goal.met(figure))
    }

    fn cells(&self) -> [String; 7] {
        let (judged, goal) = self.judged.map_or_else(Default::default, |(figure, goal)| {
            (short(figure), goal.text())
        });
        let met = match (&self.wrong, self.met()) {
            (Some(_), _) => "WRONG",
            (None, Some(true)) => "met",
            (None, Some(false)) => "missed",
            (None, None) => "",
        };
        [
            self.name.clone(),
            self.measured.clone(),
            self.figure.clone(),
            self.against.clone(),
            judged,
            goal,
            met.to_owned(),
        ]
    }
}

/// Three digits that mean something.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        large if large >= 100.0 => format!("{number:.0}"),
        middle if middle >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// Prints the table, then what is there to say about single rows.
pub(crate) fn print(rows: &[Row]) {
    let head = [
        "bench", "measured", "figure", "against", "judged", "goal", "",
    ]
    .map(str::to_owned);
    let lines: Vec<[String; 7]> = std::iter::once(head)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    println!();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        println!("{}", cells.join("  ").trim_end());
        if number == 0 {
            println!("{}", widths.map(|width| "─".repeat(width)).join("  "));
        }
    }
    for row in rows {
        let why = [&row.wrong, &row.missing].into_iter().flatten();
        for sentence in why.chain(&row.notes) {
            println!("\n{}: {sentence}", row.name);
        }
    }
    let mut said = Vec::new();
    for row in rows.iter().filter(|row| row.met() == Some(false)) {
        let why = why_missed(&row.name);
        if !said.contains(&(&row.name, why)) {
            said.push((&row.name, why));
            println!("\n{} misses its goal: {why}", row.name);
        }
    }
}

/// The same as a file.
pub(crate) fn write(lab: &Lab, rows: &[Row]) -> Result<()> {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name, "measured": row.measured, "figure": row.figure, "against": row.against,
                "judged": row.judged.map(|(figure, _)| figure), "goal": row.judged.map(|(_, goal)| goal.text()),
                "met": row.met(), "why_missed": (row.met() == Some(false)).then(|| why_missed(&row.name)), "rounds": row.rounds, "notes": row.notes, "missing": row.missing, "wrong": row.wrong,
            })
        })
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench.json");
    let report = json!({ "long": lab.long, "machine": lab.facts, "rows": rows });
    std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    println!("\nbench.json has the same, and the rounds.");
    Ok(())
}
