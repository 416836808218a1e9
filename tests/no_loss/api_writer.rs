//! A writer that uses the API: it tries again with the same ids until it has an answer, each time at the next server.

use std::time::Duration;

use highwater_store::Ids;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ledger::{Fate, Ledger};
use crate::support::api::{Api, ask};

/// How long it waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// Where it appends to.
#[derive(Clone)]
pub(crate) enum Target {
    /// A stream of its own, each time at the version that it must be at.
    Own(String),
    /// A stream that others append to as well.
    Shared(String),
}

/// Appends so many times, one to three events each.
pub(crate) async fn write(mut servers: Vec<Api>, target: Target, appends: usize, ledger: Ledger) {
    let mut version: Option<usize> = None;
    for number in 0..appends {
        let ids: Vec<Uuid> = (0..=number % 3).map(|_| Ids.event_id()).collect();
        let (stream, expected) = match &target {
            Target::Own(stream) => (
                stream,
                version.map_or("none".to_owned(), |last| last.to_string()),
            ),
            Target::Shared(stream) => (stream, "any".to_owned()),
        };
        let appended = append(&mut servers, stream, &expected, &ids).await;
        let count = i64::try_from(ids.len()).unwrap();
        let spans = |last: &str, first: &str| {
            appended[last].as_i64().unwrap() - appended[first].as_i64().unwrap() + 1
        };
        assert_eq!(spans("last_version", "first_version"), count);
        assert_eq!(spans("last_position", "first_position"), count);
        ledger.note(&ids, Fate::Committed);
        version = Some(version.map_or(0, |last| last + 1) + ids.len() - 1);
    }
}

async fn append(servers: &mut [Api], stream: &str, expected: &str, ids: &[Uuid]) -> Value {
    let events: Vec<Value> = ids
        .iter()
        .map(|id| json!({"type": "Written", "id": id, "data": {"by": "api"}}))
        .collect();
    loop {
        let request = servers[0]
            .request("POST", &format!("/api/streams/{stream}/events"))
            .header("expected-version", expected)
            .json(&events);
        match ask(request).await {
            Ok((StatusCode::CREATED | StatusCode::OK, appended)) => return appended,
            Ok((StatusCode::SERVICE_UNAVAILABLE, _)) | Err(_) => {}
            Ok((status, problem)) => panic!("{status}: {problem}"),
        }
        servers.rotate_left(1);
        tokio::time::sleep(PAUSE).await;
    }
}
