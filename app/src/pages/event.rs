//! One event by its id.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::Loading;
use crate::api::Api;
use crate::components::event_detail::EventDetail;
use crate::components::problem::{ErrorNotice, NotFound};

/// One event.
#[component]
pub fn EventOnePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let found = Resource::new(
        move || id.get(),
        |id| {
            let api = Api::from_context();
            async move { api.event(&id).await }
        },
    );
    view! {
        <Title text=move || format!("Event {}", id.get()) />
        <h1 class="hidden">"Event"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(detail) => view! { <article class="card drawer one"><EventDetail detail /></article> }.into_any(),
                    Err(error) if error.is_not_found() => {
                        view! { <NotFound what=format!("There is no event {} in this store.", id.get_untracked()) /> }.into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}
