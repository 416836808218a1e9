//! Asks for the name that an order in production needs: the console's one dialog for that, whatever page gave the order.

use highwater_model::Approval;
use leptos::html;
use leptos::prelude::*;

use crate::api::Confirmations;

/// The dialog; it opens by itself.
#[component]
pub fn ConfirmDialog() -> impl IntoView {
    let orders = Confirmations::default();
    let asked = Memo::new(move |_| orders.first());
    let waits = orders.waits();
    let dialog = NodeRef::<html::Dialog>::new();
    let typed = RwSignal::new(String::new());
    Effect::new(move || orders.take_orders());
    Effect::new(move || {
        let Some(dialog) = dialog.get() else {
            return;
        };
        let is_asked = asked.with(Option::is_some) || waits.with(Option::is_some);
        typed.set(String::new());
        if is_asked && !dialog.open() {
            // It fails only for a dialog that is open or out of the document.
            let _ = dialog.show_modal();
        } else if !is_asked && dialog.open() {
            dialog.close();
        }
    });
    // Escape closes it without asking. One that was closed by an answer has nothing to say no to, or is open for the next order by now.
    let closed = move |_| {
        if dialog.get_untracked().is_some_and(|dialog| !dialog.open()) {
            orders.say(false);
            waits.set(None);
        }
    };
    let ready = Memo::new(move |_| {
        let order = asked.get();
        order.is_some_and(|order| typed.with(|typed| *typed == order.name))
    });
    let place = move || {
        let order = asked.get()?;
        Some(format!("Production: {}", order.environment))
    };
    let name = move || asked.get().map(|order| order.name);
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if ready.get_untracked() {
            orders.say(true);
        }
    };
    // The next order is asked about first.
    let is_waiting = Memo::new(move |_| asked.with(Option::is_none) && waits.with(Option::is_some));
    let title = move || {
        if is_waiting.get() {
            "waits-title"
        } else {
            "confirm-title"
        }
    };
    view! {
        <dialog node_ref=dialog class="order confirm" aria-labelledby=title on:close=closed>
            <Waits waits shown=is_waiting />
            <form on:submit=submit class:hidden=move || is_waiting.get()>
                <h2 id="confirm-title">{place}</h2>
                <label>
                    <span>"Type " <b class="mono">{name}</b> " to go on"</span>
                    <input
                        type="text"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        prop:value=move || typed.get()
                        on:input=move |event| typed.set(event_target_value(&event))
                    />
                </label>
                <p class="dim">"The order changes what readers see, or can lose something. Nothing has happened yet."</p>
                <div class="bar">
                    <span class="grow"></span>
                    <button type="button" class="quiet" on:click=move |_| orders.say(false)>
                        "Cancel"
                    </button>
                    <button type="submit" class="go" disabled=move || !ready.get()>
                        "Go on"
                    </button>
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

/// That an order was kept: nothing has happened yet, and who is waited for.
#[component]
fn Waits(
    /// The order.
    waits: RwSignal<Option<Approval>>,
    /// Whether it is said now.
    shown: Memo<bool>,
) -> impl IntoView {
    let words = move || waits.with(|waits| waits.as_ref().map(Approval::words));
    let number = move || waits.with(|waits| waits.as_ref().map(|one| one.id));
    view! {
        <section class:hidden=move || !shown.get()>
            <h2 id="waits-title">"Waits for a second person"</h2>
            <p>{words}</p>
            <p class="dim">
                "Nothing has happened yet. Another user who may give this order approves or declines it; it stands as number " {number} " at "
                <a href="/approvals" on:click=move |_| waits.set(None)>
                    "Approvals"
                </a> "."
            </p>
            <div class="bar">
                <span class="grow"></span>
                <button type="button" class="go" on:click=move |_| waits.set(None)>
                    "Close"
                </button>
            </div>
        </section>
    }
    .into_any()
}
