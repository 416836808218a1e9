//! Orders to one read model: each is given, then checked by reading the state back, and the page says what came of it.

use highwater_model::{Action, Failure, ReadModel, ReadModelLag, ReadModelState, Right};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use wasm_bindgen_futures::JsFuture;

use crate::api::{ActionsRequest, Api, Order};
use crate::components::may::Needs;
use crate::components::read_model_state::word;
use crate::format;
use crate::live::take_over;

/// How often the state is read back before the order counts as not taken effect, and the pause between.
const LOOKS: usize = 25;
const BETWEEN_MS: i32 = 200;

/// What the page shows of one read model.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The read model.
    pub model: RwSignal<ReadModel>,
    /// Events that it could not handle.
    pub failures: RwSignal<Vec<Failure>>,
    /// What operators did to it.
    pub actions: RwSignal<Vec<Action>>,
    /// What came of the last order.
    pub said: RwSignal<Option<Said>>,
    /// An order is on its way.
    pub busy: RwSignal<bool>,
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// It took effect.
    pub done: bool,
    /// What happened.
    pub words: String,
    /// The job that it began; once that is over, its verdict says more than that it began.
    pub job: Option<i64>,
}

impl Said {
    pub(super) fn done(words: impl Into<String>) -> Self {
        Self {
            done: true,
            words: words.into(),
            job: None,
        }
    }

    /// A job has begun.
    pub(super) fn begun(job: i64, words: impl Into<String>) -> Self {
        Self {
            job: Some(job),
            ..Self::done(words)
        }
    }

    pub(super) fn failed(words: impl Into<String>) -> Self {
        Self {
            done: false,
            words: words.into(),
            job: None,
        }
    }
}

impl Shown {
    /// Takes over what the feed says, and reads the rest if that changed.
    pub fn take_over(self, said: &[ReadModelLag]) {
        let before = self.model.with_untracked(changes);
        let more = self.model.try_update(|model| {
            said.iter()
                .find(|one| one.name == model.name)
                .is_none_or(|said| take_over(model, said))
        });
        if more == Some(true) {
            leptos::task::spawn_local(async move {
                self.read_again(&Api::from_context(), before).await;
            });
        }
    }

    /// Reads the read model again, and failures and actions when it is not as it was before.
    async fn read_again(self, api: &Api, before: Changes) {
        let Some(name) = self.model.try_with_untracked(|model| model.name.clone()) else {
            return;
        };
        if let Ok(fresh) = api.read_model(&name).await {
            let changed = changes(&fresh) != before;
            let _ = self.model.try_set(fresh);
            if changed {
                self.read_records(api, &name).await;
            }
        }
    }

    /// Reads everything again.
    pub async fn refresh(self, api: &Api, name: &str) {
        if let Ok(fresh) = api.read_model(name).await {
            let _ = self.model.try_set(fresh);
        }
        self.read_records(api, name).await;
    }

    /// Reads failures and actions again.
    async fn read_records(self, api: &Api, name: &str) {
        if let Ok(failures) = api.failures(name).await {
            let _ = self.failures.try_set(failures);
        }
        if let Ok(actions) = api.actions(&last_actions(name)).await {
            let _ = self.actions.try_set(actions);
        }
    }

    /// Gives an order and says what came of it.
    pub fn give(self, order: Order) {
        let before = self.model.get_untracked();
        self.busy.set(true);
        self.said.set(None);
        leptos::task::spawn_local(async move {
            let api = Api::from_context();
            let said = match api.order(&before.name, &order).await {
                Ok(()) => self.look_back(&api, &order, &before).await,
                Err(error) => Said::failed(error.nothing_changed()),
            };
            self.refresh(&api, &before.name).await;
            let _ = self.said.try_set(Some(said));
            let _ = self.busy.try_set(false);
        });
    }

    async fn look_back(self, api: &Api, order: &Order, before: &ReadModel) -> Said {
        for _ in 0..LOOKS {
            if let Ok(now) = api.read_model(&before.name).await {
                let said = effect(order, before, &now);
                let _ = self.model.try_set(now);
                if let Some(said) = said {
                    return said;
                }
            }
            wait(BETWEEN_MS).await;
        }
        Said::failed(
            "The server took the order, but five seconds later it has not taken effect. It is on record; look at the state below.",
        )
    }
}

/// The newest actions on a read model.
pub fn last_actions(name: &str) -> ActionsRequest {
    ActionsRequest {
        read_model: name.to_owned(),
        limit: 10,
        ..ActionsRequest::default()
    }
}

