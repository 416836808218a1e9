//! `highwater append`.

use std::io::Read;

use anyhow::Context;
use clap::Args;
use highwater_model::{Appended, ExpectedVersion, ProposedEvent};
use highwater_store::Ids;
use reqwest::header::CONTENT_TYPE;
use serde_json::value::RawValue;

use super::client::ServerArgs;
use super::output;
use super::patience::answer;

/// `highwater append`.
#[derive(Debug, Args)]
pub struct AppendArgs {
    /// The stream, like order-8f14
    stream: String,
    /// The event's type, like `OrderPlaced`; without it an array of events is read from standard input
    event_type: Option<String>,
    /// Its data as JSON
    #[arg(default_value = "{}")]
    data: String,
    /// Its metadata as a JSON object
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// Makes a retry harmless: the same id is recorded once
    #[arg(long, value_name = "UUID")]
    id: Option<uuid::Uuid>,
    /// What the stream's version must be: any, none, exists or a number
    #[arg(
        long,
        value_name = "VERSION",
        default_value = "any",
        env = "HIGHWATER_EXPECTED_VERSION"
    )]
    expected_version: ExpectedVersion,
    #[command(flatten)]
    server: ServerArgs,
}

/// Appends.
pub async fn run(args: AppendArgs) -> anyhow::Result<()> {
    let body = match args.event_type {
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("can't read standard input")?;
            with_ids(text)?
        }
        Some(event_type) => {
            let raw = |text: String, what: &str| {
                RawValue::from_string(text).with_context(|| format!("{what} is no JSON"))
            };
            let metadata = args
                .metadata
                .map(|text| raw(text, "the metadata"))
                .transpose()?;
            let event = ProposedEvent {
                event_type,
                data: raw(args.data, "the data")?,
                id: args.id.or_else(|| Some(Ids.event_id())),
                occurred_at: None,
                metadata,
            };
            serde_json::to_string(&[event])?
        }
    };
    let url = args
        .server
        .call(&["api", "streams", &args.stream, "events"])?;
    let client = args.server.client()?;
    let request = || {
        client
            .post(url.clone())
            .header("expected-version", args.expected_version.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(body.clone())
    };
    let appended: Appended = answer(&args.server, request).await?.json().await?;
    if output::for_people() {
        let Appended {
            stream,
            first_version,
            last_version,
            first_position,
            last_position,
        } = appended;
        output::line(&format!(
            "{stream}: versions {first_version} to {last_version}, positions {first_position} to {last_position}"
        ))
    } else {
        output::json(&appended)
    }
}

/// The same events, each with an id: an append that is sent again records none twice. What is no array of events the server refuses, in words.
fn with_ids(text: String) -> anyhow::Result<String> {
    let Ok(mut events) = serde_json::from_str::<Vec<ProposedEvent>>(&text) else {
        return Ok(text);
    };
    for event in &mut events {
        event.id.get_or_insert_with(|| Ids.event_id());
    }
    Ok(serde_json::to_string(&events)?)
}
