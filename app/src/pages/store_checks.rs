//! The checks of the store: what is not well, each with what to do; what is well, folded away.

use highwater_model::{CheckVerdict, StoreCheck};
use leptos::prelude::*;

use crate::api::{Answer, Api};
use crate::components::problem::ErrorNotice;
use crate::live::on_pulse;

/// The checks are not made again more often than this: they are a dozen looks into the catalogue.
const APART_MS: f64 = 5_000.0;

/// The checks, made again while the page is open.
#[component]
pub fn Checks() -> impl IntoView {
    let first = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.store_checks().await }
        },
    );
    let fresh = RwSignal::new(None::<Vec<StoreCheck>>);
    on_pulse(APART_MS, move || {
        Box::pin(async move {
            if let Ok(found) = Api::from_context().store_checks().await {
                let _ = fresh.try_set(Some(found));
            }
        })
    });
    view! {
        <section class="checks" aria-label="Checks">
            <Transition>
                {move || Suspend::new(async move { whole(first.await, fresh) })}
            </Transition>
        </section>
    }
    .into_any()
}

fn whole(first: Answer<Vec<StoreCheck>>, fresh: RwSignal<Option<Vec<StoreCheck>>>) -> AnyView {
    match first {
        Ok(first) => {
            // Only what has changed is made anew: whoever has opened the good ones wants them to stay open.
            let checks = Memo::new(move |_| fresh.get().unwrap_or_else(|| first.clone()));
            let good =
                move || checks.with(|checks| checks.iter().filter(|check| is_good(check)).count());
            view! {
                {move || bad_view(&checks.get())}
                <details class="card sizes">
                    <summary>{move || format!("{} checks are good", good())}</summary>
                    <ul>{move || checks.get().iter().filter(|check| is_good(check)).map(line).collect_view()}</ul>
                </details>
            }
            .into_any()
        }
        Err(error) => view! { <ErrorNotice error /> }.into_any(),
    }
}

fn is_good(check: &StoreCheck) -> bool {
    check.verdict == CheckVerdict::Good
}

fn bad_view(checks: &[StoreCheck]) -> AnyView {
    let bad: Vec<_> = checks.iter().filter(|check| !is_good(check)).collect();
    if bad.is_empty() {
        return ().into_any();
    }
    view! { <ul class="card bad-checks">{bad.into_iter().map(line).collect_view()}</ul> }.into_any()
}

fn line(check: &StoreCheck) -> AnyView {
    let (class, mark, word) = match check.verdict {
        CheckVerdict::Good => ("good", "✓", "good"),
        CheckVerdict::Advice => ("advice", "▲", "advice"),
        CheckVerdict::Wrong => ("wrong", "✕", "wrong"),
    };
    let todo = check
        .todo
        .clone()
        .map(|todo| view! { <span class="todo">{todo}</span> });
    view! {
        <li class=class>
            <span class="verdict">
                <i aria-hidden="true">{mark}</i>
                {word}
            </span>
            <b>{check.name.clone()}</b>
            <span>{check.found.clone()} {todo}</span>
        </li>
    }
    .into_any()
}
