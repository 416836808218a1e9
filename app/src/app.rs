//! The document around the pages, and the routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use highwater_model::Environment;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::api::Api;
use crate::components::Zone;
use crate::components::environment::titled;
use crate::components::frame::{Rail, TopBar};
use crate::components::grid::Grid;
use crate::components::maintenance_banner::MaintenanceBanner;
use crate::components::problem::NotFound;
use crate::live::{Live, socket};
use crate::me::Me;
use crate::pages::access::AccessPage;
use crate::pages::alerts::AlertsPage;
use crate::pages::approvals::ApprovalsPage;
use crate::pages::audit::AuditPage;
use crate::pages::event::EventOnePage;
use crate::pages::event_type::EventTypePage;
use crate::pages::flow::FlowPage;
use crate::pages::flow_map::FlowMapPage;
use crate::pages::flows::FlowsPage;
use crate::pages::grid::GridPage;
use crate::pages::job::JobPage;
use crate::pages::jobs::JobsPage;
use crate::pages::join::JoinPage;
use crate::pages::live::LivePage;
use crate::pages::login::LoginPage;
use crate::pages::overview::OverviewPage;
use crate::pages::read_model::ReadModelPage;
use crate::pages::read_models::ReadModelsPage;
use crate::pages::shop::ShopPage;
use crate::pages::stage::StagePage;
use crate::pages::stage_play::StageNotesPage;
use crate::pages::store::StorePage;
use crate::pages::stream::StreamPage;
use crate::pages::streams::StreamsPage;
use crate::pages::subscription::SubscriptionPage;
use crate::pages::types::TypesPage;

/// Where the built site's files are; the server provides it by context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Path of the style sheet, with its content hash.
    pub css: String,
}

/// The HTTP status that the page comes to; the server provides it by context, and reads it when the page is rendered.
#[derive(Debug, Clone, Default)]
pub struct PageStatus(Arc<AtomicU16>);

impl PageStatus {
    /// Says it; in the browser nobody listens.
    pub(crate) fn say(status: u16) {
        if let Some(PageStatus(said)) = use_context() {
            said.store(status, Ordering::Relaxed);
        }
    }

    /// What was said, if anything.
    pub fn said(&self) -> Option<u16> {
        Some(self.0.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }
}

/// Sets the theme before the first paint, so that a dark page does not flash in white.
const THEME: &str = "try{var t=localStorage.getItem('theme');if(t==='dark'||t==='light')document.documentElement.dataset.theme=t}catch(e){}";

/// The document: the server renders it around [`App`].
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let css = use_context::<Site>().map_or_else(
        || format!("/pkg/{}.css", options.output_name),
        |site| site.css,
    );
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="dark light" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=css />
                <script nonce=leptos::nonce::use_nonce()>{THEME}</script>
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Given as text: a browser that runs scripts reads it as text, too, so there are no elements in it to hydrate.
const NOSCRIPT: &str = "<p class=\"notice\">The page shows what was recorded when it was loaded. New events need JavaScript; reload to see them without.</p>";

/// The console.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let live = Live::new();
    provide_context(live);
    let zone = Zone::new();
    provide_context(zone);
    let grid = Grid::new();
    provide_context(grid);
    let me = Me::new();
    provide_context(me);
    // The mark that the page begins with; the feed moves it from there.
    let store = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.store().await }
        },
    );
    let maintenance = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.maintenance().await }
        },
    );
    // Effects run in the browser, after hydration: the first paint is the same on both sides.
    Effect::new(move || {
        zone.remembered();
        grid.remembered();
        me.learn();
        // Without a login the server has nothing to tell.
        if !me.is_nobody() {
            socket::start(live);
        }
    });
    // In no arena: on the server the title is put together when that of the page has gone.
    let environment = ArcRwSignal::new(None::<Environment>);
    let in_title = environment.clone();
    Effect::new(move || environment.set(me.environment()));
    view! {
        <Title formatter=move |title: String| in_title.with(|environment| titled(&title, environment.as_ref())) />
        <Router>
            // The browser's own jump: the router's moves the page, not the focus.
            <a class="skip" href="#main" rel="external">
                "To the page"
            </a>
            <TopBar store />
            <MaintenanceBanner asked=maintenance />
            <Rail />
            <main id="main" tabindex="-1">
                <noscript inner_html=NOSCRIPT></noscript>
                <Routes fallback=|| view! { <NotFound what="There is no such page." /> }>
                    <Route path=path!("/") view=OverviewPage ssr=SsrMode::Async />
                    <Route path=path!("/live") view=LivePage ssr=SsrMode::Async />
                    <Route path=path!("/stage") view=StagePage ssr=SsrMode::Async />
                    <Route path=path!("/stage/notes") view=StageNotesPage ssr=SsrMode::Async />
                    <Route path=path!("/shop") view=ShopPage ssr=SsrMode::Async />
                    <Route path=path!("/streams") view=StreamsPage ssr=SsrMode::Async />
                    <Route path=path!("/store") view=StorePage ssr=SsrMode::Async />
                    <Route path=path!("/streams/:stream") view=StreamPage ssr=SsrMode::Async />
                    <Route path=path!("/events/:id") view=EventOnePage ssr=SsrMode::Async />
                    <Route path=path!("/read-models") view=ReadModelsPage ssr=SsrMode::Async />
                    <Route path=path!("/read-models/:name") view=ReadModelPage ssr=SsrMode::Async />
                    <Route path=path!("/subscriptions/:name") view=SubscriptionPage ssr=SsrMode::Async />
                    <Route path=path!("/flows") view=FlowsPage ssr=SsrMode::Async />
                    <Route path=path!("/flows/:id") view=FlowPage ssr=SsrMode::Async />
                    <Route path=path!("/flow-map") view=FlowMapPage ssr=SsrMode::Async />
                    <Route path=path!("/grid") view=GridPage ssr=SsrMode::Async />
                    <Route path=path!("/jobs") view=JobsPage ssr=SsrMode::Async />
                    <Route path=path!("/jobs/:id") view=JobPage ssr=SsrMode::Async />
                    <Route path=path!("/alerts") view=AlertsPage ssr=SsrMode::Async />
                    <Route path=path!("/approvals") view=ApprovalsPage ssr=SsrMode::Async />
                    <Route path=path!("/audit") view=AuditPage ssr=SsrMode::Async />
                    <Route path=path!("/access") view=AccessPage ssr=SsrMode::Async />
                    <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
                    <Route path=path!("/join") view=JoinPage ssr=SsrMode::Async />
                    <Route path=path!("/types") view=TypesPage ssr=SsrMode::Async />
                    <Route path=path!("/types/:type") view=EventTypePage ssr=SsrMode::Async />
                </Routes>
            </main>
        </Router>
    }
    .into_any()
}
