//! `append_*`: one event an append, each with its conflict check.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::contenders;
use crate::lab::{Lab, Server};
use crate::report::{Goal, Row, short};
use crate::writers::{self, Round};

const WRITERS: [usize; 4] = [1, 8, 32, 256];

/// All rounds of one contender with one number of writers.
struct Series {
    who: &'static str,
    writers: usize,
    rounds: Vec<Round>,
}

impl Series {
    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut all: Vec<f64> = self.rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    }

    fn per_second(&self) -> f64 {
        self.median(|round| round.per_second)
    }

    fn text(&self) -> String {
        let speeds = self.rounds.iter().map(|round| round.per_second);
        let (least, most) = speeds.fold((f64::MAX, 0.0_f64), |(least, most), speed| {
            (least.min(speed), most.max(speed))
        });
        let spread = (most - least) / self.per_second() * 50.0;
        format!(
            "{:.0}/s ±{spread:.0} %, p50 {} p99 {} ms",
            self.per_second(),
            short(self.median(|round| round.ms(0.5))),
            short(self.median(|round| round.ms(0.99)))
        )
    }

    fn json(&self) -> Value {
        let rounds: Vec<Value> = self
            .rounds
            .iter()
            .map(|round| {
                json!({ "per_second": round.per_second.round(), "p50_ms": round.ms(0.5), "p99_ms": round.ms(0.99) })
            })
            .collect();
        json!({ "who": self.who, "writers": self.writers, "rounds": rounds })
    }
}

/// Every row of appends, at the usual flush and, in the long form, at a slow one.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = measure(lab, &lab.postgres, "").await?;
    if let Some(slow) = &lab.slow {
        rows.extend(measure(lab, slow, ", 1 ms flush").await?);
    }
    Ok(rows)
}

async fn measure(lab: &Lab, server: &Server, suffix: &str) -> Result<Vec<Row>> {
    let (rounds, time) = if lab.long {
        (5, Duration::from_secs(4))
    } else {
        (3, Duration::from_millis(1_500))
    };
    let mut contenders = vec![
        contenders::store(server).await?,
        contenders::plain(server).await?,
        contenders::http(server).await?,
    ];
    contenders.extend(contenders::message_db(lab, server).await?);
    let mut all: Vec<Series> = Vec::new();
    for round in 0..=rounds {
        for writers in WRITERS {
            eprintln!("  round {round} of {rounds}, {writers} writers{suffix}");
            for contender in &mut contenders {
                // Message DB and the API are compared where many write.
                if writers < 32 && ["http", "Message DB"].contains(&contender.name) {
                    continue;
                }
                // Round 0 warms caches and plans.
                let time = if round == 0 { time / 5 } else { time };
                let name = format!("{writers}r{round}");
                let done = writers::run(&contender.target, &name, writers, time).await?;
                contender.appended += done.events;
                if round > 0 {
                    add(&mut all, contender.name, writers, done);
                }
            }
        }
        server.settle().await?;
    }
    let mut wrong = None;
    for contender in &contenders {
        wrong = wrong.or(contender.check().await?);
    }
    for contender in contenders {
        contender.close().await;
    }
    let mut rows = rows(lab, &all, suffix);
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).wrong(wrong);
    }
    Ok(rows)
}

fn add(all: &mut Vec<Series>, who: &'static str, writers: usize, round: Round) {
    match all
        .iter_mut()
        .find(|series| series.who == who && series.writers == writers)
    {
        Some(series) => series.rounds.push(round),
        None => all.push(Series {
            who,
            writers,
            rounds: vec![round],
        }),
    }
}

fn rows(lab: &Lab, all: &[Series], suffix: &str) -> Vec<Row> {
    let swarm = if suffix.is_empty() { 25.0 } else { 40.0 };
    let plan = [
        ("append_contended", "store", 32, "Message DB", 12.0),
        ("append_swarm", "store", 256, "Message DB", swarm),
        ("append_vs_naive", "store", 256, "plain insert", 4.0),
        ("append_http", "http", 32, "Message DB", 4.0),
    ];
    let find = |who: &str, writers: usize| {
        all.iter()
            .find(|series| series.who == who && series.writers == writers)
    };
    let mut rows = Vec::new();
    for (name, who, writers, peer, goal) in plan {
        let row = match (find(who, writers), find(peer, writers)) {
            (Some(ours), Some(theirs)) => compare(name, suffix, ours, theirs)
                .goal(ours.per_second() / theirs.per_second(), Goal::AtLeast(goal)),
            _ => Row::missing(
                name,
                lab.message_db.as_ref().err().cloned().unwrap_or_default(),
            ),
        };
        rows.push(row);
    }
    for writers in [1, 8] {
        if let (Some(ours), Some(theirs)) = (find("store", writers), find("plain insert", writers))
        {
            let ratio = ours.median(|round| round.ms(0.5)) / theirs.median(|round| round.ms(0.5));
            rows.push(compare("append_solo", suffix, ours, theirs).goal(ratio, Goal::AtMost(1.3)));
        }
    }
    rows
}

fn compare(name: &str, suffix: &str, ours: &Series, theirs: &Series) -> Row {
    Row::new(
        name,
        format!("{}, {} writers{suffix}", ours.who, ours.writers),
        ours.text(),
    )
    .against(format!("{} {}", theirs.who, theirs.text()))
    .rounds(json!([ours.json(), theirs.json()]))
}
