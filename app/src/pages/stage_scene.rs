//! What is on the Stage: services, the log, read models, and what flies between them.

use std::collections::BTreeMap;

use highwater_model::demo::{Demo, DemoService};
use highwater_model::{ReadModelLag, Subscription};
use leptos::prelude::*;

use super::stage::Opening;
use super::stage_picture;
use super::stage_play::Play;
use super::stage_service::{ServiceCard, Standing};
use super::stage_traffic::TrafficControl;
use crate::api::Api;
use crate::format;
use crate::live::{Buffer, Live, on_lag, on_pulse, on_subscriptions, socket};
use crate::stage::backlog::Backlog;
use crate::stage::cast::Cast;

/// The demo's services are asked for at most this often.
const DEMO_APART_MS: f64 = 700.0;

/// What the parts of the Stage share.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Who is on it.
    pub cast: StoredValue<Cast>,
    /// What waits for each, by name.
    pub backlog: RwSignal<Backlog>,
    /// Who took how many of what waited, said last.
    pub taken: RwSignal<Vec<(String, i64)>>,
    /// How each subscription is, by name.
    pub standing: RwSignal<BTreeMap<String, Standing>>,
    /// Events that each has emitted since the page was opened.
    pub emitted: RwSignal<BTreeMap<String, u64>>,
    /// The demo shop, where there is one.
    pub demo: RwSignal<Option<Demo>>,
    /// What an order came to, if it failed.
    pub failed: RwSignal<Option<String>>,
}

impl Shown {
    fn of(opening: Opening) -> Self {
        let order: Vec<String> = opening
            .demo
            .iter()
            .flat_map(|demo| demo.services.iter().map(|service| service.name.clone()))
            .collect();
        let cast = Cast::of(
            &opening.map,
            &opening.subscriptions,
            &opening.read_models,
            &order,
        );
        let mut backlog = Backlog::default();
        backlog.take(waiting(&opening.subscriptions));
        let lags: Vec<ReadModelLag> = opening.read_models.iter().map(ReadModelLag::from).collect();
        backlog.take(behind(&lags));
        Self {
            cast: StoredValue::new(cast),
            backlog: RwSignal::new(backlog),
            taken: RwSignal::new(Vec::new()),
            standing: RwSignal::new(standings(&opening.subscriptions)),
            emitted: RwSignal::new(BTreeMap::new()),
            demo: RwSignal::new(opening.demo),
            failed: RwSignal::new(None),
        }
    }

    /// How a service of the demo shop is.
    pub fn service(&self, name: &str) -> Option<DemoService> {
        self.demo.with(|demo| service_of(demo.as_ref()?, name))
    }

    /// The same, for who draws.
    pub fn service_untracked(&self, name: &str) -> Option<DemoService> {
        self.demo
            .with_untracked(|demo| service_of(demo.as_ref()?, name))
    }

    /// Asks how the demo shop is, at once.
    pub fn ask_demo(self) {
        let api = Api::from_context();
        leptos::task::spawn_local(async move {
            if let Ok(now) = api.demo().await {
                let _ = self.demo.try_set(Some(now));
            }
        });
    }
}

fn service_of(demo: &Demo, name: &str) -> Option<DemoService> {
    let mut services = demo.services.iter();
    services.find(|service| service.name == name).cloned()
}

fn waiting(subscriptions: &[Subscription]) -> impl Iterator<Item = (&str, i64)> {
    let of = |one: &Subscription| one.lag.matching;
    subscriptions
        .iter()
        .map(move |one| (one.name.as_str(), of(one)))
}

fn behind(lags: &[ReadModelLag]) -> impl Iterator<Item = (&str, i64)> {
    lags.iter().map(|one| (one.name.as_str(), one.lag.matching))
}

fn standings(subscriptions: &[Subscription]) -> BTreeMap<String, Standing> {
    subscriptions
        .iter()
        .map(|one| (one.name.clone(), Standing::of(one)))
        .collect()
}

