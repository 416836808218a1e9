//! What the state of a category's streams is: written here, tried on this stream, kept for all of them.

use highwater_model::{Right, StateDefinition, StateTryBody, StreamName, StreamState, Version};
use leptos::html;
use leptos::prelude::*;

use super::read_model_orders::Said;
use super::stream_state::state_view;
use crate::api::{Api, ApiError};
use crate::components::may::Needs;
use crate::components::mistake::Mistake;

/// Types that a sketch tells apart.
const SKETCHED: usize = 12;

/// What came of the last order.
fn notice(said: &Said) -> AnyView {
    let class = if said.done {
        "notice done"
    } else {
        "notice bad"
    };
    view! { <p class=class>{said.words.clone()}</p> }.into_any()
}

/// Writes a state definition.
#[component]
pub fn DefinitionForm(
    /// A stream of the category.
    name: String,
    /// The version that it is tried at; none: the newest.
    version: Signal<Option<i64>>,
    /// The link to a version.
    to_version: Callback<i64, String>,
    /// Another definition is kept now.
    kept: Callback<()>,
) -> impl IntoView {
    let category = category_of(&name);
    let writing = Writing::new(name);
    let Writing {
        area,
        text,
        reason,
        mistake,
        said,
        tried,
        is_kept,
        busy,
        ..
    } = writing;
    let ask = move |what: Asked| {
        if !busy.get_untracked() {
            busy.set(true);
            let version = version.get_untracked();
            leptos::task::spawn_local(async move {
                if writing.ask(what, version).await {
                    kept.run(());
                }
                let _ = busy.try_set(false);
            });
        }
    };
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        ask(Asked::Try);
    };
    let told = move || said.get().map(|said| notice(&said));
    let wrong = move || {
        let (not, mistake) = mistake.get()?;
        Some(text.with_untracked(|text| mistake.view(not, text)))
    };
    let waits = move || busy.get().then_some("true");
    view! {
        <details class="definition hydrated" on:toggle=move |_| writing.load()>
            <summary>{format!("What is the state of {category}?")}</summary>
            <form class="editor" on:submit=submit>
                <label>
                    "State definition: an SQL expression of state, type, data, metadata, version, stream and occurred_at that answers the state after an event"
                    <textarea
                        node_ref=area
                        rows="12"
                        spellcheck="false"
                        autocapitalize="off"
                        aria-invalid=move || mistake.with(Option::is_some).then_some("true")
                        aria-describedby="state-mistake"
                        prop:value=move || text.get()
                        on:input=move |event| text.set(event_target_value(&event))
                    ></textarea>
                </label>
                <div id="state-mistake" role="alert" class="mistakes">
                    {wrong}
                </div>
                <p class="dim">
                    "The first state is {}; an answer of null leaves the state as it was. It sees the event and the state before it, nothing else of the database."
                </p>
                <div class="bar">
                    <Needs right=Right::Define>
                        <button type="submit" class="go" aria-disabled=waits>
                            "Try it on this stream"
                        </button>
                    </Needs>
                </div>
            </form>
            {move || tried.get().map(|state| state_view(state, to_version))}
            <div class="bar keep">
                <Needs right=Right::Define>
                    <label>
                        "reason, for the audit log"
                        <input
                            type="text"
                            autocomplete="off"
                            maxlength="500"
                            prop:value=move || reason.get()
                            on:input=move |event| reason.set(event_target_value(&event))
                        />
                    </label>
                    <button type="button" aria-disabled=waits on:click=move |_| ask(Asked::Keep)>
                        {format!("Keep it for every {category}")}
                    </button>
                    <button
                        type="button"
                        class="quiet"
                        class:hidden=move || !is_kept.get()
                        aria-disabled=waits
                        on:click=move |_| ask(Asked::TakeBack)
                    >
                        "Take it back"
                    </button>
                </Needs>
            </div>
            <div role="status">{told}</div>
        </details>
    }
    .into_any()
}

fn category_of(stream: &str) -> String {
    stream.split('-').next().unwrap_or_default().to_owned()
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Try,
    Keep,
    TakeBack,
}

