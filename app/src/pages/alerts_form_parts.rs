//! Fields of the form of a rule.

use highwater_model::RULE_NAME_CHARS;
use leptos::html;
use leptos::prelude::*;

use super::alerts_form_fields::{Quantity, Typed, UNITS};

/// Its name. A rule that is to be changed is put into the form, and the focus here.
#[component]
pub fn NameField(
    /// What is typed.
    typed: Typed,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let (Some(input), true) = (input.get(), typed.filled.get() > 0) {
            // It fails only out of the document.
            let _ = input.focus();
        }
    });
    view! {
        <label>
            "Name of the rule"
            <input
                type="text"
                node_ref=input
                required
                maxlength=RULE_NAME_CHARS.to_string()
                autocomplete="off"
                placeholder="orders are late"
                prop:value=move || typed.name.get()
                on:input=move |event| typed.name.set(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

/// A span of time.
#[component]
pub fn QuantityField(
    /// What it is for.
    label: &'static str,
    /// What is typed.
    quantity: Quantity,
    /// The kind has it.
    shown: Signal<bool>,
) -> impl IntoView {
    let units: Vec<AnyView> = UNITS
        .into_iter()
        .map(|(unit, word)| {
            let is = move || quantity.unit.get() == unit;
            view! { <option value=unit.to_string() prop:selected=is>{word}</option> }.into_any()
        })
        .collect();
    let choose = move |event| {
        if let Ok(unit) = event_target_value(&event).parse() {
            quantity.unit.set(unit);
        }
    };
    view! {
        <div class="quantity" class:hidden=move || !shown.get()>
            <label>
                {label}
                <input
                    type="number"
                    min="0"
                    max="604800"
                    prop:value=move || quantity.number.get()
                    on:input=move |event| quantity.number.set(event_target_value(&event))
                />
            </label>
            <select aria-label=format!("Unit: {label}") on:change=choose>
                {units}
            </select>
        </div>
    }
    .into_any()
}

/// A box to tick.
#[component]
pub fn Tick(
    /// What it is for.
    label: &'static str,
    /// It is ticked.
    on: RwSignal<bool>,
    /// There is a choice.
    shown: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="check" class:hidden=move || !shown.get()>
            <input type="checkbox" prop:checked=move || on.get() on:change=move |event| on.set(event_target_checked(&event)) />
            {label}
        </label>
    }
    .into_any()
}
