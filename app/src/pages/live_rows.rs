//! The rows of the live page: a fixed number of them in the document, however many events flow.

use highwater_model::{Gap, Position, RecordedEvent};
use leptos::html;
use leptos::prelude::*;
use uuid::Uuid;

use super::live_query::LiveQuery;
use crate::api::{Api, LogRequest, escape};
use crate::components::{TypeName, zone};
use crate::format;
use crate::live::{Buffer, Row};

/// Rows in the document at most; enough for a 4K screen and some beyond its edges. The first page of the log has as many.
pub const SLOTS: usize = 80;
/// Rows beyond each edge, so that a scrolled row is there before it is seen.
const BEYOND: usize = 10;
/// Height of a row in pixels; the style sheet says the same.
const ROW: f64 = 28.0;
/// The same, to count with.
const ROW_PX: usize = 28;
/// Events that one click fills into a gap at most.
const FILL: usize = 1_000;

/// The table.
#[component]
pub fn LiveRows(
    /// The rows.
    buffer: RwSignal<Buffer>,
    /// What the page shows.
    query: Memo<LiveQuery>,
    /// Set while the pointer is over the rows, or they are scrolled down: nothing may move.
    still: RwSignal<bool>,
    /// Scrolls to the newest row when it changes.
    top: RwSignal<u32>,
) -> impl IntoView {
    let zone = zone();
    let first = RwSignal::new(0_usize);
    let pane = NodeRef::<html::Div>::new();
    let over = RwSignal::new(false);
    let scrolled = RwSignal::new(false);
    let above = NodeRef::<html::Div>::new();
    let below = NodeRef::<html::Div>::new();
    Effect::new(move || still.set(over.get() || scrolled.get()));
    Effect::new(move || {
        top.track();
        if let Some(pane) = pane.get() {
            pane.set_scroll_top(0);
        }
    });
    let slots = slots(pane);
    let behind = Memo::new(move |_| {
        buffer
            .with(Buffer::len)
            .saturating_sub(first.get() + slots.get())
    });
    fill(above, Memo::new(move |_| first.get()));
    fill(below, behind);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scroll offset is small and not negative"
    )]
    let scroll = move |_| {
        if let Some(pane) = pane.get_untracked() {
            let offset = f64::from(pane.scroll_top()).max(0.0);
            let at = ((offset / ROW) as usize).saturating_sub(BEYOND);
            if first.get_untracked() != at {
                first.set(at);
            }
            if scrolled.get_untracked() != (offset > ROW / 2.0) {
                scrolled.set(offset > ROW / 2.0);
            }
        }
    };
    // Keyed, so that a frame makes the rows that are new and leaves the others alone.
    let rows = move || {
        let first = first.get();
        buffer.with(|buffer| {
            (first..first + slots.get())
                .map_while(|at| buffer.row(at).cloned())
                .map(|row| {
                    let zone = match &row {
                        Row::Event(event) => zone.at(event.recorded_at),
                        Row::Gap(_) => 0,
                    };
                    (row, zone)
                })
                .collect::<Vec<_>>()
        })
    };
    let chosen = Memo::new(move |_| {
        query.with(|query| {
            query
                .event
                .as_deref()
                .and_then(|id| id.parse::<Uuid>().ok())
        })
    });
    let show = move |(row, zone): (Row, i32)| match row {
        Row::Event(event) => leptos::either::Either::Left(event_row(&event, query, chosen, zone)),
        Row::Gap(gap) => leptos::either::Either::Right(gap_row(gap, buffer, query)),
    };
    view! {
        <div
            class="card rows"
            node_ref=pane
            tabindex="0"
            role="region"
            aria-label="Events, newest first"
            on:scroll=scroll
            on:pointerenter=move |event| over.set(event.pointer_type() == "mouse")
            on:pointerleave=move |_| over.set(false)
        >
            <div node_ref=above></div>
            <table class="events">
                <thead>
                    <tr>
                        <th class="n">"position"</th>
                        <th>{move || format!("recorded, {}", format::zone(zone.get()))}</th>
                        <th>"type"</th>
                        <th>"stream"</th>
                        <th class="n">"version"</th>
                        <th class="data">"data"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=rows key=key children=show />
                </tbody>
            </table>
            <div node_ref=below></div>
        </div>
    }
    .into_any()
}

