//! Read models: what is asked of them, and what an operator orders.

use highwater_model::{
    Action, Failure, LagHistory, ReadModel, RefusedDefinition, RowsPage, VersionRole,
};
use jiff::Timestamp;

use super::{Answer, Api, Query, Sending, escape};

/// Which actions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionsRequest {
    /// Of one read model only.
    pub read_model: String,
    /// Of one subscription only.
    pub subscription: String,
    /// One kind of action only.
    pub action: String,
    /// Of one operator only.
    pub actor: String,
    /// Of one job only.
    pub job: Option<i64>,
    /// Older than this action.
    pub before: Option<i64>,
    /// How many at most.
    pub limit: usize,
}

impl ActionsRequest {
    /// The filters, without the page.
    fn query(&self, path: &str) -> Query {
        let mut query = Query::new(path);
        query.text("read_model", &self.read_model);
        query.text("subscription", &self.subscription);
        query.text("action", &self.action);
        query.text("actor", &self.actor);
        query.number("job", self.job);
        query
    }

    /// Where all that they let through is a file: `csv` or `ndjson`.
    pub fn export(&self, format: &str) -> String {
        let mut query = self.query("/api/actions/export");
        query.text("format", format);
        query.0
    }
}

/// Which rows to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsRequest {
    /// The table; the first one when empty.
    pub table: String,
    /// The column to sort by; the primary key when empty.
    pub order: String,
    /// With `order`: only rows in which that column has this value; any when empty.
    pub equals: String,
    /// The largest first.
    pub descending: bool,
    /// From an earlier page's `next`.
    pub cursor: String,
    /// Of which version: `live` when empty, `shadow`, `previous`.
    pub version: String,
}

/// What an operator orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// No slice begins until it is resumed.
    Pause,
    /// It goes on.
    Resume,
    /// The event that it stands on is tried again.
    Retry {
        /// The event's position.
        position: i64,
        /// The version that stands on it: the live one or a shadow.
        version: VersionRole,
    },
    /// The event that it stands on is left out.
    Skip {
        /// The event's position.
        position: i64,
        /// Why.
        reason: String,
        /// The version that stands on it.
        version: VersionRole,
    },
}

impl Order {
    fn path(&self) -> String {
        match self {
            Self::Pause => "pause".to_owned(),
            Self::Resume => "resume".to_owned(),
            Self::Retry { position, .. } => format!("failures/{position}/retry"),
            Self::Skip { position, .. } => format!("failures/{position}/skip"),
        }
    }
}

impl Api {
    /// Every read model.
    pub async fn read_models(&self) -> Answer<Vec<ReadModel>> {
        self.get(Query::new("/api/read-models")).await
    }

    /// Definitions of the watched folder that the server refused.
    pub async fn refused_definitions(&self) -> Answer<Vec<RefusedDefinition>> {
        self.get(Query::new("/api/definitions/refused")).await
    }

    /// One read model.
    pub async fn read_model(&self, name: &str) -> Answer<ReadModel> {
        self.get(of(name, "")).await
    }

    /// How the lag of one was.
    pub async fn lag_history(
        &self,
        name: &str,
        (since, until): (Timestamp, Timestamp),
        step_s: i64,
    ) -> Answer<LagHistory> {
        let mut query = histories(since, until, step_s);
        query.text("read_model", name);
        self.get(query).await
    }

    /// How the lag of so many of the worst was.
    pub async fn lag_histories(
        &self,
        (since, until): (Timestamp, Timestamp),
        step_s: i64,
        worst: usize,
    ) -> Answer<LagHistory> {
        let mut query = histories(since, until, step_s);
        query.number("worst", i64::try_from(worst).ok());
        self.get(query).await
    }

    /// Events that its live version could not handle, the newest first.
    pub async fn failures(&self, name: &str) -> Answer<Vec<Failure>> {
        self.get(of(name, "/failures")).await
    }

    /// Events that its shadow could not handle, the newest first.
    pub async fn shadow_failures(&self, name: &str) -> Answer<Vec<Failure>> {
        let mut query = of(name, "/failures");
        query.text("version", VersionRole::Shadow.as_str());
        self.get(query).await
    }

    /// What operators did, the newest first.
    pub async fn actions(&self, request: &ActionsRequest) -> Answer<Vec<Action>> {
        let mut query = request.query("/api/actions");
        query.number("before", request.before);
        query.number("limit", i64::try_from(request.limit).ok());
        self.get(query).await
    }

    /// Rows of a table of one version.
    pub async fn rows(&self, name: &str, request: &RowsRequest) -> Answer<RowsPage> {
        let mut query = of(name, "/rows");
        query.text("table", &request.table);
        query.text("order", &request.order);
        query.text("equals", &request.equals);
        query.text(
            "direction",
            if request.descending { "backward" } else { "" },
        );
        query.text("cursor", &request.cursor);
        query.text("version", &request.version);
        query.number("limit", Some(50));
        self.get(query).await
    }

    /// Gives an order. That it was taken does not say that it took effect: read the state back.
    pub async fn order(&self, name: &str, order: &Order) -> Answer<()> {
        let body = match order {
            Order::Skip {
                reason, version, ..
            } => serde_json::json!({ "reason": reason, "version": version }),
            Order::Retry { version, .. } => serde_json::json!({ "version": version }),
            Order::Pause | Order::Resume => serde_json::json!({}),
        };
        self.send(Sending {
            method: "POST",
            path: of(name, &format!("/{}", order.path())).0,
            body: Some(("application/json", body.to_string())),
        })
        .await
        .map(drop)
    }

    /// Hands in a definition: a new one starts, a changed one waits beside the live one.
    pub async fn define(&self, name: &str, text: &str) -> Answer<()> {
        self.send(Sending {
            method: "PUT",
            path: of(name, "").0,
            body: Some(("text/plain; charset=utf-8", text.to_owned())),
        })
        .await
        .map(drop)
    }
}

fn histories(since: Timestamp, until: Timestamp, step_s: i64) -> Query {
    let mut query = Query::new("/api/read-models/lag-history");
    query.text("since", &since.to_string());
    query.text("until", &until.to_string());
    query.number("step", Some(step_s));
    query
}

pub(super) fn of(name: &str, part: &str) -> Query {
    Query::new(&format!("/api/read-models/{}{part}", escape(name)))
}
