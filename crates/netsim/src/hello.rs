//! A client's first words in TLS: what it offers, read from the bytes as they came, and its fingerprints.
//!
//! The layout is that of RFC 8446 section 4.1.2, in records as of section 5.1. The fingerprints are JA3 (the MD5 of
//! five lists of numbers) and JA4 (FoxIO's technical details of JA4), both without the reserved numbers of RFC 8701.

use md5::{Digest as _, Md5};
use sha2::Sha256;

/// The longest message that is waited for; real ones have some hundred bytes.
const LONGEST: usize = 64 << 10;

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The version in the message itself, which newer clients leave at that of TLS 1.2.
    pub legacy_version: u16,
    /// `supported_versions`, in the client's order.
    pub versions: Vec<u16>,
    /// Cipher suites, in the client's order.
    pub ciphers: Vec<u16>,
    /// Types of the extensions, in the client's order.
    pub extensions: Vec<u16>,
    /// `supported_groups`.
    pub groups: Vec<u16>,
    /// `ec_point_formats`.
    pub point_formats: Vec<u8>,
    /// `signature_algorithms`.
    pub signature_algorithms: Vec<u16>,
    /// The host name that is asked for, bytes that are no text replaced.
    pub server_name: Option<String>,
    /// Protocols of the application layer, in the client's order.
    pub alpn: Vec<Vec<u8>>,
}

/// What the beginning of a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// More bytes are needed.
    More,
    /// A client's hello.
    Hello(Box<ClientHello>),
    /// Something else, or a hello that breaks the rules.
    Other,
}

/// Reads the beginning of what a client sends over TCP.
pub fn read(stream: &[u8]) -> Read {
    let mut message = Vec::new();
    let mut rest = stream;
    loop {
        if message.len() >= 4 {
            let length =
                usize::from(message[1]) << 16 | usize::from(message[2]) << 8 | usize::from(message[3]);
            if message[0] != 1 || length > LONGEST {
                return Read::Other;
            }
            if let Some(body) = message.get(4..4 + length) {
                return parse(body).map_or(Read::Other, |hello| Read::Hello(Box::new(hello)));
            }
        }
        match (rest.first(), rest.get(1)) {
            (None, _) => return Read::More,
            (Some(22), None | Some(3)) => {}
            _ => return Read::Other,
        }
        let Some(head) = rest.get(..5) else { return Read::More };
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if length == 0 || length > (1 << 14) + 256 {
            return Read::Other;
        }
        let arrived = &rest[5..];
        message.extend(&arrived[..length.min(arrived.len())]);
        if arrived.len() < length && message.len() < 4 {
            return Read::More;
        }
        rest = arrived.get(length..).unwrap_or_default();
    }
}

/// A reader of fields that fails at the end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A list whose length in bytes stands before it, in one byte or two.
    fn list(&mut self, wide: bool) -> Option<Fields<'a>> {
        let length = if wide { self.u16()?.into() } else { self.u8()?.into() };
        self.take(length).map(Fields)
    }

    fn u16s(&mut self) -> Option<Vec<u16>> {
        let mut all = Vec::with_capacity(self.0.len() / 2);
        while !self.0.is_empty() {
            all.push(self.u16()?);
        }
        Some(all)
    }
}

fn parse(body: &[u8]) -> Option<ClientHello> {
    let mut fields = Fields(body);
    let mut hello = ClientHello { legacy_version: fields.u16()?, ..ClientHello::default() };
    fields.take(32)?;
    fields.list(false)?;
    hello.ciphers = fields.list(true)?.u16s()?;
    fields.list(false)?;
    if fields.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = fields.list(true)?;
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let mut data = extensions.list(true)?;
        hello.extensions.push(kind);
        match kind {
            0 => {
                let mut names = data.list(true)?;
                // a list of one name of type host_name
                if names.u8() == Some(0) {
                    hello.server_name = Some(String::from_utf8_lossy(names.list(true)?.0).into_owned());
                }
            }
            10 => hello.groups = data.list(true)?.u16s()?,
            11 => hello.point_formats = data.list(false)?.0.to_vec(),
            13 => hello.signature_algorithms = data.list(true)?.u16s()?,
            16 => {
                let mut protocols = data.list(true)?;
                while !protocols.0.is_empty() {
                    hello.alpn.push(protocols.list(false)?.0.to_vec());
                }
            }
            43 => hello.versions = data.list(false)?.u16s()?,
            _ => {}
        }
    }
    Some(hello)
}

