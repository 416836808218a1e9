//! The charts of the overview: appends, and the lag of the read models that were furthest behind.

use highwater_model::{Histogram, LagHistory};
use jiff::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::live_query::LiveQuery;
use crate::api::{Answer, Api};
use crate::chart::view::Chart;
use crate::chart::{COLOURS, Plot, Range, Series, Shape, Unit, series};
use crate::components::zone;
use crate::format;
use crate::live::Live;

/// Read models whose history is read: the chart shows the worst, the table beside it has a line for each.
const READ: usize = 20;

/// What both charts show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// Which time was asked for.
    pub(super) range: Range,
    /// When it was read, by the server's clock.
    now: Timestamp,
    /// How many events were recorded when.
    appends: Histogram,
    /// How far behind read models were.
    pub(super) lag: LagHistory,
}

impl Charts {
    /// When it was read.
    pub(super) fn read_at(&self) -> Timestamp {
        self.now
    }

    /// From when to when.
    pub(super) fn ends(&self) -> (Timestamp, Timestamp) {
        (self.lag.since, self.lag.until)
    }

    fn appended(&self) -> i64 {
        let buckets = self.appends.buckets.iter();
        buckets.map(|bucket| bucket.count).sum()
    }
}

/// Reads them.
pub(super) async fn read_charts(api: &Api, now: Timestamp, range: Range) -> Answer<Charts> {
    let (since, until) = range.at(now);
    Ok(Charts {
        range,
        now,
        appends: api.histogram(since, until, range.parts(), "").await?,
        lag: api
            .lag_histories((since, until), range.step_s(), READ)
            .await?,
    })
}

/// Series of the lag of those that were furthest behind, by name.
fn lag_series(history: &LagHistory) -> Vec<Series> {
    let worst = |of: &Series| of.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let of = history.read_models.iter();
    let mut series: Vec<Series> = of.map(|of| series::lag(history, of, Shape::Line)).collect();
    series.sort_by(|one, other| worst(other).total_cmp(&worst(one)));
    series.truncate(COLOURS);
    series.sort_by(|one, other| one.name.cmp(&other.name));
    series
}

/// Both, side by side.
#[component]
pub fn OverviewCharts(
    /// What they show.
    #[prop(into)]
    charts: Signal<Charts>,
    /// Events a second when the page was rendered.
    first_rate: f64,
) -> impl IntoView {
    let zone = zone();
    let live = expect_context::<Live>();
    let appends = Memo::new(move |_| {
        charts.with(|charts| {
            let series = series::appends(&charts.appends, charts.now);
            Plot::new(charts.ends(), Unit::Rate, vec![series], zone.get())
        })
    });
    let lag = Memo::new(move |_| {
        charts.with(|charts| {
            let series = lag_series(&charts.lag);
            Plot::new(charts.ends(), Unit::Seconds, series, zone.get())
        })
    });
    let rate = Memo::new(move |_| {
        let rate = live
            .mark
            .with(|mark| mark.as_ref().map_or(first_rate, |mark| mark.rate));
        format!("{} / s now", format::rate(rate))
    });
    let count = move || {
        charts.with(|charts| {
            let count = charts.appended();
            let s = if count == 1 { "" } else { "s" };
            format!(
                "{} event{s} {}",
                format::number(count),
                charts.range.words()
            )
        })
    };
    let those = move || {
        charts.with(|charts| {
            LiveQuery {
                range: Some(charts.ends()),
                ..LiveQuery::default()
            }
            .href()
        })
    };
    let picture = move |name: &'static str| {
        move || {
            let asked = charts.with(|charts| charts.range.asked());
            format!("/api/charts/{name}.png?{asked}")
        }
    };
    view! {
        <section class="card plots" aria-label="Append rate">
            <Chart title="Append rate" plot=appends>
                <a href="/live">{move || rate.get()}</a>
                <a href=those>{count}</a>
                <a class="dim" href=picture("appends") rel="external" title="This chart as a picture, for a report">
                    "PNG"
                </a>
            </Chart>
        </section>
        <section class="card plots" aria-label="Lag of the worst read models">
            <Chart title="Lag, worst read models" plot=lag>
                <LeftOut charts />
                <a class="dim" href=picture("lag") rel="external" title="This chart as a picture, for a report">
                    "PNG"
                </a>
            </Chart>
        </section>
    }
    .into_any()
}

/// How many read models the chart does not show.
#[component]
fn LeftOut(
    /// What the charts show.
    charts: Signal<Charts>,
) -> impl IntoView {
    move || {
        let more = charts.with(|charts| {
            let read = i64::try_from(charts.lag.read_models.len()).unwrap_or_default();
            let shown = i64::try_from(COLOURS).unwrap_or_default().min(read);
            read + charts.lag.left_out - shown
        });
        (more > 0).then(|| view! { <a href="/read-models">{format!("{more} more")}</a> })
    }
}
