//! A field for the reason of an order, and the button that gives it.

use highwater_model::Right;
use leptos::prelude::*;

use super::may::Needs;

/// Asks why, then orders; of somebody who may.
#[component]
pub fn ReasonForm(
    /// What the reason is for.
    label: &'static str,
    /// What the button says.
    #[prop(into)]
    button: Signal<String>,
    /// Nothing is ordered without a reason.
    needed: bool,
    /// It takes something away: the button does not invite.
    #[prop(default = false)]
    quiet: bool,
    /// An order is on its way.
    #[prop(into)]
    busy: Signal<bool>,
    /// Gives the order, with the reason without blanks around it.
    give: Callback<String>,
) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let ready = Memo::new(move |_| !needed || reason.with(|why| !why.trim().is_empty()));
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if ready.get_untracked() && !busy.get_untracked() {
            give.run(reason.get_untracked().trim().to_owned());
        }
    };
    view! {
        <form class="reason" on:submit=submit>
            <Needs right=Right::Operate>
                <label>
                    {label}
                    <input
                        type="text"
                        autocomplete="off"
                        maxlength="500"
                        required=needed
                        prop:value=move || reason.get()
                        on:input=move |event| reason.set(event_target_value(&event))
                    />
                </label>
                <button
                    type="submit"
                    class=if quiet { "" } else { "go" }
                    disabled=move || !ready.get()
                    aria-disabled=move || busy.get().then_some("true")
                >
                    {move || button.get()}
                </button>
            </Needs>
        </form>
    }
    .into_any()
}
