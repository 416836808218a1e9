//! How subscriptions are.

use std::collections::HashMap;

use highwater_model::{Lag, Member, MemberWay, Position, Subscription, SubscriptionState};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::{SubscriptionError, WINDOW};
use crate::{Store, StoreError, row};

/// Members that are told of each subscription.
const MEMBERS: i64 = 100;

impl Store {
    /// Every subscription, by name.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        self.find_subscriptions(None).await
    }

    /// One subscription.
    pub async fn subscription(&self, name: &str) -> Result<Subscription, SubscriptionError> {
        let mut found = self.find_subscriptions(Some(name)).await?;
        found.pop().ok_or_else(|| SubscriptionError::Unknown {
            name: name.to_owned(),
        })
    }

    async fn find_subscriptions(
        &self,
        name: Option<&str>,
    ) -> Result<Vec<Subscription>, StoreError> {
        let rows = sqlx::query(
            "select s.name, s.filter, s.state, s.reason, s.since, s.created_at, s.attempts, extract(epoch from s.acknowledge_within)::int as within,
               s.checkpoint, s.acknowledged, w.matching, w.unacknowledged, w.waiting, greatest(h.head - s.checkpoint, 0) as positions, s.looked_to < h.head and (h.head - s.looked_to > $2 or w.matching >= $2) as capped,
               greatest(coalesce(extract(epoch from clock_timestamp() - (select e.recorded_at from highwater.events e where e.position = w.oldest)), 0), 0)::float8 as seconds,
               (select count(*) from highwater.subscription_parked p where p.subscription_id = s.subscription_id) as parked,
               greatest(s.acknowledged - coalesce(
                 (select y.acknowledged from highwater.subscription_history y where y.subscription_id = s.subscription_id and y.at <= clock_timestamp() - interval '10 seconds' order by y.at desc limit 1),
                 (select y.acknowledged from highwater.subscription_history y where y.subscription_id = s.subscription_id order by y.at limit 1), s.acknowledged), 0)::float8 / 10 as rate
             from highwater.subscriptions s
             cross join (select coalesce(max(position), 0) as head from highwater.events) h
             cross join lateral (select count(*) as matching, count(d.member) as unacknowledged, count(*) filter (where d.member is null and d.failures > 0) as waiting, min(d.position) as oldest
               from highwater.subscription_deliveries d where d.subscription_id = s.subscription_id and d.position > s.checkpoint) w
             where ($1::text is null or s.name = $1) order by s.name limit 1000",
        )
        .bind(name)
        .bind(WINDOW)
        .fetch_all(self.pool())
        .await?;
        let mut members = self.members(name).await?;
        rows.iter()
            .map(|row| {
                let mut found = subscription(row)?;
                found.members = members.remove(&found.name).unwrap_or_default();
                Ok(found)
            })
            .collect()
    }

    async fn members(
        &self,
        name: Option<&str>,
    ) -> Result<HashMap<String, Vec<Member>>, StoreError> {
        let rows = sqlx::query(
            "select s.name as subscription, m.member, m.way, m.since, m.seen_at, m.acknowledged, m.seen_at >= clock_timestamp() - least(s.acknowledge_within, interval '1 minute') or coalesce(w.held, 0) > 0 as present, coalesce(w.held, 0) as held
             from highwater.subscriptions s
             cross join lateral (select * from highwater.subscription_members m where m.subscription_id = s.subscription_id and m.seen_at > clock_timestamp() - interval '1 hour' order by m.seen_at desc limit $2) m
             left join lateral (select count(*) as held from highwater.subscription_deliveries d
               where d.subscription_id = s.subscription_id and d.position > s.checkpoint and d.member = m.member) w on true
             where ($1::text is null or s.name = $1) order by s.name, m.member",
        )
        .bind(name)
        .bind(MEMBERS)
        .fetch_all(self.pool())
        .await?;
        let mut members: HashMap<String, Vec<Member>> = HashMap::new();
        for row in &rows {
            let member = Member {
                name: row.try_get("member")?,
                way: match row.try_get("way")? {
                    "websocket" => MemberWay::Websocket,
                    _ => MemberWay::Http,
                },
                since: row::time(row, "since")?,
                seen_at: row::time(row, "seen_at")?,
                present: row.try_get("present")?,
                unacknowledged: row.try_get("held")?,
                acknowledged: row.try_get("acknowledged")?,
            };
            members
                .entry(row.try_get("subscription")?)
                .or_default()
                .push(member);
        }
        Ok(members)
    }
}

fn subscription(row: &PgRow) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        name: row.try_get("name")?,
        filter: row.try_get("filter")?,
        state: match row.try_get("state")? {
            "paused" => SubscriptionState::Paused,
            _ => SubscriptionState::Running,
        },
        reason: row.try_get("reason")?,
        since: row::time(row, "since")?,
        created_at: row::time(row, "created_at")?,
        attempts: row.try_get("attempts")?,
        acknowledge_within_s: row.try_get("within")?,
        checkpoint: Position(row.try_get("checkpoint")?),
        lag: Lag {
            positions: row.try_get("positions")?,
            matching: row.try_get("matching")?,
            capped: row.try_get("capped")?,
            seconds: row.try_get("seconds")?,
        },
        rate: row.try_get("rate")?,
        acknowledged: row.try_get("acknowledged")?,
        unacknowledged: row.try_get("unacknowledged")?,
        waiting: row.try_get("waiting")?,
        parked: row.try_get("parked")?,
        members: Vec::new(),
    })
}
