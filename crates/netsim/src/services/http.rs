//! A web server that has every page of every host.

mod answer;
mod exchange;
mod plausible;

use super::prefixed::Prefixed;
use super::{Peer, metadata};
use crate::mode::Mode;
pub(super) use answer::Content;
use answer::{Answer, Range};
use exchange::Exchange;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
pub(super) use plausible::Page;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(30);
/// The largest head that is taken.
const HEAD_BYTES: usize = 64 << 10;
/// Requests of one HTTP/2 connection at once.
const STREAMS: u32 = 128;

/// Runs what HTTP/2 needs beside the connection itself, on this thread.
#[derive(Clone, Copy)]
struct Here;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Speaks HTTP/1.1, or HTTP/2 where `two` says so.
pub(super) async fn serve(peer: Peer, stream: Prefixed, two: bool) -> io::Result<()> {
    let service = if peer.metadata() { "metadata" } else { "http" };
    peer.net.context.serves(&peer.key, service);
    let tunnel = Rc::new(RefCell::new(None));
    let asked = Rc::new(Asked { peer, two, tunnel: tunnel.clone() });
    let respond = service_fn(move |request: Request<Incoming>| {
        let asked = asked.clone();
        Box::pin(async move { respond(&asked, request).await })
    });
    let io = TokioIo::new(stream);
    if two {
        return hyper::server::conn::http2::Builder::new(Here)
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES as u32)
            .serve_connection(io, respond)
            .await
            .map_err(io::Error::other);
    }
    let ended = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .half_close(true)
        .serve_connection(io, respond)
        .without_shutdown()
        .await
        .map_err(io::Error::other)?;
    let mut stream = ended.io.into_inner();
    match tunnel.take() {
        Some(peer) => {
            let stream = Prefixed::after(ended.read_buf.into(), Box::new(stream));
            super::serve(peer, Box::new(stream)).await;
            Ok(())
        }
        None => stream.shutdown().await,
    }
}

/// What the requests of one connection have in common.
struct Asked {
    peer: Peer,
    /// They are HTTP/2's.
    two: bool,
    /// Who is at the far end of the tunnel that was asked for.
    tunnel: Rc<RefCell<Option<Peer>>>,
}

impl Asked {
    /// Makes the connection a tunnel to where `uri` says; the status that tells so. An HTTP/2 connection has others
    /// to answer beside it.
    fn connect(&self, uri: &hyper::Uri) -> StatusCode {
        if self.two {
            return StatusCode::NOT_IMPLEMENTED;
        }
        let (Some(host), Some(port)) = (uri.host(), uri.port_u16()) else { return StatusCode::BAD_REQUEST };
        let Some(peer) = self.peer.through(host, port) else { return StatusCode::BAD_GATEWAY };
        *self.tunnel.borrow_mut() = Some(peer);
        StatusCode::OK
    }
}

/// The connection is to be broken off.
#[derive(Debug, thiserror::Error)]
#[error("the site file has this connection broken off")]
struct BrokenOff;

async fn respond(asked: &Asked, request: Request<Incoming>) -> Result<Response<Answer>, BrokenOff> {
    let peer = &asked.peer;
    let (head, mut body) = request.into_parts();
    let host = host(peer, &head.uri, &head.headers);
    let mut exchange = Exchange::begin(peer, &head, &host);
    // as much as there is: what a broken upload said counts as well
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => exchange.request(&data),
            Ok(Err(_trailers)) => {}
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    exchange.requested(whole);
    let path = head.uri.path();
    let connect = head.method == Method::CONNECT;
    let rule = peer.net.context.settings.site.http(&host, path, head.method.as_str());
    let (mut status, mut headers, content) = match rule {
        Some(rule) => {
            exchange.by_site();
            if !peer.net.context.wait(rule.delay).await {
                exchange.broken_off();
                return Err(BrokenOff);
            }
            if rule.reset {
                exchange.broken_off();
                peer.net.break_off(&peer.key);
                return Err(BrokenOff);
            }
            let mut headers = HeaderMap::new();
            for (name, value) in &rule.headers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                    headers.append(name, value);
                }
            }
            (StatusCode::from_u16(rule.status).unwrap_or(StatusCode::OK), headers, Content::of(&rule.body))
        }
        None if connect => (asked.connect(&head.uri), HeaderMap::new(), Content::empty()),
        None if peer.metadata() => metadata::answer(peer, &head),
        None if peer.net.context.settings.mode == Mode::Sim404 => plausible::missing(),
        None => plausible::page(&head.method, path),
    };
    let length = content.length();
    if !headers.contains_key(header::CONTENT_TYPE) && length > 0 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(plausible::kind(path)));
    }
    if !headers.contains_key(header::SERVER) && !peer.metadata() {
        headers.insert(header::SERVER, HeaderValue::from_static("nginx"));
    }
    let mut content = content;
    if status == StatusCode::OK && head.method == Method::GET && length > 0 {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        match answer::range(&head.headers, length) {
            Range::Whole => {}
            Range::Part(first, last) => {
                status = StatusCode::PARTIAL_CONTENT;
                content = content.part(first, last);
                insert(&mut headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
            }
            Range::None => {
                status = StatusCode::RANGE_NOT_SATISFIABLE;
                content = Content::empty();
                insert(&mut headers, header::CONTENT_RANGE, &format!("bytes */{length}"));
            }
        }
    }
    let tunnel = connect && status == StatusCode::OK;
    if !tunnel && !matches!(status.as_u16(), 204 | 304) {
        insert(&mut headers, header::CONTENT_LENGTH, &content.length().to_string());
    }
    let silent = head.method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    exchange.respond(status, &headers);
    let mut response = Response::new(Answer::new(if silent { Content::empty() } else { content }, exchange));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if head.version == Version::HTTP_10 {
        *response.version_mut() = Version::HTTP_10;
    }
    Ok(response)
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The host that is asked for: of the target, of the header, of the handshake or lookup, else the address.
fn host(peer: &Peer, uri: &hyper::Uri, headers: &HeaderMap) -> String {
    let header = || {
        let text = String::from_utf8_lossy(headers.get(header::HOST)?.as_bytes()).into_owned();
        let end = match text.rfind(':') {
            // not within the brackets of an IPv6 address
            Some(colon) if !text[colon..].contains(']') => colon,
            _ => text.len(),
        };
        Some(text[..end].to_owned()).filter(|host| !host.is_empty())
    };
    uri.host().map(str::to_owned).or_else(header).unwrap_or_else(|| peer.host.clone())
}
