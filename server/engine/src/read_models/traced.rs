//! A slice is handled: in a span, for a collector of traces.

use std::collections::HashSet;

use highwater_model::{Position, TRACES, Traceparent};
use highwater_store::read_models::{BegunSlice, EventNames, Slice, SliceError};
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::load::{fault, load};
use super::runner::Runner;

/// Events of a slice from which it is worth to read and to handle them beside each other.
const LARGE: i64 = 10_000;
/// Links of a slice at most.
const LINKS: i32 = 32;
/// Events of a slice up to which its traces are looked for. A larger one catches up: who appended that is not waiting for it.
const LOOKED_THROUGH: i32 = 1_000;

impl Runner {
    /// Handles a slice in a span, which the keeping of it is a part of as well.
    pub(super) async fn traced(
        &self,
        slice: &mut Slice<'_>,
        begun: &BegunSlice,
    ) -> (Span, Result<(), SliceError>) {
        let span = match self.slice_span(slice, begun).await {
            Ok(span) => span,
            Err(error) => return (Span::none(), Err(error)),
        };
        let handled = self.handle(slice, begun).instrument(span.clone()).await;
        if handled.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        (span, handled)
    }

    async fn handle(&self, slice: &mut Slice<'_>, begun: &BegunSlice) -> Result<(), SliceError> {
        match (&self.code, &self.version.schema) {
            (Some(code), _) => {
                let is_large = begun.events > LARGE;
                let empty = begun.after == Position::ZERO;
                if let Some(loading) = code.loading(empty).filter(|_| is_large) {
                    return load(slice, begun, loading, code.reads()).await;
                }
                let reads = code.reads();
                let (mut part, mut names) =
                    (slice.whole(begun, reads).await?, EventNames::of(reads));
                let events = names.events(&mut part)?;
                let applied = code.apply(&events, slice.connection()).await;
                applied.map_err(fault)
            }
            (None, Some(schema)) => slice.run_handler(schema).await,
            (None, None) => Err(SliceError::Database("it has no tables yet".to_owned())),
        }
    }

    /// It has no one parent: it is linked to the traces that its events are part of.
    async fn slice_span(
        &self,
        slice: &mut Slice<'_>,
        begun: &BegunSlice,
    ) -> Result<Span, SliceError> {
        let Some(link) = self.link else {
            return Ok(Span::none());
        };
        let span = info_span!(
            target: TRACES,
            parent: None,
            "projection.slice",
            highwater.read_model = self.version.name.as_str(),
            highwater.from = begun.first.0,
            highwater.to = begun.upto.0,
            highwater.events = begun.events,
            otel.status_code = Empty,
        );
        if !span.is_disabled() && begun.events <= i64::from(LOOKED_THROUGH) {
            let found = slice.traceparents(LOOKED_THROUGH, LINKS).await?;
            // A metadata's field may hold anything; what is no traceparent links to nothing.
            let traces: HashSet<Traceparent> =
                found.iter().filter_map(|text| text.parse().ok()).collect();
            for trace in traces {
                link(&span, trace);
            }
        }
        Ok(span)
    }
}
