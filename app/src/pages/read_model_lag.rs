//! The history of one read model's lag; the URL says which time, as it does for every chart.

use highwater_model::LagHistory;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api::{Answer, Api, escape};
use crate::chart::view::Chart;
use crate::chart::{Plot, Range, Shape, Unit, series};
use crate::components::range_picker::RangePicker;
use crate::components::zone;
use crate::live::on_pulse;

/// The chart, and links to other spans.
#[component]
pub fn LagCard(
    /// The read model.
    name: String,
) -> impl IntoView {
    let query = use_query_map();
    let range = Memo::new(move |_| query.with(Range::read));
    let asked = name.clone();
    let history = Resource::new(
        move || range.get(),
        move |range| {
            let (api, name) = (Api::from_context(), asked.clone());
            async move { (range, read(&api, &name, range).await) }
        },
    );
    let fresh = RwSignal::new(None::<(Range, LagHistory)>);
    let drawn_at = StoredValue::new(0.0);
    let path = format!("/read-models/{}", escape(&name));
    on_pulse(Range::DRAWN_MS, move || {
        let (api, name, range) = (Api::from_context(), name.clone(), range.get_untracked());
        let now = js_sys::Date::now();
        let due = now - drawn_at.get_value() >= range.apart_ms();
        Box::pin(async move {
            if due && let Ok(history) = read(&api, &name, range).await {
                drawn_at.try_set_value(now);
                let _ = fresh.try_set(Some((range, history)));
            }
        })
    });
    view! {
        <section class="card lag-card" aria-label="Lag over time">
            <Transition fallback=|| ()>
                {
                    let path = path.clone();
                    move || {
                        let path = path.clone();
                        Suspend::new(async move {
                            let (of, first) = history.await;
                            // A history that can't be read leaves the chart empty; the rest of the page says what is wrong.
                            let first = first.ok();
                            let now = Memo::new(move |_| {
                                fresh
                                    .get()
                                    .filter(|(range, _)| *range == of)
                                    .map(|(_, history)| history)
                                    .or_else(|| first.clone())
                            });
                            chart(path, now, range)
                        })
                    }
                }
            </Transition>
        </section>
    }
    .into_any()
}

async fn read(api: &Api, name: &str, range: Range) -> Answer<LagHistory> {
    let ends = range.at(api.store().await?.mark.seen_at);
    api.lag_history(name, ends, range.step_s()).await
}

fn chart(path: String, now: Memo<Option<LagHistory>>, range: Memo<Range>) -> AnyView {
    let zone = zone();
    let plot = Memo::new(move |_| {
        now.with(|history| {
            let Some(history) = history else {
                let now = jiff::Timestamp::UNIX_EPOCH;
                return Plot::new((now, now), Unit::Seconds, Vec::new(), 0);
            };
            let of = history.read_models.iter().take(1);
            let series = of.map(|of| series::lag(history, of, Shape::Area)).collect();
            let ends = (history.since, history.until);
            Plot::new(ends, Unit::Seconds, series, zone.get())
        })
    });
    view! {
        <Chart title="Lag: the age of the oldest matching event that is not handled" plot>
            <RangePicker path range />
        </Chart>
    }
    .into_any()
}
