//! The userspace network stack: every packet of the device goes through here, each way.
//!
//! TCP is smoltcp's, one small stack a connection, since a connection's two ends are not known before its first packet
//! and shall be whatever that says. UDP and ICMP have no state worth a library.

mod connection;
mod stream;

pub(crate) use stream::Stream;

use crate::clock::boot_ns;
use crate::context::Context;
use crate::flows::Way;
use crate::link::Link;
use crate::packet::{self, Body, Key, Packet, Segment};
use crate::reassembly::Reassembly;
use crate::services;
use connection::Connection;
use smoltcp::time::Instant;
use smoltcp::wire::{TcpControl, TcpRepr, TcpSeqNumber};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Connections at once. Beyond it a new one is refused.
const CONNECTIONS: usize = 4096;
/// Of them, those whose handshake is not done. Beyond it the oldest such one is given up.
const HALF_OPEN: usize = 2048;
/// Connections that get large buffers; more than so many at once move little each.
const LARGE: usize = 64;
/// Bytes of the largest packet that goes to the environment.
const WIRE: usize = 1500;
/// Packets that are taken before others get their turn.
const BATCH: usize = 256;
/// After this long without a packet a conversation without an end of its own has ended.
const IDLE: Duration = Duration::from_secs(30);
/// For so long nothing happens before those who were cut off are no longer listened to: longer than a kernel waits
/// before it sends a lost segment again.
const QUIET: Duration = Duration::from_millis(500);
/// How long a conversation that has ended waits for stragglers, at least.
const SWEEP: Duration = Duration::from_secs(1);

/// The stack, shared by its driver and the streams of its connections.
pub(crate) struct Net {
    inner: RefCell<Inner>,
    /// A stream has something for the driver to do.
    work: Notify,
    pub(crate) context: Rc<Context>,
}

struct Inner {
    connections: HashMap<u64, Connection>,
    by_key: HashMap<Key, u64>,
    half_open: VecDeque<u64>,
    half_open_count: usize,
    last: u64,
    /// Connections to look at.
    dirty: VecDeque<u64>,
    /// When to look at which, though nothing happened.
    timers: BTreeSet<(Instant, u64)>,
    /// What goes to the environment.
    out: VecDeque<Outgoing>,
    reassembly: Reassembly,
    /// Number of the last answer that may have gone in parts.
    parted: u32,
    checksums: bool,
    began: std::time::Instant,
}

/// What goes to the environment, in order.
enum Outgoing {
    /// A packet.
    Packet(Key, Vec<u8>),
    /// No packet any more: the conversation ended so.
    End(Key, &'static str),
}

impl Inner {
    fn now(&self) -> Instant {
        Instant::from_micros(i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX))
    }
}

impl Net {
    /// A stack on which nothing has arrived yet; `checksums`: whether those of arriving packets can be relied on.
    pub(crate) fn new(context: Rc<Context>, checksums: bool) -> Rc<Net> {
        let inner = Inner {
            connections: HashMap::new(),
            by_key: HashMap::new(),
            half_open: VecDeque::new(),
            half_open_count: 0,
            last: 0,
            dirty: VecDeque::new(),
            timers: BTreeSet::new(),
            out: VecDeque::new(),
            reassembly: Reassembly::default(),
            parted: 0,
            checksums,
            began: std::time::Instant::now(),
        };
        Rc::new(Net { inner: RefCell::new(inner), work: Notify::new(), context })
    }

    /// Serves the device until `stop` says so, or its other end is gone.
    pub(crate) async fn run(self: &Rc<Self>, mut link: Link, stop: &Notify) -> io::Result<Link> {
        let mut idle = tokio::time::interval(SWEEP);
        loop {
            let full = self.take(&mut link)?;
            self.poll();
            self.send(|packet| link.write(packet));
            if full {
                tokio::task::yield_now().await;
                continue;
            }
            self.context.recording.borrow_mut().flush();
            let timer = self.next_timer();
            tokio::select! {
                biased;
                () = self.work.notified() => {}
                ready = link.readable() => ready?,
                () = tokio::time::sleep(timer) => {}
                _ = idle.tick() => {
                    let now = boot_ns();
                    let before = |time: Duration| now.saturating_sub(time.as_nanos() as u64);
                    self.context.end_idle(before(IDLE), before(SWEEP));
                }
                () = stop.notified() => {
                    self.drain(&mut link).await?;
                    return Ok(link);
                }
            }
        }
    }

