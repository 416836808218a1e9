//! The typed client of the HTTP API: `fetch` in the browser; on the server the same router in process, with the visitor's identity.

mod alerts;
mod approvals;
mod browser;
mod confirm;
mod demo;
pub mod flows;
mod identity;
mod jobs;
mod maintenance;
mod masking;
mod read_models;
mod rebuild;
mod replay;
mod states;
pub mod streams;
mod subscriptions;
mod views;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use highwater_model::{
    Approval, CategorySummary, EventPage, EventTypeSummary, EventWithCauses, FindAnswer, Histogram,
    NewShapes, Position, Problem, StoreCheck, StoreFacts, StoreSizes,
};
use jiff::Timestamp;
use leptos::prelude::use_context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use browser::leave_for_login;
use browser::{Sending, from_browser};
pub use confirm::{Confirmation, Confirmations};
pub use demo::{DemoOrder, GoodOnSale, OrderProgress, OrderedItem};
pub use identity::Invited;
pub use jobs::JobsRequest;
pub use read_models::{ActionsRequest, Order, RowsRequest};
pub use states::StateAsked;
pub use subscriptions::SubscriptionOrder;

/// A request's answer, status and body, or the sentence that says why there is none.
pub type TransportFuture = Pin<Box<dyn Future<Output = Result<(u16, String), String>> + Send>>;
/// Asks the API: path and query in, answer out.
pub type Transport = Arc<dyn Fn(String) -> TransportFuture + Send + Sync>;

/// How the page asks the API while it is rendered on the server; the server provides it by context.
#[derive(Clone)]
pub struct ApiTransport(Transport);

impl ApiTransport {
    /// Asks through `transport`.
    pub fn new(transport: Transport) -> Self {
        Self(transport)
    }
}

impl fmt::Debug for ApiTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiTransport")
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ApiError {
    /// The server refused, and says why.
    Refused(Problem),
    /// It is no refusal, and there is no answer yet: the order waits for a second person.
    Waits(Box<Approval>),
    /// The server could not be reached.
    Unreachable(String),
    /// The answer is not what this version of the page understands.
    Unreadable(String),
}

impl ApiError {
    /// True when what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 404)
    }

    /// What a page says of an order that came to this: that nothing was changed, and why.
    pub fn nothing_changed(&self) -> String {
        match self {
            Self::Refused(problem) if problem.detail == confirm::UNCHANGED => self.to_string(),
            Self::Waits(_) => self.to_string(),
            _ => format!("{} {self}", confirm::UNCHANGED),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => f.write_str(&problem.detail),
            Self::Waits(approval) => write!(
                f,
                "Nothing was changed yet: this waits for a second person, as number {} of Approvals.",
                approval.id
            ),
            Self::Unreachable(why) => write!(
                f,
                "The server does not answer ({why}). Nothing is lost: what the log holds stays there."
            ),
            Self::Unreadable(why) => {
                write!(
                    f,
                    "The server's answer could not be read ({why}). Reload the page: it may be older than the server."
                )
            }
        }
    }
}

impl std::error::Error for ApiError {}

/// What a call of the API comes to.
pub type Answer<T> = Result<T, ApiError>;

/// Bytes of data that a row of a list shows the beginning of; of more, the rest is not asked for.
const OF_A_ROW: i64 = 2_000;
/// The same of a page of one event or one state.
const OF_A_PAGE: i64 = 50_000;

/// What to read of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Only positions above it.
    pub after: Option<i64>,
    /// Only positions below it.
    pub before: Option<i64>,
    /// Newest first.
    pub backward: bool,
    /// How many at most.
    pub limit: usize,
    /// The filter line.
    pub filter: String,
}

/// The API.
#[derive(Debug, Clone)]
pub struct Api {
    transport: Option<ApiTransport>,
}

impl Api {
    /// Takes the transport from context; without one (in the browser) it asks with `fetch`.
    pub fn from_context() -> Self {
        Self {
            transport: use_context::<ApiTransport>(),
        }
    }

    /// A page of the log.
    pub async fn events(&self, request: &LogRequest) -> Answer<EventPage> {
        let mut query = Query::new("/api/events");
        query.number("after", request.after);
        query.number("before", request.before);
        query.text("direction", if request.backward { "backward" } else { "" });
        query.number("limit", i64::try_from(request.limit).ok());
        query.text("filter", &request.filter);
        query.number("shorten", Some(OF_A_ROW));
        self.get(query).await
    }

    /// The newest position.
    pub async fn head(&self) -> Answer<Position> {
        let request = LogRequest {
            backward: true,
            limit: 1,
            ..LogRequest::default()
        };
        Ok(self.events(&request).await?.head)
    }

    /// One event with its causes and effects.
    pub async fn event(&self, id: &str) -> Answer<EventWithCauses> {
        let mut query = Query::new(&format!("/api/events/{}", escape(id)));
        query.number("shorten", Some(OF_A_PAGE));
        self.get(query).await
    }

    /// What a text names.
    pub async fn find(&self, text: &str) -> Answer<FindAnswer> {
        let mut query = Query::new("/api/find");
        query.text("text", text);
        self.get(query).await
    }

    /// How many events were recorded when.
    pub async fn histogram(
        &self,
        since: Timestamp,
        until: Timestamp,
        buckets: usize,
        filter: &str,
    ) -> Answer<Histogram> {
        let mut query = Query::new("/api/events/histogram");
        query.text("since", &since.to_string());
        query.text("until", &until.to_string());
        query.number("buckets", i64::try_from(buckets).ok());
        query.text("filter", filter);
        self.get(query).await
    }

