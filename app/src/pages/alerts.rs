//! `/alerts`: what is wrong now, by which rules, and who is told?

use highwater_model::{Alert, AlertList, AlertRule, AlertState};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::alerts_form::RuleForm;
use super::alerts_form_fields::Typed;
use super::alerts_rules::Rules;
use crate::api::{Answer, Api};
use crate::components::Time;
use crate::components::problem::ErrorNotice;
use crate::live::on_pulse;

/// What fires is looked up this often.
const APART_MS: f64 = 2_000.0;
/// Alerts on the page.
const LINES: i64 = 100;

/// What the page reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Read {
    list: AlertList,
    rules: Vec<AlertRule>,
}

async fn read(api: &Api) -> Answer<Read> {
    Ok(Read {
        list: api.alerts("", LINES).await?,
        rules: api.alert_rules().await?,
    })
}

/// What the parts of the page show.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    list: RwSignal<AlertList>,
    pub(super) rules: RwSignal<Vec<AlertRule>>,
    /// What is typed into the form: a rule that is to be changed is put there.
    pub(super) typed: Typed,
}

impl Shown {
    /// Takes over how everything is now.
    pub(super) async fn read_again(self, api: &Api) {
        if let Ok(Read { list, rules }) = read(api).await {
            let _ = self.list.try_set(list);
            // Who has a row's button in focus keeps it while nothing of the rules changes.
            let same = self.rules.try_with_untracked(|before| *before == rules);
            if same == Some(false) {
                let _ = self.rules.try_set(rules);
            }
        }
    }
}

/// The page.
#[component]
pub fn AlertsPage() -> impl IntoView {
    let found = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { read(&api).await }
        },
    );
    view! {
        <Title text="Alerts" />
        <h1>"Alerts"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <Parts found /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What was found, and from there on what changes.
#[component]
fn Parts(
    /// Read when the page was rendered.
    found: Read,
) -> impl IntoView {
    let shown = Shown {
        list: RwSignal::new(found.list),
        rules: RwSignal::new(found.rules),
        typed: Typed::new(),
    };
    on_pulse(APART_MS, move || {
        Box::pin(async move {
            shown.read_again(&Api::from_context()).await;
        })
    });
    let alerts = Memo::new(move |_| shown.list.with(|list| list.alerts.clone()));
    let evaluated = Memo::new(move |_| shown.list.with(|list| list.evaluated_at));
    view! {
        <Firing alerts evaluated />
        <Rules shown />
        <RuleForm shown />
        <Past alerts />
    }
    .into_any()
}

/// What fires now, with when it was looked last.
#[component]
fn Firing(
    /// All alerts of the page.
    alerts: Memo<Vec<Alert>>,
    /// When the rules were looked after last.
    evaluated: Memo<Option<Timestamp>>,
) -> impl IntoView {
    let cards = move || {
        let alerts = alerts.get();
        let firing = alerts
            .iter()
            .filter(|alert| alert.state == AlertState::Firing);
        firing.map(card).collect::<Vec<AnyView>>()
    };
    let count = Memo::new(move |_| alerts.with(|alerts| firing(alerts)));
    let told = move || match count.get() {
        0 => "Nothing fires.".to_owned(),
        1 => "1 alert fires.".to_owned(),
        more => format!("{more} alerts fire."),
    };
    let looked = move || {
        let at = evaluated.get()?;
        Some(view! {
            <span class="dim">
                "Looked last at " <Time at />
            </span>
        })
    };
    view! {
        <section class="firing" aria-label="Firing now">
            <div class="bar">
                <h2>"Firing now"</h2>
                <span role="status">{told}</span>
                <span class="grow"></span>
                {looked}
            </div>
            <ul class:hidden=move || count.get() == 0>{cards}</ul>
        </section>
    }
    .into_any()
}

/// How many of them fire.
fn firing(alerts: &[Alert]) -> usize {
    let firing = alerts
        .iter()
        .filter(|alert| alert.state == AlertState::Firing);
    firing.count()
}

fn card(alert: &Alert) -> AnyView {
    view! {
        <li class="card">
            <p>
                <i class="shape" aria-hidden="true">
                    "✕"
                </i>
                <a href=alert.link.clone()>{alert.words.clone()}</a>
            </p>
            <p class="dim">
                {format!("Rule {}, wrong since ", alert.rule)} <Time at=alert.since /> {tells(alert)}
            </p>
        </li>
    }
    .into_any()
}

/// Whether somebody was told.
fn tells(alert: &Alert) -> AnyView {
    if let Some(at) = alert.told_at {
        return view! { <span>", told at " <Time at /></span> }.into_any();
    }
    match (&alert.tell_error, alert.tell_again_at) {
        (Some(error), Some(at)) => view! {
            <span class="bad">
                {format!(", not told yet: {error}; tried again at ")} <Time at />
            </span>
        }
        .into_any(),
        (Some(error), None) => {
            view! { <span class="bad">{format!(", nobody was told: {error}")}</span> }.into_any()
        }
        (None, _) => view! { <span>", told nobody"</span> }.into_any(),
    }
}

/// What fired and is over.
#[component]
fn Past(
    /// All alerts of the page.
    alerts: Memo<Vec<Alert>>,
) -> impl IntoView {
    let over = Memo::new(move |_| {
        let alerts = alerts.get().into_iter();
        let over = alerts.filter(|alert| alert.state == AlertState::Resolved);
        over.collect::<Vec<Alert>>()
    });
    let rows = move || over.with(|over| over.iter().map(row).collect::<Vec<AnyView>>());
    let none = Memo::new(move |_| over.with(Vec::is_empty));
    view! {
        <section id="over">
            <h2>"Over"</h2>
            <p class="dim" class:hidden=move || !none.get()>
                "Nothing has fired and is over, within 30 days."
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Alerts that are over, newest first">
                <table class="alerts-over">
                    <thead>
                        <tr>
                            <th>"fired"</th>
                            <th>"over"</th>
                            <th>"rule"</th>
                            <th>"of"</th>
                            <th>"what it was"</th>
                            <th>"told"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(alert: &Alert) -> AnyView {
    let time = |at: Option<Timestamp>| at.map(|at| view! { <Time at /> });
    let told = match (alert.told_at, &alert.tell_error) {
        (Some(at), _) => view! { <Time at /> }.into_any(),
        (None, Some(error)) => error.clone().into_any(),
        (None, None) => "nobody".into_any(),
    };
    view! {
        <tr>
            <td class="mono dim">{time(alert.fired_at)}</td>
            <td class="mono dim">{time(alert.resolved_at)}</td>
            <td>{alert.rule.clone()}</td>
            <td>
                <a class="mono" href=alert.link.clone()>
                    {alert.subject.clone()}
                </a>
            </td>
            <td class="wrap">{alert.words.clone()}</td>
            <td class="dim wrap">{told}</td>
        </tr>
    }
    .into_any()
}
