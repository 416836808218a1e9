//! `/join?key=…`: whom is this invitation for, and which password do they want? A form that works without JavaScript.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::Loading;
use crate::api::{Api, Invited};
use crate::app::PageStatus;
use crate::components::problem::ErrorNotice;

/// The page.
#[component]
pub fn JoinPage() -> impl IntoView {
    let query = use_query_map();
    let key = Memo::new(move |_| query.with(|query| query.get("key").unwrap_or_default()));
    let refused = Memo::new(move |_| query.with(|query| query.get("failed")));
    let invited = Resource::new(
        move || key.get(),
        |key| {
            let api = Api::from_context();
            async move { api.invited(&key).await }
        },
    );
    view! {
        <Title text="Join" />
        <div class="gate">
            <h1>"Highwater"</h1>
            <Transition fallback=Loading>
                {move || Suspend::new(async move {
                    match invited.await {
                        Ok(Some(invited)) => view! { <JoinForm invited key=key.get_untracked() refused /> }.into_any(),
                        Ok(None) => view! { <DeadLink /> }.into_any(),
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
    .into_any()
}

/// It leads nowhere.
#[component]
fn DeadLink() -> impl IntoView {
    PageStatus::say(404);
    view! {
        <div class="notice bad" role="alert">
            <h2>"This link does not work"</h2>
            <p>"A link of an invitation works once, and not for ever: this one was used, has expired, or is not whole."</p>
            <p>"Ask an admin for a new one. If you are to be the first admin, start the server again: it prints a new link."</p>
            <p>
                <a href="/login" rel="external">
                    "To the login"
                </a>
            </p>
        </div>
    }
    .into_any()
}

/// The password, and the name of somebody who has none yet.
#[component]
fn JoinForm(
    /// Whom it is for.
    invited: Invited,
    /// The invitation's key.
    key: String,
    /// Why the last try failed.
    refused: Memo<Option<String>>,
) -> impl IntoView {
    let role = format!("{}: {}", invited.role.as_str(), invited.role.words());
    let title = invited.name.as_ref().map_or_else(
        || "You are the first admin".to_owned(),
        |name| format!("Welcome, {name}"),
    );
    let name = invited.name.map_or_else(name_field, |name| {
        // Not sent: it is for the browser, which keeps the password under it.
        view! { <input type="text" class="hidden" autocomplete="username" value=name readonly tabindex="-1" aria-hidden="true" /> }
            .into_any()
    });
    let refused = move || {
        let why = refused.get()?;
        Some(view! {
            <p class="notice bad" role="alert">
                {why}
            </p>
        })
    };
    view! {
        {refused}
        <form class="card" method="post" action="/api/join">
            <h2>{title}</h2>
            <p class="dim">"Your role is " {role} "."</p>
            <input type="hidden" name="key" value=key />
            {name}
            <label>
                "Password: 10 characters or more"
                <input type="password" name="password" required minlength="10" maxlength="200" autocomplete="new-password" />
            </label>
            <button type="submit" class="go">
                "Join"
            </button>
            <p class="dim">"You are logged in with it then, in this browser."</p>
        </form>
    }
    .into_any()
}

fn name_field() -> AnyView {
    view! {
        <label>
            "Name: letters, digits and ._@+-"
            <input type="text" name="name" required maxlength="60" autocomplete="username" autocapitalize="off" spellcheck="false" />
        </label>
    }
    .into_any()
}
