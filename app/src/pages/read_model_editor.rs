//! A changed definition: handed in, refused at its place, or kept beside the live one.

use highwater_model::{Right, VersionRole};
use leptos::html;
use leptos::prelude::*;

use super::read_model_orders::{Said, Shown};
use crate::api::Api;
use crate::components::may::Needs;
use crate::components::mistake::Mistake;

/// Changes the definition.
#[component]
pub fn Editor(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    let editing = Editing::new();
    let Editing {
        open,
        text,
        mistake,
        said,
        busy,
    } = editing;
    let edit = move |_| {
        // What waits is what was written last.
        let newest = shown.model.with_untracked(|model| {
            let waiting = model
                .versions
                .iter()
                .find(|version| version.role == VersionRole::Waiting);
            waiting
                .or(model.versions.first())
                .map(|version| version.definition.clone())
        });
        text.set(newest.unwrap_or_default());
        mistake.set(None);
        said.set(None);
        open.set(true);
    };
    Effect::new(move || {
        if let (true, Some(area)) = (open.get(), area.get()) {
            // Focus fails only out of the document.
            let _ = area.focus();
        }
    });
    let save = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if !busy.get_untracked() {
            busy.set(true);
            leptos::task::spawn_local(editing.save(shown, area));
        }
    };
    let shown_mistake = move || {
        let mistake = mistake.get()?;
        Some(text.with_untracked(|text| mistake.view("Not saved", text)))
    };
    view! {
        <div role="status">
            {move || {
                said.get()
                    .map(|said| {
                        view! { <p class=if said.done { "notice done" } else { "notice bad" }>{said.words}</p> }
                    })
            }}
        </div>
        <Needs right=Right::Define>
            <button type="button" class="hydrated" class:hidden=move || open.get() on:click=edit>
                "Edit the definition"
            </button>
        </Needs>
        <form class="editor" class:hidden=move || !open.get() on:submit=save>
            <label>
                "Definition"
                <textarea
                    node_ref=area
                    rows="18"
                    spellcheck="false"
                    autocapitalize="off"
                    aria-invalid=move || mistake.with(Option::is_some).then_some("true")
                    aria-describedby="definition-mistake"
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
            </label>
            <div id="definition-mistake" role="alert" class="mistakes">
                {shown_mistake}
            </div>
            <p class="dim">
                "Saving tries the SQL on an empty copy and keeps it as the next version, which waits beside the live one. \
                The live rows don't change. Saving the live definition again discards the one that waits."
            </p>
            <div class="bar">
                <button type="submit" class="go" aria-disabled=move || busy.get().then_some("true")>
                    "Save"
                </button>
                <button type="button" class="quiet" on:click=move |_| open.set(false)>
                    "Cancel"
                </button>
            </div>
        </form>
    }
    .into_any()
}

/// What is written, and what came of it.
#[derive(Clone, Copy)]
struct Editing {
    open: RwSignal<bool>,
    text: RwSignal<String>,
    mistake: RwSignal<Option<Mistake>>,
    said: RwSignal<Option<Said>>,
    busy: RwSignal<bool>,
}

impl Editing {
    fn new() -> Self {
        Self {
            open: RwSignal::new(false),
            text: RwSignal::new(String::new()),
            mistake: RwSignal::new(None),
            said: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// Hands the text in, and reads back what became of it.
    async fn save(self, shown: Shown, area: NodeRef<html::Textarea>) {
        self.said.set(None);
        self.mistake.set(None);
        let api = Api::from_context();
        let (name, before) = shown
            .model
            .with_untracked(|model| (model.name.clone(), model.versions.len()));
        let written = self.text.get_untracked();
        match api.define(&name, &written).await {
            Ok(()) => {
                let came = read_back(&api, &name, &written, before).await;
                shown.refresh(&api, &name).await;
                let done = came.done;
                let _ = self.said.try_set(Some(came));
                let _ = self.open.try_set(!done);
            }
            Err(error) => {
                let place = Mistake::of(&error);
                if let Some(place) = &place {
                    place.show_in(area, &written);
                } else {
                    let _ = self
                        .said
                        .try_set(Some(Said::failed(format!("Not saved. {error}"))));
                }
                let _ = self.mistake.try_set(place);
            }
        }
        let _ = self.busy.try_set(false);
    }
}

/// Looks which version holds the text now.
async fn read_back(api: &Api, name: &str, written: &str, before: usize) -> Said {
    let model = match api.read_model(name).await {
        Ok(model) => model,
        Err(error) => {
            return Said::failed(format!("Saved, but it could not be read back. {error}"));
        }
    };
    let holds = model
        .versions
        .iter()
        .find(|version| version.definition == written);
    match holds.map(|version| (version.role, version.number)) {
        Some((VersionRole::Live, number)) if model.versions.len() < before => Said::done(format!(
            "This is version {number}, which is live; the one that waited is discarded."
        )),
        Some((VersionRole::Live, number)) => Said::done(format!(
            "This is version {number}, which is live; nothing waits."
        )),
        Some((_, number)) => Said::done(format!(
            "Saved as version {number}. It waits for its rebuild; the live rows don't change."
        )),
        None => Said::failed("The server took the text, but no version holds it. Save it again."),
    }
}
