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

pub(crate) use icmp::echo;
pub(crate) use tls::{Certificates, Secrets};

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
}

impl Peer {
    /// Whether it talks to a cloud's metadata service.
    fn metadata(&self) -> bool {
        matches!(self.key.remote.0, IpAddr::V4(address) if address == METADATA_V4)
            || matches!(self.key.remote.0, IpAddr::V6(address) if address == METADATA_V6)
    }
}

/// Serves a new connection.
pub(crate) fn connection(net: Rc<Net>, key: Key, stream: Stream) {
    let host = net.context.name_of(key.remote.0);
    let peer = Peer { net, key, host, secure: false };
    tokio::task::spawn_local(serve(peer, Box::new(stream)));
}

/// Serves a stream by what is said first.
fn serve(peer: Peer, stream: Box<dyn Duplex>) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let mut stream = Prefixed::new(stream);
        // A broken connection is no one's failure: the conversation tells how it ended.
        let _ = match detect::protocol(&mut stream, peer.key.remote.1, peer.secure).await {
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

/// Answers a datagram.
pub(crate) fn datagram(net: &Rc<Net>, key: &Key, content: &[u8]) {
    let answer = match key.remote.1 {
        53 | 5353 | 5355 => {
            dns::answer(&net.context, key, content, Some(dns::UDP)).map(|answer| ("dns", answer))
        }
        123 => ntp::answer(content).map(|answer| ("ntp", answer)),
        _ => None,
    };
    if let Some((service, answer)) = answer {
        net.context.serves(key, service);
        net.reply(key, &answer);
    }
}
