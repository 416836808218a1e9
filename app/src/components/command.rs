//! A command to copy.

use leptos::prelude::*;

use super::clipboard;

/// A command, and a button that copies it.
#[component]
pub fn Command(
    /// The command.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let says = RwSignal::new("Copy");
    let copied = text.clone();
    let copy = move |_| {
        let text = copied.clone();
        leptos::task::spawn_local(async move {
            let said = if clipboard::write(&text).await {
                "Copied"
            } else {
                "The browser refused; select the text"
            };
            let _ = says.try_set(said);
        });
    };
    view! {
        <div class="command">
            <pre tabindex="0">{text}</pre>
            <button type="button" class="quiet" on:click=copy>
                {says}
            </button>
        </div>
    }
    .into_any()
}
