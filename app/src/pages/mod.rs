//! The pages, one file a URL. They fetch; what they show is in the URL.

pub mod access;
pub mod access_cleared;
pub mod access_invite;
pub mod access_masking;
pub mod access_tokens;
pub mod access_users;
mod access_users_row;
pub mod alerts;
pub mod alerts_form;
pub mod alerts_form_fields;
pub mod alerts_form_parts;
pub mod alerts_preview;
pub mod alerts_rules;
pub mod approvals;
pub mod approvals_open;
pub mod approvals_over;
pub mod audit;
pub mod event;
pub mod event_type;
pub mod flow;
pub mod flow_kinds;
pub mod flow_map;
pub mod flow_map_parts;
pub mod flows;
pub mod grid;
pub mod grid_lanes;
pub mod grid_moments;
pub mod job;
pub mod job_orders;
pub mod jobs;
pub mod join;
pub mod live;
pub mod live_bars;
pub mod live_query;
pub mod live_rows;
pub mod login;
pub mod maintenance;
mod orders;
pub mod overview;
mod overview_alerts;
pub mod overview_cards;
pub mod overview_charts;
pub mod overview_mark;
pub mod overview_models;
mod overview_subscriptions;
pub mod overview_verdict;
pub mod overview_work;
pub mod read_model;
pub mod read_model_definition;
pub mod read_model_editor;
pub mod read_model_failures;
pub mod read_model_lag;
pub mod read_model_orders;
pub mod read_model_rebuild;
pub mod read_model_rebuild_back;
pub mod read_model_rebuild_diff;
pub mod read_model_rebuild_plan;
pub mod read_model_rebuild_promote;
pub mod read_model_rebuild_run;
pub mod read_model_rebuild_samples;
pub mod read_model_rebuild_section;
pub mod read_model_rebuild_step;
pub mod read_model_replay;
pub mod read_model_rows;
pub mod read_models;
pub mod shop;
pub mod shop_basket;
pub mod shop_order;
pub mod stage;
mod stage_cards;
pub mod stage_film;
mod stage_ground;
mod stage_live;
mod stage_picture;
pub mod stage_play;
pub mod stage_record;
pub mod stage_scene;
pub mod stage_service;
pub mod stage_share;
mod stage_stamps;
pub mod stage_traffic;
pub mod store;
pub mod store_checks;
mod store_sizes;
pub mod stream;
pub mod stream_definition;
pub mod stream_history;
pub mod stream_line;
pub mod stream_parts;
pub mod stream_questions;
pub mod stream_state;
pub mod stream_steps;
pub mod streams;
pub mod subscription;
pub mod subscription_effect;
pub mod subscription_members;
pub mod subscription_move;
pub mod subscription_numbers;
pub mod subscription_orders;
pub mod subscription_parked;
pub mod subscription_pause;
pub mod subscription_settings;
pub mod subscriptions;
pub mod types;

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

/// Nothing there yet, and on its way.
#[component]
pub fn Loading() -> impl IntoView {
    view! { <p class="notice" role="status">"Reading the log…"</p> }
}

/// Links to everything that the filters let through, as files.
fn downloads(csv: &str, ndjson: &str) -> AnyView {
    view! {
        <span class="dim">"All that fit as a file:"</span>
        <a href=csv.to_owned() rel="external" download="">
            "CSV"
        </a>
        <a href=ndjson.to_owned() rel="external" download="">
            "NDJSON"
        </a>
    }
    .into_any()
}

/// The address of this page with some of its query changed; an empty value leaves the name out.
pub(crate) fn href_with(path: &str, query: &ParamsMap, changes: &[(&'static str, &str)]) -> String {
    let mut query = query.clone();
    for (name, value) in changes {
        query.remove(name);
        if !value.is_empty() {
            query.insert(*name, (*value).to_owned());
        }
    }
    format!("{path}{}", query.to_query_string())
}
