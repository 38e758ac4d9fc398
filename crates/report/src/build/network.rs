//! Conversations: what one process did with one peer or address.

use super::{LINE, Seen, TEXT, link, processes};
use crate::clean::{clean, clean_bytes, shorten};
use crate::describe;
use crate::model::{Conversation, Exchange, Network};
use detektr_event::{Address, Detail, FlowRef};
use std::collections::HashMap;

/// Conversations that are listed.
const LISTED: usize = 2_000;
/// Headers, answers, names of one exchange that are listed.
const DETAILS: usize = 40;

#[derive(Default)]
pub(super) struct Talk {
    network: Network,
    index: HashMap<(&'static str, String, Option<usize>), usize>,
}

impl Talk {
    /// Notes the event, where it is one of a conversation of the artifact's.
    pub(super) fn event(&mut self, seen: &Seen<'_>) -> bool {
        if let Some((kind, flow, details)) = exchange(&seen.event.detail) {
            if self.network.exchanges.len() >= LISTED {
                self.network.exchanges_left_out += 1;
                return false;
            }
            self.network.exchanges.push(Exchange {
                event: seen.event.seq,
                kind: kind.into(),
                flow: flow.id,
                what: shorten(&describe::object(&seen.event.detail), TEXT),
                process: seen.at.and_then(processes::position),
                details,
            });
            return true;
        }
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

/// What the simulated internet saw: its kind, its conversation, and more of it, line by line.
fn exchange(detail: &Detail) -> Option<(&'static str, &FlowRef, Vec<String>)> {
    let line = |name: &str, value: &str| shorten(&clean(&format!("{name}: {value}")), LINE);
    let option = |name: &str, value: &Option<String>| value.as_ref().map(|value| line(name, value));
    let mut details = Vec::new();
    let (kind, flow) = match detail {
        Detail::NetworkDns { network } => {
            let answers = network.answers.iter().take(DETAILS);
            details.extend(answers.map(|answer| line(&answer.kind, &answer.data)));
            ("dns", &network.flow)
        }
        Detail::NetworkHttp { network } => {
            for (mark, headers) in [(">", &network.request_headers), ("<", &network.response_headers)] {
                let headers = headers.iter().take(DETAILS);
                details.extend(headers.map(|h| line(&format!("{mark} {}", h.name), &h.value.lossy())));
            }
            for (word, body) in [("sent", &network.request_body), ("got", &network.response_body)] {
                details.extend(
                    body.as_ref().map(|b| line(word, &format!("{} bytes, sha256 {}", b.size, b.sha256))),
                );
            }
            ("http", &network.flow)
        }
        Detail::NetworkTls { network } => {
            details.extend(option("ja3", &network.ja3));
            details.extend(option("ja4", &network.ja4));
            details.extend(option("cipher", &network.cipher));
            let offered: Vec<_> = network.alpn.iter().take(DETAILS).map(|name| name.lossy()).collect();
            details.push(line("offered", &offered.join(", ")));
            details.push(line("decrypted", if network.decrypted { "yes" } else { "no" }));
            if network.pinned {
                details.push(line("pinned", "the client trusts only another authority"));
            }
            ("tls", &network.flow)
        }
        Detail::NetworkFlow { network } => {
            for (word, first) in [("said first", &network.first_out), ("heard first", &network.first_in)] {
                details.extend(
                    first
                        .as_ref()
                        .map(|text| shorten(&format!("{word}: {}", clean_bytes(text.as_bytes())), LINE)),
                );
            }
            ("flow", &network.flow)
        }
        _ => return None,
    };
    Some((kind, flow, details))
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
