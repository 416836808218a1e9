//! Every call of the OpenAPI document with every role, and with each right alone: who may gets through, who may not does not.

use std::collections::BTreeMap;

use highwater_model::{Right, Role};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use crate::identity::{Browser, token, user, with_admin};
use crate::running::Running;

/// A call and what the document says that it needs.
struct Call {
    method: String,
    path: String,
    needs: Vec<Right>,
}

/// All of them. One that does not say what it needs fails the test.
fn calls(document: &Value) -> Vec<Call> {
    let mut found = Vec::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let method = method.to_uppercase();
            let ways = call["security"].as_array();
            let ways = ways.unwrap_or_else(|| panic!("{method} {path} does not say what it needs"));
            let names = ways
                .iter()
                .filter_map(|way| way["login"].as_array())
                .flatten();
            let right = |name: &Value| Right::named(name.as_str().unwrap()).unwrap();
            found.push(Call {
                path: path.clone(),
                needs: names.map(right).collect(),
                method,
            });
        }
    }
    found
}

impl Call {
    /// With something in the place of each parameter that nothing has as its name.
    fn address(&self) -> String {
        let parts = self
            .path
            .split('/')
            .map(|part| match part.strip_prefix('{') {
                Some("id}" | "position}") => "999999999",
                Some("correlation_id}") => "00000000-0000-0000-0000-000000000000",
                Some(_) => "there-is-none",
                None => part,
            });
        parts.collect::<Vec<_>>().join("/")
    }

    fn may(&self, rights: &[Right]) -> bool {
        self.needs.is_empty() || self.needs.iter().any(|need| rights.contains(need))
    }

    async fn status(&self, request: RequestBuilder) -> StatusCode {
        let request = match self.method.as_str() {
            "GET" | "DELETE" => request,
            _ => request
                .header("content-type", "application/json")
                .body("{}"),
        };
        request.send().await.unwrap().status()
    }
}

fn is_refused(status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN
}

async fn document(server: &Running, admin: &Browser) -> Value {
    let request = admin.request(server, "GET", "/api/openapi.json");
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn each_role_gets_what_it_may_and_nothing_else() {
    let (server, admin) = with_admin().await;
    let calls = calls(&document(&server, &admin).await);
    assert!(calls.len() > 100, "{}", calls.len());
    let mut browsers = BTreeMap::new();
    for role in [Role::Viewer, Role::Operator, Role::Author] {
        let name = role.as_str();
        browsers.insert(role, user(&server, &admin, name, name).await);
    }
    browsers.insert(Role::Admin, admin);
    let mut refused = BTreeMap::from(Role::ALL.map(|role| (role, 0)));
    for call in &calls {
        let address = call.address();
        // It would log out who is asked about next.
        if (call.method.as_str(), address.as_str()) == ("DELETE", "/api/session") {
            continue;
        }
        let nobody = call.status(server.request(&call.method, &address)).await;
        if call.needs.is_empty() {
            assert!(!is_refused(nobody), "{} {address}", call.method);
        } else {
            assert_eq!(
                nobody,
                StatusCode::UNAUTHORIZED,
                "{} {address}",
                call.method
            );
        }
        for (role, browser) in &browsers {
            let status = call
                .status(browser.request(&server, &call.method, &address))
                .await;
            let (method, role_is) = (&call.method, role.as_str());
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !call.may(role.rights()),
                "{role_is} asks {method} {address}, and is answered {status}"
            );
            assert_ne!(
                status,
                StatusCode::UNAUTHORIZED,
                "{role_is} {method} {address}"
            );
            if status == StatusCode::FORBIDDEN {
                *refused.entry(*role).or_insert(0) += 1;
            }
        }
    }
    // The table is not true for want of calls: each role is refused something that the next is not.
    assert_eq!(refused[&Role::Admin], 0);
    assert!(refused[&Role::Author] > 10, "{refused:?}");
    assert!(
        refused[&Role::Operator] > refused[&Role::Author],
        "{refused:?}"
    );
    assert!(
        refused[&Role::Viewer] > refused[&Role::Operator],
        "{refused:?}"
    );
}

#[tokio::test]
async fn each_right_alone_gives_what_needs_it_and_nothing_else() {
    let (server, admin) = with_admin().await;
    let calls = calls(&document(&server, &admin).await);
    for right in Right::ALL {
        let (_, secret) = token(&server, &admin, right.as_str(), &[right.as_str()]).await;
        let mut through = 0;
        for call in &calls {
            let request = server.request(&call.method, &call.address());
            let status = call.status(request.bearer_auth(&secret)).await;
            let (method, path, name) = (&call.method, &call.path, right.as_str());
            assert_eq!(
                is_refused(status),
                !call.may(&[right]),
                "{name} asks {method} {path}, and is answered {status}"
            );
            through += i32::from(call.needs.contains(&right));
        }
        // What it gives is how much calls answer that need another.
        let opens_nothing = right == Right::Reveal;
        assert_eq!(through == 0, opens_nothing, "{}", right.as_str());
    }
}
