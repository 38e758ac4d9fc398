//! TLS: a certificate for whatever name is asked for, and the secrets kept, so that what is said can be read.

use super::overheard::Overheard;
use super::prefixed::Prefixed;
use super::{Duplex, Peer, serve as serve_plain};
use crate::clock::boot_ns;
use crate::hello::{self, ClientHello};
use detektr_event::{Detail, Text, Tls};
use rustls::server::Acceptor;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, KeyLog, ProtocolVersion, ServerConfig};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use tokio_rustls::LazyConfigAcceptor;

/// Bytes of the key log that are kept.
const SECRETS: usize = 16 << 20;
/// Bytes of a hello that is waited for.
const HELLO: usize = 64 << 10;
/// Certificates that are kept for names asked for again.
const CERTIFICATES: usize = 1024;

/// The secrets of TLS sessions, in the format of NSS key logs.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Mutex<String>);

impl Secrets {
    /// All of them, one a line.
    pub(crate) fn lines(&self) -> String {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut lines = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if lines.len() < SECRETS {
            lines.push_str(&format!("{label} {} {}\n", hex(client_random), hex(secret)));
        }
    }
}

/// Certificates by name.
#[derive(Default)]
pub(crate) struct Certificates(RefCell<HashMap<String, Arc<CertifiedKey>>>);

impl Certificates {
    fn of(&self, peer: &Peer, host: &str) -> io::Result<Arc<CertifiedKey>> {
        if let Some(known) = self.0.borrow().get(host) {
            return Ok(known.clone());
        }
        let made = peer.net.context.authority.certificate(host).map_err(io::Error::other)?;
        let mut all = self.0.borrow_mut();
        if all.len() >= CERTIFICATES {
            all.clear();
        }
        all.insert(host.to_owned(), made.clone());
        Ok(made)
    }
}

/// Serves what comes inside.
pub(super) async fn serve(peer: Peer, stream: Prefixed) -> io::Result<()> {
    peer.net.context.serves(&peer.key, "tls");
    if peer.secure {
        // TLS within TLS is taken as it is
        return super::sink::raw(peer, stream).await;
    }
    let (peer, inside) = accept(peer, stream).await?;
    serve_plain(peer, inside).await;
    Ok(())
}

/// Takes a handshake, and tells it.
pub(super) async fn accept(mut peer: Peer, stream: Prefixed) -> io::Result<(Peer, Box<dyn Duplex>)> {
    let began = boot_ns();
    let mut told = Tls {
        flow: peer.net.context.reference(&peer.key),
        server_name: None,
        alpn: Vec::new(),
        versions: Vec::new(),
        ja3: None,
        ja4: None,
        version: None,
        cipher: None,
        protocol: None,
        decrypted: false,
        pinned: false,
        failure: None,
    };
    let done = handshake(&mut peer, stream, &mut told).await;
    if let Err(error) = &done {
        let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        told.pinned = matches!(
            alert,
            Some(rustls::Error::AlertReceived(
                AlertDescription::UnknownCA
                    | AlertDescription::BadCertificate
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::AccessDenied
            ))
        );
        told.failure = Some(error.to_string());
    }
    peer.net.context.tell_at(began, Detail::NetworkTls { network: Box::new(told) }, Vec::new());
    Ok((peer, done?))
}

async fn handshake(peer: &mut Peer, mut stream: Prefixed, told: &mut Tls) -> io::Result<Box<dyn Duplex>> {
    if let Some(hello) = read_hello(&mut stream).await {
        told.ja3 = Some(hello.ja3());
        told.ja4 = Some(hello.ja4());
        let versions = if hello.versions.is_empty() { vec![hello.legacy_version] } else { hello.versions };
        told.versions = versions.into_iter().map(|number| version(ProtocolVersion::from(number))).collect();
        told.server_name = hello.server_name.as_deref().map(Text::from);
        told.alpn = hello.alpn.iter().map(|protocol| Text::from(protocol.as_slice())).collect();
    }
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = start.client_hello();
    let name = hello.server_name().map(str::to_owned);
    let offered: Vec<Vec<u8>> = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
    if let Some(name) = name {
        peer.host = name;
    }
    let certificate = peer.net.context.certificates.of(peer, &peer.host)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.alpn_protocols = agreeable(offered);
    config.key_log = peer.net.context.secrets.clone();
    // every handshake is told whole, and none is a continuation of one that nobody saw
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    let secured = start.into_stream(Arc::new(config)).await?;
    let (_, session) = secured.get_ref();
    told.decrypted = true;
    told.version = session.protocol_version().map(version);
    told.cipher =
        session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str().map(str::to_owned));
    told.protocol = session.alpn_protocol().map(Text::from);
    peer.secure = true;
    peer.net.context.hides(&peer.key);
    Ok(Box::new(Overheard::new(peer.net.clone(), peer.key, secured)))
}

/// The client's hello, read ahead and left in the stream. `None` where it is none.
async fn read_hello(stream: &mut Prefixed) -> Option<Box<ClientHello>> {
    loop {
        match hello::read(stream.seen()) {
            hello::Read::Hello(hello) => return Some(hello),
            hello::Read::Other => return None,
            hello::Read::More => {
                let more = stream.seen().len() + (4 << 10);
                if more > HELLO || !matches!(stream.look(more).await, Ok(true)) {
                    return None;
                }
            }
        }
    }
}

/// What to agree to of what was offered: what is spoken here, else whatever the client wants most.
fn agreeable(offered: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let spoken = [b"h2".to_vec(), b"http/1.1".to_vec()];
    if offered.iter().any(|protocol| spoken.contains(protocol)) { spoken.to_vec() } else { offered }
}

/// As others write it.
fn version(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::SSLv3 => "SSL3.0".into(),
        ProtocolVersion::TLSv1_0 => "TLS1.0".into(),
        ProtocolVersion::TLSv1_1 => "TLS1.1".into(),
        ProtocolVersion::TLSv1_2 => "TLS1.2".into(),
        ProtocolVersion::TLSv1_3 => "TLS1.3".into(),
        other => format!("{:#06x}", u16::from(other)),
    }
}
