//! Socket calls, native and through the 32-bit `socketcall`.

use super::address;
use super::call::Call;
use super::names;
use crate::raw::Taken;
use detektr_event::{
    Accept, Address, Bind, Connect, Detail, Kind, Listen, LocalEnd, Send, Socket, Unreadable,
};

/// The calls behind `socketcall`, by its first argument.
const SOCKETCALLS: [&str; 21] = [
    "",
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];

/// A socket call with its arguments, wherever they were.
struct SocketCall<'a> {
    call: &'a Call<'a>,
    name: &'static str,
    arguments: [Option<u32>; 6],
    address: &'a Taken,
    local: &'a Taken,
    address_argument: usize,
}

impl SocketCall<'_> {
    fn int(&self, position: usize) -> i32 {
        self.arguments[position].map_or(-1, |word| word as i32)
    }

    /// The socket's own end, where the kernel showed it.
    fn local_end(&self) -> Option<LocalEnd> {
        match self.local {
            Taken::Bytes(bytes) => address::local_end(bytes),
            _ => None,
        }
    }

    /// The address that the call gave; where it could not be had, why.
    fn address(&self) -> Address {
        match self.address {
            Taken::Bytes(bytes) => address::parse(bytes),
            Taken::Unreadable(why) => address::unread(*why),
            _ if self.arguments[self.address_argument] == Some(0) => address::unread(Unreadable::BadAddress),
            _ => address::unread(Unreadable::NotCopied),
        }
    }
}

/// The event of a network call, if it makes one.
pub(super) fn decode(call: &Call<'_>, out: &mut Vec<Detail>) {
    let socket_call = if call.name == "socketcall" {
        let Some(name) = SOCKETCALLS.get(call.uint(0) as usize) else { return };
        let bytes = call.bytes(0).unwrap_or(&[]);
        let word =
            |index: usize| bytes.get(index * 4..index * 4 + 4)?.try_into().ok().map(u32::from_le_bytes);
        SocketCall {
            call,
            name,
            arguments: [0, 1, 2, 3, 4, 5].map(word),
            address: call.taken(1),
            local: call.taken(2),
            address_argument: address_argument(name),
        }
    } else {
        let arguments = [0, 1, 2, 3, 4, 5].map(|position| {
            // What is no pointer has 32 bits; of a pointer only whether it is null counts.
            let value = call.arg(position);
            Some(if value != 0 && value as u32 == 0 { u32::MAX } else { value as u32 })
        });
        let address_argument = address_argument(call.name);
        SocketCall {
            call,
            name: call.name,
            arguments,
            address: call.taken(0),
            local: call.taken(1),
            address_argument,
        }
    };
    out.extend(detail(&socket_call));
}

/// The kind that a `socketcall` turns out to be.
pub(super) fn kind_of(call: &Call<'_>, kind: Kind) -> Option<Kind> {
    if call.name != "socketcall" {
        return Some(kind);
    }
    Some(match *SOCKETCALLS.get(call.uint(0) as usize)? {
        "socket" | "socketpair" => Kind::NetworkSocket,
        "bind" => Kind::NetworkBind,
        "connect" => Kind::NetworkConnect,
        "listen" => Kind::NetworkListen,
        "accept" | "accept4" => Kind::NetworkAccept,
        "sendto" | "sendmsg" | "sendmmsg" => Kind::NetworkSend,
        _ => return None,
    })
}

fn address_argument(name: &str) -> usize {
    if name == "sendto" { 4 } else { 1 }
}

fn detail(call: &SocketCall<'_>) -> Option<Detail> {
    let fd = call.int(0);
    Some(match call.name {
        "socket" | "socketpair" => socket(call),
        "bind" => {
            let local = call.local_end().filter(|_| call.call.value().is_some());
            Detail::NetworkBind { network: Bind { fd, address: call.address(), local } }
        }
        "connect" => Detail::NetworkConnect {
            network: Connect { fd, address: call.address(), local: call.local_end() },
        },
        "listen" => Detail::NetworkListen { network: Listen { fd, backlog: call.int(1) } },
        "accept" | "accept4" => {
            let address = match call.address {
                Taken::Bytes(bytes) => Some(address::parse(bytes)),
                Taken::Unreadable(why) => Some(address::unread(*why)),
                _ => None,
            };
            Detail::NetworkAccept { network: Accept { fd, accepted: call.call.fd(), address } }
        }
        "sendto" | "sendmsg" | "sendmmsg" => {
            // Without a peer of its own it goes to the connected one, and is counted with the socket. Of a
            // skipped `sendmsg` nothing was taken, and so it is told.
            let given = match call.address {
                Taken::Nothing if call.name == "sendto" => call.arguments[4] != Some(0),
                Taken::Nothing => call.call.skipped(),
                _ => true,
            };
            if !given {
                return None;
            }
            let sent = call.call.value().and_then(|value| u64::try_from(value).ok());
            Detail::NetworkSend {
                network: Send {
                    fd,
                    address: call.address(),
                    local: call.local_end(),
                    sent,
                    call: call.name.to_owned(),
                },
            }
        }
        _ => return None,
    })
}

fn socket(call: &SocketCall<'_>) -> Detail {
    let [given, socket_type, protocol] = [0, 1, 2].map(|position| call.int(position));
    // the wall knows the kernel's own value; what lay in memory may have been changed meanwhile
    let domain = if call.call.walled() { libc::AF_VSOCK } else { given };
    let pair = call.name == "socketpair";
    let network = Socket {
        domain: names::socket_domain(domain),
        socket_type: names::socket_type(socket_type),
        protocol,
        fd: if pair { None } else { call.call.fd().filter(|_| !call.call.walled()) },
        pair,
    };
    // SOCK_RAW is the usual type of netlink sockets, and an alias of SOCK_DGRAM for unix ones.
    let raw_type = matches!(socket_type & 0xf, libc::SOCK_RAW | 10);
    let raw = domain == libc::AF_PACKET || (raw_type && !matches!(domain, libc::AF_NETLINK | libc::AF_UNIX));
    if raw { Detail::NetworkRawSocket { network } } else { Detail::NetworkSocket { network } }
}
