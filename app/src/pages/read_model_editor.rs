//! A changed definition: handed in, refused at its place, or kept beside the live one.

use highwater_model::VersionRole;
use leptos::html;
use leptos::prelude::*;
use serde_json::Value;

use super::read_model_orders::{Said, Shown};
use crate::api::{Api, ApiError};

/// Where the database or the reader of definitions found a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    line: usize,
    column: usize,
    words: String,
}

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
        Some(text.with_untracked(|text| mistake_view(&mistake, text)))
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
        <button type="button" class="hydrated" class:hidden=move || open.get() on:click=edit>
            "Edit the definition"
        </button>
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
                let place = place(&error);
                if let (Some(place), Some(area)) = (&place, area.get_untracked()) {
                    let at = offset(&written, place.line, place.column);
                    let _ = area.focus();
                    let _ = area.set_selection_range(at, at + 1);
                }
                if place.is_none() {
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

/// What is wrong, and the line with a mark below the place.
fn mistake_view(mistake: &Mistake, text: &str) -> AnyView {
    let line = text
        .lines()
        .nth(mistake.line - 1)
        .unwrap_or_default()
        .to_owned();
    let pointer = format!("{}^", " ".repeat(mistake.column.saturating_sub(1)));
    view! {
        <p>
            <b>{format!("Not saved. Line {}, column {}: ", mistake.line, mistake.column)}</b>
            {mistake.words.clone()}
        </p>
        <pre tabindex="0" aria-label="The line with the mistake">
            {format!("{line}\n{pointer}")}
        </pre>
    }
    .into_any()
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

/// The place that a refusal names.
fn place(error: &ApiError) -> Option<Mistake> {
    let ApiError::Refused(problem) = error else {
        return None;
    };
    let number = |name: &str| {
        let fact = problem.facts.get(name).and_then(Value::as_u64)?;
        usize::try_from(fact).ok().filter(|number| *number > 0)
    };
    let message = problem.facts.get("message").and_then(Value::as_str);
    let expected: Vec<&str> = problem
        .facts
        .get("expected")
        .and_then(Value::as_array)
        .map(|words| words.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut words = message.unwrap_or(&problem.detail).to_owned();
    if !expected.is_empty() {
        words = format!("{words} (expected: {})", expected.join(", "));
    }
    Some(Mistake {
        line: number("line")?,
        column: number("column")?,
        words,
    })
}

/// The place in UTF-16 units, which a text area counts in.
fn offset(text: &str, line: usize, column: usize) -> u32 {
    let before: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(|line| line.encode_utf16().count())
        .sum();
    let inside: usize = text
        .lines()
        .nth(line - 1)
        .unwrap_or_default()
        .chars()
        .take(column - 1)
        .map(char::len_utf16)
        .sum();
    u32::try_from(before + inside).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_as_a_text_area_counts() {
        assert_eq!(offset("a😀b\ncd", 1, 3), 3);
        assert_eq!(offset("a😀b\ncd", 2, 2), 6);
    }
}
