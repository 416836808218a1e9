//! Says what an order does, before it is given.

use leptos::prelude::*;

/// What follows from an order, and its two buttons.
#[component]
pub fn AskFirst(
    /// What the order is: `Remove ada`.
    #[prop(into)]
    order: String,
    /// Gives it.
    yes: Callback<()>,
    /// Not after all.
    no: Callback<()>,
    /// What follows from it: pairs of `dt` and `dd`.
    children: Children,
) -> impl IntoView {
    let label = format!("{order}?");
    view! {
        <div class="notice" role="group" aria-label=label>
            <dl class="facts plan">{children()}</dl>
            <div class="bar">
                <button type="button" class="go" on:click=move |_| yes.run(())>
                    {order}
                </button>
                <button type="button" class="quiet" on:click=move |_| no.run(())>
                    "Not now"
                </button>
            </div>
        </div>
    }
    .into_any()
}
