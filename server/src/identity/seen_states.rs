//! States of streams, for those who have fields masked.
//!
//! A state that is merged has what events said at the same paths. What a definition made of them nobody knows, so it is refused where the
//! stream has events with masked fields. The stream is looked at after the state was made: what is in it by then was seen.

use highwater_model::{
    HIDDEN_TEXT, Mask, StateBy, StateDifference, StateFound, StreamName, StreamState,
};

use super::seen::masked;
use crate::api::problem::ApiResult;
use crate::caller::Caller;
use crate::state::AppState;

/// Masks a state, or refuses it.
pub(crate) async fn state(
    state: &AppState,
    caller: &Caller,
    mut found: StreamState,
) -> ApiResult<StreamState> {
    let sight = caller.sight();
    let Some(mask) = sight.mask() else {
        return Ok(found);
    };
    if found.by == StateBy::Definition {
        by_definition(state, caller, &found.stream).await?;
    } else if let Some(failed) = found
        .definition
        .as_mut()
        .and_then(|used| used.failed.as_mut())
        && has_masked(state, mask, &found.stream).await?
    {
        HIDDEN_TEXT.clone_into(&mut failed.message);
    }
    mask.state(&mut found);
    Ok(found)
}

/// Masks the difference of two states, or refuses it.
pub(crate) async fn difference(
    state: &AppState,
    caller: &Caller,
    mut found: StateDifference,
) -> ApiResult<StateDifference> {
    if found.by == StateBy::Definition {
        by_definition(state, caller, &found.stream).await?;
    }
    if let Some(mask) = caller.sight().mask() {
        mask.difference(&mut found);
    }
    Ok(found)
}

/// Where a condition holds, or refuses it.
pub(crate) async fn first(
    state: &AppState,
    caller: &Caller,
    found: StateFound,
) -> ApiResult<StateFound> {
    if found.by == StateBy::Definition {
        by_definition(state, caller, &found.stream).await?;
    }
    Ok(found)
}

/// Refuses what a definition made of a stream that has events with masked fields.
pub(crate) async fn by_definition(
    state: &AppState,
    caller: &Caller,
    stream: &StreamName,
) -> ApiResult<()> {
    let sight = caller.sight();
    let Some(mask) = sight.mask() else {
        return Ok(());
    };
    if !has_masked(state, mask, stream).await? {
        return Ok(());
    }
    let what = format!(
        "{stream} has events with masked fields, and nobody knows what the state definition of its category makes of them. The events themselves are shown, without these fields."
    );
    Err(masked(&sight, &what))
}

async fn has_masked(state: &AppState, mask: &Mask, stream: &StreamName) -> ApiResult<bool> {
    Ok(state.store.stream_has_types(stream, &mask.types()).await?)
}
