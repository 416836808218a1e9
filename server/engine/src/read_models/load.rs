//! A large slice of a projection in code: read part by part, taken in beside.

use highwater_model::RecordedEvent;
use highwater_store::read_models::{Slice, SliceError, SliceEvents};

use super::projection::{Loading, ProjectionError};

/// What becomes of a part that is being taken in.
type Taken = (Box<dyn Loading>, Result<(), ProjectionError>);

/// Handles a slice with what a projection has for large ones. While one part is taken in, the next one is read.
pub(super) async fn load(
    slice: &mut Slice<'_>,
    mut loading: Box<dyn Loading>,
) -> Result<(), SliceError> {
    let mut reading = SliceEvents::default();
    let mut events = slice.next_events(&mut reading).await?;
    while !events.is_empty() {
        if loading.is_full() {
            loading.write(slice.connection()).await.map_err(fault)?;
        }
        loading
            .prepare(&events, slice.connection())
            .await
            .map_err(fault)?;
        let taking = tokio::task::spawn_blocking(move || take(loading, &events));
        let next = slice.next_events(&mut reading).await;
        // Its panic is the projection's fault, as any other failure of it.
        let (back, taken) = taking.await.map_err(|error| SliceError::Handler {
            message: format!("the projection ended in the middle of its work: {error}"),
            sqlstate: None,
        })?;
        taken.map_err(fault)?;
        loading = back;
        events = next?;
    }
    loading.write(slice.connection()).await.map_err(fault)
}

fn take(mut loading: Box<dyn Loading>, events: &[RecordedEvent]) -> Taken {
    let taken = loading.take(events);
    (loading, taken)
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
