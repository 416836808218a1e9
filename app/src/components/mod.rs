//! Parts that show plain data and never fetch.

pub mod actions;
pub mod approvals_link;
pub mod ask_first;
pub mod clipboard;
pub mod command;
pub mod confirm_dialog;
pub mod copy;
pub mod environment;
pub mod event_detail;
pub mod filter_line;
pub mod flow_layout;
pub mod flow_picture;
pub mod flow_state;
pub mod flow_tree;
pub mod frame;
pub mod grid;
pub mod job;
pub mod json_tree;
pub mod line_diff;
pub mod maintenance_banner;
mod map_layout;
pub mod map_picture;
pub mod may;
pub mod mistake;
pub mod palette;
mod palette_entries;
pub mod pick;
pub mod problem;
pub mod range_picker;
pub mod read_model_state;
pub mod reason_form;
pub mod refused_definitions;
pub mod share;
pub mod state_tree;
pub mod subscription_state;
pub mod timeline;
pub mod user_menu;
pub mod version_numbers;
pub mod zone;

use jiff::Timestamp;
use leptos::prelude::*;

use crate::format;

pub use zone::{Zone, zone};

/// What the browser keeps for this visitor; none where it refuses.
pub(crate) fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// Date and time, the exact moment on hover.
#[component]
pub fn Time(
    /// When.
    at: Timestamp,
) -> impl IntoView {
    let zone = zone();
    view! { <time datetime=at.to_string() title=at.to_string()>{move || format::date_time(at, zone.at(at))}</time> }
}

/// An event type with its hue.
#[component]
pub fn TypeName(
    /// Its name.
    name: String,
) -> impl IntoView {
    let class = format::hue(&name);
    view! { <span class=class>{name}</span> }
}
