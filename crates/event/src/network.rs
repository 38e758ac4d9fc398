//! Sockets, as the environment's processes use them. What the simulated internet saw is told in `internet`.

use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, tag = "family", rename_all = "snake_case")]
pub enum Address {
    /// IPv4.
    Inet {
        /// Dotted address.
        address: std::net::Ipv4Addr,
        /// Port (0 where the protocol has none).
        port: u16,
    },
    /// IPv6.
    Inet6 {
        /// Address.
        address: std::net::Ipv6Addr,
        /// Port (0 where the protocol has none).
        port: u16,
        /// Scope id (interface), 0 for none.
        #[serde(default, skip_serializing_if = "is_zero")]
        scope: u32,
    },
    /// Unix: a path, or an abstract name.
    Unix {
        /// The path or name as given; empty for an unnamed socket.
        path: Copied,
        /// The name is one of the abstract name space.
        #[serde(default, rename = "abstract", skip_serializing_if = "std::ops::Not::not")]
        abstract_name: bool,
    },
    /// netlink.
    Netlink {
        /// Port id.
        pid: u32,
        /// Multicast groups mask.
        groups: u32,
    },
    /// Packet sockets.
    Packet {
        /// EtherType.
        protocol: u16,
        /// Interface index.
        interface: i32,
    },
    /// AF_VSOCK.
    Vsock {
        /// Context id.
        cid: u32,
        /// Port.
        port: u32,
    },
    /// Another family, or `AF_UNSPEC`: its number and its raw bytes.
    Other {
        /// Family number.
        number: u16,
        /// Raw bytes after the family, hexadecimal.
        raw: String,
    },
    /// It could not be read.
    Unread {
        /// Why.
        reason: crate::text::Unreadable,
    },
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// `network.socket` and `network.raw_socket`: a socket was made (or a pair, or the attempt failed). Raw are
/// `SOCK_RAW` sockets (but for netlink and unix ones, where the type says nothing) and packet sockets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// Family by name (`AF_INET`), else its number.
    pub domain: String,
    /// Type by name (`SOCK_STREAM`), else its number.
    pub socket_type: String,
    /// Protocol number.
    pub protocol: i32,
    /// The descriptor, of a success (absent for a pair).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
    /// Made by `socketpair`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pair: bool,
}

/// `network.bind`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The descriptor.
    pub fd: i32,
    /// The address asked for.
    pub address: Address,
    /// What the socket is bound to now, of a success of an internet socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEnd>,
}

/// `network.listen`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The descriptor.
    pub fd: i32,
    /// Queue length asked for.
    pub backlog: i32,
}

/// `network.connect`. An outcome of `EINPROGRESS` is `unfinished`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// The descriptor.
    pub fd: i32,
    /// The peer.
    pub address: Address,
    /// The socket's own end at the return of the call, of an internet socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEnd>,
}

/// The own end of an internet socket, read from the kernel's socket at the return of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalEnd {
    /// IP protocol number of the socket (6 TCP, 17 UDP, 1 ICMP).
    pub protocol: u16,
    /// Address; unspecified (`0.0.0.0`, `::`) where the socket is bound to none.
    pub address: std::net::IpAddr,
    /// Port; 0 where it has none yet. An ICMP echo socket has its identifier here.
    pub port: u16,
}

/// `network.accept`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The listening descriptor.
    pub fd: i32,
    /// The new descriptor, of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<i32>,
    /// The peer, where the call asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// `network.send`: a message to a peer that the call itself names (`sendto`, `sendmsg`, `sendmmsg`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The descriptor.
    pub fd: i32,
    /// The peer.
    pub address: Address,
    /// The socket's own end at the return of the call, of an internet socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEnd>,
    /// Bytes sent, of a success (messages sent, for `sendmmsg`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// The call.
    pub call: String,
}
