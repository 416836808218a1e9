//! Projections in code, for those who embed the engine.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use highwater_model::RecordedEvent;
use highwater_store::read_models::{PgConnection, SqlError};

/// What a projection's work comes to.
pub type Work<'a, T = ()> = Pin<Box<dyn Future<Output = Result<T, ProjectionError>> + Send + 'a>>;

/// Why a projection could not handle a slice.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// One of its statements failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// It can't make sense of an event.
    #[error("{0}")]
    Event(String),
}

/// Turns events into rows. What it writes through the connection is kept together with its checkpoint, or not at all; it never ends
/// the transaction itself.
pub trait Projection: Send + Sync + 'static {
    /// Its name, as of a read model.
    fn name(&self) -> &str;
    /// Types of the events that it handles; `*` stands for any characters.
    fn events(&self) -> Vec<String>;
    /// Makes its tables where they are missing; called whenever a runner starts.
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a>;
    /// Handles a slice of events, in order.
    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        connection: &'a mut PgConnection,
    ) -> Work<'a>;
}

/// A projection whose rows are folds: each event changes the state of one key. While live, a slice reads the states of its keys with
/// one statement and writes them back with one.
pub trait Fold: Send + Sync + 'static {
    /// What a row is found by.
    type Key: Ord + Clone + Send + Sync + 'static;
    /// What a row holds.
    type State: Clone + Send + Sync + 'static;

    /// Its name, as of a read model.
    fn name(&self) -> &str;
    /// Types of the events that it handles; `*` stands for any characters.
    fn events(&self) -> Vec<String>;
    /// Makes its table where it is missing; called whenever a runner starts.
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a>;
    /// Whose row an event changes; none: nobody's.
    fn key(&self, event: &RecordedEvent) -> Result<Option<Self::Key>, ProjectionError>;
    /// The row after an event; none: there is no row.
    fn fold(
        &self,
        state: Option<Self::State>,
        event: &RecordedEvent,
    ) -> Result<Option<Self::State>, ProjectionError>;
    /// Reads the rows that are there.
    fn read<'a>(
        &'a self,
        keys: Vec<Self::Key>,
        connection: &'a mut PgConnection,
    ) -> Work<'a, Vec<(Self::Key, Self::State)>>;
    /// Writes rows, and removes those without a state.
    fn write<'a>(
        &'a self,
        rows: Vec<(Self::Key, Option<Self::State>)>,
        connection: &'a mut PgConnection,
    ) -> Work<'a>;
}

/// A fold as a projection.
pub struct Folding<F>(pub F);

impl<F> fmt::Debug for Folding<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folding").finish_non_exhaustive()
    }
}

impl<F: Fold> Projection for Folding<F> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn events(&self) -> Vec<String> {
        self.0.events()
    }

    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a> {
        self.0.set_up(connection)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            let mut of_keys: BTreeMap<F::Key, Vec<&RecordedEvent>> = BTreeMap::new();
            for event in events {
                if let Some(key) = self.0.key(event)? {
                    of_keys.entry(key).or_default().push(event);
                }
            }
            let keys: Vec<F::Key> = of_keys.keys().cloned().collect();
            let mut states: BTreeMap<F::Key, F::State> =
                self.0.read(keys, connection).await?.into_iter().collect();
            let mut rows = Vec::with_capacity(of_keys.len());
            for (key, events) in of_keys {
                let mut state = states.remove(&key);
                for event in events {
                    state = self.0.fold(state, event)?;
                }
                rows.push((key, state));
            }
            self.0.write(rows, connection).await
        })
    }
}
