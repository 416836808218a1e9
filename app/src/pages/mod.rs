//! The pages, one file a URL. They fetch; what they show is in the URL.

pub mod event;
pub mod live;
pub mod live_query;
pub mod live_rows;
pub mod stream;
pub mod streams;
pub mod types;

use leptos::prelude::*;

/// Nothing there yet, and on its way.
#[component]
pub fn Loading() -> impl IntoView {
    view! { <p class="notice" role="status">"Reading the log…"</p> }
}
