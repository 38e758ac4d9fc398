//! Entrances for anything at all: each takes bytes as somebody hostile would send them, plays them to the whole stack or
//! to a reader, and panics where something is wrong. Tests drive them with random bytes and with bytes that are nearly
//! right; the fuzzer of the folder `fuzz` with those that it finds.
//!
//! Nothing here waits: there is no device, and time does not pass.

use crate::addresses::Addresses;
use crate::authority::Authority;
use crate::context::Context;
use crate::hello;
use crate::internet::{Credentials, Settings};
use crate::leak::{Finder, Scanner};
use crate::mode::Mode;
use crate::packet::{self, Key};
use crate::recording::{CaptureTo, Recording};
use crate::site::Site;
use crate::stack::Net;
use crate::told::Told;
use detektr_event::Detail;
use smoltcp::wire::{IpProtocol, Ipv4Packet, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};

/// Tasks get so many turns before the world is taken to be silent.
const TURNS: usize = 8;
/// Bytes of packets that are captured.
const CAPTURE: u64 = 1 << 20;
/// A value that is looked for in everything.
const BAIT: &str = "ghp_7hK2mQ9xT4vB1nC8zL5wR3yD6pF0sJaE";

/// Packets, each with its length before it in two bytes (little-endian), as they come out of the device.
pub fn packets(bytes: &[u8]) -> Vec<Detail> {
    world(async |world| {
        let mut rest = bytes;
        while let Some((length, more)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_le_bytes(*length)).min(more.len());
            world.send(&more[..length]).await;
            rest = &more[length..];
        }
    })
}

/// What is asked of the name server: once in a datagram, once over a connection.
pub fn names(bytes: &[u8]) -> Vec<Detail> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut told = world(async |world| {
        let asked = Key { protocol: 17, local: (OUTSIDE, 53), remote: (world.inside(), 40_000) };
        if let Some(datagram) = packet::datagram(&asked, bytes) {
            world.send(&datagram).await;
        }
    });
    told.extend(connection(53, &[&length[..], bytes].concat(), bytes.len()));
    told
}

/// What a client sends to a web server.
pub fn web(bytes: &[u8]) -> Vec<Detail> {
    connection(80, bytes, 1 + bytes.len() / 3)
}

/// The first bytes that a client sends to a TLS server: to the reader, which must not take back what it said of fewer
/// bytes, and to the server.
pub fn secure(bytes: &[u8]) -> Vec<Detail> {
    let whole = hello::read(bytes);
    for part in [bytes.len() / 2, bytes.len().saturating_sub(1)] {
        let said = hello::read(&bytes[..part]);
        assert!(said == hello::Read::More || said == whole, "{said:?} of {part} bytes, then {whole:?}");
    }
    if let hello::Read::Hello(hello) = whole {
        assert_eq!((hello.ja3().len(), hello.ja4().len()), (32, 36));
    }
    connection(443, bytes, 1 + bytes.len() / 2)
}

/// What a client sends to a mail server.
pub fn mail(bytes: &[u8]) -> Vec<Detail> {
    connection(25, bytes, 1 + bytes.len() / 3)
}

/// What is looked through for baits, whole and in small parts.
pub fn baits(bytes: &[u8]) {
    let finder = finder();
    let mut plain = Vec::new();
    for size in [bytes.len().max(1), 7] {
        let mut scanner = Scanner::new(&finder);
        let found = bytes.chunks(size).flat_map(|part| scanner.feed(part));
        plain.push(found.filter(|one| one.encoding == "plain").count());
    }
    assert_eq!(plain[0], plain[1]);
}

/// A host outside.
const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 7, 7));

/// A connection to `port` in which `bytes` are sent, in parts of this size; then it is closed.
fn connection(port: u16, bytes: &[u8], size: usize) -> Vec<Detail> {
    world(async |world| {
        let mut client = Client {
            key: Key { protocol: 6, local: (OUTSIDE, port), remote: (world.inside(), 40_001) },
            sent: 1000,
            seen: None,
        };
        client.say(world, TcpControl::Syn, &[]).await;
        client.say(world, TcpControl::None, &[]).await;
        for part in bytes.chunks(size.clamp(1, 1400)) {
            client.say(world, TcpControl::Psh, part).await;
        }
        client.say(world, TcpControl::Fin, &[]).await;
        client.say(world, TcpControl::None, &[]).await;
    })
}

