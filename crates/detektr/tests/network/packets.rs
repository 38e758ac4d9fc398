//! The capture, read by others.

use crate::support::{Place, SENSORS, has, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// What tshark says of a capture: the fields `fields` of each packet that `filter` lets through.
fn tshark(capture: &std::path::Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-r", capture.to_str().unwrap(), "-T", "fields", "-E", "separator=\t"]);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    if !filter.is_empty() {
        command.args(["-Y", filter]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let warnings: Vec<&str> = said.lines().filter(|line| !line.contains("Running as user")).collect();
    assert!(output.status.success() && warnings.is_empty(), "{warnings:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

const SCRIPT: &str = "curl -sS -m 9 http://plain.example/a.txt -o /dev/null; curl -sS -m 9 https://secret.example/hidden-path -H 'X-Hidden: plain-text' -o /dev/null; \
                      echo -n hello > /dev/udp/203.0.113.7/7777; ping -c 2 -i 0.2 203.0.113.8 > /dev/null; \
                      echo raw > /dev/tcp/203.0.113.9/4444; curl -sS -m 9 -g 'http://[2001:db8::9]/six' -o /dev/null";

#[test]
fn tshark_reads_the_capture_and_tells_the_same_as_the_events() {
    if !has("tshark") || !has("curl") || !has("ping") || !root() {
        return;
    }
    for sensor in SENSORS {
        let place = Place::new();
        let run = place.script(sensor, SCRIPT);
        let capture = run.bundle.join("network.pcapng");
        let packets = tshark(
            &capture,
            "",
            &[
                "ip.src",
                "ipv6.src",
                "ip.dst",
                "ipv6.dst",
                "tcp.srcport",
                "tcp.dstport",
                "udp.srcport",
                "udp.dstport",
                "icmp.ident",
                "ip.len",
                "ipv6.plen",
                "frame.comment",
                "frame.len",
            ],
        );
        assert!(packets.len() > 40, "{}", packets.len());
        // by conversation: packets and bytes each way, from the capture alone
        let mut seen: BTreeMap<String, [u64; 4]> = BTreeMap::new();
        let mut own = BTreeMap::new();
        for event in run.of("network.flow") {
            let flow = &event["network"]["flow"];
            let end = |end: &Value| format!("{}/{}", end["address"].as_str().unwrap(), end["port"]);
            let key = format!(
                "{} {} {}",
                flow["protocol"].as_str().unwrap(),
                end(&flow["local"]),
                end(&flow["remote"])
            );
            let of = &event["network"];
            let told =
                ["packets_out", "packets_in", "bytes_out", "bytes_in"].map(|name| of[name].as_u64().unwrap());
            let comment = format!(
                "process {} pid {}",
                event["process"]["id"].as_str().unwrap_or_default(),
                event["process"]["pid"]
            );
            own.insert(key, (told, comment));
        }
        for packet in &packets {
            let [src4, src6, dst4, dst6, tsrc, tdst, usrc, udst, id, _, _, comment, length] =
                packet.as_slice()
            else {
                panic!("{packet:?}")
            };
            // a packet that nobody waited for any more, sent back: it quotes what it is about
            let undelivered = src4.contains(',') || src6.contains(',');
            let last = |text: &str| text.rsplit(',').next().unwrap_or_default().to_owned();
            let [src4, src6, dst4, dst6] = [src4, src6, dst4, dst6].map(|text| last(text));
            let or = |a: &str, b: &str| if a.is_empty() { b.to_owned() } else { a.to_owned() };
            let (src, dst) = (or(&src4, &src6), or(&dst4, &dst6));
            let (protocol, sport, dport) = match (tsrc.as_str(), usrc.as_str(), id.as_str()) {
                ("", "", "") => continue,
                ("", "", id) => ("icmp", id.split(',').next().unwrap().to_owned(), "0".to_owned()),
                ("", port, _) => ("udp", port.to_owned(), udst.clone()),
                (port, _, _) => ("tcp", port.to_owned(), tdst.clone()),
            };
            let outwards = |l: &str, lp: &str, r: &str, rp: &str| {
                let lp = lp
                    .strip_prefix("0x")
                    .map_or_else(|| lp.to_owned(), |hex| u16::from_str_radix(hex, 16).unwrap().to_string());
                format!("{protocol} {l}/{lp} {r}/{rp}")
            };
            let (out, back) = if protocol == "icmp" {
                (outwards(&src, &sport, &dst, "0"), outwards(&dst, &sport, &src, "0"))
            } else {
                (outwards(&src, &sport, &dst, &dport), outwards(&dst, &dport, &src, &sport))
            };
            let (key, way) =
                if own.contains_key(&out) { (out, 0) } else { (back, usize::from(!undelivered)) };
            let (_, marked) =
                own.get(&key).unwrap_or_else(|| panic!("no conversation of {packet:?} in {own:#?}"));
            assert!(comment.starts_with(marked.as_str()), "{sensor}: {comment} is not {marked}");
            let counts = seen.entry(key).or_default();
            counts[way] += 1;
            counts[way + 2] += length.parse::<u64>().unwrap();
        }
        let told: BTreeMap<String, [u64; 4]> = own.into_iter().map(|(key, (told, _))| (key, told)).collect();
        assert_eq!(seen, told, "{sensor}");
        let curl = packets
            .iter()
            .filter(|packet| {
                packet[11].contains("exe /usr/bin/curl argv curl -sS -m 9 https://secret.example/hidden-path")
            })
            .count();
        assert!(curl > 10, "{curl}");
    }
}

#[test]
fn the_secrets_in_the_capture_open_what_tls_hid() {
    if !has("tshark") || !has("curl") {
        return;
    }
    let place = Place::new();
    let run = place.script(
        "ptrace",
        "curl -sS -m 9 https://secret.example/hidden-path -H 'X-Hidden: plain-text' -o /dev/null; \
         curl -sS -m 9 --tls-max 1.2 --http1.1 https://older.example/older-path -o /dev/null",
    );
    let capture = run.bundle.join("network.pcapng");
    let inside = tshark(&capture, "http2.headers.path", &["http2.headers.path"]);
    assert!(inside.iter().any(|packet| packet[0].contains("/hidden-path")), "{inside:?}");
    let older = tshark(&capture, "http.request", &["http.request.uri"]);
    assert!(older.iter().any(|packet| packet[0] == "/older-path"), "{older:?}");
}

#[test]
fn every_checksum_in_the_capture_is_right_whichever_device_there_was() {
    if !has("tshark") || !has("curl") {
        return;
    }
    let place = Place::new();
    let run = place.script("ptrace", SCRIPT);
    let capture = run.bundle.join("network.pcapng");
    let mut command = Command::new("tshark");
    command.args([
        "-r",
        capture.to_str().unwrap(),
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
    ]);
    let wrong = "tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0 || icmp.checksum.status == 0";
    let output = command.args(["-Y", wrong]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}
