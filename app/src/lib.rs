//! The console: the pages of Highwater, rendered on the server and hydrated in the browser (Leptos).
//!
//! It is a client of the HTTP API and of the live feed like any other: [`api`] asks, [`live`] listens, `pages` fetch (one file a
//! URL), `components` show plain data and never fetch, [`chart`] draws.
//!
//! # Adding a page
//! 1. `src/pages/NOUN.rs`: a component that makes a [`Resource`](leptos::prelude::Resource) from a method of [`api::Api`] and shows
//!    it with named states for loading, empty and error; what it shows is in the URL, so that a link reproduces it.
//! 2. A `Route` in [`App`] with `SsrMode::Async`: the page reads without JavaScript.
//! 3. An entry in `PAGES` of `components/frame.rs`; styles in `style/NOUN.css`, imported by `style/main.css`.
//! 4. No `style` attribute: the content security policy refuses them. Use a class, or set a property of the CSSOM in an effect.

// The types of the views nest deeply.
#![recursion_limit = "512"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("the features ssr and hydrate make two different programs; turn on one of them");

pub mod api;
pub mod app;
pub mod chart;
pub mod components;
pub mod format;
pub mod live;
pub mod me;
pub mod pages;
pub mod stage;

pub use app::{App, PageStatus, Site, shell};

/// Takes over the page that the server has rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(App);
}
