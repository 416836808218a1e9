//! A scenario on the Stage: the words under the picture, and what leads it.

use highwater_model::Right;
use highwater_model::demo::{DemoScenario, PlayBody, Playing, PlayingState};
use leptos::prelude::*;

use super::stage_scene::Shown;
use crate::api::{Answer, Api};
use crate::components::may::Needs;

/// Speeds that are offered.
const SPEEDS: [f64; 4] = [0.5, 1.0, 2.0, 10.0];

/// What is played; what can be, while nothing is.
#[component]
pub fn Play(
    /// The Stage.
    shown: Shown,
    /// What can be played.
    scenarios: Vec<DemoScenario>,
) -> impl IntoView {
    let playing = Memo::new(move |_| {
        shown
            .demo
            .with(|demo| demo.as_ref().and_then(|demo| demo.playing.clone()))
    });
    let is_on = Memo::new(move |_| playing.with(|playing| playing.as_ref().is_some_and(is_on)));
    let chosen = RwSignal::new(
        scenarios
            .first()
            .map(|first| first.name.clone())
            .unwrap_or_default(),
    );
    let options: Vec<AnyView> = scenarios
        .into_iter()
        .map(|one| view! { <option value=one.name>{one.title}</option> }.into_any())
        .collect();
    let begin = move |_| {
        let name = chosen.get_untracked();
        order(shown, async move |api| api.play(&name).await.map(drop));
    };
    view! {
        <section class="playing" aria-label="Scenario">
            <p class="caption" role="status">
                {move || playing.with(|playing| caption(playing.as_ref(), shown.is_onlooker))}
            </p>
            <p class="dim">{move || playing.with(|playing| waits(playing.as_ref()))}</p>
            <div class="bar" class:hidden=move || is_on.get() || shown.is_onlooker>
                <Needs right=Right::Administer>
                    <label class="slide">
                        "Scenario" <select on:change=move |event| chosen.set(event_target_value(&event))>{options}</select>
                    </label>
                    <button class="go" type="button" on:click=begin>
                        "▶ Play"
                    </button>
                </Needs>
            </div>
            <div class="bar" class:hidden=move || !is_on.get() || shown.is_onlooker>
                <Leads shown playing />
            </div>
            {move || (is_on.get() && !shown.is_onlooker).then(|| chapters(shown, playing))}
        </section>
    }
    .into_any()
}

/// Pause, on, end, speed.
#[component]
fn Leads(
    /// The Stage.
    shown: Shown,
    /// What is played.
    playing: Memo<Option<Playing>>,
) -> impl IntoView {
    let is_paused = move || {
        playing.with(|playing| {
            playing
                .as_ref()
                .is_some_and(|playing| playing.state == PlayingState::Paused)
        })
    };
    let pause = move |_| {
        let paused = Some(!is_paused());
        lead(
            shown,
            PlayBody {
                paused,
                ..PlayBody::default()
            },
        );
    };
    let speed = move || playing.with(|playing| playing.as_ref().map_or(1.0, |one| one.speed));
    let speeds: Vec<AnyView> = SPEEDS
        .into_iter()
        .map(|offered| {
            let is_it = move || (speed() - offered).abs() < 0.01;
            view! {
                <option value=offered.to_string() selected=is_it>
                    {format!("{offered} ×")}
                </option>
            }
            .into_any()
        })
        .collect();
    let change = move |event| {
        let speed = event_target_value(&event).parse().ok();
        lead(
            shown,
            PlayBody {
                speed,
                ..PlayBody::default()
            },
        );
    };
    view! {
        <Needs right=Right::Administer>
            <button type="button" on:click=pause>
                {move || if is_paused() { "▶ Go on" } else { "❚❚ Pause" }}
            </button>
            <button type="button" on:click=move |_| order(shown, async |api| api.next_step().await.map(drop))>
                "Next step"
            </button>
            <label class="slide">"Speed" <select on:change=change>{speeds}</select></label>
            <button type="button" class="quiet" on:click=move |_| order(shown, async |api| api.end_playing().await)>
                "End the scenario"
            </button>
        </Needs>
        <a href="/stage/notes" target="_blank">
            "Notes in a window of their own"
        </a>
    }
    .into_any()
}