/// Numbers that mean nothing, sent so that servers stay tolerant (RFC 8701).
fn reserved(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

fn real(numbers: &[u16]) -> impl Iterator<Item = u16> + '_ {
    numbers.iter().copied().filter(|number| !reserved(*number))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ClientHello {
    /// The highest version offered.
    pub fn version(&self) -> u16 {
        real(&self.versions).max().unwrap_or(self.legacy_version)
    }

    /// The five lists of JA3 as text.
    pub fn ja3_text(&self) -> String {
        let join = |numbers: &mut dyn Iterator<Item = u16>| {
            numbers.map(|number| number.to_string()).collect::<Vec<_>>().join("-")
        };
        format!(
            "{},{},{},{},{}",
            self.legacy_version,
            join(&mut real(&self.ciphers)),
            join(&mut real(&self.extensions)),
            join(&mut real(&self.groups)),
            join(&mut self.point_formats.iter().map(|format| u16::from(*format)))
        )
    }

    /// JA3: the MD5 of [`Self::ja3_text`], in hexadecimal.
    pub fn ja3(&self) -> String {
        hex(&Md5::digest(self.ja3_text()))
    }

    /// JA4 of a hello over TCP.
    pub fn ja4(&self) -> String {
        let version = match self.version() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let name = if self.extensions.contains(&0) { 'd' } else { 'i' };
        let mut ciphers: Vec<String> = real(&self.ciphers).map(|cipher| format!("{cipher:04x}")).collect();
        let count = real(&self.extensions).count();
        let mut extensions: Vec<String> = real(&self.extensions)
            .filter(|kind| !matches!(kind, 0 | 16))
            .map(|kind| format!("{kind:04x}"))
            .collect();
        let first = format!(
            "t{version}{name}{:02}{:02}{}",
            ciphers.len().min(99),
            count.min(99),
            self.alpn.first().map_or_else(|| "00".into(), |protocol| ends(protocol))
        );
        ciphers.sort();
        extensions.sort();
        let algorithms: Vec<String> =
            real(&self.signature_algorithms).map(|number| format!("{number:04x}")).collect();
        let mut text = extensions.join(",");
        if !algorithms.is_empty() {
            text = format!("{text}_{}", algorithms.join(","));
        }
        format!("{first}_{}_{}", short_hash(&ciphers.join(",")), short_hash(&text))
    }
}

/// The first and last character of a protocol's name; of its hexadecimal form where they are no letters or digits.
fn ends(protocol: &[u8]) -> String {
    match (protocol.first(), protocol.last()) {
        (Some(first), Some(last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            [char::from(*first), char::from(*last)].iter().collect()
        }
        (Some(first), Some(last)) => format!("{:x}{:x}", first >> 4, last & 15),
        _ => "00".into(),
    }
}

/// Twelve characters of a SHA-256; zeros of an empty list.
fn short_hash(text: &str) -> String {
    if text.is_empty() { "000000000000".into() } else { hex(&Sha256::digest(text)[..6]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list16(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
    }

    fn words(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &list16(data)].concat()
    }

    /// A handshake message in records of `size` bytes.
    fn records(body: &[u8], size: usize) -> Vec<u8> {
        let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), body].concat();
        message.chunks(size).flat_map(|part| [&[22, 3, 1][..], &list16(part)].concat()).collect()
    }

    fn sample() -> Vec<u8> {
        let mut alpn = vec![2];
        alpn.extend(b"h2");
        alpn.push(8);
        alpn.extend(b"http/1.1");
        let name = [&[0][..], &list16(b"shop.example")].concat();
        let extensions = [
            extension(0x2a2a, &[]),
            extension(0, &list16(&name)),
            extension(16, &list16(&alpn)),
            extension(10, &list16(&words(&[0x3a3a, 29, 23]))),
            extension(11, &[1, 0]),
            extension(13, &list16(&words(&[0x0403, 0x0804]))),
            extension(43, &[6, 0x1a, 0x1a, 3, 4, 3, 3]),
        ]
        .concat();
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend(list16(&words(&[0x4a4a, 0x1301, 0xc02b])));
        body.extend([1, 0]);
        body.extend(list16(&extensions));
        body
    }

    fn hello(stream: &[u8]) -> ClientHello {
        match read(stream) {
            Read::Hello(hello) => *hello,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_field_is_read_however_the_message_is_split() {
        for size in [1, 2, 3, 5, 100, 10_000] {
            let stream = records(&sample(), size);
            let told = hello(&stream);
            assert_eq!(told.server_name.as_deref(), Some("shop.example"));
            assert_eq!(told.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
            assert_eq!((told.legacy_version, told.version()), (0x0303, 0x0304));
            assert_eq!(told.ciphers, [0x4a4a, 0x1301, 0xc02b]);
            assert_eq!(told.extensions, [0x2a2a, 0, 16, 10, 11, 13, 43]);
            assert_eq!(told.ja3_text(), "771,4865-49195,0-16-10-11-13-43,29-23,0");
            assert!(told.ja4().starts_with("t13d0206h2_"), "{}", told.ja4());
            for end in 0..stream.len() {
                assert_eq!(
                    read(&stream[..end]),
                    Read::More,
                    "{end} of {} bytes, records of {size}",
                    stream.len()
                );
            }
        }
    }

    #[test]
    fn what_is_no_hello_is_told_at_once() {
        for other in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"SSH-2.0-x",
            &[22, 3, 1, 0, 0],
            &[22, 3, 1, 0, 4, 2, 0, 0, 0],
            &[22, 4],
        ] {
            assert_eq!(read(other), Read::Other, "{other:?}");
        }
    }

    #[test]
    fn ja3_is_that_of_its_authors_examples() {
        let hello = ClientHello {
            legacy_version: 769,
            ciphers: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            point_formats: vec![0],
            ..ClientHello::default()
        };
        assert_eq!(hello.ja3_text(), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        assert_eq!(hello.ja3(), "ada70206e40642a3e4461f35503241d5");
        let bare = ClientHello {
            legacy_version: 769,
            ciphers: vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99],
            ..ClientHello::default()
        };
        assert_eq!(bare.ja3_text(), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
        assert_eq!(bare.ja3(), "de350869b8c85de67a350c8d186f11e6");
    }

    #[test]
    fn ja4_is_that_of_its_authors_example() {
        let hello = ClientHello {
            legacy_version: 0x0303,
            versions: vec![0x0a0a, 0x0304, 0x0303],
            ciphers: vec![
                0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x2a2a,
            ],
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            ..ClientHello::default()
        };
        assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn ja4_of_little_is_made_of_zeros_and_of_odd_names_of_their_hexadecimal() {
        let bare = ClientHello { legacy_version: 0x0301, ..ClientHello::default() };
        assert_eq!(bare.ja4(), "t10i000000_000000000000_000000000000");
        assert_eq!([ends(b"h2"), ends(b"x"), ends(&[0xab]), ends(&[0x30, 0xab])], ["h2", "xx", "ab", "3b"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300), size in 1usize..200) {
            drop(format!("{:?}", read(&body)));
            drop(format!("{:?}", read(&records(&body, size))));
        }

        #[test]
        fn a_hello_with_a_changed_byte_is_read_or_refused(at in 0usize..150, byte in any::<u8>()) {
            let mut body = sample();
            let at = at % body.len();
            body[at] = byte;
            if let Read::Hello(hello) = read(&records(&body, 1000)) {
                prop_assert_eq!(hello.ja3().len(), 32);
                prop_assert_eq!(hello.ja4().len(), 36);
            }
        }
    }
}
