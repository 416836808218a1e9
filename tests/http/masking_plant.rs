//! A store in which one secret stands wherever an event's data can get to, and whoever asks for it.

use std::time::Duration;

use highwater_engine::FeedOptions;
use highwater_store::Ids;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::identity::{Browser, first_admin, token};
use crate::running::{Running, answer};
use crate::support::socket::Socket;

/// How long something may take that follows from an event.
const PATIENCE: Duration = Duration::from_secs(30);
/// The types whose fields are masked.
pub(crate) const TYPES: &str = "Customer*,Account*,Ticket*";
/// The fields in which the secret stands.
pub(crate) const PATHS: [&str; 5] = [
    "data.customer.email",
    "data.contacts.email",
    "data.email",
    "data.vault",
    "metadata.ip",
];

/// The store.
pub(crate) struct Planted {
    pub(crate) server: Running,
    pub(crate) admin: Browser,
    /// The secret.
    pub(crate) secret: String,
    /// Events that hold it.
    pub(crate) events: Vec<String>,
    /// The correlation id of all of them.
    pub(crate) flow: String,
    /// Jobs that failed at it, or stand at it.
    pub(crate) jobs: Vec<i64>,
    /// A session that appends it in SQL and has not committed.
    open_session: Option<PgConnection>,
}

impl Planted {
    /// Plants it everywhere.
    pub(crate) async fn everywhere() -> Self {
        let mut planted = Self::in_events().await;
        planted.in_read_models().await;
        planted.in_states().await;
        planted.in_a_subscription().await;
        planted.in_alerts().await;
        let line = format!("filter=data.customer.email%3A{}", planted.secret);
        let view = json!({"page": "live", "name": "hers", "query": line, "shared": true});
        planted.ordered("POST", "/api/views", view).await;
        let mut open = PgConnection::connect(&planted.server.database_url)
            .await
            .unwrap();
        let append = format!(
            "select '{}', a.* from highwater.append('sql-1', -1, '[{{\"type\":\"SqlSaid\",\"data\":{{}}}}]') a",
            planted.secret
        );
        for statement in ["begin", append.as_str()] {
            let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
            statement.execute(&mut open).await.unwrap();
        }
        planted.open_session = Some(open);
        planted
    }

    /// Plants it in the data and metadata of events.
    pub(crate) async fn in_events() -> Self {
        // Most of it is read from the store, the newest from the ring.
        let feed = FeedOptions {
            ring_events: 2,
            ..FeedOptions::default()
        };
        let server = Running::with_pages(feed).await;
        let admin = first_admin(&server).await;
        let secret = format!("s{}", Ids.random().simple());
        let flow = Ids.random().to_string();
        let mut planted = Self {
            server,
            admin,
            secret,
            events: Vec::new(),
            flow,
            jobs: Vec::new(),
            open_session: None,
        };
        let secret = planted.secret.clone();
        let joined = json!({
            "customer": {"email": secret, "name": "Ada"},
            "contacts": [{"email": secret, "kind": "home"}, [{"email": [secret]}]],
            "vault": {&secret: {"a": 1}},
            "pad": "x".repeat(3_000),
        });
        let moved = json!({"customer": {"email": secret}, "email": secret, "to": "Gent"});
        let known = json!({"customer": {"email": secret}});
        for (stream, event_type, data) in [
            ("customer-1", "CustomerJoined", &joined),
            ("customer-1", "CustomerMoved", &moved),
            ("account-1", "AccountOpened", &known),
            ("account-1", "AccountClosed", &known),
            ("ticket-1", "TicketOpened", &known),
            ("ticket-1", "TicketClosed", &known),
        ] {
            planted.append(stream, event_type, data).await;
        }
        let total = json!({"total": 5});
        planted.append("order-1", "OrderPlaced", &total).await;
        planted.events.pop();
        planted
    }

    /// Appends an event, caused by the one before. Where it comes from is the secret, too, but of types of which nothing is masked.
    pub(crate) async fn append(&mut self, stream: &str, event_type: &str, data: &Value) -> i64 {
        let id = Ids.random().to_string();
        let mut metadata = json!({"service": "crm", "correlation_id": self.flow});
        if let Some(cause) = self.events.last() {
            metadata["causation_id"] = json!(cause);
        }
        if !event_type.starts_with("Order") {
            metadata["ip"] = json!(self.secret);
        }
        let event = json!({"type": event_type, "id": id, "data": data, "metadata": metadata});
        let path = format!("/api/streams/{stream}/events");
        let appended = self.ordered("POST", &path, json!([event])).await;
        self.events.push(id);
        appended["last_position"].as_i64().unwrap()
    }

    /// In rows, in errors on which read models and jobs stand, in the outcome of one.
    async fn in_read_models(&mut self) {
        let rows = "insert into {} select position, data->'customer'->>'email' from events;";
        let table = "create table {} (position bigint primary key, email text);";
        let unique = format!("{table} create unique index emails on {{}} (email);");
        let number = "create table {} (n int primary key);";
        let fails = "insert into {} select (data->>'email')::int from events;";
        let sums = "create table {} (n bigint primary key);";
        let sum = "insert into {} select count(*) from events;";
        self.define("people", "Customer*", table, rows).await;
        self.define("twice", "Customer*", table, rows).await;
        self.define("broken", "CustomerMoved", number, fails).await;
        self.define("orders", "OrderPlaced", sums, sum).await;
        for name in ["people", "twice", "orders"] {
            let path = format!("/api/read-models/{name}?wait=7&timeout=25");
            self.until(&path, |found| found["handled"] == true).await;
        }
        let secret = self.secret.clone();
        let stands = |found: &Value| found["reason"].to_string().contains(&secret);
        self.until("/api/read-models/broken", stands).await;

        // An index that can't be made over two rows with the secret, and a rebuild that stands where the live one does.
        self.define("twice", "Customer*", &unique, rows).await;
        let job = self.rebuild("twice").await;
        let failed = |found: &Value| found["outcome"].to_string().contains(&secret);
        self.until(&format!("/api/jobs/{job}"), failed).await;
        let job = self.rebuild("broken").await;
        let stands = |found: &Value| found["doing"].to_string().contains(&secret);
        let job = self.until(&format!("/api/jobs/{job}"), stands).await;
        assert!(
            job["plan"]["warnings"].to_string().contains(&secret),
            "{job}"
        );
    }

