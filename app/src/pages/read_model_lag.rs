//! The history of one read model's lag; the URL says how far back.

use highwater_model::LagPoint;
use jiff::{SignedDuration, Timestamp};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::href_with;
use crate::api::{Answer, Api, escape};
use crate::components::{lag_chart, zone};
use crate::format;
use crate::live::on_pulse;

/// How far back: as the URL says it, as a person does, minutes, seconds between two points.
const SPANS: [(&str, &str, i64, i64); 3] = [
    ("10m", "10 min", 10, 1),
    ("1h", "1 h", 60, 10),
    ("1d", "1 day", 24 * 60, 60),
];

/// The chart is not drawn again more often than this.
const APART_MS: f64 = 2_500.0;

/// Points of a history, and where it ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct History {
    points: Vec<LagPoint>,
    since: Timestamp,
    until: Timestamp,
}

/// The chart, and links to other spans.
#[component]
pub fn LagCard(
    /// The read model.
    name: String,
) -> impl IntoView {
    let query = use_query_map();
    let span = Memo::new(move |_| {
        let asked = query.with(|query| query.get("span").unwrap_or_default());
        SPANS.iter().position(|span| span.0 == asked).unwrap_or(0)
    });
    let asked = name.clone();
    let history = Resource::new(
        move || span.get(),
        move |span| {
            let (api, name) = (Api::from_context(), asked.clone());
            async move { read(&api, &name, span).await }
        },
    );
    let fresh = RwSignal::new(None::<(usize, History)>);
    let asked = name.clone();
    on_pulse(APART_MS, move || {
        let (api, name, span) = (Api::from_context(), asked.clone(), span.get_untracked());
        Box::pin(async move {
            if let Ok(history) = read(&api, &name, span).await {
                let _ = fresh.try_set(Some((span, history)));
            }
        })
    });
    let links = move || {
        let here = span.get();
        SPANS
            .iter()
            .enumerate()
            .map(|(at, (asked, words, ..))| {
                let href = query.with(|query| {
                    href_with(
                        &format!("/read-models/{}", escape(&name)),
                        query,
                        &[("span", asked)],
                    )
                });
                view! {
                    <a class="pill" href=href data-noscroll="" aria-current=(at == here).then_some("true")>
                        {*words}
                    </a>
                }
                .into_any()
            })
            .collect::<Vec<AnyView>>()
    };
    view! {
        <figure class="card lag-card">
            <div class="bar">
                <h3>"lag in seconds: the age of the oldest matching event that is not handled"</h3>
                <span class="grow"></span>
                {links}
            </div>
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    let first = history.await;
                    let now = move || {
                        let span = span.get_untracked();
                        fresh
                            .get()
                            .filter(|(of, _)| *of == span)
                            .map(|(_, history)| history)
                            .or_else(|| first.clone().ok())
                            .map(|history| chart(&history, SPANS[span].3))
                    };
                    view! { {now} }
                })}
            </Transition>
        </figure>
    }
    .into_any()
}

async fn read(api: &Api, name: &str, span: usize) -> Answer<History> {
    let (_, _, minutes, step_s) = SPANS[span];
    let until = api.store().await?.mark.seen_at;
    let since = until - SignedDuration::from_mins(minutes);
    Ok(History {
        points: api.lag_history(name, since, step_s).await?,
        since,
        until,
    })
}

fn chart(history: &History, step_s: i64) -> AnyView {
    let zone = zone();
    let (since, until) = (history.since, history.until);
    #[expect(clippy::cast_possible_truncation, reason = "seconds in milliseconds")]
    let worst = (lag_chart::worst(&history.points) * 1_000.0) as i64;
    let drawing = lag_chart::svg(&history.points, since, until, step_s * 1_000);
    let clock = move |at: Timestamp| format::clock(at, zone.get())[..8].to_owned();
    let words = if history.points.is_empty() {
        "nothing sampled yet".to_owned()
    } else {
        format!("the scale ends at {}", format::span(worst))
    };
    view! {
        <div class="lag-plot" inner_html=drawing></div>
        <figcaption class="mono">
            <span>{move || clock(since)}</span>
            <span>{words}</span>
            <span>{move || clock(until)}</span>
        </figcaption>
    }
    .into_any()
}
