//! What a state is folded with, and the choice of it.

use std::sync::Arc;

use highwater_model::{
    RecordedEvent, State, StateBy, StateDefinition, StateDefinitionFailure, StateDefinitionUsed,
    StreamName,
};
use highwater_store::state_definitions::{FoldError, StateDefinitionId, StateFolding};
use highwater_store::{Store, StoreError};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StateError;
use super::kept::Key;

/// Sessions that run definitions at the same time, at most; who comes later waits.
const SESSIONS: usize = 4;

/// What a state is folded with.
#[derive(Debug)]
pub(super) enum Fold {
    /// Each event's data is merged into what was there.
    Merge,
    /// By a definition of the store's, or by one that is tried.
    Definition {
        /// None: it is tried, and nothing of it is kept.
        id: Option<StateDefinitionId>,
        folding: StateFolding,
        /// Sessions of definitions are few.
        _turn: OwnedSemaphorePermit,
    },
}

impl Fold {
    pub(super) fn by(&self) -> StateBy {
        match self {
            Self::Merge => StateBy::Merge,
            Self::Definition { .. } => StateBy::Definition,
        }
    }

    /// By what its states are kept; none: they are not.
    pub(super) fn key(&self, stream: &StreamName) -> Option<Key> {
        match self {
            Self::Merge => Some((stream.clone(), None)),
            Self::Definition { id, .. } => id.map(|id| (stream.clone(), Some(id))),
        }
    }

    /// What events of a stream do to a state, for the first of them at least.
    pub(super) async fn outcomes(
        &mut self,
        before: &State,
        events: &[RecordedEvent],
    ) -> Result<Vec<Outcome>, FoldError> {
        match self {
            Self::Merge => Ok(events.iter().map(|_| Outcome::Merged).collect()),
            Self::Definition { folding, .. } => {
                let states = folding.states(&before.json(), events).await?;
                Ok(states.into_iter().map(Outcome::Becomes).collect())
            }
        }
    }
}

/// What an event does to the state.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its data is merged into it.
    Merged,
    /// It is this.
    Becomes(Box<RawValue>),
}

impl Outcome {
    pub(super) fn of(self, event: &RecordedEvent, state: &mut State) {
        match self {
            Self::Merged => state.merge(&event.data, event.version),
            Self::Becomes(after) => state.become_state(&after, event.version),
        }
    }
}

/// What the states of a stream are folded with, and what is said of its definition.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) fold: Fold,
    pub(super) definition: Option<StateDefinitionUsed>,
}

/// Where what is folded with is chosen.
#[derive(Debug, Clone)]
pub(super) struct Folds {
    store: Store,
    turns: Arc<Semaphore>,
}

impl Folds {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            turns: Arc::new(Semaphore::new(SESSIONS)),
        }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        turn.map_err(|closed| StoreError::Broken(closed.to_string()))
    }

    /// The definition of the stream's category, if it has one.
    pub(super) async fn of(&self, stream: &StreamName) -> Result<Chosen, StoreError> {
        let Some((id, kept)) = self.store.state_definition(stream.category()).await? else {
            return Ok(Chosen {
                fold: Fold::Merge,
                definition: None,
            });
        };
        let turn = self.turn().await?;
        Ok(Chosen {
            fold: Fold::Definition {
                id: Some(id),
                folding: self.store.fold_by(id).await?,
                _turn: turn,
            },
            definition: Some(StateDefinitionUsed {
                describe: kept.describe,
                actor: kept.actor,
                set_at: kept.set_at,
                failed: None,
            }),
        })
    }

    /// A definition that is tried.
    pub(super) async fn trial(&self, definition: &StateDefinition) -> Result<Fold, StateError> {
        let turn = self.turn().await?;
        Ok(Fold::Definition {
            id: None,
            folding: self.store.fold_by_trial(definition).await?,
            _turn: turn,
        })
    }

    /// What to do when a definition has failed: it may have been changed meanwhile, else the events are merged, and that is said.
    pub(super) async fn instead(
        &self,
        stream: &StreamName,
        failed_with: Chosen,
        failed: StateDefinitionFailure,
    ) -> Result<Chosen, StoreError> {
        let (key, definition) = (failed_with.fold.key(stream), failed_with.definition);
        // Its turn ends before the next one begins.
        drop(failed_with.fold);
        let now = self.of(stream).await?;
        if now.fold.key(stream) != key {
            return Ok(now);
        }
        Ok(Chosen {
            fold: Fold::Merge,
            definition: definition.map(|definition| StateDefinitionUsed {
                failed: Some(failed),
                ..definition
            }),
        })
    }
}