    /// Takes what the environment said last, now that all in it are gone: its kernel still sends what waits in the
    /// buffers of their sockets, and those who serve them have it to read. It ends when every connection has, or where
    /// nothing has happened for [`QUIET`].
    async fn drain(self: &Rc<Self>, link: &mut Link) -> io::Result<()> {
        self.context.end();
        let later = || tokio::time::Instant::now() + QUIET;
        let (mut quiet, mut gone) = (later(), false);
        loop {
            let full = match self.take(link) {
                Err(error) if Link::is_gone(&error) => {
                    gone = true;
                    false
                }
                taken => taken?,
            };
            self.poll();
            self.send(|packet| link.write(packet));
            if full {
                quiet = later();
                tokio::task::yield_now().await;
                continue;
            }
            let lasts = |connection: &Connection| if gone { connection.held } else { connection.accepted };
            if !self.inner.borrow().connections.values().any(lasts) {
                return Ok(());
            }
            let timer = self.next_timer();
            tokio::select! {
                biased;
                () = self.work.notified() => quiet = later(),
                ready = link.readable(), if !gone => {
                    ready?;
                    quiet = later();
                }
                () = tokio::time::sleep_until(quiet) => {
                    self.read_out();
                    return Ok(());
                }
                () = tokio::time::sleep(timer) => {}
            }
        }
    }

    /// Looks through what nobody has read.
    fn read_out(&self) {
        for connection in self.inner.borrow_mut().connections.values_mut() {
            let key = connection.key;
            let read = |bytes: &mut [u8]| {
                self.context.said(&key, Way::Out, bytes);
                (bytes.len(), bytes.len())
            };
            while connection.socket().recv(read).is_ok_and(|length| length > 0) {}
        }
    }

    /// Takes what the environment sent; whether there may be more.
    fn take(self: &Rc<Self>, link: &mut Link) -> io::Result<bool> {
        for _ in 0..BATCH {
            let Some(bytes) = link.read()? else { return Ok(false) };
            self.arrived(bytes);
        }
        Ok(true)
    }

    /// The environment sent a packet.
    pub(crate) fn arrived(self: &Rc<Self>, bytes: &[u8]) {
        let packet = packet::parse(bytes);
        if let Some(Packet { key, body: Body::Tcp(Segment { syn: true, ack: false, .. }) }) = &packet {
            self.context.begins(key);
        }
        let key = packet.as_ref().map(|packet| self.key(packet));
        self.context.passed(key.as_ref(), Way::Out, bytes);
        match packet {
            Some(packet) => self.dispatch(&packet, bytes),
            None => self.context.misunderstood(),
        }
    }

    /// The conversation that a packet is part of.
    fn key(&self, packet: &Packet<'_>) -> Key {
        match packet.body {
            Body::Fragment(whole, offset, _, content) => {
                let ports = self.inner.borrow_mut().reassembly.ports(whole, offset, content);
                let Some((from, to)) = ports else { return packet.key };
                Key { local: (whole.from, from), remote: (whole.to, to), ..packet.key }
            }
            Body::Icmp(message) => packet::undelivered(packet.key.protocol, message)
                .filter(|key| key.local.0 == packet.key.local.0 && self.context.is_open(key))
                .unwrap_or(packet.key),
            _ => packet.key,
        }
    }

