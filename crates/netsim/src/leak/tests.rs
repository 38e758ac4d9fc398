use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use std::io::Write as _;

const TOKEN: &str = "ghp_7hK2mQ9xT4vB1nC8zL5wR3yD6pF0sJaE";

fn finder() -> Arc<Finder> {
    let file = format!("user = someone\ntoken = {TOKEN}\n");
    Finder::new([("token_file", file.as_bytes()), ("pin", &b"1234"[..])]).expect("few needles")
}

fn in_parts(finder: &Arc<Finder>, bytes: &[u8], size: usize) -> Vec<String> {
    let mut scanner = Scanner::new(finder);
    let found = bytes.chunks(size.max(1)).flat_map(|part| scanner.feed(part)).collect::<Vec<_>>();
    assert!(found.iter().all(|one| one.bait == "token_file"));
    found.into_iter().map(|one| one.encoding).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out =
        flate2::GzBuilder::new().filename("loot.txt").write(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).expect("to memory");
    out.finish().expect("to memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).expect("to memory");
    out.finish().expect("to memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).expect("to memory");
    out.finish().expect("to memory")
}

fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

fn hex_escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bits.as_bytes()
        .chunks(5)
        .map(|five| {
            let five = format!("{:0<5}", String::from_utf8_lossy(five));
            char::from(alphabet[usize::from_str_radix(&five, 2).expect("bits")])
        })
        .collect()
}

fn wrapped(text: &str, width: usize) -> String {
    text.as_bytes().chunks(width).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
}

/// Every way of wrapping `loot` (with the token in it), and how it is told.
fn wrappings(loot: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = loot.as_bytes();
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let unicode: String = bytes.iter().map(|byte| format!("\\u{:04x}", byte)).collect();
    let base64 = STANDARD.encode(bytes);
    let escaped = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect::<String>()
    };
    let quoted = |text: &str| text.replace("\r\n", "\\r\\n").replace('/', "\\/").replace('+', "\\u002b");
    vec![
        ("plain", bytes.to_vec()),
        ("reversed", reversed),
        ("base64", base64.clone().into_bytes()),
        ("base64", wrapped(&base64, 76).into_bytes()),
        ("reversed+base64", base64.bytes().rev().collect()),
        ("base32", base32(bytes).into_bytes()),
        ("base32", base32(bytes).to_lowercase().into_bytes()),
        ("hex", hex(bytes, "").into_bytes()),
        ("hex", hex(bytes, "").to_uppercase().into_bytes()),
        ("hex", hex(bytes, ":").into_bytes()),
        ("backslash", hex_escaped(bytes).into_bytes()),
        ("hex", hex(bytes, ", 0x").into_bytes()),
        ("percent", percent.into_bytes()),
        ("backslash", unicode.into_bytes()),
        ("utf16", bytes.iter().flat_map(|byte| [*byte, 0]).collect()),
        ("gzip+plain", gzip(bytes)),
        ("deflate+plain", zlib(bytes)),
        ("deflate+plain", deflate(bytes)),
        ("zstd+plain", zstd::encode_all(bytes, 3).expect("to memory")),
        ("gzip+base64", gzip(base64.as_bytes())),
        ("base64+gzip+plain", STANDARD.encode(gzip(bytes)).into_bytes()),
        ("base64+gzip+plain", wrapped(&STANDARD.encode(gzip(bytes)), 64).into_bytes()),
        ("base64+zstd+plain", STANDARD.encode(zstd::encode_all(bytes, 3).expect("to memory")).into_bytes()),
        ("base64+deflate+plain", STANDARD.encode(zlib(bytes)).into_bytes()),
        ("hex+gzip+plain", hex(&gzip(bytes), "").into_bytes()),
        ("gzip+gzip+plain", gzip(&gzip(bytes))),
        ("percent+base64", escaped(&wrapped(&base64, 10)).into_bytes()),
        ("backslash+base64", quoted(&wrapped(&base64, 10)).into_bytes()),
        ("base64+gzip+plain", escaped(&wrapped(&STANDARD.encode(gzip(bytes)), 10)).into_bytes()),
        (
            "base64+zstd+plain",
            quoted(&STANDARD.encode(zstd::encode_all(bytes, 3).expect("to memory"))).into_bytes(),
        ),
        (
            "base64+zstd+plain",
            URL_SAFE_NO_PAD.encode(zstd::encode_all(bytes, 3).expect("to memory")).into_bytes(),
        ),
    ]
}

