//! Production: an order that changes what readers see, or can lose something, takes the name of what it acts on.

use std::process::Command;

use highwater_app::api::escape;
use highwater_model::{CONFIRM_HEADER, Environment, LoginMode};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::identity::{first_admin, user};
use crate::refused::is_refused;
use crate::running::{Running, answer};

/// Calls of read models and subscriptions that are no reads and take no name, and why.
const EXEMPT: [(&str, &[&str]); 6] = [
    (
        "nothing is changed by it",
        &[
            "POST /api/read-models/{name}/plan",
            "POST /api/read-models/{name}/check",
        ],
    ),
    (
        "the live rows stay; what was built is promoted or discarded by name",
        &["POST /api/read-models/{name}/rebuild"],
    ),
    (
        "nothing is lost, the other undoes it, and it may be urgent",
        &[
            "POST /api/read-models/{name}/pause",
            "POST /api/read-models/{name}/resume",
            "POST /api/subscriptions/{name}/pause",
            "POST /api/subscriptions/{name}/resume",
        ],
    ),
    (
        "an event is handled, or fails as before",
        &[
            "POST /api/read-models/{name}/failures/{position}/retry",
            "POST /api/subscriptions/{name}/parked/retry",
        ],
    ),
    (
        "programs do it whenever they start",
        &["PUT /api/subscriptions/{name}"],
    ),
    (
        "members do it",
        &[
            "POST /api/subscriptions/{name}/fetch",
            "POST /api/subscriptions/{name}/acknowledge",
            "POST /api/subscriptions/{name}/release",
        ],
    ),
];

/// A call as the document has it.
struct Call {
    method: String,
    path: String,
    said: Value,
}

impl Call {
    /// The part of its path that confirms it.
    fn confirm(&self) -> Option<&str> {
        self.said["x-confirm"].as_str()
    }

    /// Its path, of things that are not there.
    fn address(&self) -> String {
        let part = |part: &str| match part.strip_prefix('{') {
            Some(name) => stands_for(name.trim_end_matches('}')).to_owned(),
            None => part.to_owned(),
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// What has to be typed for that.
    fn name(&self) -> &'static str {
        stands_for(self.confirm().unwrap())
    }

    /// Sends nothing in particular, with what was typed.
    async fn ask(&self, request: RequestBuilder, typed: Option<&str>) -> (StatusCode, Value) {
        let request = match self.method.as_str() {
            "DELETE" => request,
            _ => request
                .header("content-type", "application/json")
                .body("{}"),
        };
        answer(match typed {
            Some(typed) => request.header(CONFIRM_HEADER, typed),
            None => request,
        })
        .await
    }

    async fn of(&self, server: &Running, typed: Option<&str>) -> (StatusCode, Value) {
        let request = server.request(&self.method, &self.address());
        self.ask(request, typed).await
    }
}

fn stands_for(part: &str) -> &'static str {
    match part {
        "id" | "position" => "999999999",
        _ => "there-is-none",
    }
}

/// Calls that are no reads.
fn orders(document: &Value) -> Vec<Call> {
    let mut found = Vec::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, said) in calls.as_object().unwrap() {
            let call = Call {
                method: method.to_uppercase(),
                path: path.clone(),
                said: said.clone(),
            };
            if call.method == "GET" {
                assert_eq!(call.confirm(), None, "{path}");
            } else {
                found.push(call);
            }
        }
    }
    found
}

/// Those that take a name in production.
async fn confirmed(server: &Running) -> Vec<Call> {
    let mut orders = orders(&server.get("/api/openapi.json").await.1);
    orders.retain(|call| call.confirm().is_some());
    assert!(orders.len() >= 15, "{}", orders.len());
    orders
}

async fn production(login: LoginMode) -> Running {
    let environment = Environment {
        name: "shop eu".to_owned(),
        production: true,
    };
    Running::looking_after(environment, login).await
}

#[tokio::test]
async fn an_order_takes_the_name_of_what_it_acts_on() {
    let (server, elsewhere) = (production(LoginMode::Local).await, Running::start().await);
    for call in confirmed(&server).await {
        let name = call.name();
        let words = [name, CONFIRM_HEADER, "production · shop eu"];
        for typed in [None, Some(""), Some("there-is-another")] {
            let refused = call.of(&server, typed).await;
            assert_eq!(refused.1["confirm"], name, "{} {}", call.method, call.path);
            assert_eq!(refused.1["environment"], "shop eu");
            is_refused(refused, 428, "confirmation_needed", &words);
        }
        // With the name it is as anywhere else.
        let (status, through) = call.of(&server, Some(name)).await;
        let (expected, there) = call.of(&elsewhere, None).await;
        let told = format!("{} {}: {through}", call.method, call.path);
        assert_eq!(
            (status, &through["type"]),
            (expected, &there["type"]),
            "{told}"
        );
        assert_ne!(status, 428, "{told}");
    }
}

#[tokio::test]
async fn the_document_says_by_what_an_order_is_confirmed() {
    let server = Running::start().await;
    let (_, document) = server.get("/api/openapi.json").await;
    for call in orders(&document) {
        let (method, path) = (&call.method, &call.path);
        let says_so = call.said["responses"].get("428").is_some();
        let Some(part) = call.confirm() else {
            assert!(!says_so, "{method} {path} asks for nothing");
            continue;
        };
        assert!(says_so, "{method} {path} does not say that it asks");
        assert!(
            path.split('/').any(|one| one == format!("{{{part}}}")),
            "{path}"
        );
        let parameters = call.said["parameters"].as_array().unwrap();
        let is_it = |one: &Value| one["name"] == part && one["in"] == "path";
        assert!(
            parameters.iter().any(is_it),
            "{method} {path} has no {part}"
        );
    }
}

