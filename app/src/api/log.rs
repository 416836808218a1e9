//! The log: its events, their types and categories, and what a text names.

use highwater_model::{
    CategorySummary, EventPage, EventTypeSummary, EventWithCauses, FindAnswer, Histogram,
    NewShapes, Position,
};
use jiff::Timestamp;

use super::{Answer, Api, OF_A_PAGE, OF_A_ROW, Query, escape};

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

impl Api {
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
}
