//! How far an order is, as its customer sees it: it moves while one looks.

use highwater_model::Right;
use jiff::Timestamp;
use leptos::prelude::*;

use super::shop::euros;
use crate::api::{Api, OrderProgress};
use crate::components::may::Needs;
use crate::components::zone;
use crate::format;
use crate::live::on_pulse;

/// It is read again at most this often, while it is on its way.
const APART_MS: f64 = 500.0;

/// One order.
#[component]
pub fn OrderStatus(
    /// Its stream.
    order: String,
    /// How far it was when the page was made; none when nothing was to be seen of it yet.
    first: Option<OrderProgress>,
) -> impl IntoView {
    let shown = RwSignal::new(first);
    let said = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let name = StoredValue::new(order);
    on_pulse(APART_MS, move || {
        let ended = |shown: &Option<OrderProgress>| shown.as_ref().and_then(|order| order.ended_at);
        let is_over = shown.with_untracked(ended).is_some();
        let (api, name) = (Api::from_context(), name.get_value());
        Box::pin(async move {
            if is_over {
                return;
            }
            // What it showed stays when it can't be read again: the connection light tells of it.
            if let Ok(Some(found)) = api.order_progress(&name).await
                && shown.try_with_untracked(|shown| shown.as_ref() != Some(&found)) == Some(true)
            {
                let _ = shown.try_set(Some(found));
            }
        })
    });
    let cancel = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        leptos::task::spawn_local(async move {
            let answer = Api::from_context().cancel_order(&name.get_value()).await;
            let _ = busy.try_set(false);
            let words = match answer {
                Ok(_) => "We are trying to stop it.".to_owned(),
                Err(error) => error.to_string(),
            };
            let _ = said.try_set(Some(words));
        });
    };
    let can_be_cancelled = Memo::new(move |_| {
        shown.with(|shown| {
            let order = shown.as_ref();
            order.is_some_and(|order| {
                order.sent_at.is_none() && order.ended_at.is_none() && order.unwanted_at.is_none()
            })
        })
    });
    view! {
        {move || shown.with(|shown| shown.as_ref().map_or_else(waiting, progress))}
        <p role="status" class="said">
            {move || said.get()}
        </p>
        <div class="bar">
            <a class="button go" href="/shop">
                "Order something else"
            </a>
            <Show when=move || can_be_cancelled.get()>
                <Needs right=Right::Append>
                    <button type="button" disabled=move || busy.get() on:click=cancel>
                        "Cancel this order"
                    </button>
                </Needs>
            </Show>
        </div>
    }
    .into_any()
}

fn waiting() -> AnyView {
    view! {
        <p class="notice" role="status">
            "Nothing is to be seen of this order yet. If you have just placed it, it shows up here in a moment; if it stays so, look at its number."
        </p>
    }
    .into_any()
}

fn progress(order: &OrderProgress) -> AnyView {
    let who = order.customer.clone().unwrap_or_default();
    let where_to = order.city.clone().unwrap_or_default();
    let bought: Vec<AnyView> = order
        .items
        .iter()
        .map(|item| view! { <li>{item.quantity} " × " {item.name.clone()}</li> }.into_any())
        .collect();
    let total = order.total_cents.map(euros);
    let behind = order.correlation.map(|flow| {
        view! {
            <p>
                <a href=format!("/flows/{flow}")>"What happened behind the scenes"</a>
            </p>
        }
    });
    let steps = steps(order);
    let items: Vec<AnyView> = steps.iter().map(step).collect();
    view! {
        <section class="card receipt" aria-label="Your order">
            <h2>{headline(order)}</h2>
            <ol class="way">{items}</ol>
            <ul class="bought">{bought}</ul>
            <p class="dim">{total} " for " {who} " in " {where_to} {order.tracking.clone().map(|number| format!(", parcel {number}"))}</p>
            <p class="dim mono">{order.order_name.clone()}</p>
            {behind}
        </section>
    }
    .into_any()
}

