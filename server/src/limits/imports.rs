//! Imports that run: few at once. Of one user or token no more than half of these, so that imports that pause do not keep all others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use highwater_model::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::overloaded;
use crate::caller::{Caller, KnownBy};

/// How many run, and of whom.
#[derive(Debug, Clone)]
pub(super) struct Imports {
    room: Arc<Semaphore>,
    most: usize,
    running: Arc<Mutex<HashMap<Arc<str>, usize>>>,
}

impl Imports {
    /// So many at once.
    pub(super) fn new(most: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(most)),
            most,
            running: Arc::default(),
        }
    }

    /// Room for one more of this caller's.
    pub(super) fn take(&self, caller: &Caller) -> Result<ImportRoom, Problem> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room =
            room.map_err(|_| overloaded("As many imports run as the server takes at once"))?;
        // Without a login all are one.
        let each = if caller.by == KnownBy::Loopback {
            self.most
        } else {
            self.most.div_ceil(2)
        };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = running.entry(Arc::clone(&caller.name)).or_default();
        if *mine >= each {
            let what = "As many imports of this user or token run as the server takes of one";
            return Err(overloaded(what));
        }
        *mine += 1;
        Ok(ImportRoom {
            name: Arc::clone(&caller.name),
            running: Arc::clone(&self.running),
            _room: room,
        })
    }
}

/// An import's part of what the server takes at once, until it is dropped.
#[derive(Debug)]
pub(crate) struct ImportRoom {
    name: Arc<str>,
    running: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    _room: OwnedSemaphorePermit,
}

impl Drop for ImportRoom {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = running.get_mut(&self.name) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                running.remove(&self.name);
            }
        }
    }
}