#[test]
fn every_wrapping_is_found_and_named_however_it_is_split() {
    let finder = finder();
    for size in [1, 3, 7, 64, 1 << 20] {
        for (name, bytes) in wrappings(&format!("x token={TOKEN} y")) {
            let told = in_parts(&finder, &bytes, size);
            assert!(told.iter().any(|told| told == name), "{name} in parts of {size}: {told:?}");
        }
    }
    let url = URL_SAFE_NO_PAD.encode(format!("\u{ff}\u{ff}?{TOKEN}"));
    assert!(!in_parts(&finder, url.as_bytes(), 5).is_empty());
}

#[test]
fn it_is_found_inside_multipart_json_and_an_escaped_string() {
    let finder = finder();
    let multipart = format!("--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n{TOKEN}\r\n--b--\r\n");
    assert_eq!(in_parts(&finder, multipart.as_bytes(), 11), ["plain"]);
    let inner = gzip(TOKEN.as_bytes());
    let packed = [&b"--b\r\nContent-Type: application/gzip\r\n\r\n"[..], &inner, b"\r\n--b--\r\n"].concat();
    assert!(in_parts(&finder, &packed, 11).contains(&"gzip+plain".to_owned()));
    let (front, back) = TOKEN.split_at(20);
    let escaped = format!("{{\"a\":\"\\/{front}\\u{:04x}{}\"}}", back.as_bytes()[0], &back[1..]);
    assert_eq!(in_parts(&finder, escaped.as_bytes(), 4), ["backslash"]);
    let partly = format!("q={front}%{:02x}{}&r=1", back.as_bytes()[0], &back[1..]);
    assert_eq!(in_parts(&finder, partly.as_bytes(), 4), ["percent"]);
}

#[test]
fn what_stands_open_is_not_told_as_escaped_too() {
    let text = format!("a%20b \\n {TOKEN} %41 : \n");
    assert_eq!(in_parts(&finder(), text.as_bytes(), 9), ["plain"]);
}

#[test]
fn a_value_that_is_too_short_is_never_looked_for_and_said_to_be() {
    assert_eq!(finder().ignored(), ["pin"]);
    assert!(in_parts(&finder(), b"the pin is 1234, 1234, 1234", 4).is_empty());
}

