//! The demo shop as its customers see it: what there is, and how far an order is. Made for a phone, and for people who never heard of events.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::Loading;
use super::shop_basket::Basket;
use super::shop_order::OrderStatus;
use crate::api::Api;
use crate::components::problem::ErrorNotice;

/// The page.
#[component]
pub fn ShopPage() -> impl IntoView {
    let query = use_query_map();
    let order = Memo::new(move |_| query.with(|query| query.get("order").unwrap_or_default()));
    let goods = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.goods().await }
        },
    );
    let first = Resource::new(
        move || order.get(),
        |order| {
            let api = Api::from_context();
            async move {
                if order.is_empty() {
                    return Ok(None);
                }
                api.order_progress(&order).await
            }
        },
    );
    let shown = move || {
        if order.with(String::is_empty) {
            view! {
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        match goods.await {
                            Ok(goods) => view! { <Basket goods /> }.into_any(),
                            Err(error) => view! { <ErrorNotice error /> }.into_any(),
                        }
                    })}
                </Transition>
            }
            .into_any()
        } else {
            view! {
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        match first.await {
                            Ok(first) => view! { <OrderStatus order=order.get_untracked() first /> }.into_any(),
                            Err(error) => view! { <ErrorNotice error /> }.into_any(),
                        }
                    })}
                </Transition>
            }
            .into_any()
        }
    };
    view! {
        <Title text="Shop" />
        <div class="shop">
            <header>
                <h1>
                    <a href="/shop">"Harbour & Home"</a>
                </h1>
                <span class="dim">"the demo shop"</span>
            </header>
            {shown}
        </div>
    }
    .into_any()
}

/// Cents as people read them.
pub(super) fn euros(cents: i64) -> String {
    format!("€\u{2009}{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_two_digits_behind_the_point() {
        assert_eq!(euros(3_900), "€\u{2009}39.00");
        assert_eq!(euros(1_205), "€\u{2009}12.05");
    }
}
