//! Reads a scenario.

use std::time::Duration;

use highwater_model::demo::{DemoServiceWish, Traffic, TrafficPattern};

use super::{Chapter, Scenario, Step};
use crate::FIXED;
use crate::services::Part;
use crate::shop::GOODS;

/// The longest time to look.
const WAIT_MAX_S: f64 = 600.0;

/// What is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// In which line, from 1.
    pub line: usize,
    /// A sentence.
    pub reason: String,
}

impl std::fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ScenarioError {}

pub(super) fn parse(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let (mut title, mut about) = (None, String::new());
    let mut chapters: Vec<Chapter> = Vec::new();
    let mut has_ordered = false;
    for (at, line) in text.lines().enumerate() {
        let wrong = |reason: String| ScenarioError {
            line: at + 1,
            reason,
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, what) = line.split_once(':').ok_or_else(|| {
            wrong(format!(
                "{line:?} is no step; a step is a word, a colon, and what, like: wait: 8s"
            ))
        })?;
        let (word, what) = (word.trim(), what.trim());
        if what.is_empty() {
            return Err(wrong(format!("{word}: says nothing")));
        }
        match word {
            "scenario" => title = Some(what.to_owned()),
            "about" => what.clone_into(&mut about),
            "chapter" => chapters.push(Chapter {
                title: what.to_owned(),
                steps: Vec::new(),
            }),
            _ => {
                let step = step(word, what).map_err(wrong)?;
                has_ordered |= matches!(step, Step::Order { .. });
                if matches!(step, Step::UntilEvent(_)) && !has_ordered {
                    return Err(wrong(
                        "nobody has ordered before this; write order: first".to_owned(),
                    ));
                }
                let chapter = chapters.last_mut().ok_or_else(|| {
                    wrong(
                        "a step before the first chapter; write chapter: and what it is called"
                            .to_owned(),
                    )
                })?;
                chapter.steps.push(step);
            }
        }
    }
    let wrong = |reason: &str| ScenarioError {
        line: 1,
        reason: reason.to_owned(),
    };
    Ok(Scenario {
        name: name.to_owned(),
        title: title
            .ok_or_else(|| wrong("it has no title; begin with scenario: and what it is called"))?,
        about,
        chapters: if chapters.is_empty() {
            return Err(wrong(
                "it has no chapter; write chapter: and what it is called",
            ));
        } else {
            chapters
        },
    })
}

fn step(word: &str, what: &str) -> Result<Step, String> {
    Ok(match word {
        "say" => Step::Say(what.to_owned()),
        "note" => Step::Note(what.to_owned()),
        "wait" => Step::Wait(wait(what)?),
        "traffic" => Step::Traffic(traffic(what)?),
        "order" => order(what)?,
        "start" => Step::Be(part(what)?, DemoServiceWish::Running),
        "slow" => Step::Be(reader(what)?, DemoServiceWish::Slow),
        "stop" => Step::Be(part(what)?, DemoServiceWish::Stopped),
        "crash" => Step::Crash(part(what)?),
        "until" => until(what)?,
        "cancel" if what == "all orders" => Step::CancelAll,
        "cancel" => {
            return Err(format!(
                "{what:?} can't be cancelled; write: cancel: all orders"
            ));
        }
        "stock" if what == "full" => Step::Restock,
        "stock" => return Err(format!("stock can't be {what:?}; write: stock: full")),
        "rebuild" => Step::Rebuild(mended(what)?),
        "promote" => Step::Promote(mended(what)?),
        _ => {
            return Err(format!(
                "there is no step {word:?}; there are: chapter, say, note, wait, traffic, order, start, slow, stop, crash, until, cancel, stock, rebuild, promote"
            ));
        }
    })
}

fn wait(what: &str) -> Result<Duration, String> {
    let seconds = what
        .strip_suffix('s')
        .and_then(|text| text.trim().parse::<f64>().ok());
    match seconds {
        Some(seconds) if (0.0..=WAIT_MAX_S).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(format!(
            "{what:?} is no time to look; write seconds up to {WAIT_MAX_S}, like 8s"
        )),
    }
}

fn traffic(what: &str) -> Result<Traffic, String> {
    let (rate, pattern) = what.split_once(' ').unwrap_or((what, "steady"));
    let pattern = match pattern.trim() {
        "steady" => TrafficPattern::Steady,
        "bursty" => TrafficPattern::Bursty,
        "black_friday" => TrafficPattern::BlackFriday,
        other => {
            return Err(format!(
                "orders can't come {other:?}; they come steady, bursty, or black_friday"
            ));
        }
    };
    let traffic = rate.parse().ok().map(|orders_per_second| Traffic {
        orders_per_second,
        pattern,
    });
    traffic.filter(Traffic::is_possible).ok_or_else(|| {
        format!("{rate:?} orders a second can't be placed; write a number from 0 to 50")
    })
}

