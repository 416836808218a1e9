//! Orders of one part of a page: one at a time, and what came of the last one.

use std::pin::Pin;

use leptos::prelude::*;

use super::read_model_orders::Said;
use crate::api::Answer;

/// Orders of one part of the page: one at a time, and what came of the last one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orders {
    /// What came of it.
    pub(super) said: RwSignal<Option<Said>>,
    /// One is on its way.
    pub(super) busy: RwSignal<bool>,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self {
            said: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// Gives an order, and says what came of it. The order reads back what it changed.
    pub(super) fn give(self, work: impl Future<Output = Answer<Said>> + 'static) {
        // Boxed, so that the program for the browser has what stands around an order once, not once for each order.
        self.carry_out(Box::pin(work));
    }

    /// The same of work that is boxed already.
    pub(super) fn carry_out(self, work: Pin<Box<dyn Future<Output = Answer<Said>>>>) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.said.set(None);
        leptos::task::spawn_local(async move {
            let said = work
                .await
                .unwrap_or_else(|error| Said::failed(error.nothing_changed()));
            let _ = self.said.try_set(Some(said));
            let _ = self.busy.try_set(false);
        });
    }
}
