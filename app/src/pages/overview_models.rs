//! The worst read models of the overview, each with a line of its lag.

use std::collections::BTreeMap;

use highwater_model::{LagHistory, ReadModel};
use leptos::prelude::*;

use super::href_with;
use super::overview_charts::Charts;
use super::read_models::{NoReadModel, WorstFirst};
use crate::api::escape;
use crate::chart::{Range, Shape, Unit, series, sparkline};
use crate::components::read_model_state::{StateBadge, matching, seconds};
use crate::format;

/// Rows of the table.
const ROWS: usize = 8;

/// The table.
#[component]
pub fn WorstReadModels(
    /// All of them, the worst first.
    models: RwSignal<Vec<ReadModel>>,
    /// With the history of their lag.
    #[prop(into)]
    charts: Signal<Charts>,
    /// Set while somebody points at the rows: they keep their places.
    still: RwSignal<bool>,
) -> impl IntoView {
    let range = Memo::new(move |_| charts.with(|charts| charts.range));
    // Drawn when the history is read anew, not with each message of the feed.
    let sparks = Memo::new(move |_| charts.with(|charts| sparks(&charts.lag)));
    let rows = move || {
        models.with(|models| {
            sparks.with(|sparks| {
                let shown = models.iter().take(ROWS);
                shown
                    .map(|model| row(model, sparks.get(&model.name), range.get()))
                    .collect::<Vec<AnyView>>()
            })
        })
    };
    let more = move || {
        let more = models.with(Vec::len).saturating_sub(ROWS);
        (more > 0).then(|| view! { <a class="more" href="/read-models">{format!("{more} more read models")}</a> })
    };
    let empty = Memo::new(move |_| models.with(Vec::is_empty));
    view! {
        <section class="card worst" aria-label="Worst read models">
            <Show when=move || !empty.get() fallback=NoReadModel>
                <WorstFirst class="scroll" still>
                    <table class="models">
                        <thead>
                            <tr>
                                <th>"state"</th>
                                <th>
                                    <a href="/read-models">"read model"</a>
                                </th>
                                <th>"lag"</th>
                                <th class="n">"oldest"</th>
                                <th class="n">"matching"</th>
                                <th class="n">"events / s"</th>
                                <th>"trend"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </WorstFirst>
                {more}
            </Show>
        </section>
    }
    .into_any()
}

/// A line for each, and its highest lag in words.
fn sparks(history: &LagHistory) -> BTreeMap<String, (String, String)> {
    let range = (history.since, history.until);
    let of = history.read_models.iter().map(|of| {
        let series = series::lag(history, of, Shape::Area);
        let most = series
            .points
            .iter()
            .map(|point| point.1)
            .fold(0.0, f64::max);
        let words = format!("{} at most", Unit::Seconds.told(most));
        (
            of.name.clone(),
            (sparkline(series, range, Unit::Seconds), words),
        )
    });
    of.collect()
}

fn row(model: &ReadModel, spark: Option<&(String, String)>, range: Range) -> AnyView {
    let name = model.name.clone();
    let said = range.query();
    let said: Vec<(&'static str, &str)> = said
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let path = format!("/read-models/{}", escape(&name));
    let href = href_with(&path, &leptos_router::params::ParamsMap::new(), &said);
    let (line, words) = spark.cloned().unwrap_or_default();
    view! {
        <tr>
            <td>
                <StateBadge state=model.state />
            </td>
            <td class="wide">
                <a class="mono" href=href>
                    {name}
                </a>
                <span class="dim" title=model.describe.clone()>
                    {model.describe.clone()}
                </span>
            </td>
            <td>
                <div class="spark" title=words inner_html=line></div>
            </td>
            <td class="n">{seconds(model.lag)}</td>
            <td class="n">{matching(model.lag).replace(" matching", "")}</td>
            <td class="n">{format::rate(model.rate)}</td>
            <td class="trend">{model.trend.clone()}</td>
        </tr>
    }
    .into_any()
}