    fn dispatch(self: &Rc<Self>, packet: &Packet<'_>, bytes: &[u8]) {
        match packet.body {
            Body::Tcp(segment) => self.segment(&packet.key, segment, bytes),
            Body::Udp(content) => {
                self.context.said(&packet.key, Way::Out, content);
                services::datagram(self, &packet.key, content);
            }
            Body::Icmp(message) => {
                self.context.said(&packet.key, Way::Out, message);
                if let Some(answer) = services::echo(&packet.key, message) {
                    self.context.serves(&packet.key, "echo");
                    self.context.said(&packet.key, Way::In, message);
                    self.push(packet.key, answer);
                }
            }
            Body::Fragment(whole, offset, more, content) => {
                let complete = self.inner.borrow_mut().reassembly.part(whole, offset, more, content);
                if let Some(content) = complete {
                    let packet = packet::whole(whole.from, whole.to, whole.protocol, &content);
                    // TCP's own segments fit into packets; nobody sends one in fragments
                    if !matches!(packet.body, Body::Tcp(_)) {
                        self.context.continues(&packet.key);
                        self.dispatch(&packet, &content);
                    }
                }
            }
            Body::Other => self.context.said(&packet.key, Way::Out, bytes),
        }
    }

    /// Sends a UDP datagram to the environment's end of `key`.
    pub(crate) fn reply(&self, key: &Key, content: &[u8]) {
        if let Some(answer) = packet::datagram(key, content) {
            self.context.said(key, Way::In, content);
            self.push(*key, answer);
        }
    }

    /// Breaks the connection `key` off.
    pub(crate) fn break_off(&self, key: &Key) {
        let mut inner = self.inner.borrow_mut();
        let Some(id) = inner.by_key.get(key).copied() else { return };
        if let Some(connection) = inner.connections.get_mut(&id) {
            connection.aborted = true;
            connection.socket().abort();
        }
        inner.dirty.push_back(id);
        self.work.notify_one();
    }

    fn push(&self, key: Key, packet: Vec<u8>) {
        let mut inner = self.inner.borrow_mut();
        inner.parted = inner.parted.wrapping_add(1);
        let parts = packet::fragments(packet, WIRE, inner.parted);
        inner.out.extend(parts.into_iter().map(|part| Outgoing::Packet(key, part)));
        self.work.notify_one();
    }

    fn segment(self: &Rc<Self>, key: &Key, segment: Segment, bytes: &[u8]) {
        let mut inner = self.inner.borrow_mut();
        let known = inner.by_key.get(key).copied();
        let id = match known {
            Some(id) => id,
            None if segment.syn && !segment.ack && !segment.rst && unicast(key) => {
                if inner.connections.len() >= CONNECTIONS || self.context.refuses(key) {
                    inner.out.extend(reset(key, segment).map(|packet| Outgoing::Packet(*key, packet)));
                    inner.out.push_back(Outgoing::End(*key, "refused"));
                    return;
                }
                inner.give_up_half_open();
                inner.last += 1;
                let id = inner.last;
                let large = inner.connections.len() < LARGE;
                let (now, checksums) = (inner.now(), inner.checksums);
                let seed = self.context.random();
                inner.connections.insert(id, Connection::new(*key, seed, now, large, checksums));
                inner.by_key.insert(*key, id);
                inner.half_open.push_back(id);
                inner.half_open_count += 1;
                id
            }
            None => {
                let content = &bytes[bytes.len() - segment.length..];
                self.context.said(key, Way::Out, content);
                if !segment.rst {
                    inner.out.extend(reset(key, segment).map(|packet| Outgoing::Packet(*key, packet)));
                }
                return;
            }
        };
        if let Some(connection) = inner.connections.get_mut(&id) {
            connection.reset |= segment.rst;
            connection.queue.rx.push_back(bytes.to_vec());
            // A connection's packets are worked off as they come, so that their number stays small.
            inner.dirty.push_back(id);
        }
    }

    /// Works on the connections that need it.
    pub(crate) fn poll(self: &Rc<Self>) {
        loop {
            let mut inner = self.inner.borrow_mut();
            let now = inner.now();
            while let Some(&(when, id)) = inner.timers.first() {
                if when > now {
                    break;
                }
                inner.timers.pop_first();
                inner.dirty.push_back(id);
            }
            let Some(id) = inner.dirty.pop_front() else { return };
            let accepted = inner.poll_one(id, now);
            drop(inner);
            if let Some(key) = accepted {
                let stream = Stream::new(self.clone(), id);
                services::connection(self.clone(), key, stream);
            }
        }
    }

