//! What is spoken, by the first bytes.

use super::prefixed::Prefixed;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tls,
    Http1,
    Http2,
    Smtp,
    Dns,
    Ssh,
    Ftp,
    Raw,
}

/// How an HTTP/2 connection begins.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest method that is waited for.
const METHOD: usize = 24;

/// Finds out what is spoken on `stream`.
pub(super) async fn protocol(stream: &mut Prefixed, port: u16, secure: bool) -> Protocol {
    // where the server speaks first
    match port {
        25 | 587 | 2525 => return Protocol::Smtp,
        465 if secure => return Protocol::Smtp,
        21 => return Protocol::Ftp,
        22 | 2222 => return Protocol::Ssh,
        53 | 853 if secure || port == 53 => return Protocol::Dns,
        _ => {}
    }
    loop {
        if let Some(protocol) = of(stream.seen()) {
            return protocol;
        }
        // Whoever says no more than this is not understood.
        if !matches!(stream.look(64).await, Ok(true)) {
            return Protocol::Raw;
        }
    }
}

/// What begins so; `None` where more is needed.
fn of(seen: &[u8]) -> Option<Protocol> {
    let partly = |whole: &[u8]| whole.starts_with(&seen[..seen.len().min(whole.len())]);
    if seen.is_empty() {
        return None;
    }
    if seen.starts_with(HTTP2) {
        return Some(Protocol::Http2);
    }
    if seen.starts_with(b"SSH-") {
        return Some(Protocol::Ssh);
    }
    if let [0x16, rest @ ..] = seen {
        return match rest {
            [] => None,
            [3, ..] => Some(Protocol::Tls),
            _ => Some(Protocol::Raw),
        };
    }
    if seen.len() < HTTP2.len() && partly(HTTP2) || seen.len() < 4 && partly(b"SSH-") {
        return None;
    }
    let method = seen.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    match seen.get(method) {
        // a method, one space, and a target
        Some(b' ') if method >= 3 => match seen.get(method + 1) {
            Some(b'/' | b'*' | b'h' | b'H') => Some(Protocol::Http1),
            Some(_) if seen.starts_with(b"CONNECT ") => Some(Protocol::Http1),
            Some(_) => Some(Protocol::Raw),
            None => None,
        },
        None if method <= METHOD => None,
        _ => Some(Protocol::Raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_is_spoken_and_too_few_wait_for_more() {
        for (seen, wanted) in [
            (&b""[..], None),
            (b"G", None),
            (b"GET", None),
            (b"GET ", None),
            (b"GET /", Some(Protocol::Http1)),
            (b"POST http://x/", Some(Protocol::Http1)),
            (b"OPTIONS *", Some(Protocol::Http1)),
            (b"CONNECT a:1", Some(Protocol::Http1)),
            (b"P", None),
            (b"PRI * HTTP/2.0\r\n\r\nSM", None),
            (HTTP2, Some(Protocol::Http2)),
            (b"PUT /", Some(Protocol::Http1)),
            (b"SS", None),
            (b"SSH-2.0-x", Some(Protocol::Ssh)),
            (b"\x16", None),
            (b"\x16\x03\x01", Some(Protocol::Tls)),
            (b"\x16\x00", Some(Protocol::Raw)),
            (b"hello\n", Some(Protocol::Raw)),
            (b"HELLO world", Some(Protocol::Raw)),
            (b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Some(Protocol::Raw)),
            (b"\0\0", Some(Protocol::Raw)),
        ] {
            assert_eq!(of(seen), wanted, "{}", seen.escape_ascii());
        }
    }
}