/// How a step of the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Done,
    Now,
    Ahead,
    /// It came to another end.
    Never,
}

/// A step, and when it was done.
type Step = (&'static str, Is, Option<Timestamp>);

fn steps(order: &OrderProgress) -> Vec<Step> {
    let moments = [
        ("Placed", Some(order.placed_at)),
        ("Paid", order.paid_at),
        ("Packed", order.packed_at),
        ("On its way", order.sent_at),
        ("Arrived", order.arrived_at),
    ];
    let is_cancelled = order.state == "cancelled";
    let mut is_first = true;
    moments
        .into_iter()
        .map(|(name, at)| {
            let is = if at.is_some() {
                Is::Done
            } else if is_cancelled {
                Is::Never
            } else if std::mem::take(&mut is_first) {
                Is::Now
            } else {
                Is::Ahead
            };
            (name, is, at)
        })
        .collect()
}

fn step(&(name, is, at): &Step) -> AnyView {
    let (class, mark, word) = match is {
        Is::Done => ("done", "✓", "done"),
        Is::Now => ("now", "…", "next"),
        Is::Ahead => ("ahead", "·", "to come"),
        Is::Never => ("never", "×", "will not be"),
    };
    let current = (is == Is::Now).then_some("step");
    view! {
        <li class=class aria-current=current>
            <i aria-hidden="true">{mark}</i>
            <span>{name} <span class="for-readers">": " {word}</span></span>
            {at.map(|at| view! { <Moment at /> })}
        </li>
    }
    .into_any()
}

/// The time of day: what matters here is how long ago, not on which day.
#[component]
fn Moment(
    /// When.
    at: Timestamp,
) -> impl IntoView {
    let zone = zone();
    view! {
        <time class="n" datetime=at.to_string() title=at.to_string()>
            {move || format::short_time(at, at, zone.at(at))}
        </time>
    }
}

fn headline(order: &OrderProgress) -> String {
    if order.state == "cancelled" {
        let why = order.reason.as_deref().unwrap_or("no reason was given");
        return format!("Cancelled: {why}");
    }
    if order.ended_at.is_none() && order.unwanted_at.is_some() {
        return "We are trying to stop it".to_owned();
    }
    match order.state.as_str() {
        "placed" => "We ask your bank",
        "paid" => "We look for your things",
        "packed" => "We pack them",
        "sent" => "It is on its way to you",
        _ => "It has arrived",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(state: &str, paid: bool) -> OrderProgress {
        let at = Timestamp::UNIX_EPOCH;
        OrderProgress {
            order_name: "order-1".to_owned(),
            correlation: None,
            customer: None,
            city: None,
            items: Vec::new(),
            total_cents: None,
            state: state.to_owned(),
            reason: Some("payment refused".to_owned()),
            placed_at: at,
            paid_at: paid.then_some(at),
            packed_at: None,
            sent_at: None,
            arrived_at: None,
            tracking: None,
            unwanted_at: None,
            ended_at: (state == "cancelled").then_some(at),
        }
    }

    fn how(order: &OrderProgress) -> Vec<Is> {
        steps(order).into_iter().map(|step| step.1).collect()
    }

    #[test]
    fn one_step_is_next_and_none_of_a_cancelled_order_is() {
        use Is::{Ahead, Done, Never, Now};
        assert_eq!(
            how(&order("placed", false)),
            [Done, Now, Ahead, Ahead, Ahead]
        );
        assert_eq!(how(&order("paid", true)), [Done, Done, Now, Ahead, Ahead]);
        assert_eq!(
            how(&order("cancelled", false)),
            [Done, Never, Never, Never, Never]
        );
    }

    #[test]
    fn it_says_why_it_was_cancelled_and_that_it_is_being_stopped() {
        assert_eq!(
            headline(&order("cancelled", false)),
            "Cancelled: payment refused"
        );
        let mut unwanted = order("paid", true);
        unwanted.unwanted_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(headline(&unwanted), "We are trying to stop it");
    }
}
