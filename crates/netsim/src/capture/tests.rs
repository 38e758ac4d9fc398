use super::*;
use std::process::Command;

/// An IPv4 packet with a UDP datagram to port `port`.
fn udp(port: u16, content: &[u8]) -> Vec<u8> {
    let length = 28 + content.len() as u16;
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 168, 7, 2, 198, 18, 0, 1];
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    let sum = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(40_000u16.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend((8 + content.len() as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(content);
    packet
}

fn captured(bound: u64, packets: &[Vec<u8>]) -> (Vec<u8>, Totals, Vec<u32>) {
    let mut capture = Capture::begin(Vec::new(), bound).expect("begin");
    for (number, packet) in packets.iter().enumerate() {
        let direction = if number % 2 == 0 { Direction::Outbound } else { Direction::Inbound };
        let time = 1_796_000_000_123_456_789 + number as u64;
        capture.packet(time, direction, number as u32 + 1, packet).expect("write");
    }
    capture.finish().expect("finish")
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let (file, _, _) = captured(1000, &[vec![0x45, 1, 2, 3, 4]]);
    let section = 28 + 4 + "detektr 0.1.0".len().next_multiple_of(4) + 4;
    assert_eq!(&file[..12], [0x0A, 0x0D, 0x0D, 0x0A, section as u8, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A]);
    let interface = &file[section..];
    assert_eq!(&interface[..16], [1, 0, 0, 0, 40, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&interface[16..36], b"\x02\0\x04\0eth0\x09\0\x01\0\x09\0\0\0\0\0\0\0");
    let packet = &interface[40..];
    let time = 1_796_000_000_123_456_789_u64;
    assert_eq!(&packet[..12], [6, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(packet[12..16], ((time >> 32) as u32).to_le_bytes());
    assert_eq!(packet[16..20], (time as u32).to_le_bytes());
    assert_eq!(&packet[20..36], [5, 0, 0, 0, 5, 0, 0, 0, 0x45, 1, 2, 3, 4, 0, 0, 0]);
    assert_eq!(&packet[36..], [2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0]);
}

#[test]
fn past_the_bound_packets_are_counted_and_none_is_written_after_the_first_cut() {
    let packets = [udp(1, b"x"), udp(2, &[0; 500]), udp(3, b"y")];
    let (file, totals, flows) = captured(100, &packets);
    assert_eq!(totals, Totals { packets: 1, bytes: 29, cut_packets: 2, cut_bytes: 528 + 29 });
    assert_eq!(flows, [1]);
    assert!(file.windows(3).all(|bytes| bytes != [0, 3, 0]));
}

#[test]
fn the_final_version_has_every_packet_with_its_comment() {
    let (file, _, flows) = captured(1 << 20, &[udp(53, b"first"), udp(53, b"second"), udp(9, b"")]);
    let mut annotated = Vec::new();
    let comment = |flow| (flow != 2).then(|| format!("flow {flow}, pid 7, /usr/bin/tëst"));
    annotate(&file[..], &mut annotated, "CLIENT_RANDOM aa bb\n", &flows, comment).expect("annotate");
    let text = String::from_utf8_lossy(&annotated);
    assert!(
        text.contains("flow 1, pid 7, /usr/bin/tëst") && text.contains("flow 3") && !text.contains("flow 2")
    );
    let secret = text.find("CLIENT_RANDOM aa bb").expect("the secrets");
    assert!(secret < text.find("first").expect("a packet"), "secrets come first");
    for packet in [udp(53, b"first"), udp(53, b"second"), udp(9, b"")] {
        assert!(annotated.windows(packet.len()).any(|window| window == packet));
    }
    assert!(annotate(&file[..], &mut Vec::new(), "", &flows[1..], |_| None).is_err(), "a packet too many");
    assert!(annotate(&file[..], &mut Vec::new(), "", &[1, 2, 3, 4], |_| None).is_err(), "a packet too few");
    assert!(annotate(&file[..file.len() - 5], &mut Vec::new(), "", &flows, |_| None).is_err(), "cut");
}

#[test]
fn a_comment_that_is_too_long_is_cut_at_a_character() {
    let (file, _, flows) = captured(1 << 20, &[udp(53, b"x")]);
    let mut annotated = Vec::new();
    annotate(&file[..], &mut annotated, "", &flows, |_| Some("ä".repeat(40_000))).expect("annotate");
    let text = String::from_utf8_lossy(&annotated);
    assert_eq!(text.matches('ä').count(), 32_767);
}

#[test]
fn tshark_reads_it_without_a_complaint() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let (file, _, flows) = captured(1 << 20, &[udp(9, b"first"), udp(9, b"second")]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("network.pcapng");
    let mut annotated = Vec::new();
    annotate(&file[..], &mut annotated, "CLIENT_RANDOM aa bb\n", &flows, |flow| Some(format!("of {flow}")))
        .expect("annotate");
    std::fs::write(&path, annotated).expect("write");
    // of severity warning or worse, by what its dissectors know of each protocol
    let warned = Command::new("tshark")
        .env("HOME", folder.path())
        .arg("-r")
        .arg(&path)
        .args(["-Y", "_ws.expert.severity >= 0x600000"])
        .output()
        .expect("tshark");
    assert!(warned.status.success() && warned.stdout.is_empty(), "{warned:?}");
    let fields = ["frame.time_epoch", "frame.comment", "frame.packet_flags_direction", "udp.payload"];
    let mut tshark = Command::new("tshark");
    tshark.env("HOME", folder.path()).args(["-r"]).arg(&path).args(["-T", "fields"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let told = tshark.output().expect("tshark");
    let complaints = String::from_utf8_lossy(&told.stderr);
    let complaints: Vec<&str> =
        complaints.lines().filter(|line| !line.contains("Running as user \"root\"")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(
        String::from_utf8_lossy(&told.stdout),
        "1796000000.123456789\tof 1\t0x00000002\t6669727374\n1796000000.123456790\tof 2\t0x00000001\t7365636f6e64\n"
    );
}
