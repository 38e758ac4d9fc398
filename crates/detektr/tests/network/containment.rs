//! Nothing leaves: every interface of the host is watched while a program tries everything to reach it.

use crate::support::{Place, has, root};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// A mark in everything that the program sends.
const MARK: &str = "detektr-must-not-leave-7f3a";

/// Everything that a program can try. Its failures are its own; it must only have tried.
const TRIES: &str = r#"
import ctypes, os, socket, struct, subprocess, time
MARK = b'detektr-must-not-leave-7f3a'
targets = ['8.8.8.8', '1.1.1.1', '10.0.0.1', '192.168.0.1', '172.17.0.1', '224.0.0.251', '255.255.255.255', '169.254.169.254'] + os.environ.get('HOST_ADDRESSES', '').split(',')
def attempt(what):
    try: what()
    except Exception as e: pass
def udp(address, port, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.sendto(MARK, (address, port))
def tcp(address, port, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(2); s.connect((address, port)); s.sendall(MARK); s.close()
def raw(address, protocol):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol); s.sendto(MARK, (address, 0))
def vsock(cid):
    s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM); s.settimeout(2); s.connect((cid, 1234)); s.sendall(MARK)
def packet(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((name, 0)); s.send(b'\xff' * 12 + b'\x08\x00' + MARK)
def everything():
    for address in targets:
        if not address: continue
        for port in (22, 53, 80, 443, 9999):
            attempt(lambda: udp(address, port))
        attempt(lambda: tcp(address, 80))
        for protocol in (1, 2, 47, 255):
            attempt(lambda: raw(address, protocol))
    for address in ('2001:4860:4860::8888', 'ff02::1', 'fe80::1%1', 'fd00::1'):
        attempt(lambda: udp(address, 53, socket.AF_INET6)); attempt(lambda: tcp(address, 80, socket.AF_INET6))
    for _, name in socket.if_nameindex(): attempt(lambda: packet(name))
    for cid in (0, 1, 2, 3): attempt(lambda: vsock(cid))
    attempt(lambda: socket.getaddrinfo(MARK.decode() + '.example.com', 80))
everything()
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
libc = ctypes.CDLL(None)
def sh(line): subprocess.run(line, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
sh('ip link add d0 type dummy; ip addr add 10.99.0.1/24 dev d0; ip link set d0 up')
sh('ip route replace default dev d0; ip route add 8.8.8.8/32 dev lo; ip link add v0 type veth peer name v1; ip link set v0 netns 1')
everything()
sh('ip route del default; ip link set eth0 down; ip link del eth0')
everything()
def entered(path):
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) == 0: print('ENTERED', path)
for pid in ('1',): attempt(lambda: entered('/proc/%s/ns/net' % pid))
libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
everything()
print('tried')
"#;

/// Reads counters of every interface of the host but loopback: bytes and packets sent, by name.
fn sent() -> BTreeMap<String, [u64; 2]> {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap();
    let line = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
        (name.trim() != "lo").then(|| (name.trim().to_owned(), [numbers[8], numbers[9]]))
    };
    text.lines().skip(2).filter_map(line).collect()
}

#[test]
fn no_packet_of_an_artifact_reaches_an_interface_of_the_host() {
    if !has("python3") || !has("ip") || !root() {
        return;
    }
    let own = Command::new("ip").args(["-o", "addr"]).output().unwrap();
    let addresses: Vec<String> = String::from_utf8_lossy(&own.stdout)
        .lines()
        .filter_map(|line| Some(line.split_whitespace().nth(3)?.split('/').next()?.to_owned()))
        .collect();
    // every frame on every interface of the host, looked through for the mark, by an observer of its own
    let watch = r#"
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print('watching', flush=True)
own = False
while True:
    frame, where = s.recvfrom(70000)
    if b'detektr-stop-watching' in frame: break
    if b'detektr-is-watching' in frame: own = True
    if b'detektr-must-not-leave-7f3a' in frame: print('LEFT on', where[0], flush=True)
print('saw its own' if own else 'saw nothing', flush=True)
"#;
    let mut watcher = Command::new("python3")
        .args(["-c", watch])
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(watcher.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert_eq!(line, "watching\n");
    let say = |word: &str| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(word.as_bytes(), "127.0.0.1:9").unwrap();
    };
    say("detektr-is-watching");
    let before: Vec<String> = sent().into_keys().collect();
    for (options, user) in [
        (&["--net", "sim"][..], "root"),
        (&["--net", "sim"], "user"),
        (&["--net", "none"], "root"),
        (&["--net", "sim-nx"], "root"),
    ] {
        let place = Place::new();
        let hosts = format!("HOST_ADDRESSES={}", addresses.join(","));
        let command = format!("python3 - <<'END'\n{TRIES}\nEND");
        let rest = [
            "--sensor",
            "ptrace",
            "--timeout",
            "300s",
            "--user",
            user,
            "--setenv",
            &hosts,
            "--",
            "bash",
            "-c",
            &command,
        ];
        let run = place.detonate(&[options, &rest].concat());
        assert_eq!(run.document["state"], "completed", "{}\n{}", run.document, run.stderr);
        assert_eq!(run.stdout, "tried\n", "{}", run.stderr);
        let tried = run.events.iter().filter(|event| event["kind"].as_str().unwrap().starts_with("network."));
        assert!(tried.count() > 100, "it must have tried");
    }
    say("detektr-stop-watching");
    let mut told = String::new();
    std::io::Read::read_to_string(&mut said, &mut told).unwrap();
    watcher.wait().unwrap();
    assert_eq!(told, "saw its own\n", "{MARK} was seen outside");
    let after: Vec<String> = sent().into_keys().collect();
    assert_eq!(before, after, "interfaces of the host");
}
