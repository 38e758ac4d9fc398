//! Conversations seen on the environment's network device, held against the socket calls that the sensor told.
//!
//! Both ways: a conversation needs a call that can have begun it, and a call that must have sent a packet needs the
//! conversation. What the kernel sends by itself is told apart, and what a raw socket or io_uring sends can be
//! anything, so that nothing is unexplained where one was used.

use crate::witness::{CaptureTotals, PacketsWitness};
use detektr_event::{Actor, Address, Attribution, Detail, Event, Flow, FlowRef, LocalEnd, Outcome};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};

/// IP protocol numbers.
const TCP: u16 = 6;
const UDP: u16 = 17;
/// How many calls wait for their conversation; more are not judged, and counted as such.
const REMEMBERED: usize = 1 << 20;

/// An internet socket's peer.
type Peer = (IpAddr, u16);

/// The calls and conversations of one run.
#[derive(Debug, Default)]
pub struct Packets {
    /// Addresses of the environment's own: what is sent to them never passes the device.
    own: Vec<IpAddr>,
    flows: u64,
    kernel: u64,
    unknown: Vec<FlowRef>,
    /// Conversations by protocol, own port and peer.
    exact: HashSet<(u16, u16, Peer)>,
    /// The same without the own port.
    peers: HashSet<(u16, Peer)>,
    /// Calls by protocol, own port (where it is known) and peer, and how many there were.
    calls: HashMap<(u16, Option<u16>, Peer), u64>,
    called: u64,
    not_judged: u64,
    /// Packets of any kind could have been made.
    raw: bool,
    /// The artifact made or entered a network of its own: its calls need not reach the device.
    own_network: bool,
}

impl Packets {
    /// Nothing has happened yet, in an environment with these addresses.
    pub fn new(own: Vec<IpAddr>) -> Self {
        Packets { own, ..Packets::default() }
    }

    /// Takes an event.
    pub fn event(&mut self, event: &Event) {
        let environment = event.process.as_ref().is_some_and(|process| process.actor == Actor::Environment);
        match &event.detail {
            Detail::NetworkFlow { network } => self.flow(network),
            Detail::NetworkRawSocket { .. } if event.outcome.is_success() => self.raw = true,
            Detail::KernelIoUring { io_uring } if io_uring.address.is_some() => self.raw = true,
            Detail::ProcessNamespace { namespace } if event.outcome.is_success() && !environment => {
                self.own_network |= namespace.flags.iter().any(|flag| flag == "CLONE_NEWNET");
            }
            // what a control's rules refused passes no device
            Detail::NetworkConnect { network }
                if began(&event.outcome) && event.outcome.enforcer.is_none() =>
            {
                // A datagram socket that is connected sends nothing by that.
                self.call(&network.address, network.local, TCP);
            }
            Detail::NetworkSend { network } if event.outcome.is_success() => {
                self.call(&network.address, network.local, UDP);
            }
            _ => {}
        }
    }

    fn flow(&mut self, flow: &Flow) {
        self.flows += 1;
        let reference = &flow.flow;
        let protocol = number(&reference.protocol);
        let peer = (plain(reference.remote.address), reference.remote.port);
        let known = !self.exact.insert((protocol, reference.local.port, peer));
        self.peers.insert((protocol, peer));
        if reference.attribution != Attribution::Unknown {
            return;
        }
        // A late FIN or RST of a conversation that had ended.
        if of_the_kernel(flow) || (known && protocol == TCP && flow.first_out.is_none()) {
            self.kernel += 1;
        } else {
            self.unknown.push(reference.clone());
        }
    }

    fn call(&mut self, address: &Address, local: Option<LocalEnd>, wanted: u16) {
        let peer = match address {
            Address::Inet { address, port } => (IpAddr::V4(*address), *port),
            Address::Inet6 { address, port, .. } => (plain(IpAddr::V6(*address)), *port),
            _ => return,
        };
        if local.is_some_and(|local| local.protocol != wanted) || self.stays_inside(peer.0) {
            return;
        }
        self.called += 1;
        // Without its own end, a connect may be that of a datagram socket.
        if local.is_none() && wanted == TCP {
            return;
        }
        if self.calls.len() >= REMEMBERED {
            self.not_judged += 1;
            return;
        }
        let port = local.map(|local| local.port).filter(|port| *port != 0);
        *self.calls.entry((wanted, port, peer)).or_default() += 1;
    }

    fn stays_inside(&self, address: IpAddr) -> bool {
        address.is_loopback() || address.is_unspecified() || self.own.contains(&address)
    }

