//! The trace of what webhooks are told: where spans are collected, a message says by which span it was told.

use serde_json::{Value, json};

use crate::program::{Server, command};
use crate::support::api::{Api, ask};
use crate::support::database;
use crate::totals::{TOTALS, placed};
use crate::webhook::{Told, Webhook};

/// Writes a rule that fires when a read model stands on a failed event.
async fn rule(api: &Api, webhook: &Webhook) {
    let rule = json!({"kind": "faulted", "read_model": "*", "webhook": webhook.url()});
    let request = api.request("PUT", "/api/alert-rules/faulted").json(&rule);
    let (status, said) = ask(request).await.unwrap();
    assert!(status.is_success(), "{said}");
}

/// Has an alert fire: what its webhook is told.
async fn fired(api: &Api) -> Told {
    let webhook = Webhook::start().await;
    rule(api, &webhook).await;
    let event = json!([placed("ada", &Value::Null)]);
    for request in [
        api.request("PUT", "/api/read-models/totals").body(TOTALS),
        api.request("POST", "/api/streams/order-1/events")
            .json(&event),
    ] {
        let (status, said) = ask(request).await.unwrap();
        assert!(status.is_success(), "{said}");
    }
    let told = webhook.until_taken(1).await.remove(0);
    assert_eq!(told.event()["type"], "highwater.alert.firing");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_a_webhook_is_told_no_trace() {
    let mut program = command();
    program.env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
    let database = database::create().await;
    let server = Server::start_by(program, &["--database-url", &database]).await;
    assert_eq!(fired(&server.api).await.traceparent, None);
}

#[cfg(feature = "otel")]
mod collected {
    use std::process::Stdio;

    use highwater_model::Traceparent;
    use serde_json::json;

    use super::{fired, rule};
    use crate::support::api::ask;
    use crate::trace_collector::{Collector, attribute};
    use crate::traces::serve;
    use crate::webhook::{Told, Webhook};

    /// Where a webhook was told that it is told.
    fn place(told: &Told) -> Traceparent {
        told.traceparent.as_deref().unwrap().parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_webhook_is_told_of_an_alert_leads_to_the_span_of_telling_it() {
        let collector = Collector::start().await;
        let server = serve(&collector.endpoint(), 100, Stdio::inherit()).await;
        let told = place(&fired(&server.api).await);
        assert_eq!(told.flags & 1, 1, "{told}");
        let span = collector
            .until(|span| span.span_id == told.span_id.to_be_bytes())
            .await;
        assert_eq!(span.trace_id, told.trace_id.to_be_bytes());
        assert_eq!(span.name, "alert.tell");
        let rule = attribute(&span.attributes, "highwater.rule");
        assert_eq!(rule.as_deref(), Some("faulted"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_message_that_somebody_has_sent_is_a_part_of_their_trace() {
        let theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (collector, webhook) = (Collector::start().await, Webhook::start().await);
        let server = serve(&collector.endpoint(), 100, Stdio::inherit()).await;
        rule(&server.api, &webhook).await;
        let path = "/api/alert-rules/faulted/test";
        let request = server.api.request("POST", path);
        let (status, said) = ask(request.header(Traceparent::NAME, theirs))
            .await
            .unwrap();
        assert_eq!((status.as_u16(), &said["taken"]), (200, &json!(true)));
        let told = place(&webhook.until_taken(1).await[0]);
        let theirs: Traceparent = theirs.parse().unwrap();
        assert_eq!(told.trace_id, theirs.trace_id);
        let span = collector
            .until(|span| span.span_id == told.span_id.to_be_bytes())
            .await;
        assert_eq!(span.trace_id, theirs.trace_id.to_be_bytes());
        assert_eq!(span.parent_span_id, theirs.span_id.to_be_bytes());
        assert_eq!(span.name, "POST /api/alert-rules/{name}/test");
    }
}
