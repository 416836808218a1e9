//! What this server takes at once, so that memory stays bounded and the console usable however much is asked of it. Beyond a bound one is
//! refused at once, told when to come again, and nothing of what was asked has been done.
//!
//! | what | where | beyond it |
//! |---|---|---|
//! | requests of one token, user or address | `rate.rs` | 429 |
//! | bytes of bodies of appends | `append_body.rs` | 503 |
//! | appends that wait | the store's appender | 503 |
//! | imports | `imports.rs` | 503 |
//! | WebSockets | `api/live.rs` | 503 |
//! | connections | `door` | 503 |

mod append_body;
mod imports;
mod rate;
mod refused;
mod stopped;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use highwater_model::Problem;
use highwater_store::Tasks;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use append_body::append_body;
pub(crate) use imports::ImportRoom;
use imports::Imports;
use rate::Rate;
pub(crate) use rate::{limit_callers, limit_unknown};
pub(crate) use refused::refuse;
pub(crate) use stopped::{body_stopped, has_stopped, patiently};

use crate::caller::Caller;

/// Of a unit that bodies of appends are counted in.
const KIB: usize = 1 << 10;
/// When somebody is to come again who finds no room for an append or an import, in seconds: that is over soon.
const SOON_S: u64 = 1;
/// The same of a WebSocket: those stay.
const LATER_S: u64 = 10;

/// How often one may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second, for long.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// How much is taken at once.
#[derive(Debug, Clone)]
pub struct LimitOptions {
    /// How often one may ask; none: as often as they like.
    pub rate: Option<RateLimit>,
    /// Bytes of bodies of appends that are being read, parsed, or wait for their answer.
    pub append_bytes: usize,
    /// Imports that run.
    pub imports: usize,
    /// WebSockets that are open.
    pub sockets: usize,
    /// How long a lasting request's body may pause.
    pub body_pause: Duration,
    /// How long a WebSocket may be open before it has said anything.
    pub unspoken: Duration,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self {
            rate: None,
            append_bytes: 64 << 20,
            imports: 8,
            sockets: 5_000,
            body_pause: Duration::from_mins(1),
            unspoken: Duration::from_mins(1),
        }
    }
}

/// What this server takes at once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Limits {
    rate: Option<Arc<Rate>>,
    append_bytes: Arc<Semaphore>,
    imports: Imports,
    sockets: Arc<Semaphore>,
    /// How long a body may pause.
    pub(crate) body_pause: Duration,
    unspoken: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&LimitOptions::default())
    }
}

impl Limits {
    /// So much.
    pub fn of(options: &LimitOptions) -> Self {
        Self {
            rate: options.rate.map(|limit| Arc::new(Rate::new(limit))),
            append_bytes: Arc::new(Semaphore::new(options.append_bytes / KIB)),
            imports: Imports::new(options.imports),
            sockets: Arc::new(Semaphore::new(options.sockets)),
            body_pause: options.body_pause,
            unspoken: options.unspoken,
        }
    }

    /// The same; and forgets who has not asked for a while, for as long as the server runs.
    pub fn start(options: &LimitOptions, tasks: &Tasks) -> Self {
        let limits = Self::of(options);
        if let Some(rate) = &limits.rate {
            rate::forget(Arc::clone(rate), tasks);
        }
        limits
    }

    /// Room for one more import of this caller's.
    pub(crate) fn import(&self, caller: &Caller) -> Result<ImportRoom, Problem> {
        self.imports.take(caller)
    }

    /// Room for one more WebSocket.
    pub(crate) fn socket(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let room = Arc::clone(&self.sockets).try_acquire_owned();
        room.map_err(|_| {
            metrics::counter!("highwater_live_refused_total").increment(1);
            let detail = format!(
                "The server has as many WebSockets open as it takes; connect again in {LATER_S} s."
            );
            Problem::new(503, "too_many_sockets", "Too many WebSockets", detail)
                .with("retry_after", LATER_S)
        })
    }

    /// How long a WebSocket may be open before it has said anything.
    pub(crate) fn unspoken(&self) -> Duration {
        self.unspoken
    }
}

/// Too much is being appended.
fn overloaded(what: &str) -> Problem {
    metrics::counter!("highwater_appends_refused_total", "reason" => "overloaded").increment(1);
    Problem::new(
        503,
        "overloaded",
        "Too many appends are waiting",
        format!("{what}; nothing of this was recorded. Try again in {SOON_S} s."),
    )
    .with("retry_after", SOON_S)
}
