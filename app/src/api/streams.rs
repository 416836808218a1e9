//! Streams, and the events of one.

use highwater_model::{StreamList, StreamPage, StreamSummary};

use super::{Answer, Api, OF_A_ROW, Query, escape};

/// Which streams to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamsRequest {
    /// A part of the name.
    pub query: String,
    /// One category only.
    pub category: String,
    /// `active` or `name`.
    pub order: String,
    /// From an earlier page's `next`.
    pub cursor: String,
}

impl StreamsRequest {
    fn query(&self) -> Query {
        let mut query = self.query_of("/api/streams");
        query.text("cursor", &self.cursor);
        query.number("limit", Some(100));
        query
    }

    fn query_of(&self, path: &str) -> Query {
        let mut query = Query::new(path);
        query.text("query", &self.query);
        query.text("category", &self.category);
        query.text("order", &self.order);
        query
    }

    /// The call that answers it.
    pub fn call(&self) -> String {
        self.query().0
    }

    /// The call that answers all of them as a file.
    pub fn export(&self) -> String {
        self.query_of("/api/export/streams").0
    }
}

impl Api {
    /// A page of streams.
    pub async fn streams(&self, request: &StreamsRequest) -> Answer<StreamList> {
        self.get(request.query()).await
    }

    /// One stream's facts.
    pub async fn stream(&self, stream: &str) -> Answer<StreamSummary> {
        self.get(Query::new(&format!("/api/streams/{}", escape(stream))))
            .await
    }

    /// A page of one stream, newest first; `from` is inclusive.
    pub async fn stream_events(&self, stream: &str, from: Option<i64>) -> Answer<StreamPage> {
        let mut query = Query::new(&format!("/api/streams/{}/events", escape(stream)));
        query.text("direction", "backward");
        query.number("from", from);
        query.number("limit", Some(100));
        query.number("shorten", Some(OF_A_ROW));
        self.get(query).await
    }
}
