//! Which name has which address: the same name always the same, made from the name alone.

use crate::mode::Mode;
use crate::site::{DnsAnswers, Site};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many names are remembered for their addresses.
const REMEMBERED: usize = 65_536;

/// The names that were given addresses.
#[derive(Default)]
pub(crate) struct Names {
    by_address: HashMap<IpAddr, String>,
}

/// An address of 198.18.0.0/15, the benchmarking network (RFC 2544).
pub(crate) fn v4(name: &str) -> Ipv4Addr {
    let hash = hash(name);
    let host = u32::from_be_bytes([0, hash[0] & 1, hash[1], hash[2]]);
    // neither the network's first address nor one that ends in 0 or 255, which some programs distrust
    let host =
        if matches!(host & 0xff, 0 | 0xff) { (host & !0xff) | (1 + u32::from(hash[3]) % 254) } else { host };
    Ipv4Addr::from(u32::from_be_bytes([198, 18, 0, 0]) | host)
}

/// An address of 2001:2::/48, the benchmarking network (RFC 5180).
pub(crate) fn v6(name: &str) -> Ipv6Addr {
    let hash = hash(name);
    let mut octets = [0x20, 0x01, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    octets[6..].copy_from_slice(&hash[4..14]);
    Ipv6Addr::from(octets)
}

/// The addresses that a name has in a run of this site and mode, as its name servers tell them.
pub fn addresses_of(name: &str, site: &Site, mode: Mode) -> Vec<IpAddr> {
    let mut name = name.to_owned();
    // who stands for a name may have another stand for it
    for _ in 0..8 {
        match site.dns(&name) {
            Some(DnsAnswers::Nxdomain) => return Vec::new(),
            Some(DnsAnswers::Records { addresses, cname: Some(alias), .. }) if addresses.is_empty() => {
                name.clone_from(alias);
            }
            Some(DnsAnswers::Records { addresses, .. }) => return addresses.clone(),
            None if mode == Mode::SimNx => return Vec::new(),
            None => return vec![v4(&name).into(), v6(&name).into()],
        }
    }
    Vec::new()
}

fn hash(name: &str) -> [u8; 32] {
    Sha256::digest(name.to_ascii_lowercase()).into()
}

impl Names {
    /// Remembers that `name` has `address`.
    pub(crate) fn given(&mut self, name: &str, address: IpAddr) {
        if self.by_address.len() < REMEMBERED || self.by_address.contains_key(&address) {
            self.by_address.insert(address, name.to_ascii_lowercase());
        }
    }

    /// The name that has `address`.
    pub(crate) fn of(&self, address: IpAddr) -> Option<&str> {
        self.by_address.get(&address).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_a_name_are_those_of_the_site_first() {
        let site = "detektr: 1\ndns:\n  - {name: a.example, addresses: [192.0.2.1]}\n  - {name: b.example, cname: a.example}\n  \
                    - {name: c.example, nxdomain: true}\n";
        let site = Site::parse(site, std::path::Path::new("site.yaml")).unwrap();
        let of = |name| addresses_of(name, &site, Mode::Sim);
        assert_eq!(of("a.example"), [IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(of("b.example"), of("a.example"));
        assert!(of("c.example").is_empty());
        assert_eq!(of("d.example"), [IpAddr::from(v4("d.example")), v6("d.example").into()]);
        assert!(addresses_of("d.example", &site, Mode::SimNx).is_empty());
    }

    #[test]
    fn a_name_has_the_same_addresses_in_every_run_and_in_any_case() {
        assert_eq!(v4("example.com"), v4("EXAMPLE.com"));
        assert_ne!(v4("example.com"), v4("example.org"));
        for number in 0..10_000 {
            let name = format!("host-{number}.example");
            let (four, six) = (v4(&name).octets(), v6(&name).segments());
            assert!(four[0] == 198 && four[1] & 0xfe == 18 && !matches!(four[3], 0 | 255), "{four:?}");
            assert_eq!(six[..3], [0x2001, 2, 0]);
        }
    }
}
