//! Whose a conversation was: the sensor's events tell the own end of each socket at the very call that gave it one, and
//! a conversation is known by its ends. Nothing is guessed from what ran at the time.

use detektr_event::{Address, Attribution, Detail, Event, FlowRef, LocalEnd, ProcessRef};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Uses of own ends that are remembered.
const REMEMBERED: usize = 262_144;
/// Uses of one end that are remembered.
const EACH: usize = 16;

/// An own end: protocol and port; protocols without ports have port 0.
type Own = (u16, u16);

/// One use of an own end.
struct Use {
    boot_ns: u64,
    local: IpAddr,
    port: u16,
    /// Whom it was used for; nobody in particular for a bound socket.
    remote: Option<(IpAddr, u16)>,
    how: Attribution,
    process: Arc<ProcessRef>,
}

/// What is known of sockets so far.
#[derive(Default)]
pub struct Owners {
    uses: HashMap<Own, VecDeque<Use>>,
    order: VecDeque<Own>,
    /// Calls for a remote end whose own end was gone at their return.
    lost: HashMap<(IpAddr, u16), Vec<Arc<ProcessRef>>>,
    lost_count: usize,
    last: Option<Arc<ProcessRef>>,
}

impl Owners {
    /// Learns from `event`; the own end that it told of, if any.
    pub fn event(&mut self, event: &Event) -> Option<Own> {
        let process = event.process.as_ref()?;
        let (how, address, local) = match &event.detail {
            Detail::NetworkConnect { network } => (Attribution::Connect, &network.address, network.local),
            Detail::NetworkSend { network } => (Attribution::Send, &network.address, network.local),
            Detail::NetworkBind { network } => (Attribution::Bind, &network.address, network.local),
            _ => return None,
        };
        let remote = if how == Attribution::Bind { None } else { end(address) };
        let process = self.share(process);
        let Some(LocalEnd { protocol, address, port }) = local else {
            if let Some(remote) = remote
                && self.lost_count < REMEMBERED
            {
                let callers = self.lost.entry(remote).or_default();
                if callers.last().is_none_or(|last| last.id != process.id) {
                    callers.push(process);
                    self.lost_count += 1;
                }
            }
            return None;
        };
        let own = own(protocol, port);
        let uses = self.uses.entry(own).or_default();
        if uses.len() >= EACH {
            uses.pop_front();
        }
        uses.push_back(Use { boot_ns: event.boot_ns, local: plain(address), port, remote, how, process });
        self.order.push_back(own);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
            && let Some(uses) = self.uses.get_mut(&oldest)
        {
            uses.pop_front();
            if uses.is_empty() {
                self.uses.remove(&oldest);
            }
        }
        Some(own)
    }

    /// The own end of a conversation.
    pub fn own(flow: &FlowRef) -> Own {
        own(number(&flow.protocol), flow.local.port)
    }

    /// The process of a conversation that began at `boot_ns`, as far as its own end is known by now.
    pub fn of(&self, flow: &FlowRef, boot_ns: u64) -> Option<(Attribution, Arc<ProcessRef>)> {
        let key = Self::own(flow);
        let uses = self.uses.get(&key)?;
        let remote = (plain(flow.remote.address), flow.remote.port);
        if key.1 == 0 {
            return alone(uses, remote.0, flow.local.port);
        }
        let fits = |used: &&Use| used.local.is_unspecified() || used.local == plain(flow.local.address);
        // the last one that was called before it, else the first after it
        let nearest = |wanted: &dyn Fn(&&Use) -> bool| {
            let fitting = || uses.iter().filter(fits).filter(wanted);
            fitting()
                .filter(|used| used.boot_ns <= boot_ns)
                .max_by_key(|used| used.boot_ns)
                .or_else(|| fitting().min_by_key(|used| used.boot_ns))
        };
        nearest(&|used| used.remote == Some(remote))
            .or_else(|| nearest(&|used| used.how == Attribution::Bind))
            .map(|used| (used.how, used.process.clone()))
    }

    /// The one process that called for the remote end of a conversation, where there is just one.
    pub fn by_remote(&self, flow: &FlowRef) -> Option<Arc<ProcessRef>> {
        match self.lost.get(&(plain(flow.remote.address), flow.remote.port))?.as_slice() {
            [process] => Some(process.clone()),
            _ => None,
        }
    }

    /// One copy of what is the same each time.
    fn share(&mut self, process: &ProcessRef) -> Arc<ProcessRef> {
        match &self.last {
            Some(last) if **last == *process => last.clone(),
            _ => self.last.insert(Arc::new(process.clone())).clone(),
        }
    }
}

/// Of a protocol without ports: the one process that used it for this remote address, or this identifier.
fn alone(uses: &VecDeque<Use>, remote: IpAddr, identifier: u16) -> Option<(Attribution, Arc<ProcessRef>)> {
    let same = |used: &&Use| used.remote.is_some_and(|(address, _)| address == remote);
    // the identifier of an echo socket is its own; that of a raw socket its protocol
    let exact = uses.iter().filter(same).find(|used| identifier != 0 && used.port == identifier);
    if let Some(used) = exact {
        return Some((used.how, used.process.clone()));
    }
    let mut of = uses.iter().filter(same);
    let first = of.next()?;
    of.all(|used| used.process.id == first.process.id).then(|| (first.how, first.process.clone()))
}

/// Where uses of a protocol and port are kept.
fn own(protocol: u16, port: u16) -> Own {
    (protocol, if matches!(protocol, 6 | 17) { port } else { 0 })
}

fn end(address: &Address) -> Option<(IpAddr, u16)> {
    match address {
        Address::Inet { address, port } => Some((IpAddr::V4(*address), *port)),
        Address::Inet6 { address, port, .. } => Some((plain(IpAddr::V6(*address)), *port)),
        _ => None,
    }
}

/// An IPv4 address in the form of an IPv6 one is an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6 == Ipv6Addr::UNSPECIFIED => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn number(protocol: &str) -> u16 {
    match protocol {
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "icmp6" => 58,
        other => other.parse().unwrap_or(u16::MAX),
    }
}
