//! Much at once: bounded, and nothing is lost that the bounds allow.

use crate::support::{Place, has, root};

const CONNECTIONS: &str = r#"
import socket, select
socks = []
for n in range(1000):
    s = socket.socket(); s.setblocking(False); s.connect_ex(('203.0.113.%d' % (n % 250 + 1), 8000 + n % 7)); socks.append(s)
waiting = {s.fileno(): s for s in socks}
p = select.poll()
for fd in waiting: p.register(fd, select.POLLOUT)
while waiting:
    for fd, _ in p.poll():
        s = waiting.pop(fd); p.unregister(fd)
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        s.setblocking(True); s.sendall(b'GET /x.txt HTTP/1.1\r\nHost: many.example\r\nConnection: close\r\n\r\n')
good = 0
for s in socks:
    got = b''
    while True:
        more = s.recv(4096)
        if not more: break
        got += more
    good += got.startswith(b'HTTP/1.1 200') and got.endswith(b'ok\n')
print(good)
"#;

#[test]
fn a_thousand_connections_at_once_are_all_answered() {
    if !has("python3") {
        return;
    }
    let run =
        Place::new().script("ptrace", &format!("ulimit -n 4096; python3 - <<'END'\n{CONNECTIONS}\nEND"));
    assert_eq!(run.stdout, "1000\n", "{}", run.stderr);
    assert_eq!(run.of("network.http").len(), 1000);
    assert_eq!(
        run.of("network.flow").iter().filter(|event| event["network"]["end"] == "closed").count(),
        1000
    );
}

const QUESTIONS: &str = r#"
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((open('/etc/resolv.conf').read().split()[1], 53))
def question(n): return struct.pack('!6H', n, 0x100, 1, 0, 0, 0) + b'\x07burst%02d\x07example\x00' % (n % 100) + struct.pack('!2H', 1, 1)
for n in range(10000): s.send(question(n))
s.settimeout(5)
print('sent')
"#;

#[test]
fn ten_thousand_questions_in_a_burst_are_all_told() {
    if !has("python3") {
        return;
    }
    let run = Place::new().script("ptrace", &format!("python3 - <<'END'\n{QUESTIONS}\nEND"));
    assert_eq!(run.stdout, "sent\n", "{}", run.stderr);
    assert_eq!(run.of("network.dns").len(), 10_000);
    let flow = &run.flow(53)["network"];
    // some of the answers find nobody any more, and are sent back
    assert!(flow["packets_in"] == 10_000 && flow["packets_out"].as_u64() >= Some(10_000), "{flow}");
}

/// Runs a program and says how much memory it held at most, in KiB.
const MEASURED: &str = r#"
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(done.returncode)
"#;

#[test]
fn large_uploads_and_downloads_arrive_whole_in_little_memory_and_every_packet_is_accounted_for() {
    if !has("curl") || !has("python3") {
        return;
    }
    // `detektr-bench internet` does the same with a gibibyte each way
    const SIZE: u64 = 96 << 20;
    const PEAK: u64 = 200 << 10;
    let place = Place::new();
    let site = place.file("site.yaml", format!("detektr: 1\nhttp:\n  - {{path: /down, zeros: {SIZE}}}\n"));
    let script = format!(
        "curl -sS http://a.example/down | wc -c; head -c {SIZE} /dev/zero | curl -sS http://a.example/up -T - -o /dev/null; \
         curl -sS -r 0-67108863 https://a.example/down | wc -c"
    );
    let site = site.to_str().unwrap();
    let options =
        ["--sensor", "ptrace", "--site", site, "--timeout", "900s", "--user", "root", "--", "bash", "-c"];
    let (run, said) = place.detonate_by(&["python3", "-c", MEASURED], &[&options[..], &[&script]].concat());
    assert_eq!((&run.document["state"], &run.document["complete"]), (&"completed".into(), &true.into()));
    assert_eq!(run.stdout, format!("{SIZE}\n67108864\n"), "{}", run.stderr);
    let body = |target: &str, which: &str| {
        let right = |event: &serde_json::Value| {
            event["network"]["target"] == target && event["network"]["secure"] == false
        };
        run.one("network.http", right)["network"][which].clone()
    };
    let (up, down) = (body("/up", "request_body"), body("/down", "response_body"));
    assert_eq!((&up["size"], &up["stored"], &down["size"]), (&SIZE.into(), &false.into(), &SIZE.into()));
    assert_eq!(up["sha256"], down["sha256"]);
    let peak: u64 = said.lines().find_map(|line| line.strip_prefix("peak ")).unwrap().parse().unwrap();
    assert!(peak < PEAK, "{peak} KiB");
    let capture = &run.manifest["witnesses"]["packets"]["capture"];
    let number = |name: &str| capture[name].as_u64().unwrap();
    assert!(number("bytes") <= number("bound"), "{capture}");
    let passed: u64 = run
        .of("network.flow")
        .iter()
        .flat_map(|event| ["packets_out", "packets_in"].map(|name| event["network"][name].as_u64().unwrap()))
        .sum();
    assert_eq!(number("packets") + number("cut_packets"), passed);
}

