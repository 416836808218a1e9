//! The time zone in which times are told: the browser's, or UTC by choice.

use jiff::Timestamp;
use leptos::prelude::*;

use super::storage;
use crate::chart::range;
use crate::format;

/// What the choice of UTC is kept as.
const KEPT: &str = "zone";

/// The time zone of the console. While rendered on the server it is UTC, so that the first paint is the same on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Zone {
    /// The browser's zone, not UTC.
    local: RwSignal<bool>,
}

impl Zone {
    /// UTC.
    pub fn new() -> Self {
        Self {
            local: RwSignal::new(false),
        }
    }

    /// Seconds east of UTC, now.
    pub fn get(self) -> i32 {
        if self.local.get() {
            offset(&js_sys::Date::new_0())
        } else {
            0
        }
    }

    /// Seconds east of UTC at a moment: summer is not winter.
    pub fn at(self, at: Timestamp) -> i32 {
        if self.local.get() {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds, below 2^52")]
            let milliseconds = at.as_millisecond() as f64;
            offset(&js_sys::Date::new(&milliseconds.into()))
        } else {
            0
        }
    }

    /// The moment that a browser's field for date and time holds.
    pub fn moment(self, text: &str) -> Option<Timestamp> {
        untrack(|| {
            // Which offset it was said in is known when it is known roughly.
            let about = range::moment(text, self.get())?;
            range::moment(text, self.at(about))
        })
    }

    /// What the visitor has chosen; the browser's zone unless that is UTC. In the browser, after hydration.
    pub fn remembered(self) {
        let utc = storage()
            .and_then(|storage| storage.get_item(KEPT).ok().flatten())
            .is_some_and(|kept| kept == "utc");
        self.local.set(!utc);
    }

    fn switch(self) {
        let utc = self.local.get_untracked();
        self.local.set(!utc);
        // Refused storage only means that the next visit begins with the browser's zone.
        if let Some(storage) = storage() {
            let _ = if utc {
                storage.set_item(KEPT, "utc")
            } else {
                storage.remove_item(KEPT)
            };
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "minutes from UTC")]
fn offset(date: &js_sys::Date) -> i32 {
    date.get_timezone_offset() as i32 * -60
}

/// The zone of this page.
pub fn zone() -> Zone {
    use_context().unwrap_or_default()
}

/// Says which zone it is, and switches between the browser's and UTC.
#[component]
pub fn ZoneSwitch() -> impl IntoView {
    let zone = zone();
    let name = move || format::zone(zone.get());
    let says = move || {
        let other = if zone.local.get() {
            "UTC"
        } else {
            "your own zone"
        };
        format!("Times are {}; tell them in {other}", name())
    };
    view! {
        <button class="quiet zone" type="button" aria-label=says title=says on:click=move |_| zone.switch()>
            {name}
        </button>
    }
    .into_any()
}
