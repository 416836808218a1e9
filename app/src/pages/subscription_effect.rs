//! What an order to a subscription came to, judged by the state that was read back.

use highwater_model::{ParkedEvent, Position, Subscription, SubscriptionBody, SubscriptionState};

use super::read_model_orders::Said;
use super::subscription_orders::Found;
use crate::api::SubscriptionOrder as Order;
use crate::components::read_model_state::counted;
use crate::components::subscription_state::present;
use crate::format;

/// What it came to; `events` is how many parked ones it reached. None: not to be seen yet.
pub fn effect(order: &Order, before: &Found, now: Option<&Found>, events: i64) -> Option<Said> {
    let name = &before.subscription.name;
    let Some(now) = now else {
        return Some(if matches!(order, Order::Remove { .. }) {
            Said::done(format!(
                "Removed: there is no subscription {name} any more. Its checkpoint and {} are gone, the log is not touched.",
                counted(before.subscription.parked, "parked event", "parked events"),
            ))
        } else {
            Said::failed(
                "The server took the order, but the subscription is gone: somebody has removed it.",
            )
        });
    };
    let is = &now.subscription;
    let place = format::number(is.checkpoint.0);
    match order {
        Order::Pause => (is.state == SubscriptionState::Paused).then(|| {
            Said::done(format!(
                "Paused at {place}: members are given nothing until it is resumed."
            ))
        }),
        Order::Resume => (is.state == SubscriptionState::Running).then(|| {
            Said::done(format!(
                "Resumed: members are given what is behind {place}.{}",
                unread(is)
            ))
        }),
        // Members may be through with it before it is read back: then the record says that it was done.
        Order::Replay { from, .. } => {
            (is.checkpoint < *from || is_recorded("replay", before, now)).then(|| {
                Said::done(format!(
                    "Events from {} on are given again; its checkpoint was {} and is {place}.{}",
                    format::number(from.0),
                    format::number(before.subscription.checkpoint.0),
                    given_later(is),
                ))
            })
        }
        Order::Skip { upto, .. } => (is.checkpoint >= *upto).then(|| {
            Said::done(format!(
                "Everything up to {} that was not acknowledged is left out, on record; its checkpoint is {place}.",
                format::number(upto.0)
            ))
        }),
        Order::Retry { positions } => retried(positions.as_deref(), before, now, events),
        Order::LeaveOut { positions, .. } => {
            is_unparked(positions.as_deref(), before, now).then(|| {
                Said::done(format!(
                    "{} left out, on record: no member is given {} again.",
                    were(events),
                    if events == 1 { "it" } else { "them" }
                ))
            })
        }
        Order::Change(body) => is_like(is, body).then(|| {
            Said::done(format!(
                "Changed: {}, {} s to acknowledge, parked after {}.",
                if is.filter.is_empty() {
                    "every event"
                } else {
                    &is.filter
                },
                is.acknowledge_within_s,
                counted(i64::from(is.attempts), "failure", "failures"),
            ))
        }),
        // It is still there.
        Order::Remove { .. } => None,
    }
}

fn retried(
    positions: Option<&[Position]>,
    before: &Found,
    now: &Found,
    events: i64,
) -> Option<Said> {
    if !is_unparked(positions, before, now) {
        return None;
    }
    // With few attempts an event may be back before it is looked for.
    let again = positions.and_then(|positions| {
        now.parked
            .iter()
            .find(|one| positions.contains(&one.position))
    });
    Some(match again {
        Some(one) => Said::failed(format!(
            "Event {} was given again and failed again: {}",
            format::number(one.position.0),
            one.error
        )),
        None => Said::done(format!(
            "{} taken back from the parked ones and given to members again.{}",
            were(events),
            given_later(&now.subscription),
        )),
    })
}

/// None of these is parked as it was.
fn is_unparked(positions: Option<&[Position]>, before: &Found, now: &Found) -> bool {
    let is_asked =
        |one: &ParkedEvent| positions.is_none_or(|positions| positions.contains(&one.position));
    let mut asked = before.parked.iter().filter(|one| is_asked(one));
    !asked.any(|one| now.parked.contains(one))
}

