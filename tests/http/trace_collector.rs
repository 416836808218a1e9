//! A collector of OpenTelemetry for tests: it keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use highwater_store::Tasks;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// How long what is to come may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

type Taken = Arc<Mutex<Vec<Bytes>>>;

/// One that ends with the test.
pub(crate) struct Collector {
    address: SocketAddr,
    taken: Taken,
    tasks: Tasks,
}

impl Collector {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Taken::default();
        let app = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&taken));
        let tasks = Tasks::new();
        tasks.spawn("collector of a test", async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            address,
            taken,
            tasks,
        }
    }

    /// As a server is told of it.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that it was sent, as it came.
    pub(crate) fn bytes(&self) -> Vec<Bytes> {
        self.taken.lock().unwrap().clone()
    }

    /// Who sent it, as the attributes of the resource say.
    pub(crate) fn senders(&self) -> Vec<KeyValue> {
        let requests = self.requests().into_iter();
        let resources = requests.flat_map(|request| request.resource_spans);
        resources
            .filter_map(|spans| spans.resource)
            .flat_map(|resource| resource.attributes)
            .collect()
    }

    /// The spans that it was sent.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests().into_iter();
        requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|spans| spans.scope_spans)
            .flat_map(|spans| spans.spans)
            .collect()
    }

    /// The first span that is like this, when it has come.
    pub(crate) async fn until(&self, is: impl Fn(&Span) -> bool) -> Span {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let spans = self.spans();
            if let Some(span) = spans.iter().find(|span| is(span)) {
                return span.clone();
            }
            assert!(tokio::time::Instant::now() < deadline, "{spans:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let decode = |body: Bytes| ExportTraceServiceRequest::decode(body).unwrap();
        self.bytes().into_iter().map(decode).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

async fn take(State(taken): State<Taken>, body: Bytes) -> &'static [u8] {
    taken.lock().unwrap().push(body);
    // An answer that has nothing to say is empty.
    &[]
}

/// An attribute as a text; none where there is no such one.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        any_value::Value::StringValue(text) => Some(text),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
