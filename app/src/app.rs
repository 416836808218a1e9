//! The document around the pages, and the routes.

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

/// Where the built site's files are; the server provides it by context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Path of the style sheet, with its content hash.
    pub css: String,
}

/// Sets the theme before the first paint, so that a dark page does not flash in white.
const THEME: &str = "try{var t=localStorage.getItem('theme');if(t==='dark'||t==='light')document.documentElement.dataset.theme=t}catch(e){}";

/// The document: the server renders it around [`App`].
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let css = use_context::<Site>().map_or_else(|| format!("/pkg/{}.css", options.output_name), |site| site.css);
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

/// The console.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Highwater".to_owned() } else { format!("{title} · Highwater") } />
        <Router>
            <main>
                <Routes fallback=|| "There is no such page.">
                    <Route path=path!("/") view=Live ssr=SsrMode::Async />
                    <Route path=path!("/live") view=Live ssr=SsrMode::Async />
                </Routes>
            </main>
        </Router>
    }
}

/// The live page.
#[component]
fn Live() -> impl IntoView {
    view! { <h1>"Live"</h1> }
}
