//! Who looks at the console, in the top bar: the role, and the way out.

use highwater_model::{LoginMode, Right, WhoAmI};
use leptos::prelude::*;

use crate::api::Api;
use crate::me::Me;

/// Who it is, and what they can do about it.
#[component]
pub fn UserMenu() -> impl IntoView {
    let me = expect_context::<Me>();
    let who = move || {
        Suspend::new(async move {
            match me.asked().await {
                Ok(who) => shown(&who),
                Err(_) => pill("not known"),
            }
        })
    };
    view! { <Suspense fallback=|| pill("…")>{who}</Suspense> }.into_any()
}

fn pill(words: &'static str) -> AnyView {
    view! { <span class="pill user">{words}</span> }.into_any()
}

fn shown(who: &WhoAmI) -> AnyView {
    match (who.login, who.name.as_deref()) {
        (LoginMode::Local, _) => pill("local · no login"),
        (LoginMode::Password | LoginMode::Oidc, None) => pill("nobody"),
        (LoginMode::Password | LoginMode::Oidc, Some(name)) => {
            let role = who.role.map_or("token", highwater_model::Role::as_str);
            view! { <Menu name=name.to_owned() role keeps=who.may(Right::Administer) /> }.into_any()
        }
    }
}

/// What somebody who is logged in can do.
#[component]
fn Menu(
    /// What they are called.
    name: String,
    /// What they are.
    role: &'static str,
    /// They keep users and tokens.
    keeps: bool,
) -> impl IntoView {
    let failed = RwSignal::new(None::<String>);
    let leave = move |everywhere: bool| {
        leptos::task::spawn_local(async move {
            match Api::from_context().log_out(everywhere).await {
                // A full load: nothing of what this user was shown stays in the page.
                Ok(()) => drop(window().location().assign("/login")),
                Err(error) => drop(failed.try_set(Some(error.to_string()))),
            }
        });
    };
    let access = keeps.then(|| view! { <a href="/access">"Access"</a> });
    view! {
        <details class="me">
            <summary class="pill">
                <b>{name.clone()}</b>
                <span class="role">{role}</span>
            </summary>
            <div class="card">
                <p>
                    <b>{name}</b>
                    <span class="dim">" · " {role}</span>
                </p>
                {access}
                <button type="button" on:click=move |_| leave(false)>
                    "Log out"
                </button>
                <button type="button" class="quiet" on:click=move |_| leave(true)>
                    "Log out everywhere"
                </button>
                <p class="bad" role="alert">
                    {move || failed.get()}
                </p>
            </div>
        </details>
    }
    .into_any()
}
