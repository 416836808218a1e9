//! How often one may ask: a token, a user, or an address where there is neither.
//!
//! Who was not let in of late is counted by address before anybody is asked who they are, so that made-up tokens cost the database no more
//! than that; who was is counted by name, wherever they come from, and no stranger at their address uses that up. Pages ask the API in process, past here, and are counted once, as pages.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use highwater_model::Problem;
use highwater_store::Tasks;
use tokio::time::{MissedTickBehavior, interval};

use super::{RateLimit, refuse};
use crate::caller::{Caller, KnownBy};
use crate::door::client_of;
use crate::state::AppState;

/// How often those are forgotten who have not asked for so long that they may send all at once again.
const FORGET: Duration = Duration::from_secs(10);
/// Probes ask these, and restart a server that refuses them.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    /// Of a user or a token, which has another.
    Name(Arc<str>),
}

impl Key {
    fn of(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Name(_) => "name",
        }
    }
}

/// Counts who asks how often.
pub(super) struct Rate {
    limiter: DefaultKeyedRateLimiter<Key>,
    limit: RateLimit,
}

impl std::fmt::Debug for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rate")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Rate {
    /// Nobody has asked yet.
    pub(super) fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            limit,
        }
    }

    /// Counts a request; or says when to come again.
    fn count(&self, key: &Key) -> Result<(), Problem> {
        let Err(later) = self.limiter.check_key(key) else {
            return Ok(());
        };
        metrics::counter!("highwater_requests_limited_total", "by" => key.of()).increment(1);
        let wait = later.wait_time_from(DefaultClock::default().now());
        // In whole seconds, and never too soon.
        let seconds = wait.as_secs() + 1;
        let RateLimit { per_second, burst } = self.limit;
        let who = match key {
            Key::Address(_) => "address",
            Key::Name(_) => "user or token",
        };
        let detail = format!(
            "One {who} may send {per_second} requests a second, and {burst} at once after a pause; nothing of this one was done. Try again in {seconds} s. \
             An event is appended faster with others, in one request."
        );
        Err(
            Problem::new(429, "too_many_requests", "Too many requests", detail)
                .with("retry_after", seconds)
                .with("per_second", per_second.get())
                .with("burst", burst.get()),
        )
    }
}

/// Forgets who has not asked for a while.
pub(super) fn forget(rate: Arc<Rate>, tasks: &Tasks) {
    let stop = tasks.token();
    tasks.spawn("rate limit", async move {
        let mut tick = interval(FORGET);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {
                    rate.limiter.retain_recent();
                    rate.limiter.shrink_to_fit();
                }
            }
        }
    });
}

/// Counts those by address of whom it is not known who they are. Before it is asked.
pub(crate) async fn limit_unknown(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(rate) = &state.limits.rate
        && !PROBES.contains(&request.uri().path())
        && !state.gate.knows(request.headers())
        && let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>()
    {
        let address = state.gate.address(peer.ip(), request.headers());
        if let Err(problem) = rate.count(&Key::Address(client_of(address))) {
            return refuse(problem, request.into_body());
        }
    }
    next.run(request).await
}

/// Counts users and tokens by their names. Those who look by a shared link are many behind one, and were counted by address; what the
/// server has started itself is not counted.
pub(crate) async fn limit_callers(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(rate) = &state.limits.rate
        && let Some(caller) = request.extensions().get::<Caller>()
        && matches!(caller.by, KnownBy::Session(_) | KnownBy::Token(_))
        && !state.gate.is_house(caller)
        && let Err(problem) = rate.count(&Key::Name(Arc::clone(&caller.name)))
    {
        return refuse(problem, request.into_body());
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn each_has_a_burst_of_its_own_and_is_told_when_to_come_again() {
        let of = |number| NonZeroU32::new(number).unwrap();
        let rate = Rate::new(RateLimit {
            per_second: of(1),
            burst: of(3),
        });
        let (ada, bob) = (Key::Name(Arc::from("ada")), Key::Name(Arc::from("bob")));
        for _ in 0..3 {
            assert!(rate.count(&ada).is_ok());
        }
        let refused = rate.count(&ada).unwrap_err();
        assert_eq!(
            (refused.status, refused.kind.as_str()),
            (429, "too_many_requests")
        );
        assert_eq!(refused.facts["retry_after"], 1);
        assert!(rate.count(&bob).is_ok());
    }
}
