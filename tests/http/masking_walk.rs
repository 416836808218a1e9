//! Everything that can be asked of a store, and everything that its live feed tells.

use std::collections::BTreeSet;

use reqwest::RequestBuilder;
use serde_json::json;

use crate::identity::Browser;
use crate::masking_plant::{Planted, connect, whole};
use crate::running::Running;
use crate::support::socket::{hear, say};

/// What stands in the place of a call's parameter: names of things that hold the secret, and of one that does not.
fn values(planted: &Planted, before: &str, parameter: &str) -> Vec<String> {
    let names: &[&str] = match (before, parameter) {
        ("/api/events/", _) => return planted.events.clone(),
        ("/api/jobs/", _) => return planted.jobs.iter().map(i64::to_string).collect(),
        (_, "correlation_id") => return vec![planted.flow.clone()],
        (_, "stream") => &["customer-1", "account-1", "ticket-1", "order-1"],
        ("/api/read-models/", _) => &["people", "twice", "broken", "orders"],
        ("/api/subscriptions/", _) => &["mailer"],
        ("/api/alert-rules/", _) => &["stands"],
        (_, "type") => &["CustomerJoined", "CustomerMoved"],
        (_, "category") => &["account", "ticket"],
        (_, "file") => &["appends.svg", "lag.svg"],
        _ => &["1"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What is asked for behind the path: what a call needs, and what could show more.
fn queries(call: &str) -> &'static [&'static str] {
    match call {
        "/api/find" => &["?text=customer"],
        "/api/events" => &["", "?shorten=1000&direction=backward"],
        "/api/events/{id}" | "/api/streams/{stream}/events" => &["", "?shorten=1000"],
        "/api/streams/{stream}/state" => &["", "?version=0&shorten=1000"],
        "/api/streams/{stream}/state/changes" => &["?from=0&to=1", "?from=1&to=0"],
        "/api/streams/{stream}/state/first" => &["?condition=version%3E%3D0"],
        "/api/subscriptions/{name}/plan" => &["?position=1"],
        "/api/read-models/{name}/rows" | "/api/read-models/{name}/failures" => {
            &["", "?version=shadow"]
        }
        call if call.contains("export") => &["", "?format=csv"],
        _ => &[""],
    }
}

/// The addresses of a call.
fn addresses(planted: &Planted, call: &str) -> Vec<String> {
    let paths = match call.split_once('{') {
        None => vec![call.to_owned()],
        Some((before, rest)) => {
            let (parameter, after) = rest.split_once('}').unwrap();
            assert!(!after.contains('{'), "{call} has more than one parameter");
            let values = values(planted, before, parameter);
            values
                .iter()
                .map(|value| format!("{before}{value}{after}"))
                .collect()
        }
    };
    let queries: &[&str] = match call {
        "/api/export" => &[""],
        call => queries(call),
    };
    paths
        .iter()
        .flat_map(|path| queries.iter().map(move |query| format!("{path}{query}")))
        .collect()
}

/// Calls that are asked, and whether they need `read`.
pub(crate) async fn calls(planted: &Planted) -> Vec<(String, bool)> {
    let (_, document) = planted
        .admin
        .get(&planted.server, "/api/openapi.json")
        .await;
    let paths = document["paths"].as_object().unwrap();
    let gets = paths.iter().filter_map(|(path, call)| {
        let needs = call.get("get")?["security"].to_string();
        Some((path.clone(), needs.contains("\"read\"")))
    });
    gets.collect()
}

/// What all calls say.
#[derive(Default)]
pub(crate) struct Walked {
    /// Calls that were answered with what was asked for.
    pub(crate) answered: BTreeSet<String>,
    /// Those in which the secret stands, whatever they say.
    pub(crate) found: BTreeSet<String>,
}

pub(crate) async fn walk(planted: &Planted, ask: impl Fn(&str) -> RequestBuilder) -> Walked {
    let mut walked = Walked::default();
    for (call, _) in calls(planted).await {
        if call == "/api/live" {
            continue;
        }
        for address in addresses(planted, &call) {
            let (status, said) = whole(ask(&address)).await;
            assert!(!status.is_server_error(), "{address}: {said}");
            if status.is_success() {
                walked.answered.insert(call.clone());
            }
            if said.contains(&planted.secret) {
                walked.found.insert(call.clone());
            }
        }
    }
    walked
}

/// Everything that the live feed tells of what there is.
pub(crate) async fn listen(server: &Running, browser: &Browser) -> String {
    let (_, page) = browser.get(server, "/api/events?limit=1").await;
    let head = page["head"].as_i64().unwrap();
    let mut socket = connect(server, browser).await;
    let topics = ["lag", "jobs", "subscriptions", "mark", "maintenance"];
    say(
        &mut socket,
        &json!({"subscribe": "events", "id": 9, "after": 0}),
    )
    .await
    .unwrap();
    for (id, topic) in topics.iter().enumerate() {
        say(&mut socket, &json!({"subscribe": topic, "id": id}))
            .await
            .unwrap();
    }
    let (mut heard, mut all) = (BTreeSet::new(), String::new());
    while heard.len() <= topics.len() {
        let said = hear(&mut socket).await.unwrap().unwrap();
        assert!(said.get("error").is_none(), "{said}");
        all += &said.to_string();
        let id = said["id"].as_u64().unwrap();
        let is_whole = said["next"].as_i64().is_some_and(|next| next >= head);
        if id != 9 || is_whole || said["caught_up"].as_i64() >= Some(head) {
            heard.insert(id);
        }
    }
    all
}
