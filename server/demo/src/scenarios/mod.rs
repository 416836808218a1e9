//! Scenarios: what is shown on the Stage, as files. A line is a step: `word: what`. Pure; who plays them is the server.
//!
//! | step | does |
//! |---|---|
//! | `scenario:`, `about:` | the title and what it tells; first |
//! | `chapter:` | a new chapter, which can be jumped to |
//! | `say:` | the words under the picture, until the next |
//! | `note:` | words for the presenter alone |
//! | `wait: 8s` | time to look |
//! | `traffic: 1.5 steady` | orders a second, and how they come: `steady`, `bursty`, `black_friday` |
//! | `order: 2 mug-07 by ada in Gent` | a customer orders |
//! | `start:`, `slow:`, `stop:`, `crash: payments` | does that to a service |
//! | `until: payments waits for 5` | waits until so many events wait for it |
//! | `until: payments is level` | waits until none does |
//! | `until: OrderCompleted of the order` | waits until that has become of the last order |
//! | `cancel: all orders` | their customers want them no more |
//! | `until: nothing is under way` | waits until every order has ended |
//! | `stock: full` | pieces come in until there are as many as on the first day |
//! | `rebuild: revenue_by_day` | has its mended version put together beside it |
//! | `promote: revenue_by_day` | makes that the one that is read |

mod parse;

use std::time::Duration;

use highwater_model::demo::{DemoServiceWish, Traffic};

use crate::services::Part;

pub use parse::ScenarioError;

/// What is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its file's name.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What it tells.
    pub about: String,
    /// In order.
    pub chapters: Vec<Chapter>,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapter {
    /// What it is called.
    pub title: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The words under the picture.
    Say(String),
    /// Words for the presenter.
    Note(String),
    /// Time to look.
    Wait(Duration),
    /// How customers order.
    Traffic(Traffic),
    /// A customer orders.
    Order {
        /// Pieces.
        pieces: u64,
        /// Of which good.
        sku: String,
        /// Who.
        customer: String,
        /// Where to.
        city: String,
    },
    /// A service is to be so.
    Be(Part, DemoServiceWish),
    /// A service is killed.
    Crash(Part),
    /// Waits until so many events wait for a service.
    UntilWaits(Part, i64),
    /// Waits until none does.
    UntilLevel(Part),
    /// Waits until an event of this type has become of the last order.
    UntilEvent(String),
    /// The customers of all orders under way want them no more.
    CancelAll,
    /// Waits until every order has ended.
    UntilQuiet,
    /// Pieces come in until there are as many as on the first day.
    Restock,
    /// Has the mended version of a read model put together.
    Rebuild(String),
    /// Makes it the one that is read.
    Promote(String),
}

macro_rules! scenario {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../scenarios/", $name, ".scenario")),
        )
    };
}

/// The shop's own scenarios: names and texts.
pub const SCENARIOS: [(&str, &str); 5] = [
    scenario!("an-orders-life"),
    scenario!("a-service-goes-down"),
    scenario!("a-bug-in-a-read-model"),
    scenario!("black-friday"),
    scenario!("clean-slate"),
];

impl Scenario {
    /// Reads one.
    ///
    /// # Errors
    /// With the line, and what is wrong there.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        parse::parse(name, text)
    }

    /// The shop's own.
    pub fn all() -> Vec<Self> {
        // Those that could not be read would not pass the tests.
        let read = |(name, text): (&str, &str)| Self::parse(name, text).ok();
        SCENARIOS.into_iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scenarios_can_be_read_and_say_something_in_each_chapter() {
        let all = Scenario::all();
        assert_eq!(all.len(), SCENARIOS.len());
        for scenario in all {
            assert!(!scenario.about.is_empty(), "{}", scenario.name);
            assert!(scenario.chapters.len() > 1, "{}", scenario.name);
            for chapter in &scenario.chapters {
                let speaks = chapter
                    .steps
                    .iter()
                    .any(|step| matches!(step, Step::Say(_)));
                assert!(speaks, "{}: {}", scenario.name, chapter.title);
            }
        }
    }
}
