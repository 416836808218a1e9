//! Who callers of before are, kept for a few seconds, and forgotten when rights are taken away.

use std::sync::PoisonError;
use std::time::Duration;

use highwater_store::identity::SecretHash;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Gate;
use crate::caller::Caller;

/// How long it is remembered who somebody is. That rights were taken away is learned sooner (`watch.rs`); that they ran out, after this.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Callers that are remembered; one more, and all are asked for anew.
const CALLERS: usize = 10_000;

impl Gate {
    pub(super) fn remembered(&self, secret: &SecretHash) -> Option<Caller> {
        self.known_within(secret, REMEMBERED)
    }

    /// Who this was when it was asked last, if that is not longer ago.
    pub(in crate::identity) fn known_within(
        &self,
        secret: &SecretHash,
        ago: Duration,
    ) -> Option<Caller> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, caller) = known.get(secret)?;
        (at.elapsed() < ago).then(|| caller.clone())
    }

    /// Remembers who somebody is, unless rights were taken away while it was asked: the answer may be from before.
    pub(super) fn remember(&self, secret: SecretHash, caller: &Caller, generation: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.moved.borrow() != generation {
            return;
        }
        if known.len() >= CALLERS {
            known.clear();
        }
        known.insert(secret, (Instant::now(), caller.clone()));
    }

    /// Forgets whose this secret was: it has ended. What it has open learns of it in a moment.
    pub(crate) fn forget_one(&self, secret: &SecretHash) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(secret);
        self.met.learn(*secret, false);
    }

    /// Forgets who everybody is: rights were taken away. Whoever keeps a connection open asks again.
    pub(crate) fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
        self.moved.send_modify(|moved| *moved += 1);
    }

    /// Changes whenever it is to be asked anew who somebody is.
    pub(crate) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Has those with open connections ask again: time may have run out for them.
    pub(crate) fn recheck(&self) {
        self.moved.send_modify(|moved| *moved += 1);
    }
}
