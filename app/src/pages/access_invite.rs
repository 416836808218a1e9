//! Inviting somebody, and the link that lets them in.

use highwater_model::{Invitation, NewUserBody, Role};
use leptos::prelude::*;

use super::access::origin;
use super::access_users::Shown;
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::Time;
use crate::components::command::Command;

/// A link that was just made: it is shown once.
#[component]
pub fn Link(
    /// It, until it is no longer wanted.
    link: RwSignal<Option<Invitation>>,
) -> impl IntoView {
    let shown = move || {
        let invitation = link.get()?;
        let url = format!("{}{}", origin(), invitation.path);
        Some(view! {
            <div class="notice done">
                <p>
                    {format!("Send this link to {}: it lets them choose a password, once, until ", invitation.name)}
                    <Time at=invitation.expires_at /> ". It is shown only now."
                </p>
                <Command text=url />
                <div class="bar">
                    <button type="button" class="quiet" on:click=move |_| link.set(None)>
                        "I have it"
                    </button>
                </div>
            </div>
        })
    };
    view! { <div role="status" class="once">{shown}</div> }.into_any()
}

/// Invites somebody.
#[component]
pub fn Invite(
    /// The section.
    shown: Shown,
) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let role = RwSignal::new(Role::Viewer);
    // What comes of it stands at the form, not above the table.
    let here = Shown {
        orders: Orders::new(),
        link: RwSignal::new(None),
        ..shown
    };
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        let user = NewUserBody {
            name: name.get_untracked().trim().to_owned(),
            role: role.get_untracked(),
        };
        here.link.set(None);
        here.orders.give(async move {
            let api = Api::from_context();
            let invitation = api.invite(&user).await?;
            let words = format!("{} is invited as {}.", invitation.name, user.role.as_str());
            let _ = here.link.try_set(Some(invitation));
            let _ = name.try_set(String::new());
            here.read_again(&api).await;
            Ok(Said::done(words))
        });
    };
    let options: Vec<AnyView> = Role::ALL
        .into_iter()
        .map(|role| {
            let words = format!("{}: {}", role.as_str(), role.words());
            view! { <option value=role.as_str()>{words}</option> }.into_any()
        })
        .collect();
    let choose = move |event| {
        if let Some(chosen) = Role::named(&event_target_value(&event)) {
            role.set(chosen);
        }
    };
    view! {
        <h3>"Invite somebody"</h3>
        <SaidLine said=here.orders.said />
        <Link link=here.link />
        <form class="reason access-form" on:submit=submit>
            <label>
                "Name"
                <input
                    type="text"
                    required
                    maxlength="60"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="ada"
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
            </label>
            <label>
                "Role: each may what the one above may"
                <select on:change=choose>{options}</select>
            </label>
            <button type="submit" class="go" aria-disabled=move || here.orders.busy.get().then_some("true")>
                "Invite"
            </button>
        </form>
    }
    .into_any()
}
