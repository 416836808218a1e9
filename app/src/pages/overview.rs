//! `/`: is everything all right, and if not, what is worst? One glance; each number leads to the page that explains it.

use highwater_model::{
    Action, Alert, Job, Maintenance, ReadModel, StoreCheck, StoreFacts, Subscription,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::overview_cards::{BadChecks, Failures};
use super::overview_charts::{Charts, OverviewCharts, read_charts};
use super::overview_mark::MarkCard;
use super::overview_models::WorstReadModels;
use super::overview_verdict::Verdict;
use super::overview_work::{Jobs, LastActions};
use super::read_models::{NoReadModel, place, worst_first};
use crate::api::{ActionsRequest, Answer, Api, JobsRequest};
use crate::chart::Range;
use crate::components::problem::{EmptyStore, ErrorNotice};
use crate::components::range_picker::RangePicker;
use crate::live::{
    Live, follow_read_models, jobs, maintenance_now, on_jobs, on_pulse, on_subscriptions,
};

/// The store is asked what holds the mark not more often than this.
const STORE_APART_MS: f64 = 1_500.0;
/// Actions and alerts are not in the feed: they are read this often.
const ACTIONS_APART_MS: f64 = 4_000.0;
/// The checks are a dozen looks into the catalogue.
const CHECKS_APART_MS: f64 = 30_000.0;
/// Actions and jobs on the page.
const LINES: usize = 6;
/// Alerts that fire, at most: there are no more lines for them, but a number.
const ALERTS: i64 = 1_000;

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct First {
    facts: StoreFacts,
    models: Vec<ReadModel>,
    jobs: Vec<Job>,
    actions: Vec<Action>,
    /// None: they could not be made, which is no reason to show nothing else.
    checks: Option<Vec<StoreCheck>>,
    subscriptions: Vec<Subscription>,
    maintenance: Option<Maintenance>,
    alerts: Vec<Alert>,
    charts: Charts,
}

async fn read(api: Api, range: Range) -> Answer<First> {
    let facts = api.store().await?;
    Ok(First {
        charts: read_charts(&api, facts.mark.seen_at, range).await?,
        facts,
        models: api.read_models().await?,
        jobs: api.jobs(&last_jobs()).await?,
        actions: api.actions(&last_actions()).await?,
        checks: api.store_checks().await.ok(),
        subscriptions: api.subscriptions().await?,
        maintenance: api.maintenance().await?.maintenance,
        alerts: firing_alerts(&api).await?,
    })
}

async fn firing_alerts(api: &Api) -> Answer<Vec<Alert>> {
    Ok(api.alerts("firing", ALERTS).await?.alerts)
}

fn last_jobs() -> JobsRequest {
    JobsRequest {
        limit: LINES,
        ..JobsRequest::default()
    }
}

fn last_actions() -> ActionsRequest {
    ActionsRequest {
        limit: LINES,
        ..ActionsRequest::default()
    }
}

/// Links of before led to the live page here.
fn live_page(query: &ParamsMap) -> Option<String> {
    let of_live = ["filter", "event", "before"];
    let is = of_live.iter().any(|name| query.get(name).is_some());
    is.then(|| format!("/live{}", query.to_query_string()))
}

/// The overview.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let query = use_query_map();
    if let Some(path) = query.with_untracked(live_page) {
        return view! { <Redirect path /> }.into_any();
    }
    let range = Memo::new(move |_| query.with(Range::read));
    // Read once: what changes, and another range, are read by what is on the page then.
    let first = Resource::new(
        || (),
        move |()| {
            let (api, range) = (Api::from_context(), range.get_untracked());
            async move { read(api, range).await }
        },
    );
    view! {
        <Title text="Overview" />
        <h1 class="hidden">"Overview"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(first) => view! { <Found first range /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What was read, and from there on what changes.
#[component]
fn Found(
    /// Read when the page was rendered.
    first: First,
    /// Which time they show.
    range: Memo<Range>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let rate = first.facts.mark.rate;
    let models = RwSignal::new(worst_first(first.models));
    let still = RwSignal::new(false);
    follow_read_models(models, move |models, fresh| {
        place(models, fresh, still.get_untracked());
    });
    let facts = RwSignal::new(first.facts);
    keep(
        STORE_APART_MS,
        facts,
        |api| async move { api.store().await },
    );
    let actions = RwSignal::new(first.actions);
    keep(ACTIONS_APART_MS, actions, |api| async move {
        api.actions(&last_actions()).await
    });
    let checks = RwSignal::new(first.checks);
    keep(CHECKS_APART_MS, checks, |api| async move {
        api.store_checks().await.map(Some)
    });
    let subscriptions = RwSignal::new(first.subscriptions);
    on_subscriptions(move |said| subscriptions.set(said.to_vec()));
    let maintenance = maintenance_now(first.maintenance);
    let alerts = RwSignal::new(first.alerts);
    keep(ACTIONS_APART_MS, alerts, |api| async move {
        firing_alerts(&api).await
    });
    let newest_jobs = RwSignal::new(first.jobs);
    on_jobs(move |said| newest_jobs.update(|list| jobs::merge(list, said, |_| true)));
    let shown = live_charts(first.charts, range);
    let empty = Memo::new(move |_| {
        facts.with(|facts| facts.mark.position.0 == 0)
            && live
                .mark
                .with(|mark| mark.as_ref().is_none_or(|mark| mark.position.0 == 0))
            && models.with(Vec::is_empty)
    });
    let holders = Memo::new(move |_| facts.with(|facts| facts.holders.clone()));
    let known_checks = Memo::new(move |_| checks.get().unwrap_or_default());
    let clock = Signal::derive(move || facts.with(|facts| facts.mark.seen_at));
    let page = move || {
        view! {
            <div class="overview">
                <div class="bar">
                    <Verdict models holders checks=known_checks subscriptions maintenance alerts />
                    <span class="grow"></span>
                    <RangePicker path="/" range />
                </div>
                <div class="pair">
                    <OverviewCharts charts=shown first_rate=rate />
                </div>
                <div class="worst-and-mark">
                    <WorstReadModels models charts=shown still />
                    <MarkCard facts />
                </div>
                <div class="quartet">
                    <Failures models />
                    <Jobs jobs=newest_jobs />
                    <BadChecks checks />
                    <LastActions actions now=clock />
                </div>
            </div>
        }
    };
    view! {
        <Show when=move || empty.get() fallback=page>
            <EmptyStore />
            <NoReadModel />
        </Show>
    }
    .into_any()
}

/// Reads something again while the page is open.
fn keep<T, F>(apart_ms: f64, into: RwSignal<T>, read: impl Fn(Api) -> F + Copy + 'static)
where
    T: Send + Sync + 'static,
    F: Future<Output = Answer<T>> + 'static,
{
    on_pulse(apart_ms, move || {
        Box::pin(async move {
            if let Ok(fresh) = read(Api::from_context()).await {
                let _ = into.try_set(fresh);
            }
        })
    });
}

/// The charts of the range that the URL says, drawn anew while it lasts.
fn live_charts(first: Charts, range: Memo<Range>) -> Signal<Charts> {
    let live = expect_context::<Live>();
    let shown = RwSignal::new(first);
    let drawn_at = StoredValue::new(0.0);
    let seen = move || {
        live.mark
            .with_untracked(|mark| mark.as_ref().map(|mark| mark.seen_at))
            .unwrap_or_else(|| shown.with_untracked(Charts::read_at))
    };
    let read = move |asked: Range| async move {
        drawn_at.try_set_value(js_sys::Date::now());
        let found = read_charts(&Api::from_context(), seen(), asked).await;
        if let Ok(found) = found
            && range.try_get_untracked() == Some(asked)
        {
            let _ = shown.try_set(found);
        }
    };
    // Another range was chosen.
    Effect::new(move || {
        let asked = range.get();
        if shown.with_untracked(|shown| shown.range != asked) {
            leptos::task::spawn_local(read(asked));
        }
    });
    on_pulse(Range::DRAWN_MS, move || {
        let asked = range.get_untracked();
        let fresh = js_sys::Date::now() - drawn_at.get_value() < asked.apart_ms();
        // Nothing more happens in a time that is over.
        let over = matches!(asked, Range::Between(_, until) if until < seen());
        Box::pin(async move {
            if !fresh && !over {
                read(asked).await;
            }
        })
    });
    shown.into()
}
