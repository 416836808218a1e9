//! Streams that are collected to be seen on one axis of time. What is collected stays with the browser; what is shown is in the URL.

use leptos::prelude::*;

use super::storage;
use crate::api::escape;

/// Streams on a grid at most: more are no picture.
pub const MOST: usize = 12;
/// What the collection is kept as.
const KEPT: &str = "grid";

/// What was collected. Nothing while rendered on the server, so that the first paint is the same on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    streams: RwSignal<Vec<String>>,
}

impl Grid {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            streams: RwSignal::new(Vec::new()),
        }
    }

    /// What this browser has collected. In the browser, after hydration.
    pub fn remembered(self) {
        let kept = storage().and_then(|storage| storage.get_item(KEPT).ok().flatten());
        let streams = kept.and_then(|kept| serde_json::from_str::<Vec<String>>(&kept).ok());
        self.streams.set(streams.unwrap_or_default());
    }

    /// The streams.
    pub fn streams(self) -> Vec<String> {
        self.streams.get()
    }

    /// Whether a stream is on it.
    fn has(self, stream: &str) -> bool {
        self.streams
            .with(|streams| streams.iter().any(|one| one == stream))
    }

    /// Whether it has no room left.
    fn is_full(self) -> bool {
        self.streams.with(|streams| streams.len() >= MOST)
    }

    /// One more.
    fn add(self, stream: String) {
        let mut streams = self.streams.get_untracked();
        streams.push(stream);
        self.set(streams);
    }

    /// It is these from now on.
    pub fn set(self, streams: Vec<String>) {
        if self.streams.with_untracked(|before| *before == streams) {
            return;
        }
        // Refused storage only means that the next visit begins with nothing.
        if let (Some(storage), Ok(kept)) = (storage(), serde_json::to_string(&streams)) {
            let _ = storage.set_item(KEPT, &kept);
        }
        self.streams.set(streams);
    }
}

impl Default for Grid {
    fn default() -> Self {
        Self::new()
    }
}

/// The page that shows streams on one axis.
pub fn href<'a>(streams: impl IntoIterator<Item = &'a str>) -> String {
    streams
        .into_iter()
        .take(MOST)
        .enumerate()
        .fold("/grid".to_owned(), |href, (nth, stream)| {
            let sign = if nth == 0 { '?' } else { '&' };
            format!("{href}{sign}stream={}", escape(stream))
        })
}

/// A stream of a list, to be collected or left out. Nothing without JavaScript: its page has a link.
#[component]
pub fn GridMark(
    /// The stream.
    stream: String,
) -> impl IntoView {
    let grid = expect_context::<Grid>();
    let label = format!("{stream} on the grid");
    let of = StoredValue::new(stream);
    let there = Memo::new(move |_| of.with_value(|of| grid.has(of)));
    let change = move |_| {
        let of = of.get_value();
        if there.get_untracked() {
            let mut streams = grid.streams.get_untracked();
            streams.retain(|stream| *stream != of);
            grid.set(streams);
        } else {
            grid.add(of);
        }
    };
    view! {
        <input
            type="checkbox"
            aria-label=label
            prop:checked=move || there.get()
            disabled=move || grid.is_full() && !there.get()
            on:change=change
        />
    }
    .into_any()
}

/// Leads to the streams that are collected, as soon as there is one.
#[component]
pub fn GridLink() -> impl IntoView {
    let grid = expect_context::<Grid>();
    let leads = move || href(grid.streams().iter().map(String::as_str));
    let says = move || match grid.streams().len() {
        1 => "One stream on the grid".to_owned(),
        count => format!("{count} streams on the grid"),
    };
    let none = move || grid.streams().is_empty();
    view! {
        <a class="button" class:hidden=none href=leads>
            {says}
        </a>
    }
    .into_any()
}

/// Collects a stream; once it is collected, leads to the grid. Without JavaScript it leads to a grid with this stream.
#[component]
pub fn AddToGrid(
    /// The stream.
    stream: String,
) -> impl IntoView {
    let grid = expect_context::<Grid>();
    let alone = href([stream.as_str()]);
    let of = stream.clone();
    let there = Memo::new(move |_| grid.has(&of));
    let full = Memo::new(move |_| grid.is_full());
    let add = move |event: leptos::ev::MouseEvent| {
        if there.get_untracked() || full.get_untracked() {
            return;
        }
        event.prevent_default();
        grid.add(stream.clone());
    };
    let leads = move || {
        let streams = grid.streams();
        if there.get() || full.get() {
            href(streams.iter().map(String::as_str))
        } else {
            alone.clone()
        }
    };
    let says = move || {
        let count = grid.streams().len();
        if there.get() {
            format!("On the grid ({count})")
        } else if full.get() {
            format!("The grid is full ({count})")
        } else {
            "Add to grid".to_owned()
        }
    };
    view! {
        <a class="button" href=leads on:click=add>
            {says}
        </a>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_each_stream_whatever_its_name_is() {
        assert_eq!(href([]), "/grid");
        assert_eq!(
            href(["order-1", "a&b=c-ü"]),
            "/grid?stream=order-1&stream=a%26b%3Dc-%C3%BC"
        );
        assert_eq!(href(["x"; 40]).matches("stream=").count(), MOST);
    }
}
