//! What a stream was.

use highwater_model::{
    KeptStateDefinition, StateDifference, StateFolding, StateFound, StateTryBody, StreamState,
    StreamTimeline,
};
use serde::{Deserialize, Serialize};

use super::browser::Sending;
use super::{Answer, Api, OF_A_PAGE, Query, accepted, escape, read};

/// Milliseconds that a page waits for a state while it is rendered on the server.
const RENDERED_WITHIN: i64 = 50;
/// And in the browser, where it shows how far it is.
const SHOWN_WITHIN: i64 = 1_000;

/// A state, or how far it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum StateAsked {
    /// It is there.
    Ready(Box<StreamState>),
    /// It is a long stream's; the same call goes on.
    Folding(StateFolding),
}

impl Api {
    /// The state of a stream at a version, the newest unless given, or how far it is folded.
    pub async fn state(&self, stream: &str, version: Option<i64>) -> Answer<StateAsked> {
        let mut query = Query::new(&format!("/api/streams/{}/state", escape(stream)));
        query.number("version", version);
        query.number("shorten", Some(OF_A_PAGE));
        let rendered = self.transport.is_some();
        let within = if rendered {
            RENDERED_WITHIN
        } else {
            SHOWN_WITHIN
        };
        query.number("within_ms", Some(within));
        let answer = self.asked(query).await;
        let folding = matches!(answer, Ok((202, _)));
        let body = accepted(answer)?;
        if folding {
            return read(&body).map(StateAsked::Folding);
        }
        read(&body).map(StateAsked::Ready)
    }

    /// The difference of its states at two versions.
    pub async fn state_changes(&self, stream: &str, from: i64, to: i64) -> Answer<StateDifference> {
        let mut query = Query::new(&format!("/api/streams/{}/state/changes", escape(stream)));
        query.number("from", Some(from));
        query.number("to", Some(to));
        self.get(query).await
    }

    /// The first version, of those from one on, at which its state meets a condition.
    pub async fn state_first(
        &self,
        stream: &str,
        condition: &str,
        from: Option<i64>,
    ) -> Answer<StateFound> {
        let mut query = Query::new(&format!("/api/streams/{}/state/first", escape(stream)));
        query.text("condition", condition);
        query.number("from", from);
        self.get(query).await
    }

    /// The state definitions that there are.
    pub async fn state_definitions(&self) -> Answer<Vec<KeptStateDefinition>> {
        self.get(Query::new("/api/state-definitions")).await
    }

    /// The state of a stream by a definition that is kept nowhere.
    pub async fn try_state_definition(
        &self,
        category: &str,
        asked: &StateTryBody,
    ) -> Answer<StreamState> {
        self.post(definition_of(category, "/try").0, asked).await
    }

    /// Keeps the state definition of a category.
    pub async fn put_state_definition(
        &self,
        category: &str,
        text: &str,
        reason: &str,
    ) -> Answer<()> {
        let body = ("text/plain; charset=utf-8", text.to_owned());
        self.order_definition("PUT", category, Some(body), reason)
            .await
    }

    /// Takes the state definition of a category back.
    pub async fn delete_state_definition(&self, category: &str, reason: &str) -> Answer<()> {
        self.order_definition("DELETE", category, None, reason)
            .await
    }

    async fn order_definition(
        &self,
        method: &'static str,
        category: &str,
        body: Option<(&'static str, String)>,
        reason: &str,
    ) -> Answer<()> {
        let mut query = definition_of(category, "");
        query.text("reason", reason);
        let path = query.0;
        self.send(Sending { method, path, body }).await.map(drop)
    }

    /// Its events over time, from one version to another.
    pub async fn timeline(
        &self,
        stream: &str,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Answer<StreamTimeline> {
        let mut query = Query::new(&format!("/api/streams/{}/timeline", escape(stream)));
        query.number("from", from);
        query.number("to", to);
        // More than a screen has pixels for are not told apart.
        query.number("marks", Some(1_000));
        self.get(query).await
    }
}

fn definition_of(category: &str, part: &str) -> Query {
    Query::new(&format!(
        "/api/state-definitions/{}{part}",
        escape(category)
    ))
}