fn order(what: &str) -> Result<Step, String> {
    let help = || format!("{what:?} is no order; write it like: 2 mug-07 by ada in Gent");
    let (goods, whom) = what.split_once(" by ").ok_or_else(help)?;
    let (customer, city) = whom.split_once(" in ").ok_or_else(help)?;
    let (pieces, sku) = goods.split_once(' ').ok_or_else(help)?;
    if GOODS.iter().all(|good| good.0 != sku) {
        return Err(format!("the shop does not sell {sku:?}"));
    }
    Ok(Step::Order {
        pieces: pieces.parse().map_err(|_| help())?,
        sku: sku.to_owned(),
        customer: customer.to_owned(),
        city: city.to_owned(),
    })
}

fn part(name: &str) -> Result<Part, String> {
    let names = Part::names();
    Part::named(name).ok_or_else(|| format!("the shop has no service {name:?}; it has: {names}"))
}

fn until(what: &str) -> Result<Step, String> {
    if what == "nothing is under way" {
        return Ok(Step::UntilQuiet);
    }
    if let Some(event_type) = what.strip_suffix(" of the order") {
        return Ok(Step::UntilEvent(event_type.to_owned()));
    }
    if let Some(name) = what.strip_suffix(" is level") {
        return Ok(Step::UntilLevel(reader(name)?));
    }
    let waits = what.split_once(" waits for ");
    let waits = waits.and_then(|(name, events)| Some((name, events.parse().ok()?)));
    let (name, events) = waits.ok_or_else(|| {
        format!(
            "{what:?} can't be waited for; write it like: payments waits for 5, payments is level, or OrderCompleted of the order"
        )
    })?;
    Ok(Step::UntilWaits(reader(name)?, events))
}

/// A service that hears of events.
fn reader(name: &str) -> Result<Part, String> {
    let part = part(name)?;
    if part.filter().is_none() {
        return Err(format!(
            "{name} hears of no events, so nothing waits for it, and it is not slow"
        ));
    }
    Ok(part)
}

fn mended(name: &str) -> Result<String, String> {
    let known = FIXED.map(|file| file.0);
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "there is no mended version of {name:?}; there is one of: {}",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "scenario: A test\nchapter: One\n";

    fn steps(text: &str) -> Vec<Step> {
        let found = parse("test", &format!("{HEAD}{text}")).unwrap();
        found.chapters[0].steps.clone()
    }

    fn wrong(text: &str) -> (usize, String) {
        let error = parse("test", text).unwrap_err();
        (error.line, error.reason)
    }

    #[test]
    fn steps_are_read() {
        assert_eq!(
            steps("wait: 2.5s"),
            [Step::Wait(Duration::from_millis(2_500))]
        );
        assert_eq!(steps("crash: stock"), [Step::Crash(Part::Stock)]);
        assert_eq!(
            steps("# nothing\n\n  say: a: b "),
            [Step::Say("a: b".to_owned())]
        );
        assert_eq!(
            steps("traffic: 3 bursty"),
            [Step::Traffic(Traffic {
                orders_per_second: 3.0,
                pattern: TrafficPattern::Bursty
            })]
        );
        let ordered = steps("order: 2 mug-07 by ada in Gent\nuntil: OrderCompleted of the order");
        assert_eq!(ordered[1], Step::UntilEvent("OrderCompleted".to_owned()));
        assert_eq!(
            steps("until: stock waits for 5"),
            [Step::UntilWaits(Part::Stock, 5)]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_to_write() {
        assert_eq!(wrong("").0, 1);
        assert!(wrong("chapter: One").1.contains("no title"));
        assert!(wrong("scenario: A").1.contains("no chapter"));
        for (text, line, says) in [
            ("scenario: A\nsay: hello", 2, "before the first chapter"),
            ("scenario: A\nchapter: B\n\nhello", 4, "is no step"),
            (
                "scenario: A\nchapter: B\njump: high",
                3,
                "there are: chapter, say",
            ),
            ("scenario: A\nchapter: B\nsay:", 3, "says nothing"),
            ("scenario: A\nchapter: B\nwait: soon", 3, "like 8s"),
            ("scenario: A\nchapter: B\nwait: 9999s", 3, "up to 600"),
            (
                "scenario: A\nchapter: B\ncrash: invoices",
                3,
                "it has: customers",
            ),
            ("scenario: A\nchapter: B\ntraffic: 99", 3, "from 0 to 50"),
            ("scenario: A\nchapter: B\ntraffic: 1 wildly", 3, "bursty"),
            (
                "scenario: A\nchapter: B\norder: 2 moon by ada in Gent",
                3,
                "does not sell",
            ),
            ("scenario: A\nchapter: B\norder: mugs", 3, "like: 2 mug-07"),
            (
                "scenario: A\nchapter: B\nuntil: noon",
                3,
                "payments is level",
            ),
            (
                "scenario: A\nchapter: B\nuntil: customers is level",
                3,
                "hears of no events",
            ),
            (
                "scenario: A\nchapter: B\nuntil: OrderPlaced of the order",
                3,
                "order: first",
            ),
            ("scenario: A\nchapter: B\ncancel: mine", 3, "all orders"),
            ("scenario: A\nchapter: B\nstock: half", 3, "stock: full"),
            (
                "scenario: A\nchapter: B\nrebuild: stock_levels",
                3,
                "revenue_by_day",
            ),
        ] {
            let (at, reason) = wrong(text);
            assert_eq!(at, line, "{text:?}: {reason}");
            assert!(reason.contains(says), "{text:?}: {reason}");
        }
    }
}
