//! The Stage: the system as a living picture, for an audience.

use highwater_model::demo::{Demo, DemoScenario};
use highwater_model::{FlowMap, Position, ReadModel, Span, Subscription};
use leptos::prelude::*;
use leptos_meta::Title;

use super::Loading;
use super::stage_scene::Scene;
use crate::api::{Answer, Api};
use crate::chart::range::Range;
use crate::components::problem::ErrorNotice;

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
    /// None where no demo shop runs.
    pub demo: Option<Demo>,
    /// What can be played with it.
    pub scenarios: Vec<DemoScenario>,
}

/// The page.
#[component]
pub fn StagePage() -> impl IntoView {
    let opening = Resource::new(|| (), |()| open(Api::from_context()));
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

async fn open(api: Api) -> Answer<Opening> {
    let demo = match api.demo().await {
        Ok(demo) => Some(demo),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
    };
    Ok(Opening {
        scenarios: if demo.is_some() {
            api.scenarios().await?
        } else {
            Vec::new()
        },
        demo,
        head: api.store().await?.mark.position,
        map: api.flow_map(Range::Last(Span::Quarter)).await?,
        subscriptions: api.subscriptions().await?,
        read_models: api.read_models().await?,
    })
}
