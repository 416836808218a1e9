//! The flow map: who handles which types, and emits which. Time and what was picked are in the URL.

use highwater_model::{ReadModel, Subscription};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::flow_map_parts::{nothing_yet, picked_view, places_view, steps_view};
use super::{Loading, href_with};
use crate::api::{Answer, Api};
use crate::chart::Range;
use crate::components::map_picture::{Picked, Seen, svg};
use crate::components::problem::ErrorNotice;
use crate::components::range_picker::RangePicker;
use crate::format;
use crate::live::on_pulse;

/// It is read again at most this often: thousands of events are looked at for it.
const APART_MS: f64 = 5_000.0;

/// The map.
#[component]
pub fn FlowMapPage() -> impl IntoView {
    let query = use_query_map();
    let range = Memo::new(move |_| query.with(Range::read));
    let found = Resource::new(
        move || range.get(),
        |range| {
            let api = Api::from_context();
            async move { read(&api, range).await }
        },
    );
    let fresh = RwSignal::new(None::<(Range, Seen)>);
    on_pulse(APART_MS, move || {
        let (api, range) = (Api::from_context(), range.get_untracked());
        Box::pin(async move {
            // What is over does not change.
            if matches!(range, Range::Last(_))
                && let Ok(seen) = read(&api, range).await
            {
                let _ = fresh.try_set(Some((range, seen)));
            }
        })
    });
    view! {
        <Title text="Flow map" />
        <div class="bar">
            <h1>"Flow map"</h1>
            <a class="pill" href="/flows">
                "List of flows"
            </a>
            <span class="grow"></span>
            <RangePicker path="/flow-map" range />
        </div>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(first) => {
                        let asked = range.get_untracked();
                        let seen = Memo::new(move |_| {
                            fresh
                                .get()
                                .filter(|(range, _)| *range == asked)
                                .map_or_else(|| first.clone(), |(_, seen)| seen)
                        });
                        seen_view(seen, query)
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

async fn read(api: &Api, range: Range) -> Answer<Seen> {
    let map = api.flow_map(range).await?;
    // Without what waits, and who hears it, the map is still right.
    let models: Vec<ReadModel> = api.read_models().await.unwrap_or_default();
    let subscriptions: Vec<Subscription> = api.subscriptions().await.unwrap_or_default();
    Ok((map, models, subscriptions))
}

/// What the URL says was picked.
fn picked_of(query: &ParamsMap) -> Picked {
    let text = |name| query.get(name).filter(|text| !text.is_empty());
    match (text("at"), text("from"), text("to")) {
        (Some(at), _, _) => Picked::Place(at),
        (None, Some(from), Some(to)) => Picked::Line(from, to),
        _ => Picked::Nothing,
    }
}

/// The address with something else picked; the time stays.
pub(super) fn link(query: &ParamsMap, picked: &Picked) -> String {
    let (at, from, to) = match picked {
        Picked::Nothing => ("", "", ""),
        Picked::Place(at) => (at.as_str(), "", ""),
        Picked::Line(from, to) => ("", from.as_str(), to.as_str()),
    };
    href_with(
        "/flow-map",
        query,
        &[("at", at), ("from", from), ("to", to)],
    )
}

fn seen_view(seen: Memo<Seen>, query: Memo<ParamsMap>) -> AnyView {
    let picked = Memo::new(move |_| query.with(picked_of));
    let empty = Memo::new(move |_| seen.with(|(map, _, _)| map.nodes.is_empty()));
    // Of the drawing, which is set as text: its links say the time as well.
    let time = move || {
        let said = query.with(Range::read).query();
        let said = said.iter().filter(|(_, value)| !value.is_empty());
        said.fold(String::new(), |all, (name, value)| {
            all + "&amp;" + name + "=" + &crate::api::escape(value)
        })
    };
    // It keeps still while somebody points at it.
    let still = RwSignal::new(false);
    let drawing = Memo::new(move |before: Option<&String>| {
        let drawn = seen.with(|seen| svg(seen, &picked.get(), &time()));
        match before {
            Some(before) if still.get() => before.clone(),
            _ => drawn,
        }
    });
    let told = move || {
        seen.with(|(map, _, _)| {
            let events = format::number(map.events);
            if map.cut {
                format!(
                    "Learned from the newest {events} events of this time; there are more in it."
                )
            } else {
                format!("Learned from {events} events.")
            }
        })
    };
    let parts = move || {
        view! {
            <p class="dim">{told}</p>
            <div
                class="card scroll whole flow-map"
                tabindex="0"
                role="region"
                aria-label="The flow map as a picture; the table below says the same"
                on:pointerenter=move |_| still.set(true)
                on:pointerleave=move |_| still.set(false)
            >
                <div inner_html=move || drawing.get()></div>
            </div>
            {move || seen.with(|seen| query.with(|query| places_view(seen, &picked.get(), query)))}
            {move || seen.with(|seen| query.with(|query| picked_view(seen, &picked.get(), query)))}
            {move || seen.with(|seen| query.with(|query| steps_view(seen, query)))}
        }
    };
    view! {
        <Show when=move || !empty.get() fallback=nothing_yet>
            {parts}
        </Show>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_picked_from_the_flow_map_is_in_its_address_and_the_time_stays() {
        let mut query = ParamsMap::new();
        query.insert("range", "1h".to_owned());
        query.insert("at", "a".to_owned());
        assert_eq!(picked_of(&query), Picked::Place("a".to_owned()));
        let line = Picked::Line("a".to_owned(), "b".to_owned());
        assert_eq!(link(&query, &line), "/flow-map?range=1h&from=a&to=b");
        assert_eq!(link(&query, &Picked::Nothing), "/flow-map?range=1h");
    }
}