    /// Every event type.
    pub async fn event_types(&self) -> Answer<Vec<EventTypeSummary>> {
        self.get(Query::new("/api/types")).await
    }

    /// One event type.
    pub async fn event_type(&self, name: &str) -> Answer<EventTypeSummary> {
        self.get(Query::new(&format!("/api/types/{}", escape(name))))
            .await
    }

    /// What events have since yesterday and had not before.
    pub async fn new_shapes(&self) -> Answer<Vec<NewShapes>> {
        self.get(Query::new("/api/new-shapes")).await
    }

    /// Every category.
    pub async fn categories(&self) -> Answer<Vec<CategorySummary>> {
        self.get(Query::new("/api/categories")).await
    }

    /// The store as a whole.
    pub async fn store(&self) -> Answer<StoreFacts> {
        self.get(Query::new("/api/store")).await
    }

    /// Its sizes.
    pub async fn store_sizes(&self) -> Answer<StoreSizes> {
        self.get(Query::new("/api/store/sizes")).await
    }

    /// Whether it is well.
    pub async fn store_checks(&self) -> Answer<Vec<StoreCheck>> {
        self.get(Query::new("/api/store/checks")).await
    }

    async fn get<T: DeserializeOwned>(&self, query: Query) -> Answer<T> {
        read(&accepted(self.asked(query).await)?)
    }

    /// Asks, from wherever the page is.
    async fn asked(&self, query: Query) -> Result<(u16, String), String> {
        match &self.transport {
            Some(transport) => (transport.0)(query.0).await,
            None => from_browser(&Sending::get(query.0), None).await,
        }
    }

    /// Orders something, and reads what the server answers.
    async fn post<T: DeserializeOwned>(&self, path: String, body: &impl Serialize) -> Answer<T> {
        self.give("POST", path, body).await
    }

    /// The same for what is to be so from now on.
    async fn put<T: DeserializeOwned>(&self, path: String, body: &impl Serialize) -> Answer<T> {
        self.give("PUT", path, body).await
    }

    async fn give<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: String,
        body: &impl Serialize,
    ) -> Answer<T> {
        let body =
            serde_json::to_string(body).map_err(|error| ApiError::Unreadable(error.to_string()))?;
        let answer = self
            .send(Sending {
                method,
                path,
                body: Some(("application/json", body)),
            })
            .await?;
        read(&answer)
    }

    /// Sends what changes something. Only a browser does: while a page is rendered nothing is ordered.
    async fn send(&self, sending: Sending) -> Answer<String> {
        confirm::sent(&sending).await
    }
}

fn read<T: DeserializeOwned>(body: &str) -> Answer<T> {
    serde_json::from_str(body).map_err(|error| ApiError::Unreadable(error.to_string()))
}

/// The body of an answer that is not a refusal.
fn accepted(answer: Result<(u16, String), String>) -> Answer<String> {
    let (status, body) = answer.map_err(ApiError::Unreachable)?;
    if status == 202
        && let Ok(approval) = serde_json::from_str(&body)
    {
        return Err(ApiError::Waits(approval));
    }
    if (200..300).contains(&status) {
        return Ok(body);
    }
    Err(serde_json::from_str(&body).map_or_else(
        |_| ApiError::Unreadable(format!("status {status} without an explanation")),
        ApiError::Refused,
    ))
}

/// A path with its query string.
struct Query(String);

impl Query {
    fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&escape(value));
        }
    }

    fn number(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.text(name, &value.to_string());
        }
    }
}

/// Percent-encodes everything but unreserved characters, so that a stream's name is one path segment whatever it holds.
pub fn escape(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streams_name_is_one_path_segment_whatever_it_holds() {
        assert_eq!(escape("order-1/2 %ü"), "order-1%2F2%20%25%C3%BC");
    }

    #[test]
    fn an_order_that_was_not_confirmed_says_once_that_nothing_was_changed() {
        let words = |detail: &str| {
            let problem = Problem::new(428, "kind", "Title", detail);
            ApiError::Refused(problem).nothing_changed()
        };
        assert_eq!(words(confirm::UNCHANGED), "Nothing was changed.");
        assert_eq!(words("It runs."), "Nothing was changed. It runs.");
    }

    #[test]
    fn an_order_that_waits_is_no_answer_and_no_refusal() {
        let waits = r#"{"id":7,"state":"open","asked_by":"ada","person":"ada","asked_at":"2026-01-01T14:02:00Z",
            "expires_at":"2026-01-02T14:02:00Z","method":"DELETE","path":"/api/subscriptions/mailer","subject":"mailer","needs":["operate"],
            "reason":null,"decided_by":null,"decided_at":null,"comment":null,"status":null,"said":null,"may_decide":false,"is_mine":true}"#;
        let error = accepted(Ok((202, waits.to_owned()))).unwrap_err();
        assert!(error.nothing_changed().contains("number 7"), "{error}");
        // Calls that begin a job may answer so, too.
        assert_eq!(accepted(Ok((202, "{}".to_owned()))), Ok("{}".to_owned()));
        assert_eq!(accepted(Ok((200, waits.to_owned()))), Ok(waits.to_owned()));
    }

    #[test]
    fn a_query_leaves_out_what_was_not_asked_for() {
        let mut query = Query::new("/api/events");
        query.number("after", None);
        query.text("filter", "");
        query.number("limit", Some(5));
        query.text("filter", "a b");
        assert_eq!(query.0, "/api/events?limit=5&filter=a%20b");
    }
}
