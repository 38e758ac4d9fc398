//! The outer end of the environment's network device: whole IP packets out of it and into it.

use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The largest packet, and the header of its frame.
const LARGEST: usize = 65_535 + ETHERNET;
const ETHERNET: usize = 14;

/// What reads and writes of the descriptor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// IP packets.
    Packets,
    /// Ethernet frames; the other side has this hardware address.
    Frames {
        /// Hardware address of the environment's end.
        peer: [u8; 6],
    },
}

/// The device.
pub(crate) struct Link {
    fd: AsyncFd<OwnedFd>,
    kind: LinkKind,
    buffer: Vec<u8>,
}

impl Link {
    /// `fd` must not block. To be made within the runtime.
    pub(crate) fn new(fd: OwnedFd, kind: LinkKind) -> io::Result<Link> {
        #[expect(
            deprecated,
            reason = "unsound only for types that may change their descriptor, which an OwnedFd doesn't; its successor \
                      is unsafe to call, which this crate forbids"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Link { fd, kind, buffer: vec![0; LARGEST] })
    }

    /// Gives it back while others go on: the kernel makes whoever closes a TUN device wait for its end.
    pub(crate) fn close(self) {
        let fd = self.fd.into_inner();
        // Without a thread it is closed here, and takes its time.
        let _ = std::thread::Builder::new().name("close".into()).spawn(move || drop(fd));
    }

    /// Whether checksums of what comes out can be relied on: a device that is no real wire may leave them open.
    pub(crate) fn has_checksums(&self) -> bool {
        self.kind == LinkKind::Packets
    }

    /// Waits until something can be read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        // What is ready stays so until a read says otherwise.
        self.fd.readable().await.map(|mut guard| guard.retain_ready())
    }

    /// The next packet; `None` where none waits.
    pub(crate) fn read(&mut self) -> io::Result<Option<&[u8]>> {
        let read = self.fd.try_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut self.buffer[..])?));
        let length = match read {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(match self.kind {
            LinkKind::Packets => &self.buffer[..length],
            // what is no IP is not for us; an empty packet is one that nobody understands
            LinkKind::Frames { .. } => match self.buffer.get(12..length) {
                Some([0x08, 0x00, packet @ ..] | [0x86, 0xdd, packet @ ..]) => packet,
                _ => &[],
            },
        }))
    }

    /// Whether an error of reading says that there is no device any more: it can end before those who hold it do.
    pub(crate) fn is_gone(error: &io::Error) -> bool {
        use rustix::io::Errno;
        [Errno::NETDOWN, Errno::BADFD].iter().any(|gone| error.raw_os_error() == Some(gone.raw_os_error()))
    }

    /// Gives a packet to the environment. Where its queue is full the packet is lost, as on any wire.
    pub(crate) fn write(&mut self, packet: &[u8]) {
        let written = match self.kind {
            LinkKind::Packets => rustix::io::write(self.fd.get_ref(), packet),
            LinkKind::Frames { peer } => {
                let mut frame = Vec::with_capacity(packet.len() + ETHERNET);
                frame.extend(peer);
                frame.extend([2, 0, 0, 0, 0, 1]);
                frame.extend(if packet.first().is_some_and(|first| first >> 4 == 6) {
                    [0x86, 0xdd]
                } else {
                    [8, 0]
                });
                frame.extend(packet);
                rustix::io::write(self.fd.get_ref(), &frame)
            }
        };
        // The peer's TCP sends again what was lost; the others have no such promise on a real wire either.
        let _ = written;
    }
}