    /// What they say to each other.
    pub fn judge(self) -> PacketsWitness {
        let mut unexplained = Vec::new();
        let mut unexplained_flows = 0;
        if !self.raw {
            for flow in &self.unknown {
                unexplained_flows += 1;
                unexplained.push(format!(
                    "conversation {} ({} from port {} to {} port {}) was begun by no call that was seen",
                    flow.id, flow.protocol, flow.local.port, flow.remote.address, flow.remote.port
                ));
            }
        }
        let mut unexplained_calls = 0;
        let mut calls: Vec<_> = self.calls.into_iter().collect();
        calls.sort_unstable();
        for ((protocol, port, peer), count) in calls {
            let seen = match port {
                Some(port) => self.exact.contains(&(protocol, port, peer)),
                None => self.peers.contains(&(protocol, peer)),
            };
            if seen || self.own_network {
                continue;
            }
            unexplained_calls += count;
            let what = if protocol == TCP { "connects" } else { "datagrams sent" };
            unexplained.push(format!("{count} {what} to {} port {} passed no packet", peer.0, peer.1));
        }
        unexplained.truncate(PacketsWitness::LISTED);
        PacketsWitness {
            capture: CaptureTotals::default(),
            own: self.own,
            flows: self.flows,
            kernel_flows: self.kernel,
            calls: self.called,
            calls_not_judged: self.not_judged,
            raw: self.raw,
            own_network: self.own_network,
            unexplained_flows,
            unexplained_calls,
            unexplained,
        }
    }
}

/// Whether a connect went so far that a packet was sent.
fn began(outcome: &Outcome) -> bool {
    outcome.is_success() || outcome.errno.as_deref() == Some("EINPROGRESS")
}

/// What no process sends: reports of multicast groups, solicitations, and errors about packets that came.
fn of_the_kernel(flow: &Flow) -> bool {
    let kind = flow.first_out.as_ref().and_then(|first| first.as_bytes().first().copied());
    match flow.flow.protocol.as_str() {
        // IGMP
        "2" => true,
        "icmp" => matches!(kind, Some(3 | 4 | 11 | 12)),
        "icmp6" => matches!(kind, Some(1..=4 | 130..=136 | 143)),
        _ => false,
    }
}

fn number(protocol: &str) -> u16 {
    match protocol {
        "icmp" => 1,
        "tcp" => TCP,
        "udp" => UDP,
        "icmp6" => 58,
        other => other.parse().unwrap_or(u16::MAX),
    }
}