/// The Stage.
#[component]
pub fn Scene(
    /// What it begins with.
    opening: Opening,
) -> impl IntoView {
    let (head, has_demo) = (opening.head, opening.demo.is_some());
    let scenarios = opening.scenarios.clone();
    let shown = Shown::of(opening);
    let live = expect_context::<Live>();
    on_subscriptions(move |said| {
        let taken = shown
            .backlog
            .try_update(|backlog| backlog.take(waiting(said)));
        shown.standing.set(standings(said));
        shown.taken.set(taken.unwrap_or_default());
    });
    on_lag(move |said| {
        let taken = shown
            .backlog
            .try_update(|backlog| backlog.take(behind(said)));
        shown.taken.set(taken.unwrap_or_default());
    });
    if has_demo {
        on_pulse(DEMO_APART_MS, move || {
            let api = Api::from_context();
            Box::pin(async move {
                if let Ok(now) = api.demo().await
                    && shown
                        .demo
                        .try_with_untracked(|demo| demo.as_ref() != Some(&now))
                        == Some(true)
                {
                    let _ = shown.demo.try_set(Some(now));
                }
            })
        });
    }
    let buffer = RwSignal::new(Buffer::default());
    Effect::new(move || {
        socket::follow(String::new(), head, buffer);
        on_cleanup(move || socket::unfollow(buffer));
    });
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let ground = NodeRef::<leptos::html::Div>::new();
    stage_picture::play(shown, buffer, canvas, ground);
    let services: Vec<AnyView> = shown.cast.with_value(|cast| {
        let names = cast.services.iter().map(|actor| actor.name.clone());
        names
            .map(|name| view! { <ServiceCard name shown /> }.into_any())
            .collect()
    });
    let read_models: Vec<AnyView> = shown.cast.with_value(|cast| {
        let read_models = cast.read_models.iter();
        read_models
            .map(|actor| reader(&actor.name, shown))
            .collect()
    });
    let mark = move || {
        let mark = live
            .mark
            .with(|mark| mark.as_ref().map(|mark| (mark.position, mark.rate)));
        mark.map_or_else(
            || "the log".to_owned(),
            |(position, rate)| {
                let (position, rate) = (format::number(position.0), format::rate(rate));
                format!("the log · {position} events · {rate} a second")
            },
        )
    };
    view! {
        <div class="stage" node_ref=ground>
            <header class="bar">
                <h1>"Stage"</h1>
                {has_demo.then(|| view! { <TrafficControl shown /> })}
                <span class="grow"></span>
                {has_demo
                    .then(|| {
                        view! {
                            <a class="button quiet" href="/shop" target="_blank">
                                "Open the shop"
                            </a>
                        }
                    })}
                <a class="button quiet" href="/">
                    "Leave the Stage"
                </a>
            </header>
            <p role="status" class="failed">
                {move || shown.failed.get()}
            </p>
            {has_demo.then(|| view! { <Play shown scenarios /> })}
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <section class="actors services" aria-label="Services">
                {services}
            </section>
            <div class="log">
                <span>{mark}</span>
            </div>
            <section class="actors readers" aria-label="Read models">
                {read_models}
            </section>
        </div>
    }
    .into_any()
}

/// A read model.
fn reader(name: &str, shown: Shown) -> AnyView {
    let of = StoredValue::new(name.to_owned());
    let waits =
        Memo::new(move |_| of.with_value(|name| shown.backlog.with(|backlog| backlog.of(name))));
    view! {
        <article class="actor">
            <h2>
                <a href=format!("/read-models/{name}")>{name.replace('_', " ")}</a>
            </h2>
            <p class="waits" class:many=move || { waits.get() > 20 }>
                {move || match waits.get() {
                    0 => "up to date".to_owned(),
                    waits => format!("{} behind", format::number(waits)),
                }}
            </p>
        </article>
    }
    .into_any()
}
