//! Conversations: what one process did with one peer or address.

use super::{Seen, TEXT, link, processes};
use crate::clean::shorten;
use crate::describe;
use crate::model::{Conversation, Network};
use detektr_event::{Address, Detail};
use std::collections::HashMap;

/// Conversations that are listed.
const LISTED: usize = 2_000;

#[derive(Default)]
pub(super) struct Talk {
    network: Network,
    index: HashMap<(&'static str, String, Option<usize>), usize>,
}

impl Talk {
    /// Notes the event, where it is one of a conversation of the artifact's.
    pub(super) fn event(&mut self, seen: &Seen<'_>) -> bool {
        let Some((act, address, family)) = about(&seen.event.detail).filter(|_| seen.artifact) else {
            return false;
        };
        let key = (act, address, seen.at);
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None if self.index.len() >= LISTED => {
                self.network.left_out += 1;
                return false;
            }
            None => {
                let at = self.network.conversations.len();
                self.network.conversations.push(Conversation {
                    act: act.into(),
                    address: shorten(&key.1, TEXT),
                    family: family.into(),
                    process: seen.at.and_then(processes::position),
                    succeeded: 0,
                    failed: Default::default(),
                    sent: 0,
                    events: Vec::new(),
                });
                self.index.insert(key, at);
                at
            }
        };
        let conversation = &mut self.network.conversations[at];
        if seen.event.outcome.is_success() {
            conversation.succeeded += 1;
        } else {
            *conversation.failed.entry(describe::ending(seen.event)).or_default() += 1;
        }
        if let Detail::NetworkSend { network } = &seen.event.detail {
            conversation.sent += network.sent.unwrap_or(0);
        }
        link(&mut conversation.events, &mut 0, seen.event.seq);
        true
    }

    pub(super) fn finish(self) -> Network {
        self.network
    }
}

/// The act, the address and its family, of an event about one.
fn about(detail: &Detail) -> Option<(&'static str, String, &'static str)> {
    let (act, address) = match detail {
        Detail::NetworkConnect { network } => ("connect", &network.address),
        Detail::NetworkSend { network } => ("send", &network.address),
        Detail::NetworkBind { network } => ("bind", &network.address),
        Detail::NetworkAccept { network } => match &network.address {
            Some(address) => ("accept", address),
            None => return Some(("accept", "a peer that the call did not ask for".into(), "unknown")),
        },
        Detail::NetworkRawSocket { network } => {
            return Some(("raw socket", format!("{} {}", network.domain, network.socket_type), "packet"));
        }
        _ => return None,
    };
    let family = match address {
        Address::Inet { .. } => "inet",
        Address::Inet6 { .. } => "inet6",
        Address::Unix { .. } => "unix",
        Address::Netlink { .. } => "netlink",
        Address::Packet { .. } => "packet",
        Address::Vsock { .. } => "vsock",
        Address::Other { .. } | Address::Unread { .. } => "unknown",
    };
    Some((act, describe::address(address), family))
}