/// The chapters, to jump to.
fn chapters(shown: Shown, playing: Memo<Option<Playing>>) -> AnyView {
    let titles = playing.with_untracked(|playing| {
        let scenario = playing.as_ref().map(|playing| playing.scenario.clone());
        scenario
            .map(|scenario| scenario.chapters)
            .unwrap_or_default()
    });
    let items: Vec<AnyView> = titles
        .into_iter()
        .enumerate()
        .map(|(at, title)| {
            let is_here = move || {
                let here = playing.with(|playing| playing.as_ref().map(|one| one.chapter));
                (here == Some(at)).then_some("step")
            };
            let jump = move |_| {
                lead(
                    shown,
                    PlayBody {
                        chapter: Some(at),
                        ..PlayBody::default()
                    },
                );
            };
            view! {
                <li>
                    <button type="button" class="quiet" aria-current=is_here on:click=jump>
                        {title}
                    </button>
                </li>
            }
            .into_any()
        })
        .collect();
    view! {
        <Needs right=Right::Administer quiet=true>
            <ol class="chapters">{items}</ol>
        </Needs>
    }
    .into_any()
}

fn lead(shown: Shown, body: PlayBody) {
    order(shown, async move |api| api.lead(&body).await.map(drop));
}

/// Gives an order, tells what went wrong, and asks how it is then.
fn order(shown: Shown, give: impl AsyncFnOnce(Api) -> Answer<()> + 'static) {
    leptos::task::spawn_local(async move {
        let failed = give(Api::from_context()).await.err();
        let _ = shown.failed.try_set(failed.map(|error| error.to_string()));
        shown.ask_demo();
    });
}

fn is_on(playing: &Playing) -> bool {
    playing.state.is_on()
}

fn caption(playing: Option<&Playing>, is_onlooker: bool) -> String {
    let Some(playing) = playing else {
        if is_onlooker {
            return String::new();
        }
        return "Choose what is to be shown, or just watch.".to_owned();
    };
    match playing.state {
        PlayingState::Playing | PlayingState::Paused => playing.caption.clone().unwrap_or_default(),
        PlayingState::Ended => format!("That was: {}.", playing.scenario.title),
        PlayingState::Stopped => format!("{} was ended.", playing.scenario.title),
        PlayingState::Failed => format!(
            "{} could not go on: {}.",
            playing.scenario.title,
            playing.waits_for.as_deref().unwrap_or("nobody knows why")
        ),
    }
}

fn waits(playing: Option<&Playing>) -> Option<String> {
    let playing = playing.filter(|playing| is_on(playing))?;
    if playing.state == PlayingState::Paused {
        return Some("paused; the shop goes on".to_owned());
    }
    let waits_for = playing.waits_for.as_ref()?;
    Some(format!("It goes on: {waits_for}."))
}

/// The presenter's own words, for a second window.
#[component]
pub fn StageNotesPage() -> impl IntoView {
    let first = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.demo().await }
        },
    );
    let fresh = RwSignal::new(None::<Playing>);
    crate::live::on_pulse(500.0, move || {
        let api = Api::from_context();
        Box::pin(async move {
            if let Ok(now) = api.demo().await {
                let _ = fresh.try_set(now.playing);
            }
        })
    });
    view! {
        <leptos_meta::Title text="Notes" />
        <h1>"Notes"</h1>
        <Transition fallback=super::Loading>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(demo) => {
                        let playing = Memo::new(move |_| fresh.get().or_else(|| demo.playing.clone()));
                        view! { {move || playing.with(|playing| notes(playing.as_ref()))} }.into_any()
                    }
                    Err(error) => view! { <crate::components::problem::ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn notes(playing: Option<&Playing>) -> AnyView {
    let Some(playing) = playing.filter(|playing| is_on(playing)) else {
        return view! {
            <p class="notice">
                "No scenario is played. Begin one on the " <a href="/stage">"Stage"</a> "; what you could say stands here then."
            </p>
        }
        .into_any();
    };
    let of = playing.scenario.chapters.len();
    let title = playing.scenario.chapters.get(playing.chapter).cloned();
    let next = playing.scenario.chapters.get(playing.chapter + 1).cloned();
    view! {
        <section class="card notes">
            <h2>{title} " · " {playing.chapter + 1} " of " {of}</h2>
            <p class="said">{playing.caption.clone()}</p>
            <p>{playing.note.clone().unwrap_or_else(|| "Nothing to add here.".to_owned())}</p>
            <p class="dim">{playing.waits_for.clone().map(|what| format!("It waits {what}."))}</p>
            <p class="dim">{next.map(|next| format!("Then: {next}"))}</p>
        </section>
    }
    .into_any()
}
