//! The audit log.

use highwater_model::Action;
use jiff_sqlx::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::{Store, StoreError};

/// Who orders something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The second person who agreed to it, where that was needed.
    pub approved: Option<Approved>,
}

/// That a second person has agreed to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The number of the approval.
    pub id: i64,
    /// Who agreed.
    pub by: String,
}

impl Order {
    /// An order.
    pub fn new(actor: impl Into<String>, reason: Option<&str>) -> Self {
        Self {
            actor: actor.into(),
            reason: reason.map(str::to_owned),
            approved: None,
        }
    }

    /// The same with the second person who agreed to it; the audit log names both.
    #[must_use]
    pub fn approved(mut self, approved: Option<Approved>) -> Self {
        self.approved = approved;
        self
    }
}

/// Which actions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionQuery {
    /// Of one read model.
    pub read_model: Option<String>,
    /// Of one subscription.
    pub subscription: Option<String>,
    /// Of one kind.
    pub action: Option<String>,
    /// Of one operator.
    pub actor: Option<String>,
    /// Of one job: its order, what was ordered of it, and what became of it.
    pub job: Option<i64>,
    /// Only ids smaller than this.
    pub before: Option<i64>,
    /// 1,000 at most.
    pub limit: i64,
}

type Row = (
    i64,
    Timestamp,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Json<Value>,
    Json<Value>,
    String,
);

impl Store {
    /// What operators did to a read model, the newest first, before an action's id.
    pub async fn actions(
        &self,
        read_model: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Action>, StoreError> {
        self.find_actions(&ActionQuery {
            read_model: read_model.map(str::to_owned),
            before,
            limit,
            ..ActionQuery::default()
        })
        .await
    }

    /// What operators did, the newest first.
    pub async fn find_actions(&self, query: &ActionQuery) -> Result<Vec<Action>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select action_id, at, actor, action, read_model, subscription, reason, before, after, outcome from highwater.actions
             where ($1::text is null or read_model = $1) and ($2::bigint is null or action_id < $2)
               and ($4::text is null or action = $4) and ($5::text is null or actor = $5)
               and ($7::text is null or subscription = $7)
               and ($6::bigint is null or after @> jsonb_build_object('job', $6) or action_id = (select j.action_id from highwater.jobs j where j.job_id = $6))
             order by action_id desc limit $3",
        )
        .bind(&query.read_model)
        .bind(query.before)
        .bind(query.limit.clamp(1, 1_000))
        .bind(&query.action)
        .bind(&query.actor)
        .bind(query.job)
        .bind(&query.subscription)
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(
                |(
                    id,
                    at,
                    actor,
                    action,
                    read_model,
                    subscription,
                    reason,
                    before,
                    after,
                    outcome,
                )| Action {
                    id,
                    at: at.to_jiff(),
                    actor,
                    action,
                    read_model,
                    subscription,
                    reason,
                    before: before.0,
                    after: after.0,
                    outcome,
                },
            )
            .collect())
    }
}

/// What an action is done to.
#[derive(Debug, Clone, Copy)]
enum Subject<'a> {
    Store,
    ReadModel(&'a str),
    Subscription(&'a str),
}

impl Store {
    /// Puts on record what an operator did elsewhere than in the store: to a subscription, or to neither it nor a read model.
    pub async fn note_action(
        &self,
        order: &Order,
        action: &str,
        subscription: Option<&str>,
        before: Value,
        after: Value,
    ) -> Result<(), StoreError> {
        let subject = subscription.map_or(Subject::Store, Subject::Subscription);
        let mut connection = self.pool().acquire().await?;
        write(
            &mut connection,
            order,
            action,
            subject,
            before,
            after,
            "done",
        )
        .await?;
        Ok(())
    }
}

/// Writes an action that was done, in the transaction that does it.
pub(super) async fn record(
    connection: &mut PgConnection,
    order: &Order,
    action: &str,
    read_model: &str,
    before: Value,
    after: Value,
) -> Result<(), StoreError> {
    let subject = Subject::ReadModel(read_model);
    write(connection, order, action, subject, before, after, "done").await?;
    Ok(())
}

/// The same of a subscription.
pub(crate) async fn record_of_subscription(
    connection: &mut PgConnection,
    order: &Order,
    action: &str,
    subscription: &str,
    before: Value,
    after: Value,
) -> Result<(), StoreError> {
    let subject = Subject::Subscription(subscription);
    write(connection, order, action, subject, before, after, "done").await?;
    Ok(())
}

/// The same of what concerns neither.
pub(crate) async fn record_of_store(
    connection: &mut PgConnection,
    order: &Order,
    action: &str,
    before: Value,
    after: Value,
) -> Result<(), StoreError> {
    let subject = Subject::Store;
    write(connection, order, action, subject, before, after, "done").await?;
    Ok(())
}

/// Writes an action that begins a job; what becomes of it is a row that follows this one.
pub(super) async fn begin(
    connection: &mut PgConnection,
    order: &Order,
    action: &str,
    read_model: &str,
    before: Value,
    after: Value,
) -> Result<i64, StoreError> {
    let subject = Subject::ReadModel(read_model);
    write(connection, order, action, subject, before, after, "begun").await
}

async fn write(
    connection: &mut PgConnection,
    order: &Order,
    action: &str,
    subject: Subject<'_>,
    before: Value,
    mut after: Value,
    outcome: &str,
) -> Result<i64, StoreError> {
    if let (Some(approved), Value::Object(after)) = (&order.approved, &mut after) {
        after.insert("approval".to_owned(), approved.id.into());
        after.insert("approved_by".to_owned(), approved.by.as_str().into());
    }
    let (read_model, subscription) = match subject {
        Subject::Store => (None, None),
        Subject::ReadModel(name) => (Some(name), None),
        Subject::Subscription(name) => (None, Some(name)),
    };
    Ok(sqlx::query_scalar(
        "insert into highwater.actions (actor, action, read_model, subscription, reason, before, after, outcome) values ($1, $2, $3, $4, $5, $6, $7, $8) returning action_id",
    )
    .bind(&order.actor)
    .bind(action)
    .bind(read_model)
    .bind(subscription)
    .bind(&order.reason)
    .bind(Json(before))
    .bind(Json(after))
    .bind(outcome)
    .fetch_one(connection)
    .await?)
}
