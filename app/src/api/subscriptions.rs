//! Subscriptions: what is asked of them, and what an operator orders.

use highwater_model::{
    MovePlan, ParkedAnswer, ParkedEvent, Position, Subscription, SubscriptionBody,
};
use serde_json::json;

use super::browser::Sending;
use super::{Answer, Api, Query, escape};

/// What an operator orders of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionOrder {
    /// Members are given nothing until it is resumed.
    Pause,
    /// It goes on.
    Resume,
    /// Events are given again.
    Replay {
        /// The first of them.
        from: Position,
        /// Why.
        reason: String,
    },
    /// Events are left out.
    Skip {
        /// The last of them.
        upto: Position,
        /// Why.
        reason: String,
    },
    /// Parked events are given again.
    Retry {
        /// Which; all when none are named.
        positions: Option<Vec<Position>>,
    },
    /// Parked events are left out for good.
    LeaveOut {
        /// Which; all when none are named.
        positions: Option<Vec<Position>>,
        /// Why.
        reason: String,
    },
    /// What it is made of changes.
    Change(SubscriptionBody),
    /// It goes, with its checkpoint and its parked events.
    Remove {
        /// Why.
        reason: String,
    },
}

impl Api {
    /// Every subscription, by name.
    pub async fn subscriptions(&self) -> Answer<Vec<Subscription>> {
        self.get(Query::new("/api/subscriptions")).await
    }

    /// One subscription.
    pub async fn subscription(&self, name: &str) -> Answer<Subscription> {
        self.get(of(name, "")).await
    }

    /// Events that its members could not handle, the oldest first.
    pub async fn parked_events(&self, name: &str, limit: usize) -> Answer<Vec<ParkedEvent>> {
        let mut query = of(name, "/parked");
        query.number("limit", i64::try_from(limit).ok());
        self.get(query).await
    }

    /// What a replay from a position, or a skip up to it, would come to; nothing is changed.
    pub async fn plan_move(&self, name: &str, position: Position) -> Answer<MovePlan> {
        let mut query = of(name, "/plan");
        query.number("position", Some(position.0));
        self.get(query).await
    }

    /// Gives an order, and says how many parked events it reached. That it was taken does not say that it took effect: read the state back.
    pub async fn order_subscription(&self, name: &str, order: &SubscriptionOrder) -> Answer<i64> {
        let answer = self.send(sending(name, order)).await?;
        let parked: Option<ParkedAnswer> = serde_json::from_str(&answer).ok();
        Ok(parked.map_or(0, |parked| parked.events))
    }
}

fn sending(name: &str, order: &SubscriptionOrder) -> Sending {
    use SubscriptionOrder as Order;
    let post = |part: &str, body: serde_json::Value| ("POST", of(name, part), Some(body));
    let (method, query, body) = match order {
        Order::Pause => post("/pause", json!({})),
        Order::Resume => post("/resume", json!({})),
        Order::Replay { from, reason } => {
            post("/replay", json!({ "position": from, "reason": reason }))
        }
        Order::Skip { upto, reason } => {
            post("/skip", json!({ "position": upto, "reason": reason }))
        }
        Order::Retry { positions } => post("/parked/retry", json!({ "positions": positions })),
        Order::LeaveOut { positions, reason } => post(
            "/parked/drop",
            json!({ "positions": positions, "reason": reason }),
        ),
        Order::Change(body) => ("PUT", of(name, ""), Some(json!(body))),
        Order::Remove { reason } => {
            let mut query = of(name, "");
            query.text("reason", reason);
            ("DELETE", query, None)
        }
    };
    Sending {
        method,
        path: query.0,
        body: body.map(|body| ("application/json", body.to_string())),
    }
}

fn of(name: &str, part: &str) -> Query {
    Query::new(&format!("/api/subscriptions/{}{part}", escape(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_only_what_it_is_about() {
        let body = |order: &SubscriptionOrder| sending("mailer", order).body.map(|body| body.1);
        let change = SubscriptionOrder::Change(SubscriptionBody {
            attempts: Some(3),
            ..SubscriptionBody::default()
        });
        assert_eq!(body(&change).as_deref(), Some(r#"{"attempts":3}"#));
        let all = SubscriptionOrder::Retry { positions: None };
        let asked: highwater_model::ParkedBody =
            serde_json::from_str(&body(&all).unwrap()).unwrap();
        assert_eq!(asked, highwater_model::ParkedBody::default());
        let remove = SubscriptionOrder::Remove {
            reason: "a b".to_owned(),
        };
        let sent = sending("mailer", &remove);
        assert_eq!(sent.path, "/api/subscriptions/mailer?reason=a%20b");
        assert!(sent.body.is_none());
    }
}
