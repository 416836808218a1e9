//! What a stream was.

use highwater_model::{StateDifference, StateFound, StreamState, StreamTimeline};

use super::{Answer, Api, Query, escape};

impl Api {
    /// The state of a stream at a version, the newest unless given.
    pub async fn state(&self, stream: &str, version: Option<i64>) -> Answer<StreamState> {
        let mut query = Query::new(&format!("/api/streams/{}/state", escape(stream)));
        query.number("version", version);
        self.get(query).await
    }

    /// The difference of its states at two versions.
    pub async fn state_changes(&self, stream: &str, from: i64, to: i64) -> Answer<StateDifference> {
        let mut query = Query::new(&format!("/api/streams/{}/state/changes", escape(stream)));
        query.number("from", Some(from));
        query.number("to", Some(to));
        self.get(query).await
    }

    /// The first version at which its state meets a condition.
    pub async fn state_first(&self, stream: &str, condition: &str) -> Answer<StateFound> {
        let mut query = Query::new(&format!("/api/streams/{}/state/first", escape(stream)));
        query.text("condition", condition);
        self.get(query).await
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
