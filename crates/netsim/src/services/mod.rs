//! Those who answer: one file a service. Who answers is chosen by what is said first, not by the port, but where the
//! internet is the one that speaks first.

mod detect;
mod dns;
mod http;
mod icmp;
mod metadata;
mod ntp;
mod overheard;
mod prefixed;
mod sink;
mod smtp;
mod tls;
mod udp;

pub(crate) use icmp::echo;
pub(crate) use tls::{Certificates, Secrets};
pub(crate) use udp::datagram;

use crate::packet::Key;
use crate::stack::{Net, Stream};
use detect::Protocol;
use prefixed::Prefixed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Where clouds tell their machines about themselves.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// Tunnels within tunnels.
const TUNNELS: u8 = 8;

/// A stream of bytes each way.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A conversation as services see it.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) net: Rc<Net>,
    pub(crate) key: Key,
    /// The name asked for in the TLS handshake, or in a lookup before; else the address.
    pub(crate) host: String,
    /// Inside TLS.
    pub(crate) secure: bool,
    /// Whom it reached: the other end of the connection, or of the tunnel in it.
    address: IpAddr,
    /// The port there.
    port: u16,
    /// Tunnels that it is in.
    tunnels: u8,
}

impl Peer {
    /// Whether it talks to a cloud's metadata service.
    fn metadata(&self) -> bool {
        self.address == METADATA_V4 || self.address == METADATA_V6
    }

    /// The same at the far end of a tunnel. `None` where nobody answers there, or it is in too many tunnels already.
    fn through(&self, host: &str, port: u16) -> Option<Peer> {
        let context = &self.net.context;
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let address = literal.or_else(|| dns::address(context, host))?;
        let host = literal.map_or_else(|| host.to_owned(), |address| context.name_of(address));
        let tunnels = self.tunnels + 1;
        let there = tunnels <= TUNNELS && !context.settings.site.refuses(Some(&host), address, port);
        there.then(|| Peer { host, secure: false, address, port, tunnels, ..self.clone() })
    }
}

/// Serves a new connection.
pub(crate) fn connection(net: Rc<Net>, key: Key, stream: Stream) {
    let host = net.context.name_of(key.remote.0);
    let (address, port) = key.remote;
    let peer = Peer { net, key, host, secure: false, address, port, tunnels: 0 };
    tokio::task::spawn_local(serve(peer, Box::new(stream)));
}

/// Serves a stream by what is said first.
fn serve(peer: Peer, stream: Box<dyn Duplex>) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let mut stream = Prefixed::new(stream);
        // A broken connection is no one's failure: the conversation tells how it ended.
        let _ = match detect::protocol(&mut stream, peer.port, peer.secure).await {
            Protocol::Tls => tls::serve(peer, stream).await,
            Protocol::Http1 => http::serve(peer, stream, false).await,
            Protocol::Http2 => http::serve(peer, stream, true).await,
            Protocol::Smtp => smtp::serve(peer, stream).await,
            Protocol::Dns => dns::serve(peer, stream).await,
            Protocol::Ssh => sink::ssh(peer, stream).await,
            Protocol::Ftp => sink::ftp(peer, stream).await,
            Protocol::Raw => sink::raw(peer, stream).await,
        };
    })
}