    /// Gives the environment what waits for it, by `write`.
    pub(crate) fn send(&self, mut write: impl FnMut(&[u8])) {
        loop {
            // not held while others work
            let next = self.inner.borrow_mut().out.pop_front();
            match next {
                None => return,
                Some(Outgoing::Packet(key, packet)) => {
                    self.context.passed(Some(&key), Way::In, &packet);
                    write(&packet);
                }
                Some(Outgoing::End(key, end)) => self.context.ends(&key, end),
            }
        }
    }

    fn next_timer(&self) -> Duration {
        let inner = self.inner.borrow();
        let Some(&(when, _)) = inner.timers.first() else { return IDLE };
        let left = when - inner.now();
        if when <= inner.now() { Duration::ZERO } else { left.into() }
    }

    fn touch(&self, id: u64) {
        self.inner.borrow_mut().dirty.push_back(id);
        self.work.notify_one();
    }
}

impl Inner {
    /// Works on one connection; its key where it is to be served from now on.
    fn poll_one(&mut self, id: u64, now: Instant) -> Option<Key> {
        let connection = self.connections.get_mut(&id)?;
        connection.poll(now);
        let key = connection.key;
        self.out.extend(connection.queue.tx.drain(..).map(|packet| Outgoing::Packet(key, packet)));
        if let Some(when) = connection.timer.take() {
            self.timers.remove(&(when, id));
        }
        connection.break_off_unread();
        let accepted = connection.accept();
        if accepted {
            self.half_open_count = self.half_open_count.saturating_sub(1);
        }
        if connection.is_over() {
            if !connection.accepted {
                self.half_open_count = self.half_open_count.saturating_sub(1);
            }
            self.out.push_back(Outgoing::End(key, connection.end()));
            self.connections.remove(&id);
            if self.by_key.get(&key) == Some(&id) {
                self.by_key.remove(&key);
            }
            return None;
        }
        if let Some(when) = connection.poll_at(now) {
            // what wants to be looked at at once was just looked at
            let when = when.max(now + smoltcp::time::Duration::from_millis(1));
            connection.timer = Some(when);
            self.timers.insert((when, id));
        }
        accepted.then_some(key)
    }

    fn give_up_half_open(&mut self) {
        while self.half_open_count >= HALF_OPEN
            && let Some(id) = self.half_open.pop_front()
        {
            let Some(connection) = self.connections.get(&id) else { continue };
            if connection.accepted {
                continue;
            }
            let (key, timer) = (connection.key, connection.timer);
            self.connections.remove(&id);
            self.by_key.remove(&key);
            if let Some(when) = timer {
                self.timers.remove(&(when, id));
            }
            self.half_open_count -= 1;
            self.out.push_back(Outgoing::End(key, "unanswered"));
        }
        if self.half_open.len() > 2 * HALF_OPEN {
            let connections = &self.connections;
            self.half_open.retain(|id| connections.get(id).is_some_and(|connection| !connection.accepted));
        }
    }
}

/// Whether both ends are single hosts: nobody connects to a group.
fn unicast(key: &Key) -> bool {
    let single = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast() && !v4.is_unspecified(),
        std::net::IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    };
    single(key.local.0) && single(key.remote.0)
}

/// The answer of a port that nothing listens on.
fn reset(key: &Key, segment: Segment) -> Option<Vec<u8>> {
    if !unicast(key) {
        return None;
    }
    let length = segment.length + usize::from(segment.syn) + usize::from(segment.fin);
    let repr = TcpRepr {
        src_port: key.remote.1,
        dst_port: key.local.1,
        control: TcpControl::Rst,
        seq_number: TcpSeqNumber(if segment.ack { segment.acknowledged } else { 0 }),
        ack_number: (!segment.ack).then(|| TcpSeqNumber(segment.sequence.wrapping_add(length as i32))),
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    packet::answer(key, repr.buffer_len(), |buffer| {
        repr.emit(
            &mut smoltcp::wire::TcpPacket::new_unchecked(buffer),
            &packet::address(key.remote.0),
            &packet::address(key.local.0),
            &Default::default(),
        );
    })
}