/// As many rows as the pane can show, and some beyond its edges: the browser lays out and paints each of them whenever a row comes.
fn slots(pane: NodeRef<html::Div>) -> RwSignal<usize> {
    let slots = RwSignal::new(SLOTS);
    let measure = move || {
        if let Some(pane) = pane.get_untracked() {
            let seen = usize::try_from(pane.client_height()).unwrap_or(0) / ROW_PX;
            let wanted = (seen + 2 * BEYOND).min(SLOTS);
            if slots.get_untracked() != wanted {
                slots.set(wanted);
            }
        }
    };
    Effect::new(move || {
        if pane.get().is_some() {
            measure();
        }
        let resized = window_event_listener(leptos::ev::resize, move |_| measure());
        on_cleanup(move || resized.remove());
    });
    slots
}

/// Gives a node the height of so many rows, which are not in the document. Through the CSSOM: the content security policy lets that through.
fn fill(node: NodeRef<html::Div>, rows: Memo<usize>) {
    Effect::new(move || {
        if let Some(node) = node.get() {
            let _ = web_sys::HtmlElement::style(&node)
                .set_property("height", &format!("{}px", rows.get() * ROW_PX));
        }
    });
}

/// What tells a row from every other; its times are told in a zone.
fn key((row, zone): &(Row, i32)) -> (i64, i64, i32) {
    match row {
        Row::Event(event) => (event.position.0, 0, *zone),
        Row::Gap(gap) => (gap.after.0, gap.before.0, *zone),
    }
}

fn event_row(
    event: &RecordedEvent,
    query: Memo<LiveQuery>,
    chosen: Memo<Option<Uuid>>,
    zone: i32,
) -> impl IntoView + use<> {
    let id = event.id;
    // A row outlives a change of the filter, its link must not.
    let href = move || query.with(|query| query.with_event(Some(id.to_string())).href());
    let stream = event.stream.to_string();
    view! {
        <tr class:selected=move || chosen.get() == Some(id)>
            <td class="n">
                <a class="row-link" href=href data-noscroll="">
                    {format::number(event.position.0)}
                </a>
            </td>
            <td class="mono dim" title=event.recorded_at.to_string()>
                {format::clock(event.recorded_at, zone)}
            </td>
            <td>
                <TypeName name=event.event_type.clone() />
            </td>
            <td class="mono">
                <a class="over" href=format!("/streams/{}", escape(&stream))>
                    {stream.clone()}
                </a>
            </td>
            <td class="n">{format::number(event.version.0)}</td>
            <td class="mono dim data">{format::preview(event)}</td>
        </tr>
    }
}

fn gap_row(gap: Gap, buffer: RwSignal<Buffer>, query: Memo<LiveQuery>) -> impl IntoView {
    let fill = move |_| {
        let filter = query.with_untracked(LiveQuery::whole_filter);
        leptos::task::spawn_local(async move {
            // From the older end, so that what is still missing afterwards stays at the newer one.
            let request = LogRequest {
                after: Some(gap.after.0),
                before: Some(gap.before.0),
                limit: FILL,
                filter,
                ..LogRequest::default()
            };
            if let Ok(page) = Api::from_context().events(&request).await {
                let read_to = page.next.map_or(Position(gap.before.0 - 1), |next| {
                    next.min(Position(gap.before.0 - 1))
                });
                let _ = buffer.try_update(|buffer| buffer.fill(gap, page.events, read_to));
            }
        });
    };
    view! {
        <tr class="gap">
            <td colspan="6">
                {format!(
                    "⋯ {} positions not shown ({} – {}) · ",
                    format::number(gap.count),
                    format::number(gap.after.0 + 1),
                    format::number(gap.before.0 - 1),
                )}
                <button class="link" type="button" on:click=fill>
                    "fill in"
                </button>
            </td>
        </tr>
    }
}
