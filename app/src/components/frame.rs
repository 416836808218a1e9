//! The frame: rail and top bar.

use highwater_model::{Right, StoreFacts};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::approvals_link::ApprovalsLink;
use super::confirm_dialog::ConfirmDialog;
use super::environment::EnvironmentBadge;
use super::palette::Palette;
use super::user_menu::UserMenu;
use super::zone::ZoneSwitch;
use crate::api::Answer;
use crate::format;
use crate::live::{Live, Status};
use crate::me::Me;

/// The pages that exist: path, name.
pub const PAGES: [(&str, &str); 11] = [
    ("/", "Overview"),
    ("/live", "Live"),
    ("/streams", "Streams"),
    ("/read-models", "Read models"),
    ("/flows", "Flows"),
    ("/jobs", "Jobs"),
    ("/types", "Types"),
    ("/store", "Store"),
    ("/alerts", "Alerts"),
    ("/audit", "Audit"),
    ("/stage", "Stage"),
];
/// The page of those who keep users and tokens.
pub const ACCESS: (&str, &str) = ("/access", "Access");

/// The pages, at the left.
#[component]
pub fn Rail() -> impl IntoView {
    let here = use_location().pathname;
    let me = expect_context::<Me>();
    let items = PAGES.map(|page| rail_item(here, page));
    let access = move || {
        Suspend::new(async move {
            let keeps = me.asked().await.is_ok_and(|who| who.may(Right::Administer));
            keeps.then(|| rail_item(here, ACCESS))
        })
    };
    view! {
        <nav class="rail" aria-label="Pages">
            {items.into_iter().collect_view()} <ApprovalsLink here /> <Suspense fallback=|| ()>{access}</Suspense>
        </nav>
    }
    .into_any()
}

fn rail_item(here: Memo<String>, (path, name): (&'static str, &'static str)) -> AnyView {
    let on = move || {
        let here = here.get();
        let on = if path == "/" {
            here == "/"
        } else {
            // A subscription has its page, and its list is with the read models; the map is drawn from flows.
            here.starts_with(path)
                || (path == "/read-models" && here.starts_with("/subscriptions/"))
                || (path == "/flows" && here == "/flow-map")
        };
        on.then_some("page")
    };
    view! {
        <a href=path aria-current=on>
            {name}
        </a>
    }
    .into_any()
}

/// What the server looks after, where you are, the mark, the connection, search, theme, user.
#[component]
pub fn TopBar(
    /// What the store said when the page was rendered; the feed moves the mark from there.
    store: Resource<Answer<StoreFacts>>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let here = use_location().pathname;
    let crumb = move || {
        let here = here.get();
        let mut parts = here.trim_matches('/').splitn(2, '/');
        let first = match parts.next() {
            Some("live") => "Live",
            Some("streams") => "Streams",
            Some("read-models" | "subscriptions") => "Read models",
            Some("flows") => "Flows",
            Some("flow-map") => "Flows / Flow map",
            Some("jobs") => "Jobs",
            Some("types") => "Types",
            Some("store") => "Store",
            Some("alerts") => "Alerts",
            Some("approvals") => "Approvals",
            Some("audit") => "Audit",
            Some("access") => "Access",
            Some("events") => "Events",
            Some("grid") => "Grid",
            Some("stage") => "Stage",
            _ => "Overview",
        };
        let last = parts
            .next()
            .map(|last| format!(" / {}", leptos_router::location::Url::unescape(last)))
            .unwrap_or_default();
        format!("{first}{last}")
    };
    let mark = move || {
        Suspend::new(async move {
            let first = store.await.ok().map(|facts| facts.mark.position);
            move || {
                live.mark
                    .with(|mark| mark.as_ref().map(|mark| mark.position))
                    .or(first)
                    .map_or_else(
                        || "mark unknown".to_owned(),
                        |mark| format!("mark {}", format::number(mark.0)),
                    )
            }
        })
    };
    let open = RwSignal::new(false);
    view! {
        <header class="top">
            <a class="logo" href="/">
                <i aria-hidden="true"></i>
                "Highwater"
            </a>
            <EnvironmentBadge />
            <span class="crumb">{crumb}</span>
            <span class="pill mono" title="The high-water mark: the newest position that is safe to read">
                <Suspense fallback=|| "mark …">{mark}</Suspense>
            </span>
            <Light live />
            <button class="quiet find" type="button" aria-label="Go to a page, read model, stream, event or position" on:click=move |_| open.set(true)>
                <kbd>"⌘K"</kbd>
            </button>
            <ZoneSwitch />
            <button class="quiet" type="button" aria-label="Switch between the dark and the light theme" on:click=|_| switch_theme()>
                "◐"
            </button>
            <UserMenu />
        </header>
        <Palette open />
        <ConfirmDialog />
    }
    .into_any()
}

/// The connection: colour, shape and word, with the age of the last message.
#[component]
fn Light(
    /// The feed.
    live: Live,
) -> impl IntoView {
    let class = move || match live.status.get() {
        Status::Live => "pill light live",
        Status::Behind | Status::Connecting => "pill light behind",
        Status::Waiting { .. } | Status::Closed => "pill light lost",
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds of waiting or silence"
    )]
    let since = move || {
        let (now, heard) = (live.now.get(), live.heard_at.get());
        let silent = now.zip(heard).map_or(0.0, |(now, heard)| now - heard);
        match live.status.get() {
            Status::Waiting { until } => {
                let seconds = now.map_or(0, |now| ((until - now) / 1_000.0).ceil().max(0.0) as i64);
                format!("in {seconds} s")
            }
            Status::Behind | Status::Live if silent > 3_000.0 => {
                format!("{} s ago", (silent / 1_000.0) as i64)
            }
            _ => String::new(),
        }
    };
    // The word alone is read out when it changes: seconds that tick would be read out each second.
    let word = Memo::new(move |_| match live.status.get() {
        Status::Connecting => "connecting",
        Status::Behind => "catching up",
        Status::Live => "live",
        Status::Waiting { .. } => "reconnecting",
        Status::Closed => "offline",
    });
    view! {
        <span class=class>
            <span class="dot" aria-hidden="true"></span>
            <span role="status">{word}</span>
            <span>{since}</span>
        </span>
    }
    .into_any()
}

fn switch_theme() {
    let Some(window) = web_sys::window() else {
        return;
    };
    let Some(root) = window
        .document()
        .and_then(|document| document.document_element())
    else {
        return;
    };
    let dark = root.get_attribute("data-theme").map_or_else(
        || {
            window
                .match_media("(prefers-color-scheme: dark)")
                .ok()
                .flatten()
                .is_some_and(|query| query.matches())
        },
        |theme| theme == "dark",
    );
    let theme = if dark { "light" } else { "dark" };
    // Refused storage only means that the next visit starts from the system's preference.
    let _ = root.set_attribute("data-theme", theme);
    if let Ok(Some(storage)) = window.local_storage() {
        let _ = storage.set_item("theme", theme);
    }
}