/// Half-open connections, packets that are wrong at every layer, and heads that never end; then one that must be served.
const ABUSE: &str = r#"
import os, random, socket, struct, subprocess
random.seed(7)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
own = socket.gethostbyname('x.example') and None
import re
own = re.search(r'src (\S+)', subprocess.run(['ip', 'route', 'get', '8.8.8.8'], capture_output=True, text=True).stdout).group(1)
def checksum(data):
    if len(data) % 2: data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def ip(protocol, payload, dst='203.0.113.99', src=None):
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, socket.inet_aton(src or own), socket.inet_aton(dst)) + payload
def syn(sport, dport):
    head = struct.pack('!HHIIBBHHH', sport, dport, random.getrandbits(32), 0, 0x50, 2, 65535, 0, 0)
    pseudo = socket.inet_aton('10.9.9.9') + socket.inet_aton('203.0.113.99') + struct.pack('!BBH', 0, 6, len(head))
    return head[:16] + struct.pack('!H', checksum(pseudo + head)) + head[18:]
for n in range(20000): raw.sendto(ip(6, syn(1024 + n % 60000, 80 + n % 3), src='10.9.9.9'), ('203.0.113.99', 0)) # from nobody: its answer is never answered
for n in range(20000):
    payload = random.randbytes(random.randrange(0, 120))
    raw.sendto(ip(random.choice([1, 6, 17, 58, 0, 44, 132, random.randrange(256)]), payload), ('203.0.113.99', 0))
frames = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
index = dict((n, i) for i, n in socket.if_nameindex())['eth0']
for n in range(20000):
    body = bytearray(random.randbytes(random.randrange(1, 200)))
    body[0] = random.choice([0x45, 0x4f, 0x60, 0x6f, body[0]])
    try: frames.sendto(bytes(body), ('eth0', random.choice([0x800, 0x86dd])))
    except OSError: pass
slow = []
for n in range(200):
    s = socket.create_connection(('203.0.113.50', 80), 20); s.sendall(b'GET / HTTP/1.1\r\nX-Slow: '); slow.append(s)
for s in slow: s.sendall(b'a' * 1000)
for port, junk in ((53, b'\xff' * 300), (80, b'GET ' + b'/' * 200000), (443, b'\x16\x03\x01\xff\xff' + b'\x01' * 70000), (443, b'\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00'), (25, b'\0' * 100000), (2020, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + b'\xff' * 1000)):
    s = socket.create_connection(('203.0.113.51', port), 20)
    try: s.sendall(junk); s.shutdown(1); s.settimeout(20); s.recv(10)
    except OSError: pass
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(3000): u.sendto(random.randbytes(random.randrange(0, 100)), ('203.0.113.52', random.choice([53, 123, 5353])))
import urllib.request
print(urllib.request.urlopen('http://after.example/x.txt', timeout=30).read())
"#;

#[test]
fn floods_and_packets_that_are_wrong_at_every_layer_leave_it_standing() {
    if !has("python3") || !has("ip") || !root() {
        return;
    }
    let place = Place::new();
    let options = ["--sensor", "ptrace", "--timeout", "300s", "--user", "root", "--"];
    let script = format!("python3 - <<'END'\n{ABUSE}\nEND");
    let run = place.detonate(&[&options[..], &["bash", "-c", &script]].concat());
    assert_eq!(run.document["exit"]["code"], 0, "{}\n{}", run.document, run.stderr);
    assert_eq!(run.stdout, "b'ok\\n'\n");
    assert_eq!(run.document["state"], "completed");
    run.one("network.http", |event| event["network"]["host"] == "after.example");
    let incomplete = run.document["incomplete"].as_array().unwrap();
    assert!(!incomplete.iter().any(|hole| hole["reason"] == "internet_failed"), "{incomplete:?}");
}
