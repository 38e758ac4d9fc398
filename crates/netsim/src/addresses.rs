//! The addresses of an environment.

use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Addresses of one run: a home network, different each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The environment's IPv4 address.
    pub v4: Ipv4Addr,
    /// Its gateway and name server.
    pub gateway4: Ipv4Addr,
    /// The environment's IPv6 address.
    pub v6: Ipv6Addr,
    /// Its gateway.
    pub gateway6: Ipv6Addr,
}

impl Addresses {
    /// The same seed gives the same addresses.
    pub fn from_seed(seed: u64) -> Addresses {
        let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update("addresses").finalize();
        let net = hash[0] % 200 + 20;
        let host = hash[1] % 200 + 20;
        let part = |n: usize| u16::from_be_bytes([hash[n], hash[n + 1]]);
        // a unique local network (RFC 4193): programs then prefer IPv4, as on most hosts
        let v6 = |host: u16| Ipv6Addr::new(0xfd00 | u16::from(hash[2]), part(3), part(5), 1, 0, 0, 0, host);
        Addresses {
            v4: Ipv4Addr::new(192, 168, net, host),
            gateway4: Ipv4Addr::new(192, 168, net, 1),
            v6: v6(u16::from(host)),
            gateway6: v6(1),
        }
    }

    /// `/etc/resolv.conf` of the environment.
    pub fn resolv_conf(&self) -> String {
        format!("nameserver {}\nnameserver {}\n", self.gateway4, self.gateway6)
    }
}
