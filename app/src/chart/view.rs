//! A chart in the page: the drawing, and in HTML over it what is read: title, legend, labels, crosshair and values.

use jiff::Timestamp;
use leptos::ev::{FocusEvent, KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;

use super::words::{NOTHING, spoken, summary};
use super::{COLOURS, Plot, svg};
use crate::components::zone;
use crate::format;

/// The pointer reads what is nearer than this share of the width.
const NEAR: f64 = 0.04;

/// What is read: the values under the pointer, or those that the keys have gone to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    /// The pointer stands here, from 0 to 1 of the width, whatever moves below it.
    Pointer(f64),
    /// This moment, wherever it moves.
    Moment(Timestamp),
}

/// A chart with crosshair and values, by pointer and by keys.
#[component]
pub fn Chart(
    /// What it shows, in a few words.
    #[prop(into)]
    title: String,
    /// What is drawn.
    #[prop(into)]
    plot: Signal<Plot>,
    /// What stands beside the title.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let reading = RwSignal::new(None::<Reading>);
    let zone = zone();
    let moment = Memo::new(move |_| {
        plot.with(|plot| match reading.get()? {
            // Where nothing was measured there is nothing to read.
            Reading::Pointer(place) => plot
                .nearest(place)
                .filter(|at| (plot.middle(*at) - place).abs() < NEAR),
            Reading::Moment(at) => plot.nearest(plot.middle(at)),
        })
    });
    let read_out = move || {
        let at = moment
            .get()
            .filter(|_| matches!(reading.get(), Some(Reading::Moment(_))));
        at.map(|at| plot.with(|plot| spoken(plot, at, zone.at(at))))
    };
    let label = title.clone();
    let label = move || {
        let summary = plot.with(summary);
        format!("{label}. {summary} The arrow keys read the values.")
    };
    view! {
        <figure class="chart">
            <div class="chart-head">
                <h3>{title}</h3>
                <span class="grow"></span>
                {children.map(|children| children())}
            </div>
            {move || plot.with(legend)}
            <div class="chart-body">
                <div class="chart-values mono" aria-hidden="true">
                    {move || plot.with(value_labels)}
                </div>
                <Area plot reading moment label=Signal::derive(label) />
                <svg class="chart-times mono" aria-hidden="true">
                    {move || plot.with(|plot| time_labels(plot, zone.get()))}
                </svg>
            </div>
            <p class="unseen" aria-live="polite">
                {read_out}
            </p>
        </figure>
    }
    .into_any()
}

/// The drawing, with what the pointer and the keys do on it.
#[component]
fn Area(
    /// What is drawn.
    plot: Signal<Plot>,
    /// What is read.
    reading: RwSignal<Option<Reading>>,
    /// The moment that comes to.
    moment: Memo<Option<Timestamp>>,
    /// The chart in a sentence.
    label: Signal<String>,
) -> impl IntoView {
    let area = NodeRef::<html::Div>::new();
    let point = move |event: PointerEvent| {
        if let Some(area) = area.get_untracked() {
            let rect = area.get_bounding_client_rect();
            let place = (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0);
            reading.set(Some(Reading::Pointer(place.clamp(0.0, 1.0))));
        }
    };
    // The keys' moment stays while the pointer passes over; it goes with the focus.
    let leave = move |_: PointerEvent| reading.set(None);
    let blur = move |_: FocusEvent| reading.set(None);
    let press = move |event: KeyboardEvent| {
        let to = plot.with_untracked(|plot| {
            let here = moment.get_untracked();
            let go = |steps| match here {
                Some(here) => plot.step(here, steps),
                // The newest one is the first that is read.
                None => plot.nearest(1.0),
            };
            match event.key().as_str() {
                "ArrowLeft" => go(-1),
                "ArrowRight" => go(1),
                "PageUp" => go(-10),
                "PageDown" => go(10),
                "Home" => plot.nearest(0.0),
                "End" => plot.nearest(1.0),
                _ => None,
            }
        });
        if let Some(to) = to {
            event.prevent_default();
            reading.set(Some(Reading::Moment(to)));
        } else if event.key() == "Escape" {
            reading.set(None);
        }
    };
    view! {
        <div
            class="chart-area"
            node_ref=area
            tabindex="0"
            role="group"
            aria-roledescription="chart"
            aria-label=label
            on:pointermove=point
            on:pointerleave=leave
            on:keydown=press
            on:blur=blur
        >
            <div class="chart-drawing" inner_html=move || plot.with(svg)></div>
            {move || {
                let at = moment.get()?;
                Some(plot.with(|plot| cross(plot, at)))
            }}
            {move || {
                let none = plot.with(|plot| plot.series.iter().all(|series| series.points.is_empty()));
                none.then(|| view! { <span class="chart-none">{NOTHING}</span> })
            }}
            <Tip plot moment />
        </div>
    }
    .into_any()
}