#[test]
fn one_value_in_two_baits_is_told_of_both() {
    let finder = Finder::new([("a", TOKEN.as_bytes()), ("b", TOKEN.as_bytes())]).expect("few needles");
    let told = Scanner::new(&finder).feed(TOKEN.as_bytes());
    assert_eq!(told.iter().map(|one| one.bait.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn labels_of_many_queries_are_put_together() {
    let finder = finder();
    for (encoding, text) in [
        ("hex", hex(TOKEN.as_bytes(), "")),
        ("base32", base32(TOKEN.as_bytes()).to_lowercase()),
        ("base64", STANDARD.encode(TOKEN).replace(['+', '/', '='], "")),
    ] {
        for numbered in [false, true] {
            let mut names = Names::new(&finder);
            let mut told = Vec::new();
            for (number, label) in text.as_bytes().chunks(15).enumerate() {
                let label = String::from_utf8_lossy(label);
                let front = if numbered { format!("{number}.") } else { String::new() };
                let name = format!("{front}{label}.evil.example");
                told.extend(names.asked(&name));
                assert!(names.asked(&name).is_empty(), "asked again");
                names.asked("www.other.example");
            }
            assert_eq!(
                told.iter().map(|one| one.encoding.as_str()).collect::<Vec<_>>(),
                [encoding],
                "{numbered}"
            );
        }
    }
    assert!(Names::new(&finder).asked("localhost").is_empty());
}

#[test]
fn labels_between_numbers_and_a_constant_end_are_put_together() {
    let finder = finder();
    let text = hex(format!("{TOKEN}{TOKEN}").as_bytes(), "");
    // what is sent in each query, two labels of it, never holds the whole token
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(30).collect();
    for form in [
        "D.c2.evil.example",
        "N.D.evil.example",
        "N.D.c2.evil.co.uk",
        "D.N.c2.evil.example",
        "D.N.evil.example",
    ] {
        let mut names = Names::new(&finder);
        let mut told = Vec::new();
        for (number, pair) in chunks.chunks(2).enumerate() {
            let data = pair.iter().map(|label| String::from_utf8_lossy(label)).collect::<Vec<_>>().join(".");
            told.extend(names.asked(&form.replace('N', &number.to_string()).replace('D', &data)));
        }
        assert_eq!(told.iter().map(|one| one.encoding.as_str()).collect::<Vec<_>>(), ["hex"], "{form}");
    }
}

fn bounded(bounds: Bounds) -> Arc<Finder> {
    Finder::bounded([("token_file", TOKEN.as_bytes())], bounds).expect("few needles")
}

/// Bytes that begin with `size` zeros and end with the token.
fn behind(size: usize) -> Vec<u8> {
    [&vec![0; size][..], TOKEN.as_bytes()].concat()
}

#[test]
fn a_bomb_is_followed_to_the_bound_and_that_is_told() {
    let bounds = Bounds { of_stream: 1 << 20, of_run: 4 << 20, ..Bounds::default() };
    let finder = bounded(bounds);
    let mut small = Scanner::new(&finder);
    assert_eq!(small.feed(&gzip(&behind(500_000))).len(), 1);
    assert_eq!(finder.cut(), 0);
    let bomb = gzip(&behind(2 << 20));
    for number in 1..=10 {
        assert!(Scanner::new(&finder).feed(&bomb).is_empty());
        assert_eq!(finder.cut(), number);
        assert!(finder.run.unpacked() < 5 << 20, "{}", finder.run.unpacked());
    }
}

#[test]
fn bombs_within_bombs_count_as_one_stream() {
    let finder = bounded(Bounds { of_stream: 1 << 20, ..Bounds::default() });
    let inner = gzip(&vec![0; 300_000]).repeat(50);
    let whole = gzip(&inner).repeat(50);
    assert!(Scanner::new(&finder).feed(&whole).is_empty());
    assert_eq!(finder.cut(), 1);
    assert!(finder.run.unpacked() < 2 << 20, "{}", finder.run.unpacked());
}

#[test]
fn what_is_unpacked_at_once_fits_into_its_memory_and_gives_it_back() {
    let bounds = Bounds { memory: 30 << 20, ..Bounds::default() };
    let finder = bounded(bounds);
    let frame = zstd::encode_all(&behind(100_000)[..], 3).expect("to memory");
    let mut open: Vec<Scanner> = (0..20).map(|_| Scanner::new(&finder)).collect();
    for scanner in &mut open {
        // all of it but its end
        scanner.feed(&frame[..frame.len() - 8]);
        assert!(finder.run.memory() <= bounds.memory);
    }
    assert_eq!(finder.cut(), 17, "three of twenty fit");
    let told = open[0].feed(&frame[frame.len() - 8..]);
    assert!(told.iter().any(|one| one.encoding == "zstd+plain"), "{told:?}");
    drop(open);
    assert_eq!(finder.run.memory(), 0);
    assert!(Scanner::new(&finder).feed(&frame).iter().any(|one| one.encoding == "zstd+plain"));
}

#[test]
fn beginnings_without_end_are_not_tried_without_end() {
    let finder = finder();
    let mut scanner = Scanner::new(&finder);
    scanner.feed(&b"\x78\x9c".repeat(20_000));
    assert_eq!(finder.cut(), 1);
    // by chance some are in everything
    let mut state = 1u32;
    let mut scanner = Scanner::new(&finder);
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    scanner.feed(&random.take(1 << 20).collect::<Vec<_>>());
    assert_eq!(finder.cut(), 1);
}

proptest! {
    #[test]
    fn any_wrapping_is_found_in_any_surroundings(
        before in proptest::collection::vec(any::<u8>(), 0..200),
        after in proptest::collection::vec(any::<u8>(), 0..200),
        padding in "[a-z ]{0,7}",
        size in 1usize..300,
        which in 0usize..31,
    ) {
        let (name, bytes) = wrappings(&format!("{padding}{TOKEN}!")).swap_remove(which);
        // raw deflate is only looked for where a stream begins
        let before = if name == "deflate+plain" { Vec::new() } else { before };
        // hexadecimal digits or base64 right beside it would be another encoding
        let whole = [&before[..], b"\"", &bytes, b"\"", &after].concat();
        let whole = if name == "deflate+plain" { [&bytes[..], &after].concat() } else { whole };
        let told = in_parts(&finder(), &whole, size);
        prop_assert!(told.iter().any(|told| told == name), "{} {:?}", name, told);
    }

    #[test]
    fn nothing_is_found_where_nothing_is(bytes in proptest::collection::vec(any::<u8>(), 0..4000), size in 1usize..500) {
        prop_assert!(in_parts(&finder(), &bytes, size).is_empty());
        for (name, wrapped) in wrappings("x token=ghp_7hK2mQ9xT4vB1nC8zX5wR3yD6pF0sJaE y") {
            prop_assert!(in_parts(&finder(), &wrapped, size).is_empty(), "{}", name);
        }
    }
}
