//! Proxies of ours: who they are, and whom they say to have answered for.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::{IpNet, Ipv4Net};

/// Addresses and networks of proxies whose `X-Forwarded-For` is believed. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// These.
    pub fn of(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether somebody who comes from there is one.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether it was named by itself. A network of ours may be one that callers are in, too: of these only the connection says who is one.
    fn names(&self, address: IpAddr) -> bool {
        let mut one_by_one = self
            .0
            .iter()
            .filter(|net| net.prefix_len() == net.max_prefix_len());
        one_by_one.any(|net| net.contains(&address))
    }

    /// The address of who calls: that of the connection, or what a proxy of ours says of it.
    pub fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter();
        let said: Vec<&str> = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .collect();
        // From the nearest on: what stands before the first that is no proxy of ours may be made up.
        for (hop, one) in said.into_iter().rev().enumerate() {
            let is_ours = if hop == 0 {
                self.contains(address)
            } else {
                self.names(address)
            };
            if !is_ours {
                break;
            }
            let Ok(next) = one.trim().parse::<IpAddr>() else {
                break;
            };
            address = next.to_canonical();
        }
        address
    }
}

/// An address, or a network like `10.0.0.0/8`, as the command line and the environment name it.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| "it is an address or a network, like 10.0.0.2 or 10.0.0.0/8".to_owned())?;
    let network = canonical(network);
    if network.prefix_len() == 0 {
        return Err(
            "that is everybody, and whoever is believed can say to be anyone; name the networks that proxies of yours are in"
                .to_owned(),
        );
    }
    // A slip: all of the network would be trusted where one address may have been meant.
    if network.trunc() != network {
        return Err(format!(
            "it is an address and a network at once; give {} or {}",
            network.addr(),
            network.trunc()
        ));
    }
    Ok(network)
}

/// Addresses are compared as IPv4 where they are that, however they are written.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else {
        return network;
    };
    let four = six.addr().to_ipv4_mapped();
    let length = six.prefix_len().checked_sub(96);
    four.zip(length)
        .and_then(|(four, length)| Ipv4Net::new(four, length).ok())
        .map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(named: &[&str]) -> Proxies {
        let networks: Result<Vec<IpNet>, String> = named.iter().map(|one| network(one)).collect();
        Proxies::of(&networks.unwrap())
    }

    #[test]
    fn only_a_proxy_of_ours_is_believed_who_calls() {
        let proxies = proxies(&["10.0.0.2", "10.0.0.3", "2001:db8:7::/48"]);
        let seen = |peer: &str, said: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", said.parse().unwrap());
            proxies.caller(ip(peer), &headers)
        };
        assert_eq!(seen("10.0.0.2", "192.0.2.7"), ip("192.0.2.7"));
        assert_eq!(seen("::ffff:10.0.0.2", "192.0.2.7"), ip("192.0.2.7"));
        assert_eq!(seen("2001:db8:7::99", "192.0.2.7"), ip("192.0.2.7"));
        // Through two of ours; what the caller made up stands before.
        assert_eq!(
            seen("10.0.0.2", "1.1.1.1, 192.0.2.7, 10.0.0.3"),
            ip("192.0.2.7")
        );
        // Of a network only who is connected is believed: a caller may be in it, too.
        assert_eq!(
            seen("2001:db8:7::99", "1.1.1.1, 2001:db8:7::98"),
            ip("2001:db8:7::98")
        );
        assert_eq!(seen("192.0.2.9", "1.1.1.1"), ip("192.0.2.9"));
        assert_eq!(seen("2001:db8:8::99", "1.1.1.1"), ip("2001:db8:8::99"));
        assert_eq!(seen("10.0.0.2", "nonsense"), ip("10.0.0.2"));
        assert_eq!(
            proxies.caller(ip("10.0.0.2"), &HeaderMap::new()),
            ip("10.0.0.2")
        );
    }

    #[test]
    fn a_network_is_all_that_is_in_it_and_nothing_else() {
        let proxies = proxies(&[
            "10.128.0.0/14",
            "::ffff:192.0.2.1",
            "::ffff:198.51.100.0/120",
        ]);
        assert!(proxies.contains(ip("10.131.255.255")));
        assert!(proxies.contains(ip("::ffff:10.128.0.1")));
        assert!(proxies.contains(ip("192.0.2.1")));
        assert!(proxies.contains(ip("198.51.100.7")));
        assert!(!proxies.contains(ip("10.132.0.0")));
        assert!(!Proxies::default().contains(ip("127.0.0.1")));
    }

    #[test]
    fn what_is_neither_or_would_trust_more_than_was_meant_is_refused() {
        assert!(network("proxy.example").unwrap_err().contains("10.0.0.0/8"));
        for all in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            assert!(network(all).unwrap_err().contains("everybody"), "{all}");
        }
        assert!(network("10.0.0.0/33").is_err());
        let slip = network("10.0.0.2/8").unwrap_err();
        assert!(slip.contains("give 10.0.0.2 or 10.0.0.0/8"), "{slip}");
    }
}
