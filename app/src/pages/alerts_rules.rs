//! The rules of alerts: what each looks at, how it stands, who is told; tried, changed, removed.

use highwater_model::{AlertRule, AlertTest, Right, webhook_host};
use leptos::prelude::*;

use super::alerts::Shown;
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::Time;
use crate::components::ask_first::AskFirst;
use crate::components::may::Needs;
use crate::components::read_model_state::counted;
use crate::format;

/// The section.
#[component]
pub fn Rules(
    /// The page.
    shown: Shown,
) -> impl IntoView {
    let orders = Orders::new();
    // The rule that is about to be removed.
    let leaving = RwSignal::new(None::<AlertRule>);
    let none = Memo::new(move |_| shown.rules.with(Vec::is_empty));
    let row = move |rule: AlertRule| row(&rule, shown, orders, leaving);
    view! {
        <section id="rules">
            <h2>"Rules"</h2>
            <SaidLine said=orders.said />
            {move || leaving.get().map(|rule| view! { <Leaving shown orders leaving rule /> })}
            <p class="dim" class:hidden=move || !none.get()>
                "None yet. A rule says what is to be well, and who is told when it is not; write one below."
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Rules of alerts, by name">
                <table class="access">
                    <thead>
                        <tr>
                            <th>"state"</th>
                            <th>"rule"</th>
                            <th>"fires when"</th>
                            <th>"tells"</th>
                            <th>"fired last"</th>
                            <th>"made by"</th>
                            <th>"what to do"</th>
                        </tr>
                    </thead>
                    <tbody>
                        // Rows that stay keep their buttons, and so the focus.
                        <For each=move || shown.rules.get() key=|rule| format!("{rule:?}") children=row />
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// How a rule stands: a word, and the look of it.
fn state(rule: &AlertRule) -> (String, &'static str) {
    if !rule.enabled {
        ("off".to_owned(), "pill state starting")
    } else if rule.firing > 0 {
        (
            format!("{} firing", format::number(rule.firing)),
            "pill state faulted",
        )
    } else if rule.pending > 0 {
        (
            format!("{} pending", format::number(rule.pending)),
            "pill state catching_up",
        )
    } else {
        ("well".to_owned(), "pill state live")
    }
}

/// Whom a rule tells.
fn tells(rule: &AlertRule) -> String {
    let Some(webhook) = &rule.webhook else {
        return "nobody".to_owned();
    };
    let signed = if rule.signed { ", signed" } else { "" };
    let waits = if rule.untold > 0 {
        format!(", {} waiting", counted(rule.untold, "message", "messages"))
    } else {
        String::new()
    };
    format!("{}{signed}{waits}", webhook_host(webhook))
}

fn row(
    rule: &AlertRule,
    shown: Shown,
    orders: Orders,
    leaving: RwSignal<Option<AlertRule>>,
) -> AnyView {
    let (word, class) = state(rule);
    let fired = match rule.fired_at {
        Some(at) => view! { <Time at /> }.into_any(),
        None => "never".into_any(),
    };
    let label = |words: &str| format!("{words}: {}", rule.name);
    let (changes, tests, removes) = (label("Change…"), label("Test"), label("Remove…"));
    let (edited, tried, gone) = (rule.clone(), rule.name.clone(), rule.clone());
    let test = move |_| {
        let name = tried.clone();
        orders.give(async move {
            let said = Api::from_context().test_alert_rule(&name).await?;
            Ok(told(&name, &said))
        });
    };
    let has_webhook = rule.webhook.is_some();
    view! {
        <tr>
            <td>
                <span class=class>
                    <span class="dot" aria-hidden="true"></span>
                    {word}
                </span>
            </td>
            <td>
                <b>{rule.name.clone()}</b>
            </td>
            <td class="wrap">{rule.condition().to_string()}</td>
            <td class="wrap">{tells(rule)}</td>
            <td class="mono dim">{fired}</td>
            <td>{rule.made_by.clone()}</td>
            <td>
                <Needs right=Right::Define quiet=true>
                    <div class="bar">
                        <button type="button" class="quiet" aria-label=changes on:click=move |_| shown.typed.fill(&edited)>
                            "Change…"
                        </button>
                        <button
                            type="button"
                            class="quiet"
                            class:hidden=!has_webhook
                            aria-label=tests
                            aria-disabled=move || orders.busy.get().then_some("true")
                            on:click=test
                        >
                            "Test"
                        </button>
                        <button type="button" class="quiet" aria-label=removes on:click=move |_| leaving.set(Some(gone.clone()))>
                            "Remove…"
                        </button>
                    </div>
                </Needs>
            </td>
        </tr>
    }
    .into_any()
}

/// What a webhook said to a test.
fn told(name: &str, test: &AlertTest) -> Said {
    let took = format::span(test.took_ms);
    let words = match test.status {
        Some(status) if test.said.is_empty() => {
            format!("The webhook of {name} answered {status} after {took}.")
        }
        Some(status) => format!(
            "The webhook of {name} answered {status} after {took}: {}",
            test.said
        ),
        None => format!(
            "The webhook of {name} did not take the test: {}.",
            test.said
        ),
    };
    if test.taken {
        Said::done(words)
    } else {
        Said::failed(words)
    }
}

/// Says what removing does, and orders it.
#[component]
fn Leaving(
    /// The page.
    shown: Shown,
    /// Of the section.
    orders: Orders,
    /// What is to be removed.
    leaving: RwSignal<Option<AlertRule>>,
    /// The same.
    rule: AlertRule,
) -> impl IntoView {
    let order = format!("Remove {}", rule.name);
    let yes = Callback::new(move |()| {
        leaving.set(None);
        let name = rule.name.clone();
        orders.give(async move {
            let api = Api::from_context();
            let done = api.remove_alert_rule(&name).await;
            // A refusal may say that somebody else was faster.
            shown.read_again(&api).await;
            done.map(|()| Said::done(format!("The rule {name} is removed.")))
        });
    });
    let no = Callback::new(move |()| leaving.set(None));
    view! {
        <AskFirst order yes no>
            <dt>"then"</dt>
            <dd>"nothing fires by it any more, what does is over, and nobody is told of that; what fired before stays listed"</dd>
        </AskFirst>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{AlertKind, AlertOf};

    #[test]
    fn a_rule_says_how_it_stands_and_whom_it_tells() {
        let mut rule = AlertRule {
            name: "late".to_owned(),
            kind: AlertKind::Faulted,
            of: AlertOf::ReadModel,
            pattern: "*".to_owned(),
            seconds: 0,
            for_s: 0,
            enabled: true,
            webhook: None,
            signed: false,
            made_by: "ada".to_owned(),
            made_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            pending: 0,
            firing: 0,
            fired_at: None,
            untold: 0,
        };
        assert_eq!(
            (state(&rule).0.as_str(), tells(&rule).as_str()),
            ("well", "nobody")
        );
        rule.webhook = Some("https://hooks.example/T0/sesame".to_owned());
        (rule.signed, rule.untold, rule.firing, rule.pending) = (true, 2, 1, 1);
        assert_eq!(
            tells(&rule),
            "https://hooks.example, signed, 2 messages waiting"
        );
        assert_eq!(state(&rule).0, "1 firing");
        rule.enabled = false;
        assert_eq!(state(&rule).0, "off");
    }

    #[test]
    fn a_test_tells_what_was_said() {
        let mut test = AlertTest {
            taken: true,
            status: Some(204),
            said: String::new(),
            took_ms: 12,
        };
        assert_eq!(
            told("late", &test),
            Said::done("The webhook of late answered 204 after 12 ms.")
        );
        (test.taken, test.status) = (false, None);
        "no answer within 5 s".clone_into(&mut test.said);
        assert_eq!(
            told("late", &test).words,
            "The webhook of late did not take the test: no answer within 5 s."
        );
    }
}
