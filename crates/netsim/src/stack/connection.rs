//! One TCP connection: a stack of its own, with the address that the environment asked for.

use crate::packet::{Key, address};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr, IpListenEndpoint};
use std::collections::VecDeque;

/// Buffer of one way, in bytes, for the first connections, and for those beyond.
const LARGE_BUFFER: usize = 256 << 10;
const SMALL_BUFFER: usize = 16 << 10;
/// A peer that does not answer for so long is gone.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection.
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) queue: Queue,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    /// It is served.
    pub(super) accepted: bool,
    /// Somebody holds its stream.
    pub(super) held: bool,
    /// The environment sent a reset.
    pub(super) reset: bool,
    /// We sent one.
    pub(super) aborted: bool,
    /// When it is looked at next.
    pub(super) timer: Option<Instant>,
}

impl Connection {
    /// A connection that waits for its first packet.
    pub(super) fn new(key: Key, seed: u64, now: Instant, large: bool, checksums: bool) -> Connection {
        let mut queue = Queue { rx: VecDeque::new(), tx: VecDeque::new(), checksums };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut queue, now);
        let own = address(key.remote.0);
        let prefix = if key.remote.0.is_ipv4() { 32 } else { 128 };
        interface.update_ip_addrs(|addresses| {
            // There is room for more than one.
            let _ = addresses.push(IpCidr::new(own, prefix));
        });
        let size = if large { LARGE_BUFFER } else { SMALL_BUFFER };
        let buffer = || tcp::SocketBuffer::new(vec![0; size]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_timeout(Some(TIMEOUT));
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        socket.set_hop_limit(Some(55));
        // It can't fail: the port is not zero, and the socket is new.
        let _ = socket.listen(IpListenEndpoint { addr: Some(own), port: key.remote.1 });
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        Connection {
            key,
            queue,
            interface,
            sockets,
            handle,
            accepted: false,
            held: false,
            reset: false,
            aborted: false,
            timer: None,
        }
    }

    /// The socket.
    pub(super) fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// Works off what came and makes what is to be sent.
    pub(super) fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.queue, &mut self.sockets);
    }

    /// When it wants to be looked at again.
    pub(super) fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        self.interface.poll_at(now, &self.sockets)
    }

    /// Breaks it off where the environment still speaks and nobody reads any more, as a kernel would.
    pub(super) fn break_off_unread(&mut self) {
        if self.accepted && !self.held && self.socket().can_recv() {
            self.aborted = true;
            self.socket().abort();
        }
    }

    /// Whether it is to be served from now on: told once.
    pub(super) fn accept(&mut self) -> bool {
        let open = matches!(
            self.socket().state(),
            State::Established | State::CloseWait | State::FinWait1 | State::FinWait2
        );
        let first = open && !self.accepted;
        if first {
            self.accepted = true;
            self.held = true;
        }
        first
    }

    /// Whether nothing will happen any more that anybody waits for.
    pub(super) fn is_over(&mut self) -> bool {
        let state = self.socket().state();
        let ended = matches!(state, State::Closed | State::TimeWait);
        // What never heard a valid first packet listens on: nobody will send another.
        let never = state == State::Listen;
        (ended || never) && !self.held
    }

    /// How it ended.
    pub(super) fn end(&mut self) -> &'static str {
        if !self.accepted {
            "unanswered"
        } else if self.reset || self.aborted {
            "reset"
        } else {
            "closed"
        }
    }
}

/// The packets of one connection.
pub(super) struct Queue {
    pub(super) rx: VecDeque<Vec<u8>>,
    pub(super) tx: VecDeque<Vec<u8>>,
    checksums: bool,
}

impl Device for Queue {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sender<'_>)> {
        let packet = self.rx.pop_front()?;
        Some((Received(packet), Sender(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        if !self.checksums {
            capabilities.checksum = ChecksumCapabilities::default();
            for one in [&mut capabilities.checksum.ipv4, &mut capabilities.checksum.tcp] {
                *one = smoltcp::phy::Checksum::Tx;
            }
        }
        capabilities
    }
}

/// A packet that was received.
pub(super) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, act: F) -> R {
        act(&self.0)
    }
}

/// Room for a packet to be sent.
pub(super) struct Sender<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, act: F) -> R {
        let mut packet = vec![0; length];
        let done = act(&mut packet);
        self.0.push_back(packet);
        done
    }
}
