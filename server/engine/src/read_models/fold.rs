//! Projections whose rows are folds.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use highwater_store::read_models::{PgConnection, Reads, SliceEvent};

use super::projection::{Loading, Projection, ProjectionError, Work};

/// Rows that are read or written with one call.
const ROWS: usize = 20_000;

/// Whose row an event changes, and what it says; none: nobody's.
pub type Change<F> = Option<(<F as Fold>::Key, <F as Fold>::Event)>;

/// A projection whose rows are folds: each event changes the state of one key. While live, a slice reads the states of its keys with
/// one statement and writes them back with one. On its way through the log from far behind, the states stay in memory as long as
/// there is room for them, and the first ones are loaded into its empty table.
pub trait Fold: Send + Sync + 'static {
    /// What a row is found by.
    type Key: Ord + Hash + Clone + Send + Sync + 'static;
    /// What a row holds.
    type State: Clone + Send + Sync + 'static;
    /// What it reads out of an event.
    type Event: Send + 'static;

    /// Its name, as of a read model.
    fn name(&self) -> &str;
    /// Types of the events that it handles; `*` stands for any characters.
    fn events(&self) -> Vec<String>;
    /// What it looks at of an event; it is faster without the names of streams and without metadata.
    fn reads(&self) -> Reads {
        Reads::ALL
    }
    /// Makes its table where it is missing; called whenever a runner starts.
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a>;
    /// Reads an event.
    fn event(&self, event: &SliceEvent<'_>) -> Result<Change<Self>, ProjectionError>;
    /// The row after an event; none: there is no row.
    fn fold(
        &self,
        state: Option<Self::State>,
        event: Self::Event,
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
    /// Fills its table, which is empty: best with [`super::CopyRows`]; `write` stands in for it.
    fn load<'a>(
        &'a self,
        rows: Vec<(Self::Key, Self::State)>,
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        let rows = rows.into_iter().map(|(key, state)| (key, Some(state)));
        self.write(rows.collect(), connection)
    }
    /// States that are kept in memory at most. When there are more, they are written and read again when they are needed.
    fn in_memory(&self) -> usize {
        500_000
    }
}

/// A fold as a projection.
pub struct Folding<F>(Arc<F>);

impl<F> Folding<F> {
    /// Of this fold.
    pub fn new(fold: F) -> Self {
        Self(Arc::new(fold))
    }
}

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

    fn reads(&self) -> Reads {
        self.0.reads()
    }

    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a> {
        self.0.set_up(connection)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [SliceEvent<'a>],
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            let mut states = States::new(Arc::clone(&self.0), false);
            states.take(events)?;
            states.settle(connection).await?;
            states.write(connection).await
        })
    }

    fn loading(&self, empty: bool) -> Option<Box<dyn Loading>> {
        Some(Box::new(States::new(Arc::clone(&self.0), empty)))
    }
}

/// States on their way to the table.
struct States<F: Fold> {
    fold: Arc<F>,
    /// None: there is no row, or will be none.
    known: HashMap<F::Key, Option<F::State>>,
    /// The table has no rows: whoever is not known is not there.
    empty: bool,
    /// Events that wait for the states of rows that are there.
    taken: Vec<(F::Key, F::Event)>,
}

impl<F: Fold> States<F> {
    fn new(fold: Arc<F>, empty: bool) -> Self {
        Self {
            fold,
            known: HashMap::new(),
            empty,
            taken: Vec::new(),
        }
    }

    fn change(&mut self, key: F::Key, event: F::Event) -> Result<(), ProjectionError> {
        let state = self.known.entry(key).or_default();
        *state = self.fold.fold(state.take(), event)?;
        Ok(())
    }
}

impl<F: Fold> Loading for States<F> {
    fn take(&mut self, events: &[SliceEvent<'_>]) -> Result<(), ProjectionError> {
        for event in events {
            let Some((key, event)) = self.fold.event(event)? else {
                continue;
            };
            if self.empty {
                self.change(key, event)?;
            } else {
                self.taken.push((key, event));
            }
        }
        Ok(())
    }

    fn settle<'a>(&'a mut self, connection: &'a mut PgConnection) -> Work<'a> {
        Box::pin(async move {
            let keys = self.taken.iter().map(|(key, _)| key);
            let unknown: HashSet<&F::Key> =
                keys.filter(|key| !self.known.contains_key(key)).collect();
            let mut unknown: Vec<F::Key> = unknown.into_iter().cloned().collect();
            unknown.sort_unstable();
            for keys in unknown.chunks(ROWS) {
                let rows = self.fold.read(keys.to_vec(), connection).await?;
                let rows = rows.into_iter().map(|(key, state)| (key, Some(state)));
                self.known.extend(rows);
            }
            for (key, event) in std::mem::take(&mut self.taken) {
                self.change(key, event)?;
            }
            Ok(())
        })
    }

    fn is_full(&self) -> bool {
        self.known.len() >= self.fold.in_memory()
    }

    fn write<'a>(&'a mut self, connection: &'a mut PgConnection) -> Work<'a> {
        Box::pin(async move {
            // In order: whoever else writes into the table as well gets its rows in the same order, and nobody waits in a circle.
            let mut rows: Vec<_> = self.known.drain().collect();
            rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            let mut rows = rows.into_iter();
            if std::mem::take(&mut self.empty) {
                let there = rows.filter_map(|(key, state)| Some((key, state?)));
                return self.fold.load(there.collect(), connection).await;
            }
            while rows.len() > 0 {
                let some = rows.by_ref().take(ROWS).collect();
                self.fold.write(some, connection).await?;
            }
            Ok(())
        })
    }
}