/// When any of this differs, there may be new failures or actions.
type Changes = (ReadModelState, jiff::Timestamp, i64, i32, usize);

fn changes(model: &ReadModel) -> Changes {
    (
        model.state,
        model.since,
        model.versions.iter().map(|version| version.failures).sum(),
        model
            .stands_on
            .as_ref()
            .map_or(0, |failure| failure.attempts),
        model.versions.len(),
    )
}

/// What an order came to, judged by the state that was read back. None: not to be seen yet.
fn effect(order: &Order, before: &ReadModel, now: &ReadModel) -> Option<Said> {
    let place = format::number(now.checkpoint.0);
    let stands_on = now.stands_on.as_ref();
    match order {
        Order::Pause => (now.state == ReadModelState::Paused).then(|| {
            Said::done(format!(
                "Paused: it has handled everything up to {place}, and no slice begins until it is resumed."
            ))
        }),
        Order::Resume if now.state.is_running() => Some(Said::done(format!(
            "Resumed: it is {} from {place} on.",
            word(now.state)
        ))),
        Order::Resume => (now.state == ReadModelState::Faulted).then(|| {
            Said::failed(format!(
                "It was resumed and faulted again: {}",
                now.reason.clone().unwrap_or_default()
            ))
        }),
        Order::Retry { position, .. } => match stands_on {
            Some(failure) if failure.position.0 == *position => {
                let attempts = before
                    .stands_on
                    .as_ref()
                    .map_or(0, |failure| failure.attempts);
                (failure.attempts > attempts && now.state == ReadModelState::Faulted).then(|| {
                    Said::failed(format!(
                        "Event {} was tried again and failed again (attempt {}): {}",
                        format::number(*position),
                        failure.attempts,
                        failure.error
                    ))
                })
            }
            _ => Some(Said::done(format!(
                "Event {} is handled; it is {}.",
                format::number(*position),
                word(now.state)
            ))),
        },
        Order::Skip { position, .. } => stands_on
            .is_none_or(|failure| failure.position.0 != *position)
            .then(|| {
                Said::done(format!(
                    "Event {} is left out, on record; it is {}.",
                    format::number(*position),
                    word(now.state)
                ))
            }),
    }
}

/// What came of the last order, read out when it changes.
#[component]
pub fn SaidLine(
    /// What came of it.
    said: RwSignal<Option<Said>>,
) -> impl IntoView {
    let class = move || match said.get() {
        Some(said) if said.done => "notice done",
        Some(_) => "notice bad",
        None => "hidden",
    };
    view! {
        <div role="status" class="said">
            <p class=class>{move || said.get().map(|said| said.words)}</p>
        </div>
    }
    .into_any()
}

/// Pauses what runs, resumes what is paused. A failed event needs a retry or a skip instead.
#[component]
pub fn PauseButton(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let order = Memo::new(move |_| {
        shown.model.with(|model| match model.state {
            ReadModelState::Paused | ReadModelState::Faulted if model.stands_on.is_some() => None,
            ReadModelState::Paused | ReadModelState::Faulted => Some(Order::Resume),
            _ => Some(Order::Pause),
        })
    });
    let button = NodeRef::<leptos::html::Button>::new();
    let hash = use_location().hash;
    // Who was led here gives the order by one more key.
    Effect::new(move |_| {
        if let (Some(button), "#pause") = (button.get(), hash.get().as_str()) {
            // It is made before it is part of the page, and takes no focus until then; nor does a hidden one, and nothing is lost by it.
            request_animation_frame(move || {
                let _ = button.focus();
            });
        }
    });
    let name = move || match order.get() {
        Some(Order::Resume) => "▶ Resume",
        _ => "❚❚ Pause",
    };
    view! {
        <Needs right=Right::Operate>
            <button
                type="button"
                id="pause"
                node_ref=button
                class:hidden=move || order.get().is_none()
                aria-disabled=move || shown.busy.get().then_some("true")
                on:click=move |_| {
                    if let (Some(order), false) = (order.get_untracked(), shown.busy.get_untracked()) {
                        shown.give(order);
                    }
                }
            >
                {name}
            </button>
        </Needs>
    }
    .into_any()
}

pub(super) async fn wait(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            // Without a timer the promise never ends; windows have one.
            let _ = window
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        }
    });
    let _ = JsFuture::from(promise).await;
}
