//! Flows, and the rules by which they end.

use highwater_model::{Flow, FlowKind, FlowList, FlowMap, FlowRule, FlowRuleBody};

use super::{Answer, Api, ApiError, Query, Sending, escape};
use crate::chart::Range;

/// Which flows to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowsRequest {
    /// Those that begin with this type.
    pub kind: String,
    /// `unfinished`, `late` or `finished`; all when empty.
    pub shown: String,
    /// With an event that this filter line lets through.
    pub filter: String,
    /// `newest`, `oldest` or `slowest`.
    pub order: String,
    /// From an earlier page's `next`.
    pub cursor: Option<i64>,
}

impl FlowsRequest {
    fn query(&self) -> Query {
        let mut query = self.query_of("/api/flows");
        query.number("cursor", self.cursor);
        query.number("limit", Some(50));
        query
    }

    fn query_of(&self, path: &str) -> Query {
        let mut query = Query::new(path);
        query.text("kind", &self.kind);
        query.text("shown", &self.shown);
        query.text("filter", &self.filter);
        query.text("order", &self.order);
        query
    }

    /// The call that answers it.
    pub fn call(&self) -> String {
        self.query().0
    }

    /// The call that answers all of them as a file.
    pub fn export(&self) -> String {
        self.query_of("/api/export/flows").0
    }
}

impl Api {
    /// A page of flows.
    pub async fn flows(&self, request: &FlowsRequest) -> Answer<FlowList> {
        self.get(request.query()).await
    }

    /// One flow with its events.
    pub async fn flow(&self, correlation_id: &str) -> Answer<Flow> {
        self.get(Query::new(&format!(
            "/api/flows/{}",
            escape(correlation_id)
        )))
        .await
    }

    /// Who handles what and emits what then.
    pub async fn flow_map(&self, range: Range) -> Answer<FlowMap> {
        self.get(Query(format!("/api/flow-map?{}", range.asked())))
            .await
    }

    /// Kinds of flows.
    pub async fn flow_kinds(&self) -> Answer<Vec<FlowKind>> {
        self.get(Query::new("/api/flow-kinds")).await
    }

    /// Writes when flows of a kind are finished.
    pub async fn put_flow_rule(&self, kind: &str, rule: &FlowRuleBody) -> Answer<Option<FlowRule>> {
        let unreadable = |error: serde_json::Error| ApiError::Unreadable(error.to_string());
        let body = serde_json::to_string(rule).map_err(unreadable)?;
        let answer = self
            .send(Sending {
                method: "PUT",
                path: format!("/api/flow-rules/{}", escape(kind)),
                body: Some(("application/json", body)),
            })
            .await?;
        serde_json::from_str(&answer).map_err(unreadable)
    }
}
