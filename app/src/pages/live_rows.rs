//! The rows of the live page: a fixed number of them in the document, however many events flow.

use highwater_model::{Gap, Position, RecordedEvent};
use leptos::html;
use leptos::prelude::*;

use super::live_query::LiveQuery;
use crate::api::{Api, LogRequest, escape};
use crate::components::{TypeName, zone};
use crate::format;
use crate::live::{Buffer, Row};

/// Rows in the document; enough for a 4K screen and some beyond its edges. The first page of the log has as many.
pub const SLOTS: usize = 80;
/// Rows beyond the upper edge, so that a scrolled row is there before it is seen.
const ABOVE: usize = 10;
/// Height of a row in pixels; the style sheet says the same.
const ROW: f64 = 28.0;
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
    // The heights of what is not in the document: set through the CSSOM, which the content security policy lets through.
    Effect::new(move || {
        let len = buffer.with(Buffer::len);
        let before = first.get();
        let behind = len.saturating_sub(before + SLOTS);
        for (node, rows) in [(above.get(), before), (below.get(), behind)] {
            if let Some(node) = node {
                let _ = web_sys::HtmlElement::style(&node)
                    .set_property("height", &format!("{}px", rows * 28));
            }
        }
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scroll offset is small and not negative"
    )]
    let scroll = move |_| {
        if let Some(pane) = pane.get_untracked() {
            let offset = f64::from(pane.scroll_top()).max(0.0);
            let at = ((offset / ROW) as usize).saturating_sub(ABOVE);
            if first.get_untracked() != at {
                first.set(at);
            }
            if scrolled.get_untracked() != (offset > ROW / 2.0) {
                scrolled.set(offset > ROW / 2.0);
            }
        }
    };
    let slots = (0..SLOTS)
        .map(|slot| {
            move || {
                let row = buffer.with(|buffer| buffer.row(first.get() + slot).cloned());
                row.map(|row| match row {
                    Row::Event(event) => {
                        leptos::either::Either::Left(event_row(&event, query, zone))
                    }
                    Row::Gap(gap) => leptos::either::Either::Right(gap_row(gap, buffer, query)),
                })
            }
        })
        .collect_view();
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
                <tbody>{slots}</tbody>
            </table>
            <div node_ref=below></div>
        </div>
    }
    .into_any()
}

fn event_row(
    event: &RecordedEvent,
    query: Memo<LiveQuery>,
    zone: RwSignal<i32>,
) -> impl IntoView + use<> {
    let id = event.id.to_string();
    let (selected, href) = query.with(|query| {
        (
            query.event.as_deref() == Some(id.as_str()),
            query.with_event(Some(id.clone())).href(),
        )
    });
    let stream = event.stream.to_string();
    view! {
        <tr class:selected=selected>
            <td class="n">
                <a class="row-link" href=href data-noscroll="">
                    {format::number(event.position.0)}
                </a>
            </td>
            <td class="mono dim" title=event.recorded_at.to_string()>
                {format::clock(event.recorded_at, zone.get())}
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
