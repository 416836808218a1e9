//! Read models that hold nothing of what is masked, as an admin has said: their rows and errors are shown again.

use highwater_model::MaskCleared;
use leptos::prelude::*;

use super::access_masking::{Shown, field};
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::Time;

/// Those there are, and one more.
#[component]
pub fn Cleared(
    /// The section.
    shown: Shown,
) -> impl IntoView {
    let none = Memo::new(move |_| shown.masking.with(|masking| masking.cleared.is_empty()));
    view! {
        <h3>"Read models without masked fields"</h3>
        <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Read models without masked fields">
            <table class="access">
                <thead>
                    <tr>
                        <th>"read model"</th>
                        <th>"why"</th>
                        <th>"said by"</th>
                        <th>"when"</th>
                        <th>"what to do"</th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || shown.masking.with(|masking| masking.cleared.clone())
                        key=|one| (one.read_model.clone(), one.at)
                        children=move |one| row(one, shown)
                    />
                </tbody>
            </table>
        </div>
        <Clear shown />
    }
    .into_any()
}

fn row(one: MaskCleared, shown: Shown) -> AnyView {
    let name = one.read_model.clone();
    let label = format!("Hide again: {name}");
    let hide = move |_| {
        let name = name.clone();
        shown.orders.give(async move {
            let api = Api::from_context();
            let done = api.not_clear_of_masks(&name).await;
            // A refusal may say that somebody else was faster.
            shown.read_again(&api).await;
            done.map(|()| Said::done(format!("{name} is not cleared any more.")))
        });
    };
    view! {
        <tr>
            <td class="mono">
                <b>{one.read_model}</b>
            </td>
            <td class="wrap">{one.reason}</td>
            <td>{one.by}</td>
            <td class="mono dim">
                <Time at=one.at />
            </td>
            <td>
                <button
                    type="button"
                    class="quiet"
                    aria-label=label
                    aria-disabled=move || shown.orders.busy.get().then_some("true")
                    on:click=hide
                >
                    "Hide again"
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// Clears one.
#[component]
fn Clear(
    /// The section.
    shown: Shown,
) -> impl IntoView {
    let read_model = RwSignal::new(String::new());
    let reason = RwSignal::new(String::new());
    // What comes of it stands at the form, not above the table.
    let orders = Orders::new();
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        let name = read_model.get_untracked().trim().to_owned();
        let why = reason.get_untracked().trim().to_owned();
        orders.give(async move {
            let api = Api::from_context();
            let cleared = api.clear_of_masks(&name, why).await?;
            let _ = read_model.try_set(String::new());
            let _ = reason.try_set(String::new());
            shown.read_again(&api).await;
            Ok(Said::done(format!(
                "Whoever reads sees rows and errors of {}, until it is defined anew.",
                cleared.read_model
            )))
        });
    };
    view! {
        <SaidLine said=orders.said />
        <form class="reason access-form" on:submit=submit>
            {field("Read model whose rows and errors hold nothing that is masked", "revenue_by_day", read_model)}
            {field("Why that is sure: the audit log keeps it", "it has sums only", reason)}
            <button type="submit" class="go" aria-disabled=move || orders.busy.get().then_some("true")>
                "Clear it"
            </button>
        </form>
    }
    .into_any()
}
