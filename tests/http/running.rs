//! A server for one test: the real router on a real socket, with a database of its own.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use highwater::identity::{Gate, GateOptions};
use highwater::live::Boards;
use highwater::state::{AppState, Reach};
use highwater::{metrics, router, site::Site};
use highwater_engine::{Feed, FeedOptions, ReadModelOptions, ReadModels, States, Subscriptions};
use highwater_model::LoginMode;
use highwater_store::{Store, StoreOptions, Tasks};
use leptos::config::LeptosOptions;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::api::{Api, ask};
use crate::support::database;

/// A server that ends with the test.
pub(crate) struct Running {
    api: Api,
    /// Its database.
    pub(crate) database_url: String,
    /// The path of the first admin's link; none where there is no login.
    pub(crate) first_admin: Option<String>,
    tasks: Tasks,
}

impl Running {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self::with(FeedOptions::default(), ReadModelOptions::default()).await
    }

    /// Starts one with a login.
    pub(crate) async fn with_login() -> Self {
        let (feed, read_models) = (FeedOptions::default(), ReadModelOptions::default());
        Self::of(feed, read_models, LoginMode::Password).await
    }

    /// Starts one with a feed of another size.
    pub(crate) async fn with_feed(options: FeedOptions) -> Self {
        Self::with(options, ReadModelOptions::default()).await
    }

    /// Starts one that watches a folder of definitions.
    pub(crate) async fn with_folder(folder: &Path) -> Self {
        let options = ReadModelOptions {
            folder: Some(folder.to_owned()),
            ..ReadModelOptions::default()
        };
        Self::with(FeedOptions::default(), options).await
    }

    async fn with(options: FeedOptions, read_models: ReadModelOptions) -> Self {
        Self::of(options, read_models, LoginMode::Local).await
    }

    async fn of(options: FeedOptions, read_models: ReadModelOptions, login: LoginMode) -> Self {
        let tasks = Tasks::new();
        let options_of_store = StoreOptions {
            max_connections: 4,
            ..StoreOptions::default()
        };
        let database_url = database::create().await;
        let store = Store::open(&database_url, options_of_store, &tasks)
            .await
            .unwrap();
        let feed = Feed::start(store.clone(), &tasks, options).await.unwrap();
        let read_models = ReadModels::start(store.clone(), &tasks, read_models);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = GateOptions {
            login,
            origin: None,
            proxies: Vec::new(),
            port: address.port(),
        };
        let gate = Arc::new(Gate::new(store.clone(), gate).unwrap());
        gate.watch(&tasks);
        let first_admin = gate.first_admin(60).await.unwrap();
        let state = AppState::from(Reach {
            gate,
            boards: Boards::start(&store, &tasks),
            states: States::new(store.clone()),
            subscriptions: Subscriptions::start(store.clone(), feed.clone(), &tasks),
            store,
            feed,
            read_models,
            demo: None,
            stopping: CancellationToken::new(),
            data_dir: None,
            metrics: metrics::install(),
            site: Arc::new(Site::default()),
            leptos: LeptosOptions::builder().output_name("highwater").build(),
        });
        let app = router::router(state).into_make_service_with_connect_info::<SocketAddr>();
        tasks.spawn("server of a test", async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            api: Api::at(address.to_string()),
            database_url,
            first_admin,
            tasks,
        }
    }

    /// GET: status and JSON.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request("GET", path)).await
    }

    /// POST of a text as JSON: status and JSON.
    pub(crate) async fn post(&self, path: &str, body: impl Into<String>) -> (StatusCode, Value) {
        self.send("POST", path, body).await
    }

    /// PUT of a text as JSON: status and JSON.
    pub(crate) async fn put(&self, path: &str, body: impl Into<String>) -> (StatusCode, Value) {
        self.send("PUT", path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<String>) -> (StatusCode, Value) {
        answer(
            self.request(method, path)
                .header("content-type", "application/json")
                .body(body.into()),
        )
        .await
    }

    /// The whole log as NDJSON.
    pub(crate) async fn export(&self) -> String {
        let response = self.request("GET", "/api/export").send().await.unwrap();
        response.text().await.unwrap()
    }

    /// POST of NDJSON: the lines of the answer.
    pub(crate) async fn import(&self, body: impl Into<String>) -> Vec<Value> {
        let text = self
            .request("POST", "/api/import")
            .body(body.into())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Deref for Running {
    type Target = Api;
    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

/// Sends a request: status and JSON; null when the answer is none.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    ask(request).await.unwrap()
}
