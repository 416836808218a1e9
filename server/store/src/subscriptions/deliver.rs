//! Giving events to members.

use std::collections::HashMap;

use highwater_model::{
    Acknowledged, Delivery, FailedDelivery, MemberWay, Position, SubscriptionState,
    check_subscription_name,
};
use sqlx::{Postgres, QueryBuilder};

use super::{DELIVER, Held, SubscriptionError};
use crate::{Store, names};

/// Bytes, as they are stored, of what is delivered at once; one event always is.
const BYTES: i64 = 4 << 20;
/// Members that have asked within an hour, at most.
const MEMBERS: i64 = 1_000;

/// What a member says and asks for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who.
    pub member: &'a str,
    /// How it gets its events.
    pub way: MemberWay,
    /// How many it may have unacknowledged then; 0: it only says what became of events.
    pub at_most: i64,
    /// What it has handled.
    pub acknowledge: &'a [Position],
    /// What it could not handle.
    pub failed: &'a [FailedDelivery],
}

/// What came of it.
#[derive(Debug)]
pub struct Delivered {
    /// Events, by position.
    pub deliveries: Vec<Delivery>,
    /// What became of what it said.
    pub acknowledged: Acknowledged,
    /// How many events the member has now.
    pub unacknowledged: i64,
    /// Whether there may be any.
    pub state: SubscriptionState,
}

impl Store {
    /// Takes what a member says of events that it has, and gives it new ones.
    pub async fn deliver(&self, name: &str, ask: Ask<'_>) -> Result<Delivered, SubscriptionError> {
        check_subscription_name("member", ask.member)?;
        let mut held = self.hold_subscription(name, DELIVER).await?;
        held.join(ask.member, ask.way).await?;
        let acknowledged = held.settle(ask).await?;
        held.take_back().await?;
        let mut picked = Vec::new();
        if held.state == "running" && ask.at_most > 0 {
            picked = held.pick(ask.member, ask.at_most).await?;
        }
        let state = if held.state == "running" {
            SubscriptionState::Running
        } else {
            SubscriptionState::Paused
        };
        let unacknowledged: i64 = sqlx::query_scalar(
            "select count(*) from highwater.subscription_deliveries where subscription_id = $1 and position > $2 and member = $3",
        )
        .bind(held.id)
        .bind(held.checkpoint)
        .bind(ask.member)
        .fetch_one(&mut *held.transaction)
        .await?;
        held.transaction.commit().await?;
        Ok(Delivered {
            deliveries: self.deliveries(&picked).await?,
            acknowledged,
            unacknowledged,
            state,
        })
    }

    async fn deliveries(&self, picked: &[(i64, i32)]) -> Result<Vec<Delivery>, SubscriptionError> {
        if picked.is_empty() {
            return Ok(Vec::new());
        }
        let failures: HashMap<i64, i32> = picked.iter().copied().collect();
        let positions: Vec<i64> = picked.iter().map(|row| row.0).collect();
        let mut sql = QueryBuilder::<Postgres>::new(names::COLUMNS);
        sql.push("where e.position = any (")
            .push_bind(positions)
            .push(") order by e.position");
        let rows = sql.build_query_as().fetch_all(self.pool()).await?;
        let events = self.named(rows).await?;
        Ok(events
            .into_iter()
            .map(|event| Delivery {
                attempt: failures.get(&event.position.0).copied().unwrap_or(0) + 1,
                event,
            })
            .collect())
    }
}

impl Held {
    /// The member is there.
    async fn join(&mut self, member: &str, way: MemberWay) -> Result<(), SubscriptionError> {
        let known = sqlx::query(
            "update highwater.subscription_members m set seen_at = clock_timestamp(), way = $3,
               since = case when m.seen_at < clock_timestamp() - s.acknowledge_within then clock_timestamp() else m.since end
             from highwater.subscriptions s where s.subscription_id = m.subscription_id and m.subscription_id = $1 and m.member = $2",
        )
        .bind(self.id)
        .bind(member)
        .bind(way.as_str())
        .execute(&mut *self.transaction)
        .await?;
        if known.rows_affected() > 0 {
            return Ok(());
        }
        sqlx::query(
            "delete from highwater.subscription_members where subscription_id = $1 and seen_at < clock_timestamp() - interval '1 hour'",
        )
        .bind(self.id)
        .execute(&mut *self.transaction)
        .await?;
        let others: i64 = sqlx::query_scalar(
            "select count(*) from highwater.subscription_members where subscription_id = $1",
        )
        .bind(self.id)
        .fetch_one(&mut *self.transaction)
        .await?;
        if others >= MEMBERS {
            return Err(SubscriptionError::Refused(format!(
                "{} has {others} members of the last hour, as many as there may be; let a member that comes back keep its name",
                self.name
            )));
        }
        sqlx::query("insert into highwater.subscription_members (subscription_id, member, way) values ($1, $2, $3)")
            .bind(self.id)
            .bind(member)
            .bind(way.as_str())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Gives a member the oldest event of each stream that nobody has and that does not wait: positions and how often they failed.
    async fn pick(
        &mut self,
        member: &str,
        at_most: i64,
    ) -> Result<Vec<(i64, i32)>, SubscriptionError> {
        // In two statements: joined in one, the window would be gone through once for each event.
        let free: Vec<(i64, i32)> = sqlx::query_as(
            "with window_rows as materialized (select d.position, d.stream_id, d.member, d.due_at from highwater.subscription_deliveries d
               where d.subscription_id = $1 and d.position > $2),
             heads as (select distinct on (stream_id) position, member, due_at from window_rows order by stream_id, position),
             free as materialized (select position from heads where member is null and (due_at is null or due_at <= clock_timestamp()) order by position
               limit greatest($4 - (select count(*) from window_rows where member = $3), 0))
             select position, pg_column_size(e.data) from free join highwater.events e using (position) order by position",
        )
        .bind(self.id)
        .bind(self.checkpoint)
        .bind(member)
        .bind(at_most)
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut bytes = 0;
        let fitting = free.into_iter().take_while(|(_, size)| {
            let fits = bytes < BYTES;
            bytes += i64::from(*size);
            fits
        });
        let positions: Vec<i64> = fitting.map(|(position, _)| position).collect();
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let mut picked: Vec<(i64, i32)> = sqlx::query_as(
            "update highwater.subscription_deliveries d set member = $2, until = clock_timestamp() + $3
             where d.subscription_id = $1 and d.position = any ($4) returning d.position, d.failures",
        )
        .bind(self.id)
        .bind(member)
        .bind(self.acknowledge_within)
        .bind(positions)
        .fetch_all(&mut *self.transaction)
        .await?;
        picked.sort_unstable();
        Ok(picked)
    }
}
