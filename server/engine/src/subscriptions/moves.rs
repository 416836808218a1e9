//! Who waits for which subscription, in this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// A place to wait for each subscription that somebody waits for, and one for all of them.
#[derive(Debug, Default)]
pub(super) struct Moves {
    any: watch::Sender<()>,
    each: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Moves {
    /// Tells when one of this name moves.
    pub(super) fn of(&self, name: &str) -> watch::Receiver<()> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = each.get(name) {
            return sender.subscribe();
        }
        each.retain(|_, sender| sender.receiver_count() > 0);
        each.entry(name.to_owned()).or_default().subscribe()
    }

    /// Tells when one of any name does.
    pub(super) fn of_any(&self) -> watch::Receiver<()> {
        self.any.subscribe()
    }

    /// There may be something new for members of this one.
    pub(super) fn say(&self, name: &str) {
        let each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = each.get(name) {
            sender.send_replace(());
            self.any.send_replace(());
        }
    }
}
