//! Scenarios of the Stage.

use highwater_demo::scenarios::{Scenario, Step};
use highwater_model::demo::{DemoServiceWish, TrafficPattern};

pub(crate) const WORDS: &[&str] = &[
    "scenario: A\n",
    "about: B\n",
    "chapter: C\n",
    "say: ",
    "note: ",
    "wait: ",
    "traffic: ",
    "order: 2 mug-07 by ada in Gent\n",
    "start: ",
    "slow: ",
    "stop: ",
    "crash: ",
    "until: ",
    "cancel: all orders\n",
    "stock: full\n",
    "rebuild: ",
    "promote: ",
    "payments",
    "stock",
    "customers",
    " waits for 5\n",
    " is level\n",
    "OrderCompleted of the order\n",
    "nothing is under way\n",
    "revenue_by_day\n",
    "8s\n",
    "NaNs\n",
    "-0s\n",
    "1e9s\n",
    "1.5 bursty\n",
    "inf steady\n",
    "# ",
    ":",
    " ",
    "\n",
    "\r",
    "ä",
];

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Scenario::parse("fuzzed", &text) {
        Ok(scenario) => {
            assert!(!scenario.chapters.is_empty());
            let written = written(&scenario);
            assert_eq!(
                Scenario::parse("fuzzed", &written),
                Ok(scenario),
                "{written}"
            );
        }
        Err(error) => {
            let lines = text.lines().count().max(1);
            assert!((1..=lines).contains(&error.line), "{text:?}: {error}");
            assert!(!error.reason.is_empty());
        }
    }
}

fn written(scenario: &Scenario) -> String {
    let mut lines = vec![format!("scenario: {}", scenario.title)];
    if !scenario.about.is_empty() {
        lines.push(format!("about: {}", scenario.about));
    }
    for chapter in &scenario.chapters {
        lines.push(format!("chapter: {}", chapter.title));
        lines.extend(chapter.steps.iter().map(line));
    }
    lines.join("\n")
}

fn line(step: &Step) -> String {
    match step {
        Step::Say(words) => format!("say: {words}"),
        Step::Note(words) => format!("note: {words}"),
        Step::Wait(time) => format!("wait: {}s", time.as_secs_f64()),
        Step::Traffic(traffic) => {
            let pattern = match traffic.pattern {
                TrafficPattern::Steady => "steady",
                TrafficPattern::Bursty => "bursty",
                TrafficPattern::BlackFriday => "black_friday",
            };
            format!("traffic: {} {pattern}", traffic.orders_per_second)
        }
        Step::Order {
            pieces,
            sku,
            customer,
            city,
        } => format!("order: {pieces} {sku} by {customer} in {city}"),
        Step::Be(part, wish) => {
            let word = match wish {
                DemoServiceWish::Running => "start",
                DemoServiceWish::Slow => "slow",
                DemoServiceWish::Stopped => "stop",
            };
            format!("{word}: {}", part.name())
        }
        Step::Crash(part) => format!("crash: {}", part.name()),
        Step::UntilWaits(part, events) => format!("until: {} waits for {events}", part.name()),
        Step::UntilLevel(part) => format!("until: {} is level", part.name()),
        Step::UntilEvent(event_type) => format!("until: {event_type} of the order"),
        Step::CancelAll => "cancel: all orders".to_owned(),
        Step::UntilQuiet => "until: nothing is under way".to_owned(),
        Step::Restock => "stock: full".to_owned(),
        Step::Rebuild(name) => format!("rebuild: {name}"),
        Step::Promote(name) => format!("promote: {name}"),
    }
}
