//! A server for one test: the real router on a real socket, with a database of its own.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use highwater::alerts::{self, Alerts};
use highwater::identity::{Approvals, Gate, GateOptions, OidcOptions};
use highwater::limits::Limits;
use highwater::live::Boards;
use highwater::proxies::Proxies;
use highwater::state::{AppState, Reach};
use highwater::{metrics, router, site::Site};
use highwater_engine::{Feed, FeedOptions, ReadModelOptions, ReadModels, States, Subscriptions};
use highwater_model::{Environment, LoginMode};
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
    state: AppState,
}

impl Running {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self::with(FeedOptions::default(), ReadModelOptions::default()).await
    }

    /// Starts one with a login.
    pub(crate) async fn with_login() -> Self {
        let (feed, read_models) = (FeedOptions::default(), ReadModelOptions::default());
        Self::of(feed, read_models, LoginMode::Password, None, None).await
    }

    /// Starts one with a login that renders the console's pages; their files it does not need.
    pub(crate) async fn with_pages(feed: FeedOptions) -> Self {
        let site = Site {
            js: "highwater".to_owned(),
            css: "/pkg/highwater.css".to_owned(),
        };
        Self::at(
            database::create().await,
            feed,
            ReadModelOptions::default(),
            LoginMode::Password,
            None,
            None,
            site,
        )
        .await
    }

    /// Starts one where one logs in at this provider.
    pub(crate) async fn with_provider(provider: OidcOptions) -> Self {
        let (feed, read_models) = (FeedOptions::default(), ReadModelOptions::default());
        Self::of(feed, read_models, LoginMode::Oidc, Some(provider), None).await
    }

    /// Starts one that looks after something.
    pub(crate) async fn looking_after(environment: Environment, login: LoginMode) -> Self {
        let (feed, read_models) = (FeedOptions::default(), ReadModelOptions::default());
        let place = Some((environment, false));
        Self::of(feed, read_models, login, None, place).await
    }

    /// Starts one where orders wait for a second person.
    pub(crate) async fn with_approval() -> Self {
        Self::approving(database::create().await).await
    }

    /// Starts another one of that kind on the same store.
    pub(crate) async fn approving_beside(&self) -> Self {
        Self::approving(self.database_url.clone()).await
    }

    async fn approving(database_url: String) -> Self {
        let environment = Environment {
            name: "shop eu".to_owned(),
            production: true,
        };
        Self::at(
            database_url,
            FeedOptions::default(),
            ReadModelOptions::default(),
            LoginMode::Password,
            None,
            Some((environment, true)),
            Site::default(),
        )
        .await
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

    /// From now on this one looks after the rules of alerts, far more often than others do.
    pub(crate) fn look_after_alerts(&self) {
        alerts::start(&self.state, &self.tasks);
    }

    async fn with(options: FeedOptions, read_models: ReadModelOptions) -> Self {
        Self::of(options, read_models, LoginMode::Local, None, None).await
    }

    async fn of(
        options: FeedOptions,
        read_models: ReadModelOptions,
        login: LoginMode,
        provider: Option<OidcOptions>,
        place: Option<(Environment, bool)>,
    ) -> Self {
        let database_url = database::create().await;
        Self::at(
            database_url,
            options,
            read_models,
            login,
            provider,
            place,
            Site::default(),
        )
        .await
    }

    /// Starts another one on the same store, without a login.
    pub(crate) async fn beside(&self) -> Self {
        let (feed, read_models) = (FeedOptions::default(), ReadModelOptions::default());
        let database_url = self.database_url.clone();
        Self::at(
            database_url,
            feed,
            read_models,
            LoginMode::Local,
            None,
            None,
            Site::default(),
        )
        .await
    }

    async fn at(
        database_url: String,
        options: FeedOptions,
        read_models: ReadModelOptions,
        login: LoginMode,
        provider: Option<OidcOptions>,
        place: Option<(Environment, bool)>,
        site: Site,
    ) -> Self {
        let tasks = Tasks::new();
        let options_of_store = StoreOptions {
            max_connections: 4,
            ..StoreOptions::default()
        };
        let store = Store::open(&database_url, options_of_store, &tasks)
            .await
            .unwrap();
        let feed = Feed::start(store.clone(), &tasks, options).await.unwrap();
        let read_models = ReadModels::start(store.clone(), &tasks, read_models);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = GateOptions {
            login,
            provider,
            origin: None,
            proxies: Proxies::default(),
            port: address.port(),
            tls: false,
        };
        let gate = Arc::new(Gate::new(store.clone(), gate).unwrap());
        gate.watch(&tasks);
        let first_admin = gate.first_admin(60).await.unwrap();
        // What it looks after, and whether orders wait for a second person there.
        let (environment, approval) = place.unzip();
        let approval = approval.unwrap_or(false);
        let looks = Alerts::of(&format!("http://{address}")).every(Duration::from_millis(200));
        let state = AppState::from(Reach {
            alerts: looks,
            limits: Limits::default(),
            gate,
            environment,
            approvals: approval.then(|| Approvals::new(&tasks)),
            boards: Boards::start(&store, &tasks),
            states: States::new(store.clone()),
            subscriptions: Subscriptions::start(store.clone(), feed.clone(), &tasks),
            store,
            feed,
            read_models,
            demo: None,
            probed: tokio::sync::Mutex::default(),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
            data_dir: None,
            metrics: metrics::install(),
            site: Arc::new(site),
            leptos: LeptosOptions::builder().output_name("highwater").build(),
        });
        let app = router::router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tasks.spawn("server of a test", async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            api: Api::at(address.to_string()),
            database_url,
            first_admin,
            tasks,
            state,
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
