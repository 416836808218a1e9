//! The typed client of the HTTP API: `fetch` in the browser; on the server the same router in process, with the visitor's identity.

mod alerts;
mod answer;
mod approvals;
mod browser;
mod confirm;
mod demo;
pub mod flows;
mod identity;
mod jobs;
mod log;
mod maintenance;
mod masking;
mod query;
mod read_models;
mod rebuild;
mod replay;
mod states;
mod store;
pub mod streams;
mod subscriptions;
mod views;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::use_context;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use answer::{Answer, ApiError};
use answer::{accepted, read};
pub(crate) use browser::leave_for_login;
use browser::{Sending, from_browser};
pub use confirm::{Confirmation, Confirmations};
pub use demo::{DemoOrder, GoodOnSale, OrderProgress, OrderedItem};
pub use identity::Invited;
pub use jobs::JobsRequest;
pub use log::LogRequest;
use query::Query;
pub use query::escape;
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

/// Bytes of data that a row of a list shows the beginning of; of more, the rest is not asked for.
const OF_A_ROW: i64 = 2_000;
/// The same of a page of one event or one state.
const OF_A_PAGE: i64 = 50_000;

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