/// An IPv4 address in the form of an IPv6 one is an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6 != Ipv6Addr::UNSPECIFIED => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const PEER: &str = "198.18.0.9";

    fn event(kind: &str, outcome: Value, detail: (&str, Value), actor: &str) -> Event {
        let mut event = json!({
            "seq": 1, "time": "2026-01-01T00:00:00Z", "boot_ns": 1, "phase": "execute", "sensor": "ebpf",
            "process": {"id": "1-2-0", "pid": 2, "tid": 2, "exe": "/bin/x", "euid": 0, "actor": actor},
            "outcome": outcome, "kind": kind,
        });
        event[detail.0] = detail.1;
        serde_json::from_value(event).expect("an event")
    }

    fn success() -> Value {
        json!({"result": "success"})
    }

    fn local(protocol: u16, port: u16) -> Value {
        json!({"protocol": protocol, "address": "192.168.7.2", "port": port})
    }

    fn to(address: &str, port: u16) -> Value {
        let family = if address.contains(':') { "inet6" } else { "inet" };
        json!({"family": family, "address": address, "port": port})
    }

    fn connect(outcome: Value, peer: Value, local: Option<Value>) -> Event {
        let mut network = json!({"fd": 3, "address": peer});
        if let Some(local) = local {
            network["local"] = local;
        }
        event("network.connect", outcome, ("network", network), "artifact")
    }

    fn send(peer: Value, local: Value) -> Event {
        let network = json!({"fd": 3, "address": peer, "local": local, "call": "sendto"});
        event("network.send", success(), ("network", network), "artifact")
    }

    fn flow(protocol: &str, port: u16, remote: u16, attribution: &str, first: Option<&str>) -> Event {
        let mut network = json!({
            "flow": {
                "id": 1, "protocol": protocol, "attribution": attribution,
                "local": {"address": "192.168.7.2", "port": port}, "remote": {"address": PEER, "port": remote},
            },
            "service": "sink", "duration_ns": 1, "bytes_out": 40, "bytes_in": 0, "packets_out": 1, "packets_in": 0,
            "end": "closed",
        });
        if let Some(first) = first {
            network["first_out"] = json!(first);
        }
        event("network.flow", success(), ("network", network), "artifact")
    }

    #[test]
    fn a_connection_that_a_control_refused_needs_no_packet() {
        let begun = |enforcer: Option<&str>| {
            let mut outcome = json!({"result": "unfinished", "errno": "EINPROGRESS"});
            if let Some(name) = enforcer {
                outcome["enforcer"] = json!(name);
            }
            judged(&[connect(outcome, to(PEER, 443), Some(local(6, 40_000)))])
        };
        assert_ne!(begun(None), begun(Some("firewall")));
        assert_eq!(begun(Some("firewall")), judged(&[]));
    }

    fn judged(events: &[Event]) -> PacketsWitness {
        let mut packets = Packets::new(vec!["192.168.7.2".parse().expect("an address")]);
        events.iter().for_each(|event| packets.event(event));
        packets.judge()
    }

    /// Unexplained conversations and calls.
    fn holes(events: &[Event]) -> (u64, u64) {
        let witness = judged(events);
        assert_eq!(
            !witness.unexplained.is_empty(),
            witness.unexplained_flows + witness.unexplained_calls > 0
        );
        (witness.unexplained_flows, witness.unexplained_calls)
    }

    #[test]
    fn calls_and_conversations_that_fit_explain_each_other() {
        let connected = connect(success(), to(PEER, 80), Some(local(6, 40_000)));
        let begun = json!({"result": "unfinished", "errno": "EINPROGRESS"});
        let later = connect(begun, to(PEER, 81), Some(local(6, 40_001)));
        let sent = send(to(PEER, 53), local(17, 40_002));
        let flows = [
            flow("tcp", 40_000, 80, "connect", Some("GET")),
            flow("tcp", 40_001, 81, "connect", None),
            flow("udp", 40_002, 53, "send", Some("x")),
        ];
        let all = [&[connected, later, sent][..], &flows].concat();
        assert_eq!(holes(&all), (0, 0));
        assert_eq!((judged(&all).flows, judged(&all).calls), (3, 3));
        for missing in 0..3 {
            let mut fewer = all.clone();
            fewer.remove(3 + missing);
            assert_eq!(holes(&fewer), (0, 1), "without conversation {missing}");
        }
    }

    #[test]
    fn a_conversation_that_nobody_began_is_a_hole_unless_a_raw_socket_was_there() {
        let unknown = flow("udp", 40_000, 53, "unknown", Some("x"));
        assert_eq!(holes(std::slice::from_ref(&unknown)), (1, 0));
        let socket = json!({"domain": "AF_PACKET", "socket_type": "SOCK_RAW", "protocol": 0});
        let raw = event("network.raw_socket", success(), ("network", socket), "artifact");
        assert_eq!(holes(&[unknown, raw]), (0, 0));
    }

    #[test]
    fn what_the_kernel_sends_by_itself_is_no_hole() {
        let late =
            [flow("tcp", 40_000, 80, "connect", Some("GET")), flow("tcp", 40_000, 80, "unknown", None)];
        assert_eq!((holes(&late), judged(&late).kernel_flows), ((0, 0), 1));
        assert_eq!(holes(&[flow("2", 0, 0, "unknown", None)]), (0, 0));
        assert_eq!(holes(&[flow("icmp", 0, 0, "unknown", Some("\u{3}"))]), (0, 0));
        assert_eq!(holes(&[flow("icmp", 0, 0, "unknown", Some("\u{8}"))]), (1, 0), "an echo is somebody's");
    }

    #[test]
    fn calls_that_send_no_packet_need_no_conversation() {
        let refused = json!({"result": "failure", "errno": "ENETUNREACH"});
        for call in [
            connect(success(), to("127.0.0.1", 80), Some(local(6, 1))),
            connect(success(), to("::1", 80), Some(local(6, 1))),
            connect(success(), to("::ffff:127.0.0.1", 80), Some(local(6, 1))),
            connect(success(), to("192.168.7.2", 80), Some(local(6, 1))),
            connect(success(), to(PEER, 53), Some(local(17, 1))),
            connect(success(), to(PEER, 53), None),
            connect(refused, to(PEER, 80), Some(local(6, 0))),
            send(to(PEER, 0), local(1, 7)),
        ] {
            assert_eq!(holes(std::slice::from_ref(&call)), (0, 0), "{call:?}");
        }
    }

    #[test]
    fn a_network_of_the_artifacts_own_hides_its_calls_and_the_environments_does_not() {
        let call = connect(success(), to(PEER, 80), Some(local(6, 40_000)));
        let made = |actor| {
            let namespace = json!({"call": "unshare", "flags": ["CLONE_NEWNET"]});
            event("process.namespace", success(), ("namespace", namespace), actor)
        };
        assert_eq!(holes(&[made("environment"), call.clone()]), (0, 1));
        assert_eq!(holes(&[made("artifact"), call]), (0, 0));
    }
}
