//! `/login`: who are you? A form that works without JavaScript.

use highwater_model::{LoginMode, WhoAmI};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::Loading;
use crate::components::problem::ErrorNotice;
use crate::me::Me;

/// The page.
#[component]
pub fn LoginPage() -> impl IntoView {
    let me = expect_context::<Me>();
    let query = use_query_map();
    let next = Memo::new(move |_| query.with(|query| query.get("next").unwrap_or_default()));
    let why = Memo::new(move |_| {
        query.with(|query| {
            let failed = query.get("failed")?;
            Some(why(&failed, query.get("seconds").as_deref()))
        })
    });
    view! {
        <Title text="Log in" />
        <div class="gate">
            <h1>"Highwater"</h1>
            <Transition fallback=Loading>
                {move || Suspend::new(async move {
                    match me.asked().await {
                        Ok(who) if who.login == LoginMode::Local => view! { <NoLogin /> }.into_any(),
                        Ok(who) if who.login == LoginMode::Oidc => view! { <ProviderForm who next why /> }.into_any(),
                        Ok(who) => view! { <LoginForm who next why /> }.into_any(),
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
    .into_any()
}

/// Everybody who reaches this server is its admin.
#[component]
fn NoLogin() -> impl IntoView {
    view! {
        <div class="notice">
            <p>"There is no login here: this server listens on this machine only, and everybody on it is its admin."</p>
            <p>
                <a href="/">"To the console"</a>
            </p>
        </div>
    }
    .into_any()
}

/// Who is logged in already, and why the last try failed.
#[component]
fn Notices(
    /// Who is logged in, if anybody.
    who: WhoAmI,
    /// Why the last try failed.
    why: Memo<Option<String>>,
) -> impl IntoView {
    let already = who.name.map(|name| {
        view! {
            <p class="notice">
                {format!("You are logged in as {name}. ")} <a href="/" rel="external">
                    "To the console"
                </a>
            </p>
        }
    });
    let refused = move || {
        let why = why.get()?;
        Some(view! {
            <p class="notice bad" role="alert">
                {why}
            </p>
        })
    };
    view! {
        {already}
        {refused}
    }
    .into_any()
}

/// The way to the provider.
#[component]
fn ProviderForm(
    /// Who is logged in, if anybody.
    who: WhoAmI,
    /// Where it goes on.
    next: Memo<String>,
    /// Why the last try failed.
    why: Memo<Option<String>>,
) -> impl IntoView {
    let words = who.provider.as_ref().map_or_else(
        || "Log in at the provider".to_owned(),
        |host| format!("Log in with {host}"),
    );
    view! {
        <Notices who why />
        // The browser sends it itself, and is led to the provider.
        <form class="card" method="get" action="/login/oidc">
            <h2>"Log in"</h2>
            <input type="hidden" name="next" value=move || next.get() />
            <button type="submit" class="go">
                {words}
            </button>
            <p class="dim">"Your groups there decide what you may do here, anew at each login."</p>
        </form>
    }
    .into_any()
}

/// Name and password.
#[component]
fn LoginForm(
    /// Who is logged in, if anybody.
    who: WhoAmI,
    /// Where it goes on.
    next: Memo<String>,
    /// Why the last try failed.
    why: Memo<Option<String>>,
) -> impl IntoView {
    view! {
        <Notices who why />
        // The browser sends it itself: the answer sets the cookie and leads on.
        <form class="card" method="post" action="/api/session">
            <h2>"Log in"</h2>
            <label>
                "Name"
                <input type="text" name="name" required maxlength="60" autocomplete="username" autocapitalize="off" spellcheck="false" />
            </label>
            <label>
                "Password"
                <input type="password" name="password" required maxlength="200" autocomplete="current-password" />
            </label>
            <input type="hidden" name="next" value=move || next.get() />
            <button type="submit" class="go">
                "Log in"
            </button>
            <p class="dim">"No password yet, or forgotten? An admin can give you a new link."</p>
        </form>
    }
    .into_any()
}

/// What the last try came to.
fn why(failed: &str, seconds: Option<&str>) -> String {
    if failed == "slow" {
        let seconds = seconds.and_then(|seconds| seconds.parse::<u32>().ok());
        return seconds.map_or_else(
            || "That was tried too often. Wait a moment, then try again.".to_owned(),
            |seconds| format!("That was tried too often. Try again in {seconds} s."),
        );
    }
    let words = match failed {
        "share" => {
            "This link was ended, has expired, or was never given. Ask who sent it for a new one, or log in."
        }
        "wrong" => "The name or the password is wrong, or this user can't get in any more.",
        "provider" => {
            "The provider can't be reached just now, or does not answer as one. Try again; if that stays so, an admin finds more in the server's log."
        }
        "denied" => {
            "The provider did not let you in, or you did not agree there. Log in again, or ask who keeps your account there."
        }
        "stale" => {
            "This login was begun in another browser, took longer than ten minutes, or was used already. Log in again."
        }
        "answer" => {
            "What the provider answered does not prove who you are. Log in again; if that stays so, an admin finds more in the server's log."
        }
        "disabled" => "The provider knows you, but an admin here has closed your user; ask them.",
        _ => {
            "The login could not be tried. Try again; if that stays so, an admin finds more in the server's log."
        }
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_login_says_why_and_nothing_of_what_a_link_carries() {
        assert!(why("wrong", None).starts_with("The name or the password"));
        assert_eq!(
            why("slow", Some("12")),
            "That was tried too often. Try again in 12 s."
        );
        let broken = why("broken", None);
        for failed in ["share", "provider", "denied", "stale", "answer", "disabled"] {
            assert_ne!(why(failed, None), broken, "{failed}");
        }
        assert!(!why("<b>", Some("<i>")).contains('<'));
        assert!(!why("slow", Some("<i>")).contains('<'));
    }
}
