//! Masked fields: one secret is planted wherever data can get to, and searched in every answer to somebody who may not see it.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::identity::{token, user};
use crate::masking_plant::{Planted, whole};
use crate::masking_walk::{calls, listen, walk};
use crate::running::answer;

/// Calls that need `read` and are not answered here: there is no demo shop, no order waits for a second person, rows that may hold the secret are not compared, and the
/// WebSocket is listened to by itself.
const NOT_HERE: [&str; 6] = [
    "/api/approvals/{id}",
    "/api/demo",
    "/api/demo/goods",
    "/api/demo/scenarios",
    "/api/live",
    "/api/read-models/{name}/diff",
];

/// Calls in which somebody who may see the secret finds it.
const FOUND: [&str; 23] = [
    "/api/actions",
    "/api/actions/export",
    "/api/events",
    "/api/events/{id}",
    "/api/export",
    "/api/export/events",
    "/api/jobs",
    "/api/jobs/export",
    "/api/jobs/{id}",
    "/api/read-models",
    "/api/read-models/{name}",
    "/api/read-models/{name}/failures",
    "/api/read-models/{name}/rows",
    "/api/store",
    "/api/streams/{stream}/events",
    "/api/streams/{stream}/state",
    "/api/streams/{stream}/state/changes",
    "/api/subscriptions",
    "/api/subscriptions/{name}",
    "/api/subscriptions/{name}/parked",
    "/api/types",
    "/api/types/{type}",
    "/api/views",
];