/// The values at the crosshair, on the side where there is room.
#[component]
fn Tip(
    /// What is drawn.
    plot: Signal<Plot>,
    /// What is read.
    moment: Memo<Option<Timestamp>>,
) -> impl IntoView {
    let side = move || {
        let right = moment
            .get()
            .is_some_and(|at| plot.with(|plot| plot.middle(at) < 0.5));
        if right {
            "chart-tip right"
        } else {
            "chart-tip"
        }
    };
    let zone = zone();
    move || {
        let at = moment.get()?;
        let rows = plot.with(|plot| {
            let mut values = plot.read(at);
            values.sort_by(|one, other| other.1.total_cmp(&one.1));
            values
                .into_iter()
                .map(|(index, value)| {
                    view! {
                        <div>
                            <dt>
                                <i class=colour(index) aria-hidden="true"></i>
                                {plot.series[index].name.clone()}
                            </dt>
                            <dd>{plot.unit.told(value)}</dd>
                        </div>
                    }
                })
                .collect_view()
        });
        Some(view! {
            <div class=side aria-hidden="true">
                <b class="mono">{format::date_time(at, zone.at(at))}</b>
                <dl>{rows}</dl>
            </div>
        })
    }
}

/// The class of a series' colour.
fn colour(index: usize) -> String {
    format!("colour c{}", index % COLOURS)
}

/// Which colour is which; of one series the title says it.
fn legend(plot: &Plot) -> Option<AnyView> {
    (plot.series.len() > 1).then(|| {
        let items = plot.series.iter().enumerate().map(|(index, series)| {
            view! {
                <li>
                    <i class=colour(index) aria-hidden="true"></i>
                    {series.name.clone()}
                </li>
            }
        });
        view! { <ul class="legend">{items.collect_view()}</ul> }.into_any()
    })
}

/// The labels of the axis of values, the highest first: they are equally far apart, so the page needs no places for them.
fn value_labels(plot: &Plot) -> Vec<AnyView> {
    let ticks = plot.values.ticks.iter().rev();
    ticks
        .map(|tick| view! { <span>{plot.unit.label(*tick)}</span> }.into_any())
        .collect()
}

fn time_labels(plot: &Plot, zone: i32) -> Vec<AnyView> {
    let ticks = plot.times.ticks.iter();
    ticks
        .map(|at| {
            let place = plot.place(*at);
            // At the edges a label would be cut off in its middle.
            let anchor = match place {
                ..0.03 => "start",
                ..0.97 => "middle",
                _ => "end",
            };
            view! {
                <text x=percent(place) y="12" text-anchor=anchor>
                    {plot.times.label(*at, zone)}
                </text>
            }
            .into_any()
        })
        .collect()
}

/// The line at a moment, and a dot at each value.
fn cross(plot: &Plot, at: Timestamp) -> AnyView {
    let x = percent(plot.middle(at));
    let dots = plot
        .read(at)
        .into_iter()
        .map(|(index, value)| {
            view! {
                <circle class=colour(index) cx=x.clone() cy=percent(plot.height(value)) r="3.5"></circle>
            }
        })
        .collect_view();
    view! {
        <svg class="chart-cross" aria-hidden="true">
            <line x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
            {dots}
        </svg>
    }
    .into_any()
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}
