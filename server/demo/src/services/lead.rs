//! What whoever runs a part of the shop tells it while it works.

use highwater_model::demo::Traffic;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Events that a service handles at once, usually: at a few orders a second every service is far below it.
pub const AT_ONCE: usize = 64;

/// One telling, a line of JSON; what it leaves out stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lead {
    /// How many events a service handles at once, 1 at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<usize>,
    /// How customers order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// Tells parts of the shop.
#[derive(Debug)]
pub struct Leader {
    at_once: watch::Sender<usize>,
    traffic: watch::Sender<Traffic>,
}

/// What was told last.
#[derive(Debug, Clone)]
pub struct Led {
    pub(super) at_once: watch::Receiver<usize>,
    pub(super) traffic: watch::Receiver<Traffic>,
}

impl Leader {
    /// Customers order so at first, and services are as quick as they can.
    pub fn new(traffic: Traffic) -> (Self, Led) {
        let (at_once, first) = watch::channel(AT_ONCE);
        let (traffic, second) = watch::channel(traffic);
        let led = Led {
            at_once: first,
            traffic: second,
        };
        (Self { at_once, traffic }, led)
    }

    /// Tells it.
    pub fn tell(&self, lead: Lead) {
        if let Some(at_once) = lead.at_once {
            self.at_once.send_replace(at_once.max(1));
        }
        if let Some(traffic) = lead.traffic {
            self.traffic.send_replace(traffic);
        }
    }
}
