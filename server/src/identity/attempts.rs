//! Slows down who tries passwords, and locks nobody out: somebody who tries ada's password elsewhere does not keep ada from getting in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tries of one name from one address that cost nothing.
const OF_A_PAIR: u32 = 5;
/// Tries from one address, of any names, that cost nothing: people behind one address share it.
const OF_AN_ADDRESS: u32 = 50;
/// How long one waits at most.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// What is as long ago as this is forgotten.
const REMEMBERED: Duration = Duration::from_mins(15);
/// Pairs and addresses that are remembered; when there are more, those that were quiet longest are forgotten.
const ENTRIES: usize = 10_000;

/// Failed logins, lately. Each server counts its own.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Key, Failed>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Pair(IpAddr, String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failed {
    times: u32,
    last: Instant,
}

impl Attempts {
    /// Counts a try before it is made, so that many at once count as well; answers how long to wait instead, if it is too soon.
    pub(crate) fn begin(&self, address: IpAddr, name: &str, now: Instant) -> Result<(), Duration> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [
            (pair(address, name), OF_A_PAIR),
            (Key::Address(address), OF_AN_ADDRESS),
        ];
        let wait = keys.iter().filter_map(|(key, free)| {
            let failed = all.get(key)?;
            let until = failed.last + wait_after(failed.times, *free);
            until
                .checked_duration_since(now)
                .filter(|wait| !wait.is_zero())
        });
        if let Some(wait) = wait.max() {
            return Err(wait);
        }
        if all.len() + keys.len() > ENTRIES {
            all.retain(|_, failed| now.duration_since(failed.last) < REMEMBERED);
        }
        if all.len() + keys.len() > ENTRIES {
            let mut lasts: Vec<Instant> = all.values().map(|failed| failed.last).collect();
            let (_, half, _) = lasts.select_nth_unstable(ENTRIES / 2);
            let half = *half;
            all.retain(|_, failed| failed.last > half);
        }
        for (key, _) in keys {
            let failed = all.entry(key).or_insert(Failed {
                times: 0,
                last: now,
            });
            if now.duration_since(failed.last) > REMEMBERED {
                failed.times = 0;
            }
            failed.times += 1;
            failed.last = now;
        }
        Ok(())
    }

    /// That try was right: what failed before it no longer counts.
    pub(crate) fn succeeded(&self, address: IpAddr, name: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&pair(address, name));
        if let Some(failed) = all.get_mut(&Key::Address(address)) {
            failed.times = failed.times.saturating_sub(1);
        }
    }
}

fn pair(address: IpAddr, name: &str) -> Key {
    Key::Pair(
        address,
        name.trim()
            .chars()
            .take(100)
            .collect::<String>()
            .to_lowercase(),
    )
}

/// 1 s after the first try too many, and twice as long after each further one.
fn wait_after(times: u32, free: u32) -> Duration {
    match times.checked_sub(free) {
        None => Duration::ZERO,
        Some(more) => WAIT_MAX.min(Duration::from_secs(1 << more.min(6))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn who_fails_often_waits_longer_each_time_and_nobody_else_does() {
        let attempts = Attempts::default();
        let mut now = Instant::now();
        for _ in 0..OF_A_PAIR {
            assert_eq!(attempts.begin(HERE, "ada", now), Ok(()));
        }
        let wait = attempts.begin(HERE, " ADA ", now).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(
            attempts.begin(ELSEWHERE, "ada", now),
            Ok(()),
            "ada herself gets in"
        );
        assert_eq!(attempts.begin(HERE, "bob", now), Ok(()));
        now += wait;
        assert_eq!(attempts.begin(HERE, "ada", now), Ok(()));
        let longer = attempts.begin(HERE, "ada", now).unwrap_err();
        assert!(longer > Duration::from_secs(1), "{longer:?}");
        now += longer;
        assert_eq!(attempts.begin(HERE, "ada", now), Ok(()));
        attempts.succeeded(HERE, "ada");
        assert_eq!(
            attempts.begin(HERE, "ada", now),
            Ok(()),
            "it is all forgotten"
        );
    }

    #[test]
    fn who_tries_many_names_waits_too_and_little_is_remembered() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for name in 0..OF_AN_ADDRESS {
            assert_eq!(attempts.begin(HERE, &format!("user{name}"), now), Ok(()));
        }
        assert!(attempts.begin(HERE, "another", now).is_err());
        for address in 0..20_000_u32 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from(address + 1));
            let _: Result<_, _> = attempts.begin(address, "ada", now);
        }
        assert!(attempts.0.lock().unwrap().len() <= ENTRIES);
    }

    #[test]
    fn nobody_waits_longer_than_a_minute() {
        assert_eq!(wait_after(4, 5), Duration::ZERO);
        assert_eq!(wait_after(5, 5), Duration::from_secs(1));
        assert_eq!(wait_after(8, 5), Duration::from_secs(8));
        assert_eq!(wait_after(u32::MAX, 5), WAIT_MAX);
    }
}
