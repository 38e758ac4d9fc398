//! Datagrams: who answers is chosen by the port where that is a known one, else by what the datagram is. What nobody
//! understands is sent back.

use super::{dns, ntp};
use crate::packet::Key;
use crate::stack::Net;
use std::net::IpAddr;
use std::rc::Rc;

/// Packets of one conversation that are sent back. Two who answer each other would never end.
const ECHOES: u64 = 1024;
/// A version of QUIC that nobody speaks (RFC 9000, 15).
const NO_VERSION: [u8; 4] = [0x0a, 0x1a, 0x2a, 0x3a];

/// Answers a datagram.
pub(crate) fn datagram(net: &Rc<Net>, key: &Key, content: &[u8]) {
    let (service, answer) = match key.remote.1 {
        53 | 5353 | 5355 => ("dns", dns::answer(&net.context, key, content, Some(dns::UDP))),
        123 => ("ntp", ntp::answer(content)),
        _ if dns::asks(content) => ("dns", dns::answer(&net.context, key, content, Some(dns::UDP))),
        _ if content.len() == 48 && matches!(content[0], 0x1b | 0x23) => ("ntp", ntp::answer(content)),
        _ if is_quic(content) => ("quic", no_version(content)),
        _ if single(key.remote.0) && net.context.answered(key) < ECHOES => ("sink", Some(content.to_vec())),
        _ => return,
    };
    if let Some(answer) = answer {
        net.context.serves(key, service);
        net.reply(key, &answer);
    }
}

/// Whether an address is that of one host: nobody answers as a group.
fn single(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    }
}

/// Whether a datagram is the first of a QUIC connection: a long header in a packet that is large enough.
fn is_quic(content: &[u8]) -> bool {
    content.len() >= 1200 && content[0] & 0xc0 == 0xc0 && content[1..5] != [0; 4]
}

/// The answer of a server that speaks no such version, so that the client takes TCP at once (RFC 9000, 17.2.1).
fn no_version(content: &[u8]) -> Option<Vec<u8>> {
    let (theirs, rest) = content.get(5..)?.split_first()?;
    let theirs = rest.get(..usize::from(*theirs))?;
    let (own, rest) = rest.get(theirs.len()..)?.split_first()?;
    let own = rest.get(..usize::from(*own))?;
    let mut answer = vec![0x80, 0, 0, 0, 0];
    for id in [own, theirs] {
        answer.push(u8::try_from(id.len()).ok()?);
        answer.extend(id);
    }
    answer.extend(NO_VERSION);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_quic_is_told_that_nobody_speaks_its_version() {
        let mut first = vec![0xc3, 0, 0, 0, 1, 2, 7, 8, 3, 4, 5, 6];
        assert!(!is_quic(&first));
        first.resize(1200, 0);
        assert!(is_quic(&first));
        assert_eq!(
            no_version(&first).expect("an answer"),
            [0x80, 0, 0, 0, 0, 3, 4, 5, 6, 2, 7, 8, 0x0a, 0x1a, 0x2a, 0x3a]
        );
        first[5] = 255;
        first.truncate(200);
        assert_eq!(no_version(&first), None);
    }
}
