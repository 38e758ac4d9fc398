//! A request and its response, told when both are over, however that came.

use crate::clock::boot_ns;
use crate::leak::Scanner;
use crate::services::Peer;
use crate::told::Content;
use detektr_event::{Body, Detail, Header, Http, Text};
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use sha2::{Digest, Sha256};

/// The largest body whose content is kept.
const KEPT: usize = 4 << 20;

/// An exchange. Dropped, it is told.
pub(super) struct Exchange {
    peer: Peer,
    began: u64,
    http: Option<Box<Http>>,
    request: Counted,
    response: Counted,
    /// Looks for baits in the request as it is meant: headers unpacked, chunks put together.
    scanner: Option<Scanner>,
}

/// A body as it passes.
#[derive(Default)]
struct Counted {
    size: u64,
    hash: Sha256,
    kept: Vec<u8>,
    /// It ended with its end.
    whole: bool,
}

impl Counted {
    fn add(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        self.hash.update(data);
        if self.size <= KEPT as u64 {
            self.kept.extend(data);
        } else {
            self.kept = Vec::new();
        }
    }

    /// The body, and its content where that is to be kept.
    fn finish(self) -> (Option<Body>, Option<Content>) {
        if self.size == 0 {
            return (None, None);
        }
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let content = (!self.kept.is_empty()).then_some(Content { bytes: self.kept });
        (Some(Body { size: self.size, sha256, stored: false, cut: !self.whole }), content)
    }
}

impl Exchange {
    /// An exchange that begins with this head.
    pub(super) fn begin(peer: &Peer, head: &Parts, host: &str) -> Exchange {
        let target = match (head.uri.path_and_query(), head.uri.authority()) {
            (Some(target), _) => target.as_str(),
            // of a tunnel
            (None, authority) => authority.map_or("", |authority| authority.as_str()),
        };
        let http = Http {
            flow: peer.net.context.reference(&peer.key),
            secure: peer.secure,
            version: version(head.version).into(),
            method: head.method.to_string(),
            host: Text::from(host),
            target: Text::from(target),
            request_headers: headers(&head.headers),
            request_body: None,
            status: 0,
            response_headers: Vec::new(),
            response_body: None,
            site: false,
        };
        let mut exchange = Exchange {
            scanner: peer.net.context.scanner(),
            peer: peer.clone(),
            began: boot_ns(),
            http: Some(Box::new(http)),
            request: Counted::default(),
            response: Counted::default(),
        };
        exchange.look(&text(head));
        exchange
    }

    fn look(&mut self, bytes: &[u8]) {
        if let Some(scanner) = &mut self.scanner {
            let found = scanner.feed(bytes);
            self.peer.net.context.found(&self.peer.key, found);
        }
    }

    /// A piece of the request's body.
    pub(super) fn request(&mut self, data: &[u8]) {
        self.request.add(data);
        self.look(data);
    }

    /// The request is over.
    pub(super) fn requested(&mut self, whole: bool) {
        self.request.whole = whole;
    }

    /// A rule of the site file answers.
    pub(super) fn by_site(&mut self) {
        if let Some(http) = &mut self.http {
            http.site = true;
        }
    }

    /// No response is given.
    pub(super) fn broken_off(&mut self) {
        self.response.whole = false;
    }

    /// The head of the response.
    pub(super) fn respond(&mut self, status: StatusCode, with: &HeaderMap) {
        if let Some(http) = &mut self.http {
            http.status = status.as_u16();
            http.response_headers = headers(with);
        }
    }

    /// A piece of the response's body.
    pub(super) fn response(&mut self, data: &[u8]) {
        self.response.add(data);
    }

    /// The response is over.
    pub(super) fn responded(&mut self, whole: bool) {
        self.response.whole = whole;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Some(mut http) = self.http.take() else { return };
        let (request, sent) = std::mem::take(&mut self.request).finish();
        let (response, received) = std::mem::take(&mut self.response).finish();
        (http.request_body, http.response_body) = (request, response);
        let contents = sent.into_iter().chain(received).collect();
        self.peer.net.context.tell_at(self.began, Detail::NetworkHttp { network: http }, contents);
    }
}

/// The head as a text.
fn text(head: &Parts) -> Vec<u8> {
    let mut text = format!("{} {}\r\n", head.method, head.uri).into_bytes();
    for (name, value) in &head.headers {
        text.extend(name.as_str().as_bytes());
        text.extend(b": ");
        text.extend(value.as_bytes());
        text.extend(b"\r\n");
    }
    text.extend(b"\r\n");
    text
}

fn headers(map: &HeaderMap) -> Vec<Header> {
    map.iter()
        .map(|(name, value)| Header { name: name.as_str().to_owned(), value: Text::from(value.as_bytes()) })
        .collect()
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