    /// Defines a read model; `{}` stands for its name.
    pub(crate) async fn define(&self, name: &str, events: &str, tables: &str, slice: &str) {
        let text = format!(
            "-- highwater: events {events}\n-- highwater: tables\n{tables}\n-- highwater: slice\n{slice}\n"
        );
        let text = text.replace("{}", name);
        let path = format!("/api/read-models/{name}");
        let request = self.admin.request(&self.server, "PUT", &path).body(text);
        let (status, said) = answer(request).await;
        assert!(status.is_success(), "{name}: {said}");
    }

    async fn rebuild(&mut self, name: &str) -> i64 {
        let path = format!("/api/read-models/{name}");
        let plan = self
            .ordered("POST", &format!("{path}/plan"), json!({"kind": "rebuild"}))
            .await;
        let order = json!({"plan": plan, "reason": "to see"});
        let job = self
            .ordered("POST", &format!("{path}/rebuild"), order)
            .await;
        let id = job["id"].as_i64().unwrap();
        self.jobs.push(id);
        id
    }

    /// In what a state definition makes of events, and in what another one fails with.
    async fn in_states(&self) {
        for (category, expression) in [
            (
                "account",
                "jsonb_build_object('who', data->'customer'->>'email')",
            ),
            (
                "ticket",
                "jsonb_build_object('n', (data->'customer'->>'email')::int)",
            ),
        ] {
            let text = format!("-- highwater: state {category}\nstate || {expression}\n");
            let path = format!("/api/state-definitions/{category}");
            let request = self.admin.request(&self.server, "PUT", &path).body(text);
            let (status, said) = answer(request).await;
            assert_eq!(status, StatusCode::OK, "{said}");
        }
    }

    /// In a filter line, and in what a member says of an event that is parked then.
    async fn in_a_subscription(&self) {
        let line = format!("type:Customer* data.customer.email:{}", self.secret);
        let path = "/api/subscriptions/mailer";
        let body = json!({"filter": line, "attempts": 1});
        self.ordered("PUT", path, body).await;
        let (_, member) = token(&self.server, &self.admin, "member", &["subscribe"]).await;
        let ask = async |what: &str, body: Value| {
            let request = self.server.request("POST", &format!("{path}/{what}"));
            let (status, said) = answer(request.bearer_auth(&member).json(&body)).await;
            assert_eq!(status, StatusCode::OK, "{said}");
            said
        };
        let given = ask("fetch", json!({"member": "m", "wait_s": 20})).await;
        // Members are programs that work on the events: they are given them whole.
        assert!(given.to_string().contains(&self.secret), "{given}");
        let position = &given["deliveries"][0]["event"]["position"];
        let failed = json!([{"position": position, "error": format!("no {} here", self.secret)}]);
        ask("acknowledge", json!({"member": "m", "failed": failed})).await;
    }

    /// An alert of the read model that stands on it.
    async fn in_alerts(&self) {
        self.server.look_after_alerts();
        let rule = json!({"kind": "faulted", "read_model": "*"});
        self.ordered("PUT", "/api/alert-rules/stands", rule).await;
        let fires = |found: &Value| found["alerts"][0].is_object();
        self.until("/api/alerts", fires).await;
    }

    /// Has all the fields seen from a role on; the numbers of the rules.
    pub(crate) async fn masked(&self, visible_to: &str) -> Vec<i64> {
        let mut rules = Vec::new();
        for path in PATHS {
            let rule =
                json!({"types": TYPES, "path": path, "visible_to": visible_to, "reason": "a test"});
            let made = self.ordered("POST", "/api/masking", rule).await;
            rules.push(made["id"].as_i64().unwrap());
        }
        rules
    }

    /// Does what only the admin may.
    pub(crate) async fn ordered(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, said) = self.admin.send(&self.server, method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {said}");
        said
    }

    /// Waits for what the admin sees.
    pub(crate) async fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, found) = self.admin.get(&self.server, path).await;
            if is(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{path}: {found:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// All that an answer says: its status, its headers and its body.
pub(crate) async fn whole(request: RequestBuilder) -> (StatusCode, String) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), format!("{:?}", response.headers()));
    let body = response.bytes().await.unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    (status, format!("{status} {headers}\n{body}"))
}

/// The live feed, as a browser opens it.
pub(crate) async fn connect(server: &Running, browser: &Browser) -> Socket {
    let address = format!("ws://{}/api/live", server.address);
    let mut request = address.into_client_request().unwrap();
    let cookie = browser.cookie().parse().unwrap();
    request.headers_mut().insert("cookie", cookie);
    tokio_tungstenite::connect_async(request).await.unwrap().0
}
