//! States that are kept on the way, so that the next look at a long stream begins at the nearest one.

use std::collections::{BTreeMap, HashMap};

use highwater_model::{State, StreamName};
use highwater_store::state_definitions::StateDefinitionId;

/// What the texts of kept states come to at most; beyond it they are folded anew.
const KEPT_BYTES: usize = 32 << 20;

/// Whose states: a stream's, by the definition that they were folded with; none: by merging.
pub(super) type Key = (StreamName, Option<StateDefinitionId>);

/// Events never change, so neither does a state at a version by the same definition.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// By version.
    states: HashMap<Key, BTreeMap<i64, State>>,
    bytes: usize,
}

impl Kept {
    /// The kept state nearest before a version, and the version that it goes on with.
    pub(super) fn nearest(&self, key: &Key, version: i64) -> (i64, State) {
        let nearest = self
            .states
            .get(key)
            .and_then(|states| states.range(..version).next_back());
        nearest.map_or_else(
            || (0, State::default()),
            |(version, state)| (version + 1, state.clone()),
        )
    }

    /// Keeps a state, unless it is too large; true when it is kept.
    pub(super) fn keep(&mut self, key: &Key, version: i64, state: &State) -> bool {
        let bytes = state.json().get().len();
        if bytes > KEPT_BYTES / 4 {
            return false;
        }
        if self.bytes + bytes > KEPT_BYTES {
            *self = Self::default();
        }
        let states = self.states.entry(key.clone()).or_default();
        if states.insert(version, state.clone()).is_none() {
            self.bytes += bytes;
        }
        true
    }
}
