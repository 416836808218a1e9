//! States of streams, folded from their events: merged, or by the definition of their category.

mod fold;
mod kept;
mod walk;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use highwater_model::filter::Filter;
use highwater_model::{
    DefinitionError, StateChange, StateDefinition, StateDifference, StateFolding, StateFound,
    StreamName, StreamState, Version,
};
use highwater_store::read_models::ReadModelError;
use highwater_store::{Store, StoreError};

use fold::{Chosen, Fold, Folds};
use kept::Kept;
use walk::{Step, WalkError};

/// A condition is looked for this long; who asks goes on from there.
const LOOKING: Duration = Duration::from_secs(5);
/// Events that are named as those that set a field, at most.
const SET_BY: usize = 500;

/// States of streams. Cheap to clone: clones share what is kept.
#[derive(Debug, Clone)]
pub struct States {
    store: Store,
    folds: Folds,
    kept: Arc<Mutex<Kept>>,
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No such stream.
    #[error("There is no stream {0}; GET /api/streams?query=… finds the ones there are.")]
    NoStream(StreamName),
    /// The stream is not that long.
    #[error("Stream {stream} ends at version {last}; there is no version {version} yet.")]
    NoVersion {
        /// The stream.
        stream: StreamName,
        /// What was asked for.
        version: Version,
        /// Its newest version.
        last: Version,
    },
    /// It takes longer than the caller wanted to wait; what is folded is kept for the next call.
    #[error(
        "The state of {} is folded up to version {} of {}; ask again to go on.",
        .0.stream, .0.folded_to, .0.version
    )]
    Folding(StateFolding),
    /// The definition that is tried is wrong.
    #[error(transparent)]
    Definition(#[from] ReadModelError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl States {
    /// Of this store.
    pub fn new(store: Store) -> Self {
        Self {
            folds: Folds::new(store.clone()),
            store,
            kept: Arc::default(),
        }
    }

    /// The state after a version, the newest unless given, and what its event changed. With `within`, folding pauses at the next state that
    /// can be kept once this time is over: [`StateError::Folding`] says how far it is, and the next call goes on from there.
    pub async fn at(
        &self,
        stream: &StreamName,
        version: Option<Version>,
        within: Option<Duration>,
    ) -> Result<StreamState, StateError> {
        let pause_at = within.map(|within| Instant::now() + within);
        let mut chosen = self.folds.of(stream).await?;
        loop {
            match self.step(stream, version, pause_at, &mut chosen.fold).await {
                Ok(step) => return self.told(stream, step, chosen).await,
                Err(error) => chosen = self.instead(stream, chosen, error).await?,
            }
        }
    }

    /// The same by a definition that is nowhere kept. Where it fails at an event, its expression is named as the place.
    pub async fn by_trial(
        &self,
        definition: &StateDefinition,
        stream: &StreamName,
        version: Option<Version>,
    ) -> Result<StreamState, StateError> {
        let mut fold = self.folds.trial(definition).await?;
        match self.step(stream, version, None, &mut fold).await {
            Ok(step) => {
                let chosen = Chosen {
                    fold,
                    definition: None,
                };
                self.told(stream, step, chosen).await
            }
            Err(WalkError::State(error)) => Err(error),
            Err(WalkError::Definition(failed)) => {
                let at = failed.version.map_or_else(String::new, |version| {
                    format!("it fails at version {version} of {stream}: ")
                });
                let message = format!("{at}{}", failed.message);
                let place = definition.expression.at;
                let error = DefinitionError::at(&definition.text, place, message);
                Err(ReadModelError::from(error).into())
            }
        }
    }

    async fn told(
        &self,
        stream: &StreamName,
        step: Step,
        chosen: Chosen,
    ) -> Result<StreamState, StateError> {
        let fields = step.after.fields();
        let mut versions: Vec<Version> = fields.iter().map(|field| field.version).collect();
        versions.sort_unstable_by(|one, other| other.cmp(one));
        versions.dedup();
        versions.truncate(SET_BY);
        Ok(StreamState {
            stream: stream.clone(),
            version: step.event.version,
            last_version: step.last,
            by: chosen.fold.by(),
            definition: chosen.definition,
            state: step.after.json(),
            changes: step.before.changes(&step.after),
            set_by: self.store.event_heads(stream, &versions).await?,
            fields,
            event: step.event,
        })
    }

    /// What is to be done to the state at one version to get the state at another, which may be an earlier one.
    pub async fn changes(
        &self,
        stream: &StreamName,
        from: Version,
        to: Version,
    ) -> Result<StateDifference, StateError> {
        let mut chosen = self.folds.of(stream).await?;
        loop {
            match self.difference(stream, from, to, &mut chosen.fold).await {
                Ok(changes) => {
                    return Ok(StateDifference {
                        stream: stream.clone(),
                        from,
                        to,
                        by: chosen.fold.by(),
                        changes,
                    });
                }
                Err(error) => chosen = self.instead(stream, chosen, error).await?,
            }
        }
    }

    async fn difference(
        &self,
        stream: &StreamName,
        from: Version,
        to: Version,
        fold: &mut Fold,
    ) -> Result<Vec<StateChange>, WalkError> {
        let before = self.step(stream, Some(from), None, fold).await?.after;
        let after = self.step(stream, Some(to), None, fold).await?.after;
        Ok(before.changes(&after))
    }

    /// The first version, of those from `from` on, at which the state meets a filter line, whose `data` is the state. It is looked for
    /// for some seconds.
    pub async fn first(
        &self,
        stream: &StreamName,
        condition: &Filter,
        from: Version,
    ) -> Result<StateFound, StateError> {
        let mut chosen = self.folds.of(stream).await?;
        loop {
            match self.find(stream, condition, from, &mut chosen.fold).await {
                Ok(found) => return Ok(found),
                Err(error) => chosen = self.instead(stream, chosen, error).await?,
            }
        }
    }

    async fn find(
        &self,
        stream: &StreamName,
        condition: &Filter,
        from: Version,
        fold: &mut Fold,
    ) -> Result<StateFound, WalkError> {
        let began = Instant::now();
        let now = self.store.clock().now();
        let mut found = StateFound {
            stream: stream.clone(),
            by: fold.by(),
            version: None,
            looked_up_to: Version(from.0 - 1),
            last_version: self.last_version(stream).await?,
        };
        let last = found.last_version;
        let begin = self.nearest(stream, from.0, fold);
        self.walk(stream, fold, begin, last, None, |state, mut event| {
            let version = event.version;
            if version < from {
                return ControlFlow::Continue(());
            }
            event.data = state.json();
            found.looked_up_to = version;
            if condition.matches(&event, now) {
                found.version = Some(version);
                return ControlFlow::Break(());
            }
            if began.elapsed() > LOOKING {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok(found)
    }

    /// What to go on with where a definition has failed; any other failure is the answer.
    async fn instead(
        &self,
        stream: &StreamName,
        chosen: Chosen,
        error: WalkError,
    ) -> Result<Chosen, StateError> {
        match error {
            WalkError::Definition(failed) => Ok(self.folds.instead(stream, chosen, failed).await?),
            WalkError::State(error) => Err(error),
        }
    }
}
