//! Orders that not everybody may give: they are seen, can't be given, and say who may.

use highwater_model::{Right, Role};
use leptos::prelude::*;

use crate::me::Me;

/// Why whoever looks may not do what needs this right; none when they may.
pub fn needs(right: Right) -> Memo<Option<String>> {
    let me = use_context::<Me>();
    Memo::new(move |_| {
        let may = me.is_none_or(|me| me.may(right));
        (!may).then(|| format!("Needs the role {}", Role::least(right).as_str()))
    })
}

/// Around controls that need a right: without it the browser disables them all, and behind them stands why.
#[component]
pub fn Needs(
    /// What one has to be allowed to.
    right: Right,
    /// Says why on hover only: where there are many of them beside each other.
    #[prop(default = false)]
    quiet: bool,
    /// The controls.
    children: Children,
) -> impl IntoView {
    let why = needs(right);
    let told = move || {
        let why = why.get().filter(|_| !quiet)?;
        Some(view! { <span class="needed">{why}</span> })
    };
    // It is no group for readers, and takes no part in the layout.
    view! {
        <fieldset class="needs" role="none" title=move || why.get() disabled=move || why.with(Option::is_some)>
            {children()}
            {told}
        </fieldset>
    }
    .into_any()
}
