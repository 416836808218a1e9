//! Spans of appends, for a collector of traces. Where none is named nothing wants them, and they cost next to nothing.

use highwater_model::TRACES;
use tracing::{Span, info_span};

/// Appends that a batch's span is linked to at most; collectors cut off more.
const LINKS: usize = 128;

/// An append from when it waits until it is answered, as a part of what goes on around it.
pub(crate) fn append(events: usize) -> Span {
    info_span!(target: TRACES, "append", highwater.events = number(events))
}

/// A batch. It has no one parent: it is linked to the appends that it records.
pub(crate) fn batch<'a>(appends: impl ExactSizeIterator<Item = &'a Span>, events: usize) -> Span {
    let span = info_span!(
        target: TRACES,
        parent: None,
        "append.batch",
        highwater.appends = number(appends.len()),
        highwater.events = number(events),
    );
    if !span.is_disabled() {
        for append in appends.take(LINKS) {
            span.follows_from(append);
        }
    }
    span
}

/// As collectors know numbers.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