/// The environment's end of a connection, in so far as a server needs one.
struct Client {
    /// As its answers have it: the world's end first.
    key: Key,
    sent: i32,
    seen: Option<i32>,
}

impl Client {
    /// Sends a segment, and takes note of what is answered.
    async fn say(&mut self, world: &mut World, control: TcpControl, payload: &[u8]) {
        let ((_, from), (_, to)) = (self.key.remote, self.key.local);
        let repr = TcpRepr {
            src_port: from,
            dst_port: to,
            control,
            seq_number: TcpSeqNumber(self.sent),
            ack_number: self.seen.map(TcpSeqNumber),
            window_len: u16::MAX,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        let segment = packet::answer(&self.key, repr.buffer_len(), |buffer| {
            let (from, to) = (packet::address(self.key.remote.0), packet::address(self.key.local.0));
            repr.emit(&mut TcpPacket::new_unchecked(buffer), &from, &to, &Default::default());
        });
        self.sent = self.sent.wrapping_add((payload.len() + control.len()) as i32);
        for answer in world.send(&segment.expect("it fits")).await {
            let Ok(ip) = Ipv4Packet::new_checked(&answer[..]) else { continue };
            let Ok(tcp) = TcpPacket::new_checked(ip.payload()) else { continue };
            if ip.next_header() == IpProtocol::Tcp && tcp.dst_port() == from {
                self.seen = Some((tcp.seq_number() + tcp.segment_len()).0);
            }
        }
    }
}

/// A whole internet without a device.
struct World {
    net: Rc<Net>,
    told: Receiver<Told>,
    details: Vec<Detail>,
}

impl World {
    /// The environment's address.
    fn inside(&self) -> IpAddr {
        self.net.context.settings.addresses.v4.into()
    }

    /// The environment sends a packet; what it is answered, once all is silent.
    async fn send(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        self.net.arrived(packet);
        let mut answers = Vec::new();
        let mut silent = 0;
        while silent < TURNS {
            self.net.poll();
            let before = answers.len();
            self.net.send(|answer| answers.push(answer.to_vec()));
            silent = if answers.len() > before { 0 } else { silent + 1 };
            self.details.extend(self.told.try_iter().map(|told| told.detail));
            tokio::task::yield_now().await;
        }
        answers
    }
}

/// Plays something in a world; what was told of it.
fn world(play: impl AsyncFnOnce(&mut World)) -> Vec<Detail> {
    static AUTHORITY: OnceLock<Arc<Authority>> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| Arc::new(Authority::new().expect("keys can be made"))).clone();
    let settings = Settings {
        mode: Mode::Sim,
        site: Arc::new(Site::default()),
        credentials: Credentials::default(),
        baits: vec![("token".into(), BAIT.into())],
        addresses: Addresses::from_seed(1),
        seed: 1,
    };
    let file = std::fs::OpenOptions::new().write(true).open("/dev/null").expect("it is there");
    let recording =
        Recording::new(CaptureTo { file, bound: CAPTURE, boot_to_wall_ns: 0 }).expect("it takes all");
    // it is emptied after every packet; at the end every conversation is told
    let (sink, told) = sync_channel(1 << 12);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let (context, mut world) = local.block_on(&runtime, async {
        let context = Rc::new(Context::new(settings, authority, sink, recording));
        // what is sent here has no checksums that are worth looking at
        let net = Net::new(context.clone(), false);
        let mut world = World { net, told, details: Vec::new() };
        play(&mut world).await;
        (context, world)
    });
    // those who serve tell what they know
    drop(local);
    context.end_all();
    world.details.extend(world.told.try_iter().map(|told| told.detail));
    world.details
}

fn finder() -> Arc<Finder> {
    Finder::new([("token", BAIT.as_bytes())]).expect("one value")
}

#[cfg(test)]
mod tests;
