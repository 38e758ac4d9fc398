//! Socket addresses as the kernel's bytes.

use detektr_event::{Address, Copied, LocalEnd, Unreadable};

/// The address in `bytes`, family first.
pub(super) fn parse(bytes: &[u8]) -> Address {
    let Some(family) = word(bytes, 0) else {
        return Address::Other { number: 0, raw: hex(bytes) };
    };
    known(family, bytes)
        .unwrap_or_else(|| Address::Other { number: family, raw: hex(bytes.get(2..).unwrap_or(&[])) })
}

/// An address that could not be read.
pub(super) fn unread(reason: Unreadable) -> Address {
    Address::Unread { reason }
}

/// The own end of an internet socket: protocol, family, port, two bytes that say nothing, and the address, each
/// number in the host's order. `None` where the socket has no port yet.
pub(super) fn local_end(bytes: &[u8]) -> Option<LocalEnd> {
    let (protocol, family, port) = (word(bytes, 0)?, word(bytes, 2)?, word(bytes, 4)?);
    let address = bytes.get(8..24)?;
    let address = match i32::from(family) {
        libc::AF_INET => <[u8; 4]>::try_from(&address[..4]).ok()?.into(),
        libc::AF_INET6 => <[u8; 16]>::try_from(address).ok()?.into(),
        _ => return None,
    };
    (port != 0).then_some(LocalEnd { protocol, address, port })
}

fn known(family: u16, bytes: &[u8]) -> Option<Address> {
    let port = || Some(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
    Some(match i32::from(family) {
        libc::AF_INET => {
            let address: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Address::Inet { address: address.into(), port: port()? }
        }
        libc::AF_INET6 => {
            let address: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Address::Inet6 { address: address.into(), port: port()?, scope: long(bytes, 24).unwrap_or(0) }
        }
        libc::AF_UNIX => match bytes.get(2..)? {
            [0, name @ ..] => Address::Unix { path: Copied::whole(name), abstract_name: true },
            path => {
                let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
                Address::Unix { path: Copied::whole(&path[..end]), abstract_name: false }
            }
        },
        libc::AF_NETLINK => Address::Netlink { pid: long(bytes, 4)?, groups: long(bytes, 8)? },
        libc::AF_PACKET => Address::Packet { protocol: port()?, interface: long(bytes, 4)? as i32 },
        libc::AF_VSOCK => Address::Vsock { port: long(bytes, 4)?, cid: long(bytes, 8)? },
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parsed(bytes: &[u8]) -> Value {
        serde_json::to_value(parse(bytes)).expect("addresses serialise")
    }

    #[test]
    fn every_family_is_read_in_its_own_layout() {
        assert_eq!(
            parsed(&[2, 0, 0x1f, 0x90, 198, 18, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            json!({"family": "inet", "address": "198.18.0.1", "port": 8080})
        );
        let mut six = vec![10, 0, 0, 53, 0, 0, 0, 0, 0xfe, 0x80];
        six.extend([0; 13]);
        six.extend([1, 3, 0, 0, 0]);
        assert_eq!(parsed(&six), json!({"family": "inet6", "address": "fe80::1", "port": 53, "scope": 3}));
        assert_eq!(parsed(b"\x01\0/run/x\0junk"), json!({"family": "unix", "path": "/run/x"}));
        assert_eq!(parsed(b"\x01\0\0name"), json!({"family": "unix", "path": "name", "abstract": true}));
        assert_eq!(parsed(&[1, 0]), json!({"family": "unix", "path": ""}));
        assert_eq!(
            parsed(&[16, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0]),
            json!({"family": "netlink", "pid": 7, "groups": 1})
        );
        assert_eq!(
            parsed(&[17, 0, 8, 0, 2, 0, 0, 0]),
            json!({"family": "packet", "protocol": 0x800, "interface": 2})
        );
        assert_eq!(
            parsed(&[40, 0, 0, 0, 0, 4, 0, 0, 2, 0, 0, 0]),
            json!({"family": "vsock", "cid": 2, "port": 1024})
        );
        assert_eq!(parsed(&[0, 0, 1, 2]), json!({"family": "other", "number": 0, "raw": "0102"}));
        assert_eq!(parsed(&[2, 0, 1]), json!({"family": "other", "number": 2, "raw": "01"}));
        assert_eq!(parsed(&[9]), json!({"family": "other", "number": 0, "raw": "09"}));
    }
}
