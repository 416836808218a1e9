//! What is on the Stage: services, the log, read models, and what flies between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_model::demo::{Demo, DemoService};
use highwater_model::{ReadModelLag, RecordedEvent, Subscription};
use leptos::prelude::*;

use super::stage::{Film, Opening};
use super::stage_film::{FilmControls, Rewind};
use super::stage_live::{self, behind, waiting};
use super::stage_picture;
use super::stage_play::Play;
use super::stage_record::RecordStage;
use super::stage_service::{ServiceCard, Standing};
use super::stage_share::ShareStage;
use super::stage_traffic::TrafficControl;
use crate::api::Api;
use crate::format;
use crate::live::Live;
use crate::stage::backlog::Backlog;
use crate::stage::cast::Cast;

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
    /// What happens now, on the Stage.
    pub fresh: RwSignal<Vec<Arc<RecordedEvent>>>,
    /// Who looks has no login: nothing is led from here, and nothing leads away.
    pub is_onlooker: bool,
    /// It is a recording: nobody knows how anyone was then.
    pub is_film: bool,
    /// What an order came to, if it failed.
    pub failed: RwSignal<Option<String>>,
}

impl Shown {
    fn of(opening: Opening) -> Self {
        let cast = Cast::of(
            &opening.map,
            &opening.subscriptions,
            &opening.read_models,
            &opening.order,
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
            fresh: RwSignal::new(Vec::new()),
            is_onlooker: opening.is_onlooker,
            is_film: opening.film.is_some(),
            failed: RwSignal::new(None),
        }
    }

    /// Takes over what waits for whom.
    pub fn take_waiting<'a>(self, said: impl Iterator<Item = (&'a str, i64)>) {
        let taken = self.backlog.try_update(|backlog| backlog.take(said));
        self.taken.set(taken.unwrap_or_default());
    }

    /// Takes over how readers are.
    pub fn take_standings(self, said: &[Subscription]) {
        self.standing.set(standings(said));
    }

    /// Takes over how the demo shop is.
    pub fn take_demo(self, now: Demo) {
        let is_other = self
            .demo
            .try_with_untracked(|demo| demo.as_ref() != Some(&now));
        if is_other == Some(true) {
            let _ = self.demo.try_set(Some(now));
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
    let (head, has_demo, film) = (opening.head, opening.demo.is_some(), opening.film.clone());
    let scenarios = opening.scenarios.clone();
    let (may_share, is_onlooker) = (opening.may_share, opening.is_onlooker);
    let leads = has_demo && !is_onlooker;
    let shown = Shown::of(opening);
    let live = expect_context::<Live>();
    if film.is_none() {
        stage_live::follow(shown, head, has_demo);
    }
    let is_film = film.is_some();
    let share = may_share.then(|| view! { <ShareStage film=film.clone() /> });
    let film = film.map(
        |Film {
             since,
             until,
             rates,
         }| view! { <FilmControls shown since until histogram=rates /> },
    );
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let ground = NodeRef::<leptos::html::Div>::new();
    stage_picture::play(shown, canvas, ground);
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
        if is_film {
            return "the log, as it was".to_owned();
        }
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
                {leads.then(|| view! { <TrafficControl shown /> })}
                <span class="grow"></span>
                {(!is_film && !is_onlooker).then(|| view! { <Rewind /> })}
                <RecordStage failed=shown.failed />
                {share}
                {leads
                    .then(|| {
                        view! {
                            <a class="button quiet" href="/shop" target="_blank">
                                "Open the shop"
                            </a>
                        }
                    })}
                {(!is_onlooker)
                    .then(|| {
                        view! {
                            <a class="button quiet" href="/">
                                "Leave the Stage"
                            </a>
                        }
                    })}
            </header>
            <p role="status" class="failed">
                {move || shown.failed.get()}
            </p>
            {film}
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
    let title = name.replace('_', " ");
    let title = if shown.is_onlooker {
        title.into_any()
    } else {
        view! { <a href=format!("/read-models/{name}")>{title}</a> }.into_any()
    };
    view! {
        <article class="actor">
            <h2>
                {title}
            </h2>
            {(!shown.is_film)
                .then(|| {
                    view! {
                        <p class="waits" class:many=move || { waits.get() > 20 }>
                            {move || match waits.get() {
                                0 => "up to date".to_owned(),
                                waits => format!("{} behind", format::number(waits)),
                            }}
                        </p>
                    }
                })}
        </article>
    }
    .into_any()
}
