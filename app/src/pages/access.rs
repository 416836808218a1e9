//! `/access`: who gets in, what may they do, which programs have tokens, and what of events do not all see?

use highwater_model::{ApiToken, LoginMode, Masking, User};
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::access_masking::MaskingSection;
use super::access_tokens::TokensSection;
use super::access_users::UsersSection;
use crate::api::{Answer, Api};
use crate::components::problem::ErrorNotice;

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    login: LoginMode,
    users: Vec<User>,
    tokens: Vec<ApiToken>,
    masking: Masking,
}

/// The page.
#[component]
pub fn AccessPage() -> impl IntoView {
    let found = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { read(&api).await }
        },
    );
    view! {
        <Title text="Access" />
        <h1>"Access"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <Parts found /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

async fn read(api: &Api) -> Answer<Found> {
    Ok(Found {
        login: api.who_am_i().await?.login,
        users: api.users().await?,
        tokens: api.tokens().await?,
        masking: api.masking().await?,
    })
}

/// What was found.
#[component]
fn Parts(
    /// Read when the page was rendered.
    found: Found,
) -> impl IntoView {
    let Found {
        login,
        users,
        tokens,
        masking,
    } = found;
    let open = (login == LoginMode::Local).then(|| {
        view! {
            <p class="notice warn">
                "There is no login here: everybody who reaches this server is its admin. Start it with " <code>"--login=password"</code>
                " to have one; users and tokens that are kept here count from then on."
            </p>
        }
    });
    view! {
        {open}
        <UsersSection users login />
        <TokensSection tokens />
        <MaskingSection masking />
    }
    .into_any()
}

/// Where this console is, for links and commands. In the browser.
pub(super) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}
