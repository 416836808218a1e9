//! What the shop sells, what a customer takes, and the order.

use std::collections::BTreeMap;

use highwater_model::Right;
use highwater_model::demo::{DemoOrderBody, DemoOrderLine, PIECES_MAX};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::shop::euros;
use crate::api::{Api, ApiError, GoodOnSale, escape};
use crate::components::may::Needs;

/// Pieces by good.
type Taken = RwSignal<BTreeMap<String, u64>>;

/// The shelves and the basket.
#[component]
pub fn Basket(
    /// What there is.
    goods: Vec<GoodOnSale>,
) -> impl IntoView {
    let taken: Taken = RwSignal::new(BTreeMap::new());
    let customer = RwSignal::new(String::new());
    let city = RwSignal::new("Gent".to_owned());
    let busy = RwSignal::new(false);
    let refused = RwSignal::new(None::<ApiError>);
    let navigate = use_navigate();
    let prices: BTreeMap<String, i64> = goods
        .iter()
        .map(|on_sale| (on_sale.good.sku.clone(), cents(on_sale)))
        .collect();
    let total = Memo::new(move |_| taken.with(|taken| sum(taken, &prices)));
    let place = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let body = DemoOrderBody {
            customer: customer.get_untracked(),
            city: city.get_untracked(),
            items: lines(&taken.get_untracked()),
            id: None,
        };
        let navigate = navigate.clone();
        leptos::task::spawn_local(async move {
            let answer = Api::from_context().place_order(&body).await;
            let _ = busy.try_set(false);
            match answer {
                Ok(placed) => {
                    let order = escape(placed.stream.as_str());
                    navigate(&format!("/shop?order={order}"), NavigateOptions::default());
                }
                Err(error) => drop(refused.try_set(Some(error))),
            }
        });
    };
    let shelves: Vec<AnyView> = goods
        .into_iter()
        .map(|on_sale| shelf(on_sale, taken))
        .collect();
    let nothing = move || taken.with(|taken| taken.values().all(|&pieces| pieces == 0));
    view! {
        <form on:submit=place>
            <ul class="shelves">{shelves}</ul>
            <div class="who">
                {field("Your name", "customer", "given-name", customer)}
                {field("City", "city", "address-level2", city)}
            </div>
            {move || {
                refused
                    .get()
                    .map(|error| {
                        view! {
                            <p class="notice bad" role="alert">
                                {error.to_string()}
                            </p>
                        }
                    })
            }}
            <div class="pay">
                <output class="n">{move || euros(total.get())}</output>
                <Needs right=Right::Append>
                    <button class="go" type="submit" disabled=move || nothing() || busy.get()>
                        {move || if busy.get() { "Placing it…" } else { "Place the order" }}
                    </button>
                </Needs>
            </div>
        </form>
    }
    .into_any()
}

/// Who orders, or where to. `filled_as` is what a browser knows it by.
fn field(
    words: &'static str,
    name: &'static str,
    filled_as: &'static str,
    value: RwSignal<String>,
) -> AnyView {
    view! {
        <label>
            {words}
            <input
                type="text"
                name=name
                required
                maxlength="60"
                autocomplete=filled_as
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

fn shelf(on_sale: GoodOnSale, taken: Taken) -> AnyView {
    let price = euros(cents(&on_sale));
    let left = match on_sale.pieces {
        Some(0) => "none left; more is on the way".to_owned(),
        Some(pieces) => format!("{pieces} left"),
        None => String::new(),
    };
    let (name, sku) = (on_sale.good.name, StoredValue::new(on_sale.good.sku));
    let pieces = Memo::new(move |_| {
        taken.with(|taken| sku.with_value(|sku| taken.get(sku).copied().unwrap_or(0)))
    });
    let change = move |by: i64| {
        taken.update(|taken| {
            let now = taken.entry(sku.get_value()).or_default();
            *now = now.saturating_add_signed(by).min(PIECES_MAX);
        });
    };
    view! {
        <li class="card">
            <span class="good">
                <b>{name.clone()}</b>
                <span class="dim">{price} " · " {left}</span>
            </span>
            <span class="pieces">
                <button
                    type="button"
                    aria-label=format!("One {name} less")
                    disabled=move || pieces.get() == 0
                    on:click=move |_| change(-1)
                >
                    "−"
                </button>
                <output class="n" aria-label=format!("Pieces of {name}")>
                    {move || pieces.get()}
                </output>
                <button type="button" aria-label=format!("One {name} more") on:click=move |_| change(1)>
                    "+"
                </button>
            </span>
        </li>
    }
    .into_any()
}

fn cents(on_sale: &GoodOnSale) -> i64 {
    i64::try_from(on_sale.good.price_cents).unwrap_or(i64::MAX)
}

fn sum(taken: &BTreeMap<String, u64>, prices: &BTreeMap<String, i64>) -> i64 {
    let of = |(sku, pieces): (&String, &u64)| {
        let price = prices.get(sku).copied().unwrap_or(0);
        price.saturating_mul(i64::try_from(*pieces).unwrap_or(i64::MAX))
    };
    taken.iter().map(of).sum()
}

fn lines(taken: &BTreeMap<String, u64>) -> Vec<DemoOrderLine> {
    let there = taken.iter().filter(|(_, pieces)| **pieces > 0);
    there
        .map(|(sku, pieces)| DemoOrderLine {
            sku: sku.clone(),
            quantity: *pieces,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_back_is_not_ordered() {
        let taken: BTreeMap<String, u64> = [("mug", 2), ("pen", 0)]
            .map(|(sku, pieces)| (sku.to_owned(), pieces))
            .into();
        let prices = [("mug", 1_250), ("pen", 2_800)].map(|(sku, cents)| (sku.to_owned(), cents));
        assert_eq!(sum(&taken, &prices.into()), 2_500);
        let ordered = lines(&taken);
        assert_eq!(ordered.len(), 1);
        assert_eq!((ordered[0].sku.as_str(), ordered[0].quantity), ("mug", 2));
    }
}
