//! Events over time above the live page's rows, and the range that is picked there.

use highwater_model::Histogram;
use jiff::{SignedDuration, Timestamp};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::live_query::LiveQuery;
use crate::api::Api;
use crate::chart::{self, Plot};
use crate::components::pick::Pick;
use crate::components::zone;
use crate::format;

/// Bars of the histogram.
const BUCKETS: usize = 120;
/// What the histogram shows unless a range is picked.
const WINDOW: SignedDuration = SignedDuration::from_mins(20);

/// Events over time; drag over it to pick a range.
#[component]
pub fn Bars(
    /// The counts.
    bars: RwSignal<Option<Histogram>>,
    /// What the URL says.
    shown: Memo<LiveQuery>,
) -> impl IntoView {
    let zone = zone();
    let navigate = use_navigate();
    let picked = Callback::new(move |(low, high): (f64, f64)| {
        let range =
            bars.with_untracked(|bars| bars.as_ref().and_then(|bars| range_of(bars, low, high)));
        if let (true, Some(range)) = (high - low > 0.004, range) {
            let query = LiveQuery {
                range: Some(range),
                before: None,
                ..shown.get_untracked()
            };
            navigate(&query.href(), NavigateOptions::default());
        }
    });
    let drawing = move || {
        bars.with(|bars| {
            bars.as_ref()
                .map(|bars| chart::svg(&Plot::of_counts(bars, shown.get().range)))
                .unwrap_or_default()
        })
    };
    let total = move || {
        bars.with(|bars| {
            bars.as_ref().map(|bars| {
                let picked = shown.get().range;
                let count: i64 = bars
                    .buckets
                    .iter()
                    .filter(|bucket| {
                        picked.is_none_or(|(since, until)| bucket.at >= since && bucket.at < until)
                    })
                    .map(|bucket| bucket.count)
                    .sum();
                let part = if bars.complete {
                    ""
                } else {
                    ", older ones not counted"
                };
                match picked {
                    Some((since, until)) => format!(
                        "{} – {} selected · {}{part}",
                        format::date_time(since, zone.at(since)),
                        format::date_time(until, zone.at(until)),
                        events(count)
                    ),
                    None => format!("{} in 20 min{part}", events(count)),
                }
            })
        })
    };
    let edge = move |last: bool| {
        bars.with(|bars| {
            bars.as_ref().map(|bars| {
                let at = if last { bars.until } else { bars.since };
                format::clock(at, zone.at(at))[..8].to_owned()
            })
        })
    };
    view! {
        <figure class="card histogram" class:hidden=move || bars.with(Option::is_none)>
            <Pick class="plot" picked>
                <div inner_html=drawing></div>
            </Pick>
            <figcaption class="mono">
                <span>{move || edge(false)}</span>
                <span class="total">{total}</span>
                <span>{move || edge(true)}</span>
            </figcaption>
        </figure>
    }
    .into_any()
}

fn events(count: i64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} event{s}", format::number(count))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "milliseconds of a shown window"
)]
fn range_of(histogram: &Histogram, low: f64, high: f64) -> Option<(Timestamp, Timestamp)> {
    let since = histogram.since.as_millisecond();
    let width = (histogram.until.as_millisecond() - since) as f64;
    let at = |share: f64| Timestamp::from_millisecond(since + (width * share).round() as i64).ok();
    at(low).zip(at(high))
}

/// The histogram stands beside the events: without it the page is still right, so a failure leaves it out.
pub(super) async fn read_histogram(
    api: &Api,
    now: Timestamp,
    range: Option<(Timestamp, Timestamp)>,
    filter: &str,
) -> Option<Histogram> {
    let (since, until) = if let Some((since, until)) = range {
        // The picked range with as much around it on either side.
        let width = until.duration_since(since);
        (
            since.checked_sub(width).ok()?,
            until.checked_add(width).ok()?,
        )
    } else {
        (now.checked_sub(WINDOW).ok()?, now)
    };
    api.histogram(since, until, BUCKETS, filter).await.ok()
}