#[tokio::test]
async fn an_order_to_a_read_model_or_a_subscription_takes_a_name_or_has_a_reason_not_to() {
    let server = production(LoginMode::Local).await;
    let (_, document) = server.get("/api/openapi.json").await;
    let mut without = 0;
    for call in orders(&document) {
        let theirs = ["/api/read-models/", "/api/subscriptions/"];
        if !theirs.iter().any(|one| call.path.starts_with(one)) {
            continue;
        }
        let told = format!("{} {}", call.method, call.path);
        let is_exempt = EXEMPT
            .iter()
            .any(|(_, calls)| calls.contains(&told.as_str()));
        assert_ne!(
            call.confirm().is_some(),
            is_exempt,
            "{told}: give it x-confirm, or a reason here why it takes none"
        );
        if is_exempt {
            without += 1;
            assert_ne!(call.of(&server, None).await.0, 428, "{told}");
        }
    }
    let listed: usize = EXEMPT.iter().map(|(_, calls)| calls.len()).sum();
    assert_eq!(without, listed, "one of them is gone");
}

#[tokio::test]
async fn what_is_not_confirmed_does_not_happen() {
    let server = production(LoginMode::Local).await;
    let path = "/api/subscriptions/mailer";
    assert_eq!(server.put(path, "{}").await.0, 201);
    let remove = |typed: Option<&'static str>| {
        let request = server.request("DELETE", &format!("{path}?reason=unused"));
        answer(match typed {
            Some(typed) => request.header(CONFIRM_HEADER, typed),
            None => request,
        })
    };
    for typed in [None, Some("Mailer"), Some("mailer2")] {
        assert_eq!(remove(typed).await.0, 428, "{typed:?}");
    }
    assert_eq!(server.get(path).await.0, 200);
    assert_eq!(remove(Some("mailer")).await.0, 204);
    assert_eq!(server.get(path).await.0, 404);
}

#[tokio::test]
async fn a_name_of_any_letters_is_sent_percent_encoded() {
    let server = production(LoginMode::Local).await;
    for name in ["größe 50% a/b", "日本", "a b+c", "%41"] {
        let path = format!("/api/state-definitions/{}", escape(name));
        let remove = |typed: String| {
            let request = server.request("DELETE", &path);
            answer(request.header(CONFIRM_HEADER, typed))
        };
        let refused = remove(escape("another")).await;
        assert_eq!(refused.1["confirm"], name);
        is_refused(refused, 428, "confirmation_needed", &[name]);
        for typed in [escape(name), escape(name).to_lowercase()] {
            is_refused(remove(typed).await, 404, "not_found", &[]);
        }
    }
}

#[tokio::test]
async fn where_it_is_not_production_nothing_is_asked() {
    let staging = Environment {
        name: "staging".to_owned(),
        production: false,
    };
    let server = Running::looking_after(staging, LoginMode::Local).await;
    for call in confirmed(&server).await {
        for typed in [None, Some("there-is-another")] {
            let (status, _) = call.of(&server, typed).await;
            assert_ne!(status, 428, "{} {}", call.method, call.path);
        }
    }
}

#[tokio::test]
async fn who_may_not_is_told_so_before_anything_is_typed() {
    let server = production(LoginMode::Password).await;
    let admin = first_admin(&server).await;
    let viewer = user(&server, &admin, "ada", "viewer").await;
    let request = admin.request(&server, "GET", "/api/openapi.json");
    let mut orders = orders(&answer(request).await.1);
    orders.retain(|call| call.confirm().is_some());
    assert!(!orders.is_empty());
    for call in orders {
        let address = call.address();
        let told = format!("{} {address}", call.method);
        let nobody = call.of(&server, Some(call.name())).await;
        assert_eq!(nobody.0, StatusCode::UNAUTHORIZED, "{told}");
        for (browser, expected) in [(&viewer, 403_u16), (&admin, 428)] {
            let request = browser.request(&server, &call.method, &address);
            assert_eq!(call.ask(request, None).await.0, expected, "{told}");
        }
    }
}

#[tokio::test]
async fn the_server_says_what_it_looks_after() {
    let server = production(LoginMode::Password).await;
    let (_, who) = server.get("/api/session").await;
    let expected = json!({"name": "shop eu", "production": true});
    assert_eq!(who["environment"], expected, "before the login as well");
    let admin = first_admin(&server).await;
    let (_, who) = admin.get(&server, "/api/session").await;
    assert_eq!(who["environment"], expected);
    let (_, who) = Running::start().await.get("/api/session").await;
    assert!(who.get("environment").is_none(), "{who}");
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_starts() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--environment", "a/b"]);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
    let ended = ended.unwrap();
    assert!(!ended.status.success());
    let told = String::from_utf8_lossy(&ended.stderr);
    for words in ["--environment is \"a/b\"", "1 to 30 letters"] {
        assert!(told.contains(words), "{told}");
    }
}
