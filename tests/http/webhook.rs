//! A webhook of a test: it keeps what it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use highwater::alerts::webhook::SIGNATURE_HEADER;
use highwater_model::Traceparent;
use highwater_store::Tasks;
use ring::hmac;
use serde_json::Value;

/// How long what is to be told may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it was told once.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    signature: Option<String>,
    /// Its `Content-Type`.
    pub(crate) media_type: String,
    /// Where in a trace it was told.
    pub(crate) traceparent: Option<String>,
    body: String,
}

impl Told {
    /// The event.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether it is signed by this secret.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let Some(signature) = &self.signature else {
            return false;
        };
        let hex = signature.strip_prefix("sha256=").unwrap();
        let tag: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, self.body.as_bytes(), &tag).is_ok()
    }
}

#[derive(Debug)]
struct Inner {
    /// What it answers.
    status: StatusCode,
    taken: Vec<Told>,
    refused: Vec<Told>,
}

/// It answers until the test ends.
pub(crate) struct Webhook {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    tasks: Tasks,
}

impl Webhook {
    /// Starts one that takes what it is told.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Mutex::new(Inner {
            status: StatusCode::NO_CONTENT,
            taken: Vec::new(),
            refused: Vec::new(),
        }));
        let app = Router::new()
            .route("/hooks/T0", post(take))
            .with_state(Arc::clone(&inner));
        let tasks = Tasks::new();
        tasks.spawn("webhook of a test", async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            address,
            inner,
            tasks,
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks/T0", self.address)
    }

    /// What it answers from now on.
    pub(crate) fn answers(&self, status: u16) {
        self.inner().status = StatusCode::from_u16(status).unwrap();
    }

    /// What it took so far.
    pub(crate) fn taken(&self) -> Vec<Told> {
        self.inner().taken.clone()
    }

    /// What it did not.
    pub(crate) fn refused(&self) -> Vec<Told> {
        self.inner().refused.clone()
    }

    /// Waits until it took so much.
    pub(crate) async fn until_taken(&self, count: usize) -> Vec<Told> {
        self.until(|| self.taken(), count).await
    }

    /// Waits until it refused so much.
    pub(crate) async fn until_refused(&self, count: usize) -> Vec<Told> {
        self.until(|| self.refused(), count).await
    }

    async fn until(&self, told: impl Fn() -> Vec<Told>, count: usize) -> Vec<Told> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let told = told();
            if told.len() >= count {
                return told;
            }
            assert!(tokio::time::Instant::now() < deadline, "{told:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

async fn take(
    State(inner): State<Arc<Mutex<Inner>>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let text = |name: &str| {
        let value = headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let told = Told {
        signature: text(SIGNATURE_HEADER),
        media_type: text(header::CONTENT_TYPE.as_str()).unwrap_or_default(),
        traceparent: text(Traceparent::NAME),
        body,
    };
    let mut inner = inner.lock().unwrap();
    let status = inner.status;
    if status.is_success() {
        inner.taken.push(told);
    } else {
        inner.refused.push(told);
    }
    if status.is_redirection() {
        return (status, [(header::LOCATION, "http://127.0.0.1:1/")]).into_response();
    }
    let words = if status == StatusCode::NO_CONTENT {
        ""
    } else {
        "heard"
    };
    (status, words).into_response()
}
