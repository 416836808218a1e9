//! The filter line: completes types, categories and fields, underlines a mistake and says what was expected.

use highwater_model::filter::{CompletionKind, Filter};
use leptos::html;
use leptos::prelude::*;

/// What the line can complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Event types.
    pub types: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Paths of fields: `data.total`.
    pub fields: Vec<String>,
}

/// The terms that a filter line can begin with.
const KEYS: [&str; 9] = [
    "type:",
    "stream:",
    "category:",
    "data.",
    "metadata.",
    "correlation:",
    "causation:",
    "since:",
    "until:",
];

/// Whole lines that the line could become.
pub fn completions(line: &str, words: &Words) -> Vec<String> {
    let completion = Filter::complete(line, line.len());
    let candidates: Vec<&str> = match completion.kind {
        CompletionKind::Key => KEYS.to_vec(),
        CompletionKind::TypeValue => words.types.iter().map(String::as_str).collect(),
        CompletionKind::CategoryValue => words.categories.iter().map(String::as_str).collect(),
        CompletionKind::FieldPath => words.fields.iter().map(String::as_str).collect(),
        CompletionKind::TimeValue => vec!["5m", "15m", "1h", "24h"],
        CompletionKind::StreamValue | CompletionKind::Value => Vec::new(),
    };
    let prefix = completion.prefix.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| {
            candidate.to_lowercase().starts_with(&prefix) && *candidate != completion.prefix
        })
        .take(30)
        .map(|candidate| format!("{}{candidate}", &line[..completion.from]))
        .collect()
}

/// The field itself, inside a form that sends `filter`.
#[component]
pub fn FilterLine(
    /// What stands in it at first, and whenever the URL changes.
    #[prop(into)]
    filter: Signal<String>,
    /// What it can complete.
    words: RwSignal<Words>,
    /// Asks for the words, once they may be needed.
    #[prop(into)]
    wanted: Callback<()>,
) -> impl IntoView {
    let line = RwSignal::new(filter.get_untracked());
    Effect::new(move || line.set(filter.get()));
    let mistake = Memo::new(move |_| line.with(|line| Filter::parse(line).err()));
    let echo = NodeRef::<html::Div>::new();
    let marked = move || {
        let line = line.get();
        mistake.get().map(|mistake| {
            let from = floor(&line, mistake.at);
            let to = floor(&line, mistake.at + mistake.len.max(1)).max(from);
            // At the end of the line there is nothing to underline but the place where something is missing.
            let wrong = if from == to {
                "\u{a0}"
            } else {
                &line[from..to]
            };
            view! {
                {line[..from].to_owned()}
                <u>{wrong.to_owned()}</u>
                {line[to..].to_owned()}
            }
        })
    };
    let told = move || mistake.with(|mistake| mistake.as_ref().map(ToString::to_string));
    // The same text lies over the field, invisible but for the line under the mistake; it scrolls with the field.
    let follow = move |event: leptos::ev::Event| {
        if let Some(echo) = echo.get_untracked() {
            echo.set_scroll_left(event_target::<web_sys::HtmlInputElement>(&event).scroll_left());
        }
    };
    view! {
        <div class="filter">
            <input
                type="text"
                name="filter"
                class="mono"
                aria-label="Filter"
                aria-describedby="filter-mistake"
                aria-invalid=move || mistake.with(Option::is_some).then_some("true")
                placeholder="type:Order* data.total>100 since:15m \"free text\""
                list="filter-words"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                value=filter.get_untracked()
                prop:value=move || line.get()
                on:focus=move |_| wanted.run(())
                on:input=move |event| line.set(event_target_value(&event))
                on:scroll=follow
            />
            <div class="echo mono" node_ref=echo aria-hidden="true">
                {marked}
            </div>
            <datalist id="filter-words">
                {move || {
                    completions(&line.get(), &words.get()).into_iter().map(|whole| view! { <option value=whole></option> }).collect_view()
                }}
            </datalist>
            <p class="mistake" id="filter-mistake" role="status">
                {told}
            </p>
        </div>
    }
    .into_any()
}

/// The last character boundary at or before `at`.
fn floor(line: &str, at: usize) -> usize {
    let mut at = at.min(line.len());
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_completes_behind_what_stands() {
        let words = Words {
            types: vec!["OrderPlaced".to_owned(), "PaymentRefused".to_owned()],
            ..Words::default()
        };
        assert_eq!(
            completions("-stream:a type:ord", &words),
            ["-stream:a type:OrderPlaced"]
        );
        assert_eq!(completions("ty", &words), ["type:"]);
    }
}
