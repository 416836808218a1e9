//! Is everything all right? In words, with colour and shape.

use highwater_model::{
    Alert, CheckVerdict, Maintenance, MarkHolder, ReadModel, ReadModelState, StoreCheck,
    Subscription,
};
use leptos::prelude::*;

use super::overview_alerts::that_fire;
use super::overview_subscriptions::{read_by_nobody, with_parked_events};
use crate::api::escape;
use crate::components::read_model_state::seconds;
use crate::format;
use crate::live::{Live, Status};

/// A lag of so many seconds is one that people notice.
const BEHIND_S: f64 = 5.0;
/// The log is held when one session has had it for longer.
const HELD_S: f64 = 1.0;

/// Checks of what has words of its own here.
const SAID_ALREADY: [&str; 2] = ["read models", "subscriptions"];

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// As it should be.
    Good,
    /// Rows are old, or will be.
    Warn,
    /// Something does not go on by itself.
    Bad,
}

/// One thing that is to be said, and the page that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    level: Level,
    words: String,
    href: String,
}

/// What there is to say, the worst first; one that is good when all is.
fn findings(
    models: &[ReadModel],
    holders: &[MarkHolder],
    checks: &[StoreCheck],
    subscriptions: &[Subscription],
    maintenance: bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |level, words: String, href: String| found.push(Finding { level, words, href });
    let mut of_models = |level, is: &dyn Fn(&ReadModel) -> bool, what: &str| {
        let those: Vec<&ReadModel> = models.iter().filter(|model| is(model)).collect();
        match those[..] {
            [] => {}
            [one] => say(
                level,
                format!("1 read model is {what}"),
                format!("/read-models/{}", escape(&one.name)),
            ),
            _ => say(
                level,
                format!("{} read models are {what}", those.len()),
                "/read-models".to_owned(),
            ),
        }
    };
    let state = |wanted| move |model: &ReadModel| model.state == wanted;
    of_models(Level::Bad, &state(ReadModelState::Faulted), "faulted");
    of_models(Level::Bad, &state(ReadModelState::Stopped), "stopped");
    if maintenance {
        // That they fall behind is no news then.
        let words = "Maintenance: all read models are paused";
        say(Level::Warn, words.to_owned(), "/read-models".to_owned());
    } else {
        of_models(Level::Warn, &is_behind, "behind");
        of_models(Level::Warn, &state(ReadModelState::Paused), "paused");
        of_models(Level::Warn, &state(ReadModelState::Starting), "starting");
    }
    if let Some((words, href)) = with_parked_events(subscriptions) {
        say(Level::Bad, words, href);
    }
    if let Some((words, href)) = read_by_nobody(subscriptions) {
        say(Level::Warn, words, href);
    }
    if held(holders).is_some() {
        say(
            Level::Bad,
            "The log is held: nobody can append".to_owned(),
            "/store".to_owned(),
        );
    }
    let wrong = checks
        .iter()
        .filter(|check| {
            check.verdict == CheckVerdict::Wrong && !SAID_ALREADY.contains(&check.name.as_str())
        })
        .count();
    if wrong > 0 {
        let are = if wrong == 1 {
            "check finds"
        } else {
            "checks find"
        };
        say(
            Level::Bad,
            format!("{wrong} {are} something wrong"),
            "/store".to_owned(),
        );
    }
    if found.is_empty() {
        let words = if models.is_empty() {
            "There is no read model yet"
        } else {
            "Everything is caught up"
        };
        return vec![Finding {
            level: Level::Good,
            words: words.to_owned(),
            href: "/read-models".to_owned(),
        }];
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    found
}

/// What somebody wanted to be told of comes first.
fn and_alerts(mut found: Vec<Finding>, alerts: &[Alert]) -> Vec<Finding> {
    if let Some((words, href)) = that_fire(alerts) {
        found.retain(|finding| finding.level != Level::Good);
        let level = Level::Bad;
        found.insert(0, Finding { level, words, href });
    }
    found
}

/// A runner works on it, and its rows are old.
pub(super) fn is_behind(model: &ReadModel) -> bool {
    let works = matches!(
        model.state,
        ReadModelState::CatchingUp | ReadModelState::Live
    );
    works && model.lag.matching > 0 && model.lag.seconds >= BEHIND_S
}

/// Who holds the log so that nobody can append.
pub(super) fn held(holders: &[MarkHolder]) -> Option<&MarkHolder> {
    holders
        .iter()
        .find(|holder| holder.what == "holds" && holder.seconds > HELD_S)
}

/// The slowest of those that run, in words.
fn slowest(models: &[ReadModel]) -> Option<String> {
    let running = models.iter().filter(|model| model.state.is_running());
    let most = running.max_by(|one, other| one.lag.seconds.total_cmp(&other.lag.seconds))?;
    Some(match models.len() {
        1 => format!("1 read model, {} behind", seconds(most.lag)),
        count => format!(
            "{count} read models, the slowest {} behind",
            seconds(most.lag)
        ),
    })
}

/// The verdict.
#[component]
pub fn Verdict(
    /// The read models.
    models: RwSignal<Vec<ReadModel>>,
    /// Who is at the mark.
    #[prop(into)]
    holders: Signal<Vec<MarkHolder>>,
    /// The checks of the store.
    #[prop(into)]
    checks: Signal<Vec<StoreCheck>>,
    /// The subscriptions.
    #[prop(into)]
    subscriptions: Signal<Vec<Subscription>>,
    /// The maintenance that is on.
    maintenance: Memo<Option<Maintenance>>,
    /// Alerts that fire.
    #[prop(into)]
    alerts: Signal<Vec<Alert>>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let found = Memo::new(move |_| {
        let (models, holders) = (models.read(), holders.read());
        let (checks, subscriptions) = (checks.read(), subscriptions.read());
        let maintenance = maintenance.with(Option::is_some);
        let found = findings(&models, &holders, &checks, &subscriptions, maintenance);
        alerts.with(|alerts| and_alerts(found, alerts))
    });
    let worst = Memo::new(move |_| found.with(|found| found.first().map(|finding| finding.level)));
    let class = move || match worst.get() {
        Some(Level::Bad) => "verdict-of-all bad",
        Some(Level::Warn) => "verdict-of-all warn",
        _ => "verdict-of-all good",
    };
    let shape = move || match worst.get() {
        Some(Level::Bad) => "✕",
        Some(Level::Warn) => "▲",
        _ => "✓",
    };
    let words = move || {
        let found = found.get();
        found
            .into_iter()
            .enumerate()
            .map(|(at, finding)| {
                let between = (at > 0).then_some(" · ");
                view! {
                    <span>{between} <a href=finding.href>{finding.words}</a></span>
                }
            })
            .collect_view()
    };
    let rest = move || models.with(|models| slowest(models));
    // What can't be heard any more is not told as if it were of now.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of silence")]
    let old = move || {
        let lost = matches!(live.status.get(), Status::Waiting { .. } | Status::Closed);
        let silent = live.now.get().zip(live.heard_at.get());
        silent
            .filter(|_| lost)
            .map(|(now, heard)| format!("as it was {} ago", format::span((now - heard) as i64)))
    };
    view! {
        <div class=class>
            <i class="shape" aria-hidden="true">
                {shape}
            </i>
            <p role="status">{words}</p>
            <span class="dim">{rest}</span>
            <span class="stale">{old}</span>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{Lag, Position};

    fn model(name: &str, state: ReadModelState, behind: f64) -> ReadModel {
        ReadModel {
            name: name.to_owned(),
            describe: None,
            source: "api".to_owned(),
            state,
            reason: None,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            checkpoint: Position(7),
            lag: Lag {
                positions: 3,
                matching: 3,
                capped: false,
                seconds: behind,
            },
            rate: 0.0,
            trend: String::new(),
            stands_on: None,
            versions: Vec::new(),
        }
    }

    fn told(models: &[ReadModel], holders: &[MarkHolder], checks: &[StoreCheck]) -> Vec<String> {
        let found = findings(models, holders, checks, &[], false);
        found.into_iter().map(|finding| finding.words).collect()
    }

    #[test]
    fn all_is_well_while_nobody_notices_a_lag() {
        let live = [model("a", ReadModelState::Live, 0.4)];
        assert_eq!(told(&live, &[], &[]), ["Everything is caught up"]);
        assert_eq!(told(&[], &[], &[]), ["There is no read model yet"]);
    }

    #[test]
    fn the_worst_is_said_first() {
        let models = [
            model("a", ReadModelState::CatchingUp, 90.0),
            model("b", ReadModelState::Live, 6.0),
            model("c", ReadModelState::Paused, 600.0),
            model("d", ReadModelState::Faulted, 600.0),
        ];
        let checks = [StoreCheck::wrong(
            "durability",
            "fsync is off",
            "turn it on",
        )];
        assert_eq!(
            told(&models, &[], &checks),
            [
                "1 read model is faulted",
                "1 check finds something wrong",
                "2 read models are behind",
                "1 read model is paused"
            ]
        );
        assert_eq!(
            findings(&models, &[], &[], &[], false)[0].href,
            "/read-models/d"
        );
    }

    #[test]
    fn under_maintenance_only_what_does_not_follow_from_it_is_said_beside_it() {
        let models = [
            model("a", ReadModelState::CatchingUp, 90.0),
            model("b", ReadModelState::Paused, 600.0),
            model("c", ReadModelState::Faulted, 600.0),
        ];
        let found = findings(&models, &[], &[], &[], true);
        let words: Vec<&str> = found.iter().map(|finding| finding.words.as_str()).collect();
        assert_eq!(
            words,
            [
                "1 read model is faulted",
                "Maintenance: all read models are paused"
            ]
        );
    }

    #[test]
    fn a_held_log_is_no_good_however_well_the_read_models_are() {
        let holder = |what: &str, seconds| MarkHolder {
            pid: 1,
            what: what.to_owned(),
            application: String::new(),
            client: None,
            user: None,
            seconds,
            state: None,
            statement: None,
        };
        let live = [model("a", ReadModelState::Live, 0.0)];
        let bad = told(&live, &[holder("holds", 3.0)], &[]);
        assert_eq!(bad, ["The log is held: nobody can append"]);
        let open = told(&live, &[holder("open", 90.0), holder("holds", 0.01)], &[]);
        assert_eq!(open, ["Everything is caught up"]);
    }
}
