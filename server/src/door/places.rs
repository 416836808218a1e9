//! How many may be connected: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::proxies::Proxies;

/// Places for connections.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    each: usize,
    proxies: Proxies,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// For anybody.
    All,
    /// For this address.
    Address,
}

impl Full {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    of: Option<IpAddr>,
}

impl Places {
    /// So many in all, and of one address, but for these proxies, behind which there are many.
    pub(super) fn new(most: usize, each: usize, proxies: Proxies) -> Self {
        Self {
            most,
            each,
            proxies,
            taken: Arc::default(),
        }
    }

    /// A place for somebody who comes from there.
    pub(super) fn take(&self, peer: IpAddr) -> Result<Place, Full> {
        let peer = peer.to_canonical();
        // Whoever is on this machine may be a proxy that nobody has named, and is no stranger.
        let is_counted = !peer.is_loopback() && !self.proxies.contains(peer);
        let of = is_counted.then(|| client_of(peer));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(Full::All);
        }
        if let Some(address) = of {
            let here = taken.of.entry(address).or_default();
            if *here >= self.each {
                return Err(Full::Address);
            }
            *here += 1;
        }
        taken.all += 1;
        metrics::gauge!("highwater_connections").increment(1.0);
        Ok(Place {
            taken: Arc::clone(&self.taken),
            of,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(address) = self.of
            && let Some(here) = taken.of.get_mut(&address)
        {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.of.remove(&address);
            }
        }
        metrics::gauge!("highwater_connections").decrement(1.0);
    }
}

/// What one client has for itself: of IPv6 a network of 64 bits, out of which it may take any address.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies() -> Proxies {
        Proxies::of(&[ip("192.0.2.7").into()])
    }

    #[test]
    fn one_address_gets_no_more_than_its_places_and_gives_them_back() {
        let places = Places::new(10, 2, proxies());
        let first = places.take(ip("198.51.100.1")).unwrap();
        let _second = places.take(ip("::ffff:198.51.100.1")).unwrap();
        let third = places.take(ip("198.51.100.1"));
        assert_eq!(third.unwrap_err(), Full::Address);
        let _other = places.take(ip("198.51.100.2")).unwrap();
        drop(first);
        let _again = places.take(ip("198.51.100.1")).unwrap();
    }

    #[test]
    fn proxies_and_this_machine_are_bounded_by_what_there_is_in_all() {
        let places = Places::new(4, 1, proxies());
        let here: Vec<Place> = ["192.0.2.7", "192.0.2.7", "127.0.0.1", "::1"]
            .map(|from| places.take(ip(from)).unwrap())
            .into();
        assert_eq!(places.take(ip("127.0.0.1")).unwrap_err(), Full::All);
        drop(here);
        assert!(places.take(ip("127.0.0.1")).is_ok());
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        assert_eq!(
            client_of(ip("2001:db8:1:2:3::4")),
            client_of(ip("2001:db8:1:2::9"))
        );
        assert_ne!(
            client_of(ip("2001:db8:1:2::4")),
            client_of(ip("2001:db8:1:3::4"))
        );
    }
}