/// The console's pages with something of it.
const PAGES: [&str; 17] = [
    "/",
    "/live",
    "/streams",
    "/streams/customer-1",
    "/streams/account-1",
    "/streams/ticket-1",
    "/types",
    "/types/CustomerJoined",
    "/flow-map",
    "/read-models",
    "/read-models/people",
    "/read-models/broken",
    "/read-models/twice",
    "/subscriptions/mailer",
    "/jobs",
    "/audit",
    "/store",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_masked_is_in_any_answer_to_somebody_who_may_not_see_it() {
    let planted = Planted::everywhere().await;
    let (server, admin) = (&planted.server, &planted.admin);
    planted.masked("operator").await;
    let viewer = user(server, admin, "vera", "viewer").await;
    let (_, program) = token(server, admin, "program", &["read"]).await;
    let by_browser = |path: &str| viewer.request(server, "GET", path);
    let by_program = |path: &str| server.request("GET", path).bearer_auth(&program);

    for walked in [
        walk(&planted, by_browser).await,
        walk(&planted, by_program).await,
    ] {
        assert_eq!(walked.found, BTreeSet::new());
        for (call, is_read) in calls(&planted).await {
            let expected = is_read && !NOT_HERE.contains(&&*call);
            // A new call is given names above, or a reason why it is not answered.
            assert!(!expected || walked.answered.contains(&call), "{call}");
        }
    }
    assert!(!listen(server, &viewer).await.contains(&planted.secret));
    for name in ["people", "broken", "twice"] {
        for part in ["rows", "diff"] {
            let path = format!("/api/read-models/{name}/{part}");
            let (status, refused) = viewer.get(server, &path).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {refused}");
            assert_eq!(refused["type"], "masked");
        }
    }
    let (status, refused) = viewer.get(server, "/api/streams/account-1/state").await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::FORBIDDEN, &json!("masked"))
    );
    // What nothing is masked of is as it was.
    let (_, rows) = viewer.get(server, "/api/read-models/orders/rows").await;
    assert_eq!(rows["rows"], json!([{"n": 1}]));
    let (_, state) = viewer.get(server, "/api/streams/customer-1/state").await;
    assert_eq!(
        state["state"]["customer"],
        json!({"email": "•••", "name": "Ada"})
    );
    assert_eq!(state["state"]["contacts"][1][0]["email"], "•••");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_it_finds_it_where_it_stands() {
    let planted = Planted::everywhere().await;
    let (server, admin) = (&planted.server, &planted.admin);
    planted.masked("operator").await;
    let operator = user(server, admin, "otto", "operator").await;
    let (_, program) = token(server, admin, "program", &["read", "reveal"]).await;
    let by_browser = |path: &str| operator.request(server, "GET", path);
    let by_program = |path: &str| server.request("GET", path).bearer_auth(&program);
    for walked in [
        walk(&planted, by_browser).await,
        walk(&planted, by_program).await,
    ] {
        for call in FOUND {
            assert!(walked.found.contains(call), "{call}");
        }
    }
    let heard = listen(server, &operator).await;
    for part in ["\"events\":", "\"lag\":", "\"jobs\":", "\"subscriptions\":"] {
        assert!(heard.contains(part), "{part}");
    }
    assert!(heard.contains(&planted.secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_the_server_renders_hold_nothing_that_is_masked() {
    let planted = Planted::everywhere().await;
    let (server, admin) = (&planted.server, &planted.admin);
    planted.masked("operator").await;
    let viewer = user(server, admin, "vera", "viewer").await;
    let operator = user(server, admin, "otto", "operator").await;
    let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    pages.extend(planted.events.iter().map(|id| format!("/events/{id}")));
    pages.extend(planted.jobs.iter().map(|id| format!("/jobs/{id}")));
    pages.push(format!("/flows/{}", planted.flow));
    let mut found = BTreeSet::new();
    for page in &pages {
        let (_, said) = whole(viewer.request(server, "GET", page)).await;
        assert!(said.contains("<html"), "{page}: {said}");
        assert!(!said.contains(&planted.secret), "{page}: {said}");
        let (status, said) = whole(operator.request(server, "GET", page)).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        if said.contains(&planted.secret) {
            found.insert(page.as_str());
        }
    }
    let event = format!("/events/{}", planted.events[0]);
    for page in ["/read-models/broken", "/subscriptions/mailer", &event] {
        assert!(found.contains(page), "{page} of {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_trials_quote_nothing_either() {
    let planted = Planted::everywhere().await;
    let (server, admin) = (&planted.server, &planted.admin);
    planted.masked("admin").await;
    let author = user(server, admin, "ann", "author").await;
    let definition = "-- highwater: events Customer*\n-- highwater: tables\ncreate table people (n int primary key);\n\
        -- highwater: slice\ninsert into people select (data->>'email')::int from events;\n";
    let state = |category: &str| {
        let text = format!("-- highwater: state {category}\nstate || data");
        json!({"text": text, "stream": format!("{category}-1")}).to_string()
    };
    let plan = r#"{"kind": "rebuild"}"#.to_owned();
    for (path, body, status) in [
        ("/api/read-models/broken/plan", plan, 200),
        ("/api/read-models/broken/resume", String::new(), 409),
        (
            "/api/read-models/broken/failures/2/retry",
            String::new(),
            200,
        ),
        ("/api/read-models/broken/pause", String::new(), 200),
        (
            "/api/read-models/broken/promote",
            r#"{"reason": "x"}"#.to_owned(),
            409,
        ),
        ("/api/read-models/people/check", definition.to_owned(), 403),
        ("/api/state-definitions/account/try", state("account"), 403),
        ("/api/state-definitions/ticket/try", state("ticket"), 403),
        ("/api/state-definitions/order/try", state("order"), 200),
    ] {
        let request = author.request(server, "POST", path).body(body);
        let (said, text) = whole(request).await;
        assert!(!text.contains(&planted.secret), "{path}: {text}");
        assert_eq!(said.as_u16(), status, "{path}: {text}");
    }
    let job = planted.jobs[1];
    let path = format!("/api/jobs/{job}/cancel");
    let (status, said) = answer(author.request(server, "POST", &path)).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert!(!said.to_string().contains(&planted.secret), "{said}");
    assert_eq!(said["state"], Value::from("cancelled"));
}
