//! Buttons that copy something, and say whether that worked.

use leptos::prelude::*;

use super::clipboard;

/// Copies a text.
#[component]
pub fn CopyButton(
    /// What the button says.
    label: &'static str,
    /// What is copied, asked for when it is.
    #[prop(into)]
    text: Callback<(), String>,
    /// What the user can do when the browser refuses.
    #[prop(default = "The browser refused")]
    refused: &'static str,
) -> impl IntoView {
    let says = RwSignal::new(label);
    let copy = move |_| {
        leptos::task::spawn_local(async move {
            let said = if clipboard::write(&text.run(())).await {
                "Copied"
            } else {
                refused
            };
            let _ = says.try_set(said);
        });
    };
    view! {
        <button type="button" class="quiet" on:click=copy>
            {says}
        </button>
    }
    .into_any()
}

/// Copies the command that asks the API for what is shown.
#[component]
pub fn CopyCurl(
    /// The call: its path and query.
    #[prop(into)]
    path: Signal<String>,
) -> impl IntoView {
    let text = move |()| {
        let origin = window().location().origin().unwrap_or_default();
        curl(&origin, &path.get_untracked())
    };
    view! { <CopyButton label="Copy as curl" text /> }
}

/// The command, for a shell: in single quotes nothing means anything.
fn curl(origin: &str, path: &str) -> String {
    format!("curl '{}{}'", origin, path.replace('\'', "%27"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_survives_the_shell() {
        assert_eq!(
            curl("http://127.0.0.1:3000", "/api/streams/it's?x=$1"),
            "curl 'http://127.0.0.1:3000/api/streams/it%27s?x=$1'"
        );
    }
}
