//! What writers know of their events, held against the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

/// What became of an event, as far as its writer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// Its commit was answered.
    Committed,
    /// Its transaction ended before anybody asked to commit it.
    Never,
    /// Whoever knew was killed.
    Unknown,
}

/// The notes of all writers.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<HashMap<Uuid, Fate>>>);

impl Ledger {
    /// Notes what became of these.
    pub(crate) fn note(&self, ids: &[Uuid], fate: Fate) {
        let mut notes = self.0.lock().unwrap();
        notes.extend(ids.iter().map(|id| (*id, fate)));
    }

    /// How many have this fate.
    pub(crate) fn count(&self, fate: Fate) -> usize {
        let notes = self.0.lock().unwrap();
        notes.values().filter(|found| **found == fate).count()
    }

    /// Those whose commit was answered.
    pub(crate) fn committed(&self) -> Vec<Uuid> {
        let notes = self.0.lock().unwrap();
        let committed = notes.iter().filter(|(_, fate)| **fate == Fate::Committed);
        committed.map(|(id, _)| *id).collect()
    }

    /// What was committed is there once; what never was is not; there is nothing else.
    pub(crate) fn audit(&self, log: &[(i64, Uuid)]) {
        let notes = self.0.lock().unwrap();
        let mut places: HashMap<Uuid, i64> = HashMap::new();
        for (position, id) in log {
            if let Some(first) = places.insert(*id, *position) {
                panic!("{id} is in the log twice, at {first} and at {position}");
            }
            let fate = notes.get(id);
            assert!(
                matches!(fate, Some(Fate::Committed | Fate::Unknown)),
                "{id} is in the log at {position}, and its writer says {fate:?}"
            );
        }
        let lost = notes
            .iter()
            .filter(|(id, fate)| **fate == Fate::Committed && !places.contains_key(*id))
            .count();
        assert_eq!(lost, 0, "events whose commit was answered are not there");
    }
}
