//! `highwater check` of a state definition.

use anyhow::{Context, bail};
use highwater_model::{StateDefinition, StateTryBody, StreamList, StreamState};
use serde_json::json;

use super::client::{ServerArgs, expect_success};
use super::output::{for_people, json, line};

/// Streams that it is tried on: those with the newest events.
const STREAMS: usize = 20;

/// Tries a definition on whole streams of its category; fails when it is wrong, or fails at an event.
pub(super) async fn run(file: &str, text: &str, server: &ServerArgs) -> anyhow::Result<()> {
    let definition = StateDefinition::parse(text).with_context(|| file.to_owned())?;
    let category = &definition.category;
    let client = server.client()?;
    let mut url = server.call(&["api", "streams"])?;
    url.query_pairs_mut()
        .append_pair("category", category)
        .append_pair("limit", &STREAMS.to_string());
    let asked = client.get(url).send().await;
    let response = asked.map_err(|error| server.unreachable(&error))?;
    let list: StreamList = expect_success(response).await?.json().await?;
    let mut events = 0;
    for stream in &list.streams {
        let body = StateTryBody {
            text: text.to_owned(),
            stream: stream.stream.clone(),
            version: None,
        };
        let url = server.call(&["api", "state-definitions", category, "try"])?;
        let asked = client.post(url).json(&body).send().await;
        let response = asked.map_err(|error| server.unreachable(&error))?;
        let state: StreamState = expect_success(response)
            .await
            .with_context(|| file.to_owned())?
            .json()
            .await?;
        events += state.version.0 + 1;
    }
    if list.streams.is_empty() {
        bail!("{file}: the store has no stream of the category {category}, so nothing was tried");
    }
    let streams = list.streams.len();
    if for_people() {
        line(&format!(
            "{file}: it answers a state after each of the {events} events of the {streams} newest streams of {category}"
        ))
    } else {
        json(&json!({"category": category, "streams": streams, "events": events}))
    }
}
