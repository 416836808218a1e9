//! A large slice of a projection in code: read part by part, taken in beside.

use highwater_store::read_models::{
    BegunSlice, EventNames, Reads, Slice, SliceError, SliceEvents, SlicePart,
};

use super::projection::{Loading, ProjectionError};

/// What a thread of its own works with.
struct Taker {
    names: EventNames,
    loading: Box<dyn Loading>,
}

/// Handles a slice with what a projection has for large ones. While one part is taken in, the next one is read.
pub(super) async fn load(
    slice: &mut Slice<'_>,
    begun: &BegunSlice,
    loading: Box<dyn Loading>,
    reads: Reads,
) -> Result<(), SliceError> {
    let mut reading = SliceEvents::of(reads);
    let mut taker = Taker {
        names: EventNames::of(reads),
        loading,
    };
    let mut part = slice.next_part(&mut reading).await?;
    while !part.is_empty() {
        if taker.loading.is_full() {
            let written = taker.loading.write(slice.connection()).await;
            written.map_err(fault)?;
        }
        let taking = tokio::task::spawn_blocking(move || take(taker, part));
        let next = slice.next_part(&mut reading).await;
        // Its panic is the projection's fault, as any other failure of it.
        taker = taking.await.map_err(|error| SliceError::Handler {
            message: format!("the projection ended in the middle of its work: {error}"),
            sqlstate: None,
        })??;
        part = next?;
        let settled = taker.loading.settle(slice.connection()).await;
        settled.map_err(fault)?;
    }
    reading.check(begun)?;
    let written = taker.loading.write(slice.connection()).await;
    written.map_err(fault)
}

fn take(mut taker: Taker, mut part: SlicePart) -> Result<Taker, SliceError> {
    let events = taker.names.events(&mut part)?;
    taker.loading.take(&events).map_err(fault)?;
    Ok(taker)
}

/// What a projection fails with.
pub(super) fn fault(error: ProjectionError) -> SliceError {
    match error {
        ProjectionError::Sql(error) => SliceError::from_handler(&error),
        ProjectionError::Event(message) => SliceError::Handler {
            message,
            sqlstate: None,
        },
    }
}
