//! One flow: its lanes, its tree, what it waits for.

use highwater_model::{Flow, FlowState, FlowSummary};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use leptos_router::params::ParamsMap;

use super::{Loading, href_with};
use crate::api::{Api, escape};
use crate::components::copy::CopyCurl;
use crate::components::flow_picture::{self, Lanes};
use crate::components::flow_state::FlowBadge;
use crate::components::flow_tree::{self, Branch, Cause};
use crate::components::grid;
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::timeline::Axis;
use crate::components::{Time, TypeName};
use crate::format;
use crate::live::on_pulse;

/// Rows of the tree unless all are asked for.
const ROWS: usize = 300;
/// An unfinished flow is read again at most this often.
const APART_MS: f64 = 2_000.0;
/// The same of a finished one: what still comes to it is an exception.
const FINISHED_APART_MS: f64 = 20_000.0;

/// One flow.
#[component]
pub fn FlowPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let found = Resource::new(
        move || id.get(),
        |id| {
            let api = Api::from_context();
            async move { api.flow(&id).await }
        },
    );
    let fresh = RwSignal::new(None::<Flow>);
    let apart = Signal::derive(move || {
        let finished = fresh.with(|fresh| {
            let shown = fresh.as_ref().map(|flow| &flow.summary);
            shown.is_some_and(|flow| {
                flow.state == FlowState::Finished && flow.correlation_id.to_string() == id.get()
            })
        });
        if finished {
            FINISHED_APART_MS
        } else {
            APART_MS
        }
    });
    on_pulse(apart, move || {
        let (api, id) = (Api::from_context(), id.get_untracked());
        Box::pin(async move {
            // What it showed stays when it can't be read again: the connection light tells of it.
            if let Ok(found) = api.flow(&id).await {
                let _ = fresh.try_set(Some(found));
            }
        })
    });
    view! {
        <Title text=move || format!("Flow {}", id.get().get(..8).unwrap_or_default()) />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(first) => {
                        let asked = first.summary.correlation_id;
                        // Only what has changed is drawn again: a finished flow stays as it is under the pointer.
                        let now = Memo::new(move |_| {
                            fresh
                                .get()
                                .filter(|flow| flow.summary.correlation_id == asked)
                                .unwrap_or_else(|| first.clone())
                        });
                        view! { {move || now.with(flow_view)} }.into_any()
                    }
                    Err(error) if error.is_not_found() => view! { <NotFound what=error.to_string() /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn flow_view(flow: &Flow) -> AnyView {
    let query = use_query_map();
    let branches = flow_tree::branches(flow);
    let id = flow.summary.correlation_id.to_string();
    let line = format!("correlation:{id}");
    view! {
        <div class="bar">
            <h1>"Flow"</h1>
            <code class="mono dim">{id.clone()}</code>
            <span class="grow"></span>
            <a href=format!("/live?filter={}", escape(&line))>"Its events with their data"</a>
            <a href=on_one_axis(flow)>"Its streams on one axis"</a>
            <CopyCurl path=format!("/api/flows/{id}") />
        </div>
        {facts(&flow.summary)}
        {waits(flow, &branches)}
        {broken(flow)}
        {move || query.with(|query| choices(&id, query))}
        {picture(flow, query)}
        {tree(flow, &branches, query)}
    }
    .into_any()
}

/// The grid with its streams, in the order in which it came to them, over the time that it took: one of them may be much older.
fn on_one_axis(flow: &Flow) -> String {
    let mut streams = Vec::new();
    for event in &flow.events {
        let stream = event.stream.as_str();
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    let (since, until) = (flow.summary.began_at, flow.summary.ended_at);
    let [since, until] = [since, until].map(|at| escape(&at.to_string()));
    format!("{}&since={since}&until={until}", grid::href(streams))
}

fn facts(summary: &FlowSummary) -> AnyView {
    let kind = format!("/flows?kind={}", escape(&summary.kind));
    let outcome = summary
        .outcome
        .clone()
        .map(|name| view! { <TypeName name /> });
    view! {
        <dl class="card cards">
            <div>
                <dt>"begins with"</dt>
                <dd>
                    <a href=kind>
                        <TypeName name=summary.kind.clone() />
                    </a>
                </dd>
            </div>
            <div>
                <dt>"state"</dt>
                <dd>
                    <FlowBadge state=summary.state late=summary.late />
                </dd>
            </div>
            <div>
                <dt>{if outcome.is_some() { "ended with" } else { "newest event" }}</dt>
                <dd>{outcome.unwrap_or_else(|| view! { <TypeName name=summary.last_type.clone() /> })}</dd>
            </div>
            <div>
                <dt>"began"</dt>
                <dd>
                    <Time at=summary.began_at />
                </dd>
            </div>
            <div>
                <dt>"from its first event to its last"</dt>
                <dd>{format::span(summary.duration_ms())}</dd>
            </div>
            <div>
                <dt>"events"</dt>
                <dd>{format::number(summary.events)}</dd>
            </div>
        </dl>
    }
    .into_any()
}

/// What an unfinished flow waits for: the events that nothing has followed.
fn waits(flow: &Flow, branches: &[Branch<'_>]) -> Option<AnyView> {
    let summary = &flow.summary;
    let rule = flow
        .rule
        .as_ref()
        .filter(|_| summary.state == FlowState::Unfinished)?;
    let newest = branches
        .iter()
        .max_by_key(|branch| branch.event.position)
        .map(|branch| branch.event.clone())?;
    let by = newest
        .service
        .map_or_else(String::new, |service| format!(" by {service}"));
    let ends = rule.ends.join(" or ");
    let given = rule.within_ms.map_or_else(String::new, |within| {
        format!(" It is given {}.", format::span(within))
    });
    let class = if summary.late { "notice bad" } else { "notice" };
    Some(
        view! {
            <p class=class role="status">
                <b>{if summary.late { "Late. " } else { "Under way. " }}</b>
                {format!("{ends} has not come yet.{given} Nothing has followed {}{by} in ", newest.event_type)}
                <a href=format!("/streams/{}", escape(newest.stream.as_str()))>{newest.stream.to_string()}</a>
                " since "
                <Time at=newest.occurred_at />
                "."
            </p>
        }
        .into_any(),
    )
}

/// Where the chain of causes is broken, and what was left out.
fn broken(flow: &Flow) -> Option<AnyView> {
    let mut said = Vec::new();
    match flow.missing.len() {
        0 => {}
        1 => said.push(format!(
            "One event names a cause that is not in this store: {}.",
            flow.missing[0]
        )),
        many => said.push(format!(
            "{many} causes that events name are not in this store."
        )),
    }
    let shown = i64::try_from(flow.events.len()).unwrap_or(i64::MAX);
    if flow.summary.events > shown {
        said.push(format!(
            "It has {} events; the first {} are shown.",
            format::number(flow.summary.events),
            format::number(shown)
        ));
    }
    (!said.is_empty()).then(|| view! { <p class="notice warn">{said.join(" ")}</p> }.into_any())
}

fn lanes_of(query: &ParamsMap) -> Lanes {
    match query.get("lanes").as_deref() {
        Some("service") => Lanes::Service,
        _ => Lanes::Stream,
    }
}

fn axis_of(query: &ParamsMap) -> Axis {
    match query.get("axis").as_deref() {
        Some("time") => Axis::Time,
        _ => Axis::Even,
    }
}

fn choices(id: &str, query: &ParamsMap) -> AnyView {
    let here = format!("/flows/{id}");
    let pill = |name: &'static str, value: &'static str, on: bool, words: &'static str| {
        view! {
            <a class="pill" href=href_with(&here, query, &[(name, value)]) data-noscroll="" aria-current=on.then_some("true")>
                {words}
            </a>
        }
    };
    let (lanes, axis) = (lanes_of(query), axis_of(query));
    view! {
        <div class="bar flow-choices">
            <span class="dim">"lanes"</span>
            {pill("lanes", "", lanes == Lanes::Stream, "by stream")}
            {pill("lanes", "service", lanes == Lanes::Service, "by service")}
            <span class="dim">"events"</span>
            {pill("axis", "", axis == Axis::Even, "one by one")}
            {pill("axis", "time", axis == Axis::Time, "by time")}
        </div>
    }
    .into_any()
}

fn picture(flow: &Flow, query: Memo<ParamsMap>) -> AnyView {
    let flow = StoredValue::new(flow.clone());
    let drawing = move || {
        query.with(|query| {
            flow.with_value(|flow| flow_picture::svg(flow, lanes_of(query), axis_of(query)))
        })
    };
    view! { <div class="card scroll whole flow-lanes" tabindex="0" role="region" aria-label="The flow as a picture; the list below says the same" inner_html=drawing></div> }
    .into_any()
}

fn tree(flow: &Flow, branches: &[Branch<'_>], query: Memo<ParamsMap>) -> AnyView {
    let all = query.with_untracked(|query| query.get("rows").as_deref() == Some("all"));
    let most = if all { branches.len() } else { ROWS };
    let rows: Vec<AnyView> = branches.iter().take(most).map(row).collect();
    let more = (branches.len() > most).then(|| {
        let href = format!("/flows/{}?rows=all", flow.summary.correlation_id);
        view! {
            <a class="button" href=href rel="external">
                {format!("Show all {} events", format::number(i64::try_from(branches.len()).unwrap_or_default()))}
            </a>
        }
    });
    view! {
        <div class="card scroll whole" tabindex="0" role="region" aria-label="Events of the flow, effects below their causes">
            <table class="flow-tree">
                <thead>
                    <tr>
                        <th>"event"</th>
                        <th>"stream"</th>
                        <th>"service"</th>
                        <th class="n">"after its cause"</th>
                        <th>"occurred"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <div class="bar">{more}</div>
    }
    .into_any()
}

fn row(branch: &Branch<'_>) -> AnyView {
    let event = branch.event;
    // Beyond twelve steps it is not indented further: a long chain would run out of the page.
    let class = format!("d{}", branch.depth.min(12));
    let since = branch.since_cause_ms().map(|since| {
        if since < 0 {
            format!("{} before it", format::span(since))
        } else {
            format!("+{}", format::span(since))
        }
    });
    let cause = match &branch.cause {
        Cause::None | Cause::Inside(_) => None,
        Cause::Outside(cause) => Some(
            view! {
                <a class="pill" href=format!("/events/{}", cause.id)>
                    {format!("caused by {} of another flow", cause.event_type)}
                </a>
            }
            .into_any(),
        ),
        Cause::Missing(id) => Some(
            view! {
                <span class="pill broken" title=id.to_string()>
                    "its cause is not in this store"
                </span>
            }
            .into_any(),
        ),
        Cause::Unknown(id) => Some(
            view! {
                <a class="pill" href=format!("/events/{id}")>
                    "its cause is not on this page"
                </a>
            }
            .into_any(),
        ),
    };
    view! {
        <tr>
            <td class=class>
                {(branch.depth > 0).then(|| view! { <span class="faint" aria-hidden="true">"↳ "</span> })}
                <a href=format!("/events/{}", event.id)>
                    <TypeName name=event.event_type.clone() />
                </a>
                " "
                {cause}
            </td>
            <td class="mono">
                <a href=format!("/streams/{}", escape(event.stream.as_str()))>{event.stream.to_string()}</a>
            </td>
            <td>{event.service.clone()}</td>
            <td class="n">{since}</td>
            <td class="mono dim">
                <Time at=event.occurred_at />
            </td>
        </tr>
    }
    .into_any()
}
