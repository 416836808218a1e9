//! The Stage: the system as a living picture, for an audience.

use highwater_model::demo::{Demo, DemoScenario};
use highwater_model::{
    FlowMap, Histogram, LoginMode, Position, ReadModel, Right, Span, Subscription,
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::Loading;
use super::stage_film::rates;
use super::stage_scene::Scene;
use crate::api::{Answer, Api};
use crate::chart::range::Range;
use crate::components::problem::ErrorNotice;

/// A past range that is shown instead of now.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Film {
    /// Where it begins.
    pub since: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// How much happened when.
    pub rates: Option<Histogram>,
}

/// What the Stage begins with.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Opening {
    /// Who emits what.
    pub map: FlowMap,
    /// What comes behind this plays.
    pub head: Position,
    /// Who hears what, outside.
    pub subscriptions: Vec<Subscription>,
    /// Who hears what, here.
    pub read_models: Vec<ReadModel>,
    /// A past range, if one is asked for.
    pub film: Option<Film>,
    /// None where no demo shop runs, and in a film.
    pub demo: Option<Demo>,
    /// Who looks has a link and no login: they see headlines, and lead nothing.
    pub is_onlooker: bool,
    /// Who looks may let others look.
    pub may_share: bool,
    /// The demo's services in their order, which come first.
    pub order: Vec<String>,
    /// What can be played with it.
    pub scenarios: Vec<DemoScenario>,
}

/// The page.
#[component]
pub fn StagePage() -> impl IntoView {
    let query = use_query_map();
    let range = Memo::new(move |_| query.with(Range::read));
    let opening = Resource::new(
        move || range.get(),
        |range| match range {
            Range::Last(_) => open(Api::from_context(), None),
            Range::Between(since, until) => open(Api::from_context(), Some((since, until))),
        },
    );
    view! {
        <Title text="Stage" />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match opening.await {
                    Ok(opening) => view! { <Scene opening /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

async fn open(api: Api, past: Option<(Timestamp, Timestamp)>) -> Answer<Opening> {
    let who = api.who_am_i().await?;
    let demo = match api.demo().await {
        Ok(demo) => Some(demo),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
    };
    // Who they were: those that emitted then.
    let range = past.map_or(Range::Last(Span::Quarter), |(since, until)| {
        Range::Between(since, until)
    });
    let film = match past {
        Some((since, until)) => Some(Film {
            since,
            until,
            rates: rates(&api, since, until).await,
        }),
        None => None,
    };
    let services = demo.iter().flat_map(|demo| &demo.services);
    let order = services.map(|service| service.name.clone()).collect();
    let demo = demo.filter(|_| film.is_none());
    Ok(Opening {
        is_onlooker: !who.may(Right::Read),
        may_share: who.login != LoginMode::Local && who.may(Right::Operate),
        scenarios: if demo.is_some() && who.may(Right::Read) {
            api.scenarios().await?
        } else {
            Vec::new()
        },
        film,
        demo,
        order,
        head: api.head().await?,
        map: api.flow_map(range).await?,
        subscriptions: api.subscriptions().await?,
        read_models: api.read_models().await?,
    })
}
