//! Picking on a drawing with the pointer: a click, or a drag over a part of it.

use leptos::html;
use leptos::prelude::*;

/// A drawing on which something is picked: from where to where, as shares of its width from 0 to 1; the same twice for a click.
#[component]
pub fn Pick(
    /// Its class.
    class: &'static str,
    /// What a click and a drag do, told on hover.
    #[prop(optional)]
    title: Option<&'static str>,
    /// Told what was picked.
    picked: Callback<(f64, f64)>,
    /// The drawing.
    children: Children,
) -> impl IntoView {
    let area = NodeRef::<html::Div>::new();
    let shade = NodeRef::<html::Div>::new();
    let from = RwSignal::new(None::<f64>);
    // Where the pointer is, as a share of the width.
    let share = move |x: i32| {
        let rect = area.get_untracked()?.get_bounding_client_rect();
        Some(((f64::from(x) - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0))
    };
    let draw = move |low: f64, high: f64| {
        if let Some(shade) = shade.get_untracked() {
            let style = web_sys::HtmlElement::style(&shade);
            let _ = style.set_property("left", &format!("{:.2}%", low * 100.0));
            let _ = style.set_property("width", &format!("{:.2}%", (high - low) * 100.0));
        }
    };
    let grab = move |event: leptos::ev::PointerEvent| {
        // The drag goes on beyond the edges, so that what stands at them can be reached.
        if let Some(area) = area.get_untracked() {
            let _ = area.set_pointer_capture(event.pointer_id());
        }
        from.set(share(event.client_x()));
    };
    let drag = move |event: leptos::ev::PointerEvent| {
        if let (Some(start), Some(here)) = (from.get_untracked(), share(event.client_x())) {
            draw(start.min(here), start.max(here));
        }
    };
    let stop = move || {
        from.set(None);
        draw(0.0, 0.0);
    };
    let release = move |event: leptos::ev::PointerEvent| {
        if let (Some(start), Some(end)) = (from.get_untracked(), share(event.client_x())) {
            stop();
            picked.run((start.min(end), start.max(end)));
        }
    };
    view! {
        <div
            class=class
            title=title
            node_ref=area
            on:pointerdown=grab
            on:pointermove=drag
            on:pointerup=release
            on:pointercancel=move |_| stop()
        >
            {children()}
            <div class="shade" node_ref=shade></div>
        </div>
    }
}