/// Somebody has done this since.
fn is_recorded(action: &str, before: &Found, now: &Found) -> bool {
    let known = before.actions.first().map_or(0, |action| action.id);
    now.actions
        .iter()
        .any(|one| one.id > known && one.action == action)
}

fn is_like(is: &Subscription, body: &SubscriptionBody) -> bool {
    body.filter
        .as_ref()
        .is_none_or(|filter| filter.trim() == is.filter)
        && body.attempts.is_none_or(|attempts| attempts == is.attempts)
        && body
            .acknowledge_within_s
            .is_none_or(|within| within == is.acknowledge_within_s)
}

/// `1 event was`, `12 events were`.
fn were(events: i64) -> String {
    let was = if events == 1 { "was" } else { "were" };
    format!("{} {was}", counted(events, "event", "events"))
}

/// What keeps events from being given now.
fn given_later(is: &Subscription) -> &'static str {
    if is.state == SubscriptionState::Paused {
        " It is paused: they are given when it is resumed."
    } else {
        unread(is)
    }
}

fn unread(is: &Subscription) -> &'static str {
    if present(is) == 0 {
        " No member is there now."
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::subscription_state::example;
    use highwater_model::Action;

    fn parked(position: i64, at: &str) -> ParkedEvent {
        ParkedEvent {
            position: Position(position),
            event_id: uuid::Uuid::nil(),
            stream: "order-1".to_owned(),
            event_type: "OrderPlaced".to_owned(),
            failures: 5,
            error: "no such address".to_owned(),
            parked_at: at.parse().unwrap(),
        }
    }

    fn found(parked: Vec<ParkedEvent>) -> Found {
        Found {
            subscription: example("mailer"),
            parked,
            actions: Vec::new(),
        }
    }

    fn done(order: &Order, before: &Found, now: Option<&Found>) -> Option<bool> {
        effect(order, before, now, 1).map(|said| said.done)
    }

    #[test]
    fn a_retry_is_done_when_the_event_is_parked_no_more() {
        let order = Order::Retry {
            positions: Some(vec![Position(3)]),
        };
        let (three, four) = (
            parked(3, "2026-01-01T00:00:00Z"),
            parked(4, "2026-01-01T00:00:00Z"),
        );
        let before = found(vec![three.clone(), four.clone()]);
        assert_eq!(done(&order, &before, Some(&before)), None);
        let now = found(vec![four.clone()]);
        assert_eq!(done(&order, &before, Some(&now)), Some(true));
        let again = found(vec![parked(3, "2026-01-01T00:00:09Z"), four]);
        assert_eq!(done(&order, &before, Some(&again)), Some(false));
    }

    #[test]
    fn a_replay_that_members_are_through_with_was_done_all_the_same() {
        let order = Order::Replay {
            from: Position(3),
            reason: "mails were lost".to_owned(),
        };
        let before = found(Vec::new());
        assert_eq!(done(&order, &before, Some(&before)), None);
        let mut back = before.clone();
        back.subscription.checkpoint = Position(2);
        assert_eq!(done(&order, &before, Some(&back)), Some(true));
        let mut through = before.clone();
        through.actions.push(Action {
            id: 9,
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            actor: "ada".to_owned(),
            action: "replay".to_owned(),
            read_model: None,
            subscription: Some("mailer".to_owned()),
            reason: None,
            before: serde_json::Value::Null,
            after: serde_json::Value::Null,
            outcome: "done".to_owned(),
        });
        assert_eq!(done(&order, &before, Some(&through)), Some(true));
    }

    #[test]
    fn what_is_gone_was_removed_or_takes_no_order() {
        let before = found(Vec::new());
        let remove = Order::Remove {
            reason: "nobody reads it".to_owned(),
        };
        assert_eq!(done(&remove, &before, Some(&before)), None);
        assert_eq!(done(&remove, &before, None), Some(true));
        assert_eq!(done(&Order::Pause, &before, None), Some(false));
    }
}
