use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::Cell;
use std::path::Path;
use std::sync::Once;

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Does it, and fails where a task panicked: the runtime would keep that to itself.
fn watched<T>(act: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
    PANICS.set(0);
    let done = act();
    assert_eq!(PANICS.get(), 0, "a task panicked");
    done
}

fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn request() -> Vec<u8> {
    format!(
        "POST /a/b.json?x=1 HTTP/1.1\r\nHost: shop.example\r\nRange: bytes=2-5\r\nTransfer-Encoding: chunked\r\n\r\n\
         24\r\n{BAIT}\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

fn letter() -> Vec<u8> {
    format!(
        "EHLO me\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\
         Subject: x\r\n\r\n{BAIT}\r\n.\r\nSTARTTLS\r\n"
    )
    .into_bytes()
}

/// What a TLS client of the library says first.
fn client_hello() -> Vec<u8> {
    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("its own versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "shop.example".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("to memory");
    bytes
}

/// Packets of many kinds, as [`packets`] takes them.
fn all_kinds() -> Vec<Vec<u8>> {
    let inside = IpAddr::V4(Addresses::from_seed(1).v4);
    let (outside6, inside6) = ("2001:2::7".parse().expect("an address"), Addresses::from_seed(1).v6.into());
    let key = |protocol, remote: (IpAddr, u16), local: (IpAddr, u16)| Key { protocol, local, remote };
    let ping = |buffer: &mut [u8]| buffer.copy_from_slice(&[8, 0, 0, 0, 0, 1, 0, 1, 42]);
    let mut all: Vec<Vec<u8>> = [
        packet::datagram(&key(17, (inside, 9), (OUTSIDE, 53)), &question("a.example")),
        packet::datagram(&key(17, (inside6, 9), (outside6, 53)), &question("b.example")),
        packet::datagram(&key(17, (inside, 9), (OUTSIDE, 123)), &[0x23; 48]),
        packet::answer(&key(1, (inside, 0), (OUTSIDE, 0)), 9, ping),
        packet::answer(&key(6, (inside, 9), (OUTSIDE, 80)), 20, |buffer| {
            buffer.copy_from_slice(&[0, 9, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 255, 255, 0, 0, 0, 0]);
        }),
        packet::answer(&key(2, (inside, 0), (OUTSIDE, 0)), 8, |buffer| buffer.fill(7)),
    ]
    .into_iter()
    .flatten()
    .collect();
    // the first datagram again, in two fragments
    let (head, content) = all[0].split_at(20);
    let mut fragments = Vec::new();
    for (offset, more, part) in [(0, 0x20, &content[..16]), (2, 0, &content[16..])] {
        let mut fragment = [head, part].concat();
        let length = fragment.len() as u16;
        fragment[2..4].copy_from_slice(&length.to_be_bytes());
        fragment[6..8].copy_from_slice(&[more, offset]);
        fragments.push(fragment);
    }
    all.extend(fragments);
    all
}

fn framed(packets: &[Vec<u8>]) -> Vec<u8> {
    packets.iter().flat_map(|packet| [&(packet.len() as u16).to_le_bytes()[..], packet].concat()).collect()
}

fn kinds(told: &[Detail]) -> Vec<String> {
    told.iter().map(|detail| detail.kind().to_string()).collect()
}

#[test]
fn the_entrances_lead_to_where_they_say() {
    let told = watched(|| packets(&framed(&all_kinds())));
    assert_eq!(kinds(&told).iter().filter(|kind| *kind == "network.dns").count(), 3, "{told:?}");
    let services: Vec<&str> = told
        .iter()
        .filter_map(|detail| match detail {
            Detail::NetworkFlow { network } => Some(network.service.as_str()),
            _ => None,
        })
        .collect();
    assert!(["dns", "ntp", "echo", "sink"].iter().all(|one| services.contains(one)), "{services:?}");

    let told = watched(|| names(&question("a.b.example")));
    assert_eq!(kinds(&told), ["network.dns", "network.flow", "network.dns", "network.flow"]);

    let told = watched(|| web(&request()));
    assert_eq!(kinds(&told).iter().filter(|kind| *kind == "network.http").count(), 2, "{told:?}");
    assert!(kinds(&told).contains(&"bait.exfiltrated".to_owned()));

    let told = watched(|| secure(&client_hello()));
    assert!(
        told.iter().any(|detail| matches!(detail, Detail::NetworkTls { network } if network.ja4.is_some())),
        "{told:?}"
    );

    let told = watched(|| mail(&letter()));
    assert!(kinds(&told).contains(&"bait.exfiltrated".to_owned()), "{told:?}");
    watched(|| baits(BAIT.as_bytes()));
}

/// Bytes that were right, with some changed, left out or put in.
fn nearly(right: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), any::<u8>(), 0..4u8);
    proptest::collection::vec(change, 0..8).prop_map(move |changes| {
        let mut bytes = right.clone();
        for (at, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}

#[test]
fn a_tunnel_in_a_tunnel_leads_to_a_mail_server() {
    let asked =
        b"CONNECT a.example:8080 HTTP/1.1\r\n\r\nCONNECT b.example:25 HTTP/1.1\r\n\r\nEHLO me\r\nQUIT\r\n";
    let told = watched(|| web(asked));
    let targets: Vec<String> = told
        .iter()
        .filter_map(|detail| match detail {
            Detail::NetworkHttp { network } if network.status == 200 => {
                Some(network.target.lossy().into_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(targets, ["a.example:8080", "b.example:25"], "{told:?}");
    assert!(
        told.iter()
            .any(|detail| matches!(detail, Detail::NetworkFlow { network } if network.service == "smtp"))
    );
}

#[test]
fn what_the_fuzzer_starts_from_and_what_it_found_breaks_nothing() {
    type Target = (&'static str, fn(&[u8]));
    let targets: [Target; 6] = [
        ("packets", |bytes| drop(packets(bytes))),
        ("names", |bytes| drop(names(bytes))),
        ("web", |bytes| drop(web(bytes))),
        ("secure", |bytes| drop(secure(bytes))),
        ("mail", |bytes| drop(mail(bytes))),
        ("baits", baits),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    for (target, play) in targets {
        let inputs = ["seeds", "regressions"].map(|kind| folder.join(kind).join(target));
        let inputs: Vec<_> =
            inputs.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().collect();
        assert!(!inputs.is_empty(), "{target} has no inputs");
        for input in inputs {
            let path = input.expect("a file").path();
            eprintln!("{}", path.display());
            let bytes = std::fs::read(path).expect("a file");
            watched(|| play(&bytes));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_packets_break_it(bytes in prop_oneof![anything(), nearly(framed(&all_kinds()))]) {
        watched(|| packets(&bytes));
    }

    #[test]
    fn no_packet_among_good_ones_breaks_it(which in any::<Index>(), bad in nearly(vec![0; 40]), at in any::<Index>(), byte in any::<u8>()) {
        let mut all = all_kinds();
        let which = which.index(all.len());
        let at = at.index(all[which].len());
        all[which][at] = byte;
        all.insert(which, bad);
        watched(|| packets(&framed(&all)));
    }

    #[test]
    fn no_question_breaks_it(bytes in prop_oneof![anything(), nearly(question("a.b.example"))]) {
        watched(|| names(&bytes));
    }

    #[test]
    fn no_request_breaks_it(bytes in prop_oneof![anything(), nearly(request())]) {
        watched(|| web(&bytes));
    }

    #[test]
    fn no_hello_breaks_it(bytes in prop_oneof![anything(), nearly(client_hello())]) {
        watched(|| secure(&bytes));
    }

    #[test]
    fn no_letter_breaks_it(bytes in prop_oneof![anything(), nearly(letter())]) {
        watched(|| mail(&bytes));
    }

    #[test]
    fn nothing_that_is_searched_breaks_it(bytes in prop_oneof![anything(), nearly(request())]) {
        watched(|| baits(&bytes));
    }
}
