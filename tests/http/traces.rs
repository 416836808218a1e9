//! Traces: what a collector gets of a request, and what it never gets; a collector that is not there is nobody's trouble.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::program::{Server, command};
use crate::support::api::{Api, ask};
use crate::support::database;
use crate::totals::TOTALS;
use crate::trace_collector::{Collector, PATIENCE, attribute};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const SECRET: &str = "sesame-of-traces";

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |said, byte| format!("{said}{byte:02x}"))
}

/// A server that sends its spans there, so soon.
pub(crate) async fn serve(endpoint: &str, every_ms: u32, log: Stdio) -> Server {
    let mut program = command();
    program
        .env("OTEL_BSP_SCHEDULE_DELAY", every_ms.to_string())
        .stderr(log);
    let database = database::create().await;
    let arguments = ["--database-url", &database, "--otlp-endpoint", endpoint];
    Server::start_by(program, &arguments).await
}

/// Appends an order, and says in which trace.
async fn place(api: &Api, query: &str) {
    let event = json!([{
        "type": "OrderPlaced", "data": {"customer": SECRET, "cents": 1}, "metadata": {"note": SECRET}
    }]);
    let path = format!("/api/streams/order-1/events{query}");
    let request = api
        .request("POST", &path)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .body(event.to_string());
    let (status, said) = ask(request).await.unwrap();
    assert_eq!(status, 201, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_followed_through_its_append_to_the_slice_that_handles_it() {
    let collector = Collector::start().await;
    let server = serve(&collector.endpoint(), 100, Stdio::inherit()).await;
    let api = server.api.clone();
    let defined = api.request("PUT", "/api/read-models/totals").body(TOTALS);
    assert_eq!(ask(defined).await.unwrap().0, 201);
    place(&api, &format!("?why={SECRET}")).await;

    let request = collector
        .until(|span| span.name == "POST /api/streams/{stream}/events")
        .await;
    assert_eq!(hex(&request.trace_id), TRACE);
    assert_eq!(hex(&request.parent_span_id), CALLER);
    for (key, says) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/streams/{stream}/events"),
        ("http.response.status_code", "201"),
        ("url.path", "/api/streams/order-1/events"),
    ] {
        let found = attribute(&request.attributes, key);
        assert_eq!(found.as_deref(), Some(says), "{key}");
    }
    let append = collector
        .until(|span| span.name == "append" && span.parent_span_id == request.span_id)
        .await;
    assert_eq!(append.trace_id, request.trace_id);
    collector
        .until(|span| {
            let mut links = span.links.iter();
            span.name == "append.batch" && links.any(|link| link.span_id == append.span_id)
        })
        .await;
    let slice = collector
        .until(|span| {
            let mut links = span.links.iter();
            span.name == "projection.slice" && links.any(|link| hex(&link.span_id) == CALLER)
        })
        .await;
    assert_eq!(hex(&slice.links[0].trace_id), TRACE);
    let read_model = attribute(&slice.attributes, "highwater.read_model");
    assert_eq!(read_model.as_deref(), Some("totals"));

    let who = attribute(&collector.senders(), "service.name");
    assert_eq!(who.as_deref(), Some("highwater"));
    for body in collector.bytes() {
        let told = body
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes());
        assert!(!told, "{:#?}", collector.spans());
    }
    let (_, page) = ask(api.request("GET", "/api/streams/order-1/events"))
        .await
        .unwrap();
    assert_eq!(
        page["events"][0]["metadata"]["traceparent"],
        format!("00-{TRACE}-{CALLER}-01")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_sends_its_last_spans() {
    let collector = Collector::start().await;
    // By itself it would send them in ten minutes.
    let mut server = serve(&collector.endpoint(), 600_000, Stdio::inherit()).await;
    place(&server.api, "").await;
    assert!(collector.bytes().is_empty());
    server.tell_to_stop();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let ended_well = loop {
        if let Some(ended_well) = server.has_ended_well() {
            break ended_well;
        }
        assert!(tokio::time::Instant::now() < deadline, "it still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(ended_well);
    let spans = collector.spans();
    let is_there = |name: &str| spans.iter().any(|span| span.name == name);
    assert!(is_there("append") && is_there("append.batch"), "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_collector_a_server_goes_on_and_its_log_says_so() {
    // Nobody listens there any more.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let log = tempfile::NamedTempFile::new().unwrap();
    let server = serve(&endpoint, 50, log.reopen().unwrap().into()).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        place(&server.api, "").await;
        let said = std::fs::read_to_string(log.path()).unwrap();
        if said.contains("spans could not be sent") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{said:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    place(&server.api, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_makes_no_sense_is_refused() {
    for (endpoint, says) in [
        ("collector:4317", "--otlp-endpoint is"),
        ("grpc://127.0.0.1:4317", "by http or https"),
        (
            "http://me:sesame@127.0.0.1:4318",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ),
    ] {
        let mut serve = command();
        serve.args(["serve", "--otlp-endpoint", endpoint]);
        let ended = tokio::task::spawn_blocking(move || serve.output().unwrap());
        let ended = ended.await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            !ended.status.success() && said.contains(says),
            "{endpoint}: {said}"
        );
        assert!(!said.contains("sesame"), "{said}");
    }
}
