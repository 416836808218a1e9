//! Whose secrets have worked of late. They need not share an address's count with strangers, also while it is asked anew who they are: what
//! they may do is no matter of this.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use highwater_store::identity::SecretHash;
use tokio::time::Instant;

/// How long one was met.
const MET: Duration = Duration::from_hours(1);
/// How many are kept; of more, those that came last.
const MOST: usize = 10_000;

/// Secrets, and when they last worked.
#[derive(Debug, Default)]
pub(super) struct Met(Mutex<HashMap<SecretHash, Instant>>);

impl Met {
    /// The store has said whether this one works.
    pub(super) fn learn(&self, secret: SecretHash, works: bool) {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !works {
            met.remove(&secret);
            return;
        }
        if met.len() >= MOST && !met.contains_key(&secret) {
            let oldest = met.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(secret, _)| *secret) {
                met.remove(&oldest);
            }
        }
        met.insert(secret, Instant::now());
    }

    /// Whether it worked, and not long ago.
    pub(super) fn has(&self, secret: &SecretHash) -> bool {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        met.get(secret).is_some_and(|at| at.elapsed() < MET)
    }
}
