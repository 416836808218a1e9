//! What `highwater serve` is told of how much it takes at once.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use highwater_model::LoginMode;

use crate::door::{Bounds, Patience};
use crate::limits::{LimitOptions, RateLimit};
use crate::proxies::Proxies;

/// Requests a second of one token, user or address, where there is a login: far more than a page or a program in order needs.
const PER_SECOND: u32 = 200;
/// So many times that at once: a page that opens, or a program that starts, has a lot to ask.
const BURST: u32 = 5;

/// How much is taken at once. What is hidden has a value that fits whoever has no tests to write.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// Requests a second of one token, user, or address of somebody unknown; 0 is any number [default: 200 with a login, any number without]
    #[arg(long, value_name = "PER_S", env = "HIGHWATER_RATE_LIMIT")]
    pub rate_limit: Option<u32>,

    /// Requests that it may send at once after a pause [default: five seconds' worth]
    #[arg(long, value_name = "NUMBER", env = "HIGHWATER_RATE_BURST")]
    pub rate_burst: Option<u32>,

    /// Connections in all; fewer where the system lets the process have fewer files open.
    #[arg(
        long,
        hide = true,
        default_value_t = 10_000,
        env = "HIGHWATER_MAX_CONNECTIONS"
    )]
    pub max_connections: usize,

    /// Connections from one address that is neither loopback nor a proxy of ours.
    #[arg(
        long,
        hide = true,
        default_value_t = 2_000,
        env = "HIGHWATER_MAX_CONNECTIONS_EACH"
    )]
    pub max_connections_each: usize,

    /// WebSockets in all.
    #[arg(
        long,
        hide = true,
        default_value_t = 5_000,
        env = "HIGHWATER_MAX_SOCKETS"
    )]
    pub max_sockets: usize,

    /// Bytes of bodies of appends at once.
    #[arg(long, hide = true, default_value_t = 64 << 20, env = "HIGHWATER_APPEND_BYTES")]
    pub append_bytes: usize,

    /// Bytes of appends that wait to be recorded.
    #[arg(long, hide = true, default_value_t = 64 << 20, env = "HIGHWATER_QUEUE_BYTES")]
    pub queue_bytes: usize,

    /// Seconds that a request's head may take.
    #[arg(long, hide = true, value_parser = seconds, default_value = "10", env = "HIGHWATER_HEAD_TIMEOUT")]
    pub head_timeout: Duration,

    /// Seconds that a connection is kept for the next request.
    #[arg(long, hide = true, value_parser = seconds, default_value = "300", env = "HIGHWATER_IDLE_TIMEOUT")]
    pub idle_timeout: Duration,

    /// Seconds that the body of an import may pause.
    #[arg(long, hide = true, value_parser = seconds, default_value = "60", env = "HIGHWATER_BODY_TIMEOUT")]
    pub body_timeout: Duration,

    /// Seconds that a WebSocket may be open before it has said anything.
    #[arg(long, hide = true, value_parser = seconds, default_value = "60", env = "HIGHWATER_UNSPOKEN_TIMEOUT")]
    pub unspoken_timeout: Duration,
}

impl LimitArgs {
    /// How much is taken at once by a server with such a login.
    pub(crate) fn options(&self, login: LoginMode) -> LimitOptions {
        LimitOptions {
            rate: self.rate(login),
            append_bytes: self.append_bytes,
            sockets: self.max_sockets,
            body_pause: self.body_timeout,
            unspoken: self.unspoken_timeout,
            ..LimitOptions::default()
        }
    }

    /// Who may be connected.
    pub(crate) fn bounds(&self, proxies: &Proxies) -> Bounds {
        Bounds {
            most: self.max_connections,
            each: self.max_connections_each,
            proxies: proxies.clone(),
            patience: Patience {
                head: self.head_timeout,
                idle: self.idle_timeout,
            },
        }
    }

    fn rate(&self, login: LoginMode) -> Option<RateLimit> {
        let usual = match login {
            // Whoever is on this machine, alone.
            LoginMode::Local => 0,
            LoginMode::Password | LoginMode::Oidc => PER_SECOND,
        };
        let per_second = NonZeroU32::new(self.rate_limit.unwrap_or(usual))?;
        let burst = self.rate_burst.and_then(NonZeroU32::new);
        let five = NonZeroU32::MIN.saturating_add(BURST - 1);
        Some(RateLimit {
            per_second,
            burst: burst.unwrap_or(per_second.saturating_mul(five)),
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number of seconds");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Given {
        #[command(flatten)]
        limits: LimitArgs,
    }

    fn rate(login: LoginMode, more: &[&str]) -> Option<(u32, u32)> {
        let words = std::iter::once("serve").chain(more.iter().copied());
        let given = Given::try_parse_from(words).unwrap();
        let rate = given.limits.rate(login)?;
        Some((rate.per_second.get(), rate.burst.get()))
    }

    #[test]
    fn requests_are_limited_where_there_is_a_login_unless_it_is_said_otherwise() {
        let (local, password) = (LoginMode::Local, LoginMode::Password);
        assert_eq!(rate(local, &[]), None);
        assert_eq!(rate(password, &[]), Some((200, 1_000)));
        assert_eq!(rate(password, &["--rate-limit", "0"]), None);
        assert_eq!(rate(local, &["--rate-limit", "7"]), Some((7, 35)));
        let both = ["--rate-limit", "7", "--rate-burst", "9"];
        assert_eq!(rate(password, &both), Some((7, 9)));
    }

    #[test]
    fn seconds_may_be_parts_and_are_more_than_none() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "soon", "NaN", "1e300"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
