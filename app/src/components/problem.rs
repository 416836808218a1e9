//! Errors and empty states: what happened, what was kept, what to do.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::api::ApiError;
use crate::app::PageStatus;

/// An answer that did not come.
#[component]
pub fn ErrorNotice(
    /// Why.
    error: ApiError,
) -> impl IntoView {
    let words = error.to_string();
    PageStatus::say(match &error {
        ApiError::Refused(problem) => problem.status,
        ApiError::Waits(_) => 202,
        ApiError::Unreachable(_) | ApiError::Unreadable(_) => 502,
    });
    let title = match error {
        ApiError::Refused(problem) => problem.title,
        ApiError::Waits(_) => "It waits for a second person".to_owned(),
        ApiError::Unreachable(_) => "The server does not answer".to_owned(),
        ApiError::Unreadable(_) => "The answer could not be read".to_owned(),
    };
    view! {
        <section class="notice bad" role="alert">
            <h2>{title}</h2>
            <p>{words}</p>
        </section>
    }
}

/// Nothing recorded yet.
#[component]
pub fn EmptyStore() -> impl IntoView {
    view! {
        <section class="notice">
            <h2>"No event yet"</h2>
            <p>"The log is empty. Events appear here in the moment they are recorded. Append one:"</p>
            <pre class="command" tabindex="0">
                "curl -X POST http://127.0.0.1:3000/api/streams/order-1/events -H 'Content-Type: application/json' -d '[{\"type\":\"OrderPlaced\",\"data\":{\"total\":120}}]'"
            </pre>
            <p>"or bring a log in:"</p>
            <pre class="command" tabindex="0">"highwater import events.ndjson.gz"</pre>
        </section>
    }
}

/// No such page.
#[component]
pub fn NotFound(
    /// What is not there.
    #[prop(into)]
    what: String,
) -> impl IntoView {
    PageStatus::say(404);
    view! {
        <Title text="Not found" />
        <section class="notice">
            <h1>"Not found"</h1>
            <p>{what}</p>
            <p>
                <a href="/live">"Live"</a>
                " shows what is recorded now; "
                <a href="/streams">"Streams"</a>
                " finds a stream by a part of its name."
            </p>
        </section>
    }
}
