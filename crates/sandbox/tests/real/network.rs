//! The network device, with its outer end in this process.

use crate::common::{plan, skipped_without_root, work};
use detektr_sandbox::{Addresses, DeviceKind, Environment, Program, RunAs, Shut};
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub(crate) const ADDRESSES: Addresses = Addresses {
    v4: std::net::Ipv4Addr::new(192, 168, 7, 2),
    gateway4: std::net::Ipv4Addr::new(192, 168, 7, 1),
    v6: std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
    gateway6: std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
};

#[test]
fn what_an_environment_sends_comes_out_of_its_device_as_it_was_sent() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut plan = plan(folder.path(), RunAs::Root);
    plan.network = Some(ADDRESSES);
    let mut environment = Environment::create(&plan).expect("create");
    let null = || File::open("/dev/null").expect("null").into();
    let script = "echo -n four > /dev/udp/203.0.113.9/7777; echo -n six > /dev/udp/2001:db8::9/7778";
    let launched = environment
        .launch(Program {
            argv: ["bash", "-c", script].map(Into::into).to_vec(),
            cwd: None,
            stdin: null(),
            stdout: null(),
            stderr: null(),
            filter: None,
            shut: Shut::default(),
            setup: Vec::new(),
            monitors: Vec::new(),
        })
        .expect("launch");
    let device = launched.device.expect("a device");
    environment.release().expect("release");
    environment.wait(Instant::now() + Duration::from_secs(60), &mut || ControlFlow::Continue(()));
    assert!(matches!(device.kind, DeviceKind::Tun), "{:?}", device.kind);
    let mut file = File::from(device.fd);
    let mut packets = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(length) = file.read(&mut buffer) {
        packets.push(buffer[..length].to_vec());
    }
    let has = |version: u8, from: &[u8], to: &[u8], said: &[u8]| {
        packets.iter().any(|packet| {
            let addresses = [from, to].concat();
            packet[0] >> 4 == version
                && packet.windows(addresses.len()).any(|window| window == addresses)
                && packet.ends_with(said)
        })
    };
    assert!(has(4, &[192, 168, 7, 2], &[203, 0, 113, 9], b"four"), "{packets:x?}");
    let (own, far) =
        (ADDRESSES.v6.octets(), std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).octets());
    assert!(has(6, &own, &far, b"six"), "{packets:x?}");
    environment.destroy().expect("destroy");
}
