//! Folding event by event: from the nearest state that is kept, page by page, as far as somebody wants to see.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Instant;

use highwater_model::{
    RecordedEvent, State, StateDefinitionFailure, StateFolding, StreamName, Version,
};
use highwater_store::state_definitions::FoldError;
use highwater_store::{Direction, StoreError};

use super::fold::Fold;
use super::kept::Kept;
use super::{StateError, States};

/// Events that are read at once; a state is kept after so many.
const PAGE: i64 = 1_000;

/// A state, the one before, and the event between them.
pub(super) struct Step {
    pub(super) before: State,
    pub(super) after: State,
    pub(super) event: RecordedEvent,
    pub(super) last: Version,
}

/// Why a fold came to no end.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error("the definition fails: {}", .0.message)]
    Definition(StateDefinitionFailure),
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<StoreError> for WalkError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

impl States {
    pub(super) async fn last_version(&self, stream: &StreamName) -> Result<Version, StateError> {
        let summary = self.store.stream(stream).await?;
        let summary = summary.ok_or_else(|| StateError::NoStream(stream.clone()))?;
        Ok(summary.last_version)
    }

    pub(super) async fn step(
        &self,
        stream: &StreamName,
        version: Option<Version>,
        pause_at: Option<Instant>,
        fold: &mut Fold,
    ) -> Result<Step, WalkError> {
        let last = self.last_version(stream).await?;
        let version = version.unwrap_or(last);
        if version > last {
            return Err(StateError::NoVersion {
                stream: stream.clone(),
                version,
                last,
            }
            .into());
        }
        let begin = self.nearest(stream, version.0, fold);
        let mut before = begin.1.clone();
        let step = self
            .walk(stream, fold, begin, version, pause_at, |state, event| {
                if event.version == version {
                    return ControlFlow::Break((state.clone(), event));
                }
                if event.version.0 == version.0 - 1 {
                    before = state.clone();
                }
                ControlFlow::Continue(())
            })
            .await?;
        let (after, event) = step.ok_or_else(|| {
            StoreError::Broken(format!("stream {stream} has no event of version {version}"))
        })?;
        Ok(Step {
            before,
            after,
            event,
            last,
        })
    }

    /// Folds event by event, from a state and the version that it goes on with, up to a version, and shows each state with its event. After
    /// `pause_at` it ends at the next state that is kept, with [`StateError::Folding`].
    pub(super) async fn walk<B>(
        &self,
        stream: &StreamName,
        fold: &mut Fold,
        (mut from, mut state): (i64, State),
        to: Version,
        pause_at: Option<Instant>,
        mut shown: impl FnMut(&State, RecordedEvent) -> ControlFlow<B>,
    ) -> Result<Option<B>, WalkError> {
        let key = fold.key(stream);
        while from <= to.0 {
            let mut events = self.page(stream, from, to).await?;
            if events.is_empty() {
                break;
            }
            while let Some(first) = events.first() {
                let at = first.version;
                let outcomes = fold.outcomes(&state, &events).await;
                let outcomes = outcomes.map_err(|error| match error {
                    FoldError::Store(error) => WalkError::from(error),
                    FoldError::Expression { version, message } => {
                        WalkError::Definition(StateDefinitionFailure {
                            version: version.or(Some(at)),
                            message,
                        })
                    }
                })?;
                for (event, outcome) in events.drain(..outcomes.len()).zip(outcomes) {
                    outcome.of(&event, &mut state);
                    from = event.version.0 + 1;
                    let version = event.version;
                    let kept = from % PAGE == 0
                        && key
                            .as_ref()
                            .is_some_and(|key| self.kept().keep(key, version.0, &state));
                    if let ControlFlow::Break(answer) = shown(&state, event) {
                        return Ok(Some(answer));
                    }
                    // Without a state to go on from, the next call would begin anew and come no further.
                    if kept && pause_at.is_some_and(|at| Instant::now() >= at) {
                        return Err(StateError::Folding(StateFolding {
                            stream: stream.clone(),
                            version: to,
                            folded_to: version,
                        })
                        .into());
                    }
                }
            }
        }
        Ok(None)
    }

    async fn page(
        &self,
        stream: &StreamName,
        from: i64,
        to: Version,
    ) -> Result<Vec<RecordedEvent>, StateError> {
        let limit = usize::try_from(PAGE.min(to.0 - from + 1)).unwrap_or(1);
        let page = self
            .store
            .read_stream(stream, Some(Version(from)), limit, Direction::Forward)
            .await?;
        let page = page.ok_or_else(|| StateError::NoStream(stream.clone()))?;
        Ok(page.events)
    }

    /// The kept state nearest before a version, and the version that it goes on with.
    pub(super) fn nearest(&self, stream: &StreamName, version: i64, fold: &Fold) -> (i64, State) {
        let Some(key) = fold.key(stream) else {
            return (0, State::default());
        };
        self.kept().nearest(&key, version)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