/// What is written, and what came of it.
#[derive(Clone, Copy)]
struct Writing {
    stream: StoredValue<String>,
    area: NodeRef<html::Textarea>,
    text: RwSignal<String>,
    reason: RwSignal<String>,
    mistake: RwSignal<Option<(&'static str, Mistake)>>,
    said: RwSignal<Option<Said>>,
    tried: RwSignal<Option<StreamState>>,
    /// The store has a definition of the category.
    is_kept: RwSignal<bool>,
    /// The text was read, or is on its way.
    loaded: RwSignal<bool>,
    busy: RwSignal<bool>,
}

impl Writing {
    fn new(stream: String) -> Self {
        Self {
            stream: StoredValue::new(stream),
            area: NodeRef::new(),
            text: RwSignal::new(String::new()),
            reason: RwSignal::new(String::new()),
            mistake: RwSignal::new(None),
            said: RwSignal::new(None),
            tried: RwSignal::new(None),
            is_kept: RwSignal::new(false),
            loaded: RwSignal::new(false),
            busy: RwSignal::new(false),
        }
    }

    /// Reads the definition that there is, or sketches one, when the form is opened for the first time.
    fn load(self) {
        if self.loaded.get_untracked() {
            return;
        }
        self.loaded.set(true);
        leptos::task::spawn_local(async move {
            let stream = self.stream.get_value();
            match text_of(&stream).await {
                Ok((text, is_kept)) => {
                    let _ = self.text.try_set(text);
                    let _ = self.is_kept.try_set(is_kept);
                }
                Err(error) => {
                    let _ = self.said.try_set(Some(Said::failed(error.to_string())));
                    let _ = self.loaded.try_set(false);
                }
            }
        });
    }

    /// Does what is asked for; answers whether another definition is kept now.
    async fn ask(self, what: Asked, version: Option<i64>) -> bool {
        self.mistake.set(None);
        self.said.set(None);
        self.tried.set(None);
        let api = Api::from_context();
        let (stream, text) = (self.stream.get_value(), self.text.get_untracked());
        let reason = self
            .reason
            .with_untracked(|reason| reason.trim().to_owned());
        let category = category_of(&stream);
        let came = match what {
            Asked::Try => match tried(&api, &category, &stream, &text, version).await {
                Ok(state) => {
                    let _ = self.tried.try_set(Some(state));
                    Ok(None)
                }
                Err(error) => Err(("Not tried", error)),
            },
            Asked::Keep => api
                .put_state_definition(&category, &text, &reason)
                .await
                .map(|()| {
                    Some((
                        true,
                        format!("Kept: the state of every {category} is by it now."),
                    ))
                })
                .map_err(|error| ("Not kept", error)),
            Asked::TakeBack => api
                .delete_state_definition(&category, &reason)
                .await
                .map(|()| {
                    Some((
                        false,
                        format!(
                            "Taken back: the data of the events of {category} are merged again."
                        ),
                    ))
                })
                .map_err(|error| ("Not taken back", error)),
        };
        match came {
            Ok(None) => false,
            Ok(Some((is_kept, words))) => {
                let _ = self.is_kept.try_set(is_kept);
                let _ = self.said.try_set(Some(Said::done(words)));
                true
            }
            Err((not, error)) => {
                if let Some(mistake) = Mistake::of(&error) {
                    mistake.show_in(self.area, &text);
                    let _ = self.mistake.try_set(Some((not, mistake)));
                } else {
                    let words = format!("{not}. {error}");
                    let _ = self.said.try_set(Some(Said::failed(words)));
                }
                false
            }
        }
    }
}

/// The text that a category's definition has, and whether it has one; else a sketch of one for a stream's types.
async fn text_of(stream: &str) -> Result<(String, bool), ApiError> {
    let api = Api::from_context();
    let category = category_of(stream);
    // Of all of them: that there is none is no failure that a browser has to log.
    let kept = api.state_definitions().await?;
    let kept = kept.into_iter().find(|kept| kept.category == category);
    if let Some(definition) = kept {
        return Ok((definition.text, true));
    }
    let timeline = api.timeline(stream, None, None).await?;
    let mut types: Vec<&str> = Vec::new();
    for mark in &timeline.marks {
        if !types.contains(&&*mark.event_type) && types.len() < SKETCHED {
            types.push(&mark.event_type);
        }
    }
    Ok((StateDefinition::sketch(&category, &types), false))
}

async fn tried(
    api: &Api,
    category: &str,
    stream: &str,
    text: &str,
    version: Option<i64>,
) -> Result<StreamState, ApiError> {
    let stream =
        StreamName::new(stream).map_err(|error| ApiError::Unreadable(error.to_string()))?;
    let asked = StateTryBody {
        text: text.to_owned(),
        stream,
        version: version.map(Version),
    };
    api.try_state_definition(category, &asked).await
}
