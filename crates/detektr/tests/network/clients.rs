//! Clients that are on every machine get their answers.

use crate::support::{Place, SENSORS, has, root};

#[test]
fn curl_is_answered_over_http_and_https_in_every_version() {
    if !has("curl") {
        return;
    }
    let place = Place::new();
    let run = place.script(
        "ptrace",
        "curl -sS -m 20 http://plain.example/a.json && curl -sS -m 20 https://secure.example/b.sh && \
         curl -sS -m 20 --http1.1 https://one.example/ -o /dev/null -w '%{http_version} %{http_code}\\n' && \
         curl -sS -m 20 --http2-prior-knowledge http://two.example/x.txt && \
         curl -sS -m 20 -r 3-4 http://part.example/a.html && \
         curl -sS -m 20 -I -X HEAD http://head.example/ | head -1 && \
         curl -sS -m 20 -X PURGE http://odd.example/ -o /dev/null -w '%{http_code}\\n' && \
         seq 5000 | curl -sS -m 20 -H 'Transfer-Encoding: chunked' --data-binary @- http://up.example/ -o /dev/null && \
         curl -sS -m 20 http://keep.example/1.txt http://keep.example/2.txt && \
         curl -sS -m 20 -g 'http://[2001:db8::1]:8080/six.txt'",
    );
    assert_eq!(
        run.stdout, "{}\n#!/bin/sh\nexit 0\n1.1 200\nok\nOCHTTP/1.1 200 OK\r\n200\nok\nok\nok\n",
        "{}",
        run.stderr
    );
    let http =
        |host: &str| run.one("network.http", |event| event["network"]["host"] == host)["network"].clone();
    assert_eq!(
        (http("plain.example")["version"].as_str(), &http("plain.example")["secure"]),
        (Some("HTTP/1.1"), &false.into())
    );
    assert_eq!(
        (http("secure.example")["version"].as_str(), &http("secure.example")["secure"]),
        (Some("HTTP/2.0"), &true.into())
    );
    assert_eq!(http("two.example")["version"], "HTTP/2.0");
    assert_eq!(http("part.example")["status"], 206);
    assert_eq!(http("odd.example")["method"], "PURGE");
    let body = &http("up.example")["request_body"];
    let sent: String = (1..=5000).map(|n| format!("{n}\n")).collect();
    assert_eq!((body["size"].as_u64(), &body["stored"]), (Some(sent.len() as u64), &true.into()));
    let stored = std::fs::read(run.bundle.join("files").join(body["sha256"].as_str().unwrap())).unwrap();
    assert_eq!(stored, sent.as_bytes());
    let kept: Vec<_> = run
        .of("network.http")
        .into_iter()
        .filter(|event| event["network"]["host"] == "keep.example")
        .map(|event| event["network"]["flow"]["id"].clone())
        .collect();
    assert!(kept.len() == 2 && kept[0] == kept[1], "one connection for both: {kept:?}");
    let tls = run.one("network.tls", |event| event["network"]["server_name"] == "secure.example");
    assert_eq!(tls["network"]["decrypted"], true);
    assert_eq!(tls["network"]["ja3"].as_str().map(str::len), Some(32));
    assert!(tls["network"]["ja4"].as_str().is_some_and(|ja4| ja4.starts_with("t13d")), "{tls}");
    assert_eq!(run.manifest["environment"]["network"], "sim");
}

#[test]
fn python_node_openssl_and_wget_trust_the_runs_authority_unchanged() {
    let mut script = String::new();
    let mut wanted = Vec::new();
    for (program, line) in [
        (
            "python3",
            "python3 -c 'import urllib.request as u; print(u.urlopen(\"https://python3.example/\", timeout=20).status)'",
        ),
        ("node", "node -e 'fetch(\"https://node.example/\").then(r => console.log(r.status))'"),
        (
            "openssl",
            "openssl s_client -connect openssl.example:443 -servername openssl.example -verify_return_error </dev/null 2>/dev/null | grep -c 'Verify return code: 0'",
        ),
        ("wget", "wget -q -T 20 -O /dev/null https://wget.example/ && echo fetched"),
    ] {
        if has(program) {
            script.push_str(line);
            script.push_str(" || exit 1; ");
            wanted.push(program);
        }
    }
    let run = Place::new().script("ptrace", &format!("{script} true"));
    for program in wanted {
        let tls =
            run.one("network.tls", |event| event["network"]["server_name"] == format!("{program}.example"));
        assert_eq!(tls["network"]["decrypted"], true, "{tls}");
    }
}

#[test]
fn java_trusts_the_runs_authority_unchanged() {
    if !has("java") || !root() {
        return;
    }
    let place = Place::new();
    let source = place.file(
        "Fetch.java",
        "import java.net.*; public class Fetch { public static void main(String[] a) throws Exception { \
         var c = (HttpURLConnection) new URL(\"https://java.example/\").openConnection(); System.out.println(c.getResponseCode()); } }",
    );
    let compiled = std::process::Command::new("javac").arg("-d").arg(place.path("")).arg(&source).output();
    if !compiled.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no javac");
        return;
    }
    let class = std::fs::read(place.path("Fetch.class")).unwrap();
    let hex: String = class.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let script = format!("cd /tmp && printf '{hex}' > Fetch.class && java -Xmx128m -XX:+UseSerialGC Fetch");
    let run = place.script_with(&["--sensor", "ptrace", "--timeout", "120s"], &script);
    assert_eq!(run.stdout, "200\n", "{}", run.stderr);
}

#[test]
fn a_client_that_pins_its_certificate_is_seen_to() {
    if !has("curl") {
        return;
    }
    let others = if has("python3") && has("openssl") {
        "python3 -c 'import socket, ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(socket.create_connection((\"pinned3.example\", 443), 20), server_hostname=\"pinned3.example\")' 2>/dev/null; \
         openssl s_client -connect pinned4.example:443 -servername pinned4.example -CAfile /tmp/one.pem -no-CApath -no-CAstore -verify 5 -verify_return_error </dev/null >/dev/null 2>&1; "
    } else {
        ""
    };
    let run = Place::new().script(
        "ptrace",
        &format!(
            "curl -s -m 20 --cacert /dev/null https://pinned.example/; test $? -ne 0; \
         awk '{{print}} /END CERT/{{exit}}' /etc/ssl/certs/ca-certificates.crt > /tmp/one.pem; \
         curl -s -m 20 --cacert /tmp/one.pem https://pinned2.example/; test $? -ne 0; {others} true"
        ),
    );
    let pinned = ["pinned2.example", "pinned3.example", "pinned4.example"];
    for name in if others.is_empty() { &pinned[..1] } else { &pinned[..] } {
        let tls = run.one("network.tls", |event| event["network"]["server_name"] == *name);
        assert_eq!(
            (&tls["network"]["decrypted"], &tls["network"]["pinned"]),
            (&false.into(), &true.into()),
            "{tls}"
        );
    }
}

#[test]
fn names_are_answered_in_every_type_over_both_transports() {
    if !has("dig") {
        return;
    }
    let run = Place::new().script(
        "ptrace",
        "for t in A AAAA TXT MX NS SOA SRV CNAME TYPE65; do dig +short -t $t name.example || exit 1; done; \
         dig +short +tcp -t A name.example; dig +short -x $(dig +short name.example | head -1); \
         dig +short @9.9.9.9 -t A elsewhere.example",
    );
    for wanted in [
        "\"v=spf1 mx -all\"",
        "10 mail.name.example.",
        "ns1.name.example.",
        "10 10 443 host.name.example.",
        "name.example.",
    ] {
        assert!(run.stdout.lines().any(|line| line == wanted), "{wanted} in {}", run.stdout);
    }
    let a: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("198.1")).collect();
    assert_eq!(a[0], a[1], "the same over TCP");
    assert_eq!(run.of("network.dns").len(), 13);
    let tcp = run.one("network.dns", |event| event["network"]["flow"]["protocol"] == "tcp");
    assert_eq!(tcp["network"]["name"], "name.example");
    run.one("network.dns", |event| event["network"]["flow"]["remote"]["address"] == "9.9.9.9");
}

const MAIL: &str = r#"
import smtplib, ssl
for tls in (False, True):
    s = smtplib.SMTP('mail.example', 587, timeout=20)
    s.ehlo()
    if tls:
        s.starttls(context=ssl.create_default_context())
        s.ehlo()
        s.login('user', 'password')
    s.sendmail('a@example.com', ['b@example.com'], 'Subject: x\n\n' + ('inside' if tls else 'outside') + '\n')
    s.quit()
s = smtplib.SMTP_SSL('mail.example', 465, timeout=20, context=ssl.create_default_context())
s.sendmail('a@example.com', ['b@example.com'], 'Subject: x\n\nall inside\n')
s.quit()
print('sent')
"#;

#[test]
fn letters_are_taken_with_and_without_starttls() {
    if !has("python3") {
        return;
    }
    let place = Place::new();
    let run = place.script("ptrace", &format!("python3 - <<'END'\n{MAIL}\nEND"));
    assert_eq!(run.stdout, "sent\n", "{}", run.stderr);
    let tls = run.of("network.tls");
    assert!(tls.len() == 2 && tls.iter().all(|event| event["network"]["decrypted"] == true), "{tls:?}");
}

const DATAGRAMS: &str = r#"
import socket, struct
def ask(port, say, host='203.0.113.5', family=socket.AF_INET):
    u = socket.socket(family, socket.SOCK_DGRAM); u.settimeout(20); u.connect((host, port)); u.send(say)
    return u.recv(65535)
print(ask(5000, b'hello'), ask(6000, b'', '2001:db8::5', socket.AF_INET6), len(ask(7000, bytes(9000))))
name = struct.pack('!6H', 7, 0x100, 1, 0, 0, 0) + b'\x05other\x07example\x00' + struct.pack('!2H', 1, 1)
print(struct.unpack('!6H', ask(5454, name)[:12])[3])
print(ask(1234, b'\x23' + bytes(47))[0])
print(ask(443, (b'\xc3\0\0\0\1\x02ab\x01c' + bytes(1200))).hex())
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(1)
u.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for group in ('224.0.0.9', '255.255.255.255'):
    u.sendto(b'all of you', (group, 5000))
    try: print(u.recvfrom(99))
    except TimeoutError: print('silence')
"#;

#[test]
fn datagrams_to_any_port_are_answered_by_what_they_are_and_else_sent_back() {
    if !has("python3") {
        return;
    }
    let run = Place::new().script("ptrace", &format!("python3 - <<'END'\n{DATAGRAMS}\nEND"));
    assert_eq!(
        run.stdout, "b'hello' b'' 9000\n1\n36\n800000000001630261620a1a2a3a\nsilence\nsilence\n",
        "{}",
        run.stderr
    );
    for (port, service) in [(5000, "sink"), (5454, "dns"), (1234, "ntp"), (443, "quic")] {
        let right = |event: &serde_json::Value| {
            let network = &event["network"];
            network["flow"]["remote"]["port"] == port
                && network["service"] == service
                && network["bytes_in"] != 0
        };
        run.one("network.flow", right);
    }
    run.one("network.dns", |event| event["network"]["name"] == "other.example");
}

#[test]
fn two_who_answer_each_other_come_to_an_end() {
    if !has("python3") {
        return;
    }
    let echo = "import socket\nu = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(3); u.connect(('203.0.113.5', 5000)); u.send(b'x')\n\
                try:\n    while True: u.send(u.recv(99))\nexcept TimeoutError: print('over')";
    let run = Place::new().script("ptrace", &format!("python3 - <<'END'\n{echo}\nEND"));
    assert_eq!(run.stdout, "over\n");
    let answers = run.flow(5000)["network"]["packets_in"].as_u64().unwrap();
    assert!((1000..2000).contains(&answers), "{answers}");
}

#[test]
fn a_tunnel_leads_into_the_same_internet() {
    if !has("curl") || !has("python3") {
        return;
    }
    let place = Place::new();
    let site = place.file(
        "site.yaml",
        "detektr: 1\nhttp:\n  - {host: inner.example, body: within}\nrefuse:\n  - {host: shut.example}\n",
    );
    let script = "p=http://proxy.example:3128; curl -sS -m 20 -x $p https://inner.example/a && echo && \
                  curl -sS -m 20 -p -x $p http://inner.example:8080/b && echo && \
                  curl -sS -m 20 -x https://proxy.example:8443 https://inner.example/c && echo && \
                  curl -sS -m 20 -x $p https://shut.example/ 2>&1 | grep -o 502; \
                  curl -sS -m 20 -p -x $p http://169.254.169.254/latest/meta-data/iam/security-credentials/ && echo && \
                  python3 - <<'END'\n\
import socket\n\
def line(s):\n    got = b''\n    while not got.endswith(b'\\r\\n\\r\\n'): got += s.recv(1)\n    return got.split(b' ')[1].decode()\n\
s = socket.create_connection(('proxy.example', 3128), 20)\n\
s.sendall(b'CONNECT ssh.example:22 HTTP/1.1\\r\\nHost: ssh.example:22\\r\\n\\r\\n'); print(line(s), s.recv(7))\n\
s = socket.create_connection(('proxy.example', 3128), 20); told = []\n\
for n in range(10):\n    s.sendall(b'CONNECT next.example:80 HTTP/1.1\\r\\n\\r\\n'); told.append(line(s))\n\
print(*told)\nEND";
    let options = ["--sensor", "ptrace", "--site", site.to_str().unwrap()];
    let run = place.script_with(&options, script);
    assert_eq!(
        run.stdout,
        "within\nwithin\nwithin\n502\nproduction-instance\n200 b'SSH-2.0'\n200 200 200 200 200 200 200 200 502 502\n",
        "{}",
        run.stderr
    );
    let inner = run.one("network.http", |event| event["network"]["target"] == "/a");
    let outer = run.one("network.http", |event| {
        event["network"]["target"] == "inner.example:443"
            && event["network"]["flow"]["id"] == inner["network"]["flow"]["id"]
    });
    assert_eq!((&outer["network"]["method"], &inner["network"]["secure"]), (&"CONNECT".into(), &true.into()));
    let tls =
        run.one("network.tls", |event| event["network"]["flow"]["id"] == inner["network"]["flow"]["id"]);
    assert_eq!(
        (&tls["network"]["server_name"], &tls["network"]["decrypted"]),
        (&"inner.example".into(), &true.into())
    );
}

const OTHERS: &str = r#"
import socket, ssl, struct, time
def talk(port, say, host='203.0.113.5', family=socket.AF_INET):
    s = socket.create_connection((host, port), 20)
    if say: s.sendall(say)
    got = s.recv(100)
    s.close()
    return got
print(talk(22, b'')[:8])
print(talk(2121, b'GET /x.txt HTTP/1.0\r\n\r\n')[:12])
s = ssl.create_default_context().wrap_socket(socket.create_connection(('tls.example', 4444), 20), server_hostname='tls.example')
s.sendall(b'GET / HTTP/1.1\r\nHost: tls.example\r\n\r\n'); print(s.recv(12)); s.close()
s = socket.create_connection(('203.0.113.5', 4445), 20); s.sendall(b'\x00\x01shell'); s.shutdown(1); print(s.recv(10)); s.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(20)
u.sendto(b'\x23' + bytes(47), ('pool.ntp.example', 123)); answer = u.recv(100)
print(abs(struct.unpack('!I', answer[40:44])[0] - 2208988800 - time.time()) < 5)
u.sendto(b'anything', ('203.0.113.9', 9999))
p = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); p.settimeout(20)
m = struct.pack('!BBHHH', 8, 0, 0, 77, 1) + b'ping'
c = sum(struct.unpack('!6H', m)); c = (c >> 16) + (c & 0xffff); c = ~(c + (c >> 16)) & 0xffff
p.sendto(struct.pack('!BBHHH', 8, 0, c, 77, 1) + b'ping', ('203.0.113.10', 0)); print(p.recv(100)[20:21])
p = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58); p.settimeout(20)
p.sendto(struct.pack('!BBHHH', 128, 0, 0, 78, 1) + b'ping', ('2001:db8::7', 0, 0, 0)); print(p.recv(100)[0])
"#;

#[test]
fn any_protocol_on_any_port_is_known_by_its_first_bytes() {
    if !has("python3") || !root() {
        return;
    }
    for sensor in SENSORS {
        let run = Place::new().script(sensor, &format!("python3 - <<'END'\n{OTHERS}\nEND"));
        assert_eq!(
            run.stdout, "b'SSH-2.0-'\nb'HTTP/1.0 200'\nb'HTTP/1.1 200'\nb''\nTrue\nb'\\x00'\n129\n",
            "{}",
            run.stderr
        );
        let service = |port: u16| run.flow(port)["network"]["service"].clone();
        assert_eq!(
            [service(22), service(2121), service(4445), service(123), service(9999)],
            ["ssh", "http", "sink", "ntp", "sink"]
        );
        let raw = &run.flow(4445)["network"];
        assert_eq!((&raw["first_out"], &raw["end"]), (&"\0\u{1}shell".into(), &"closed".into()));
        let pings = run.of("network.flow");
        let icmp = |protocol: &str| {
            pings.iter().filter(|event| event["network"]["flow"]["protocol"] == protocol).count()
        };
        assert_eq!((icmp("icmp"), icmp("icmp6")), (1, 1));
        let unknown: Vec<_> =
            pings.iter().filter(|event| event["network"]["flow"]["attribution"] == "unknown").collect();
        assert!(unknown.is_empty(), "{sensor}: {unknown:#?}");
    }
}

#[test]
fn the_metadata_service_answers_like_three_clouds() {
    if !has("curl") {
        return;
    }
    let run = Place::new().script(
        "ptrace",
        "m=http://169.254.169.254; t=$(curl -sS -m 9 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $m/latest/api/token); test -n \"$t\"; \
         r=$(curl -sS -m 9 $m/latest/meta-data/iam/security-credentials/); \
         curl -sS -m 9 $m/latest/meta-data/iam/security-credentials/$r | grep -o '\"Code\" : \"Success\"'; \
         curl -sS -m 9 -H 'Metadata-Flavor: Google' $m/computeMetadata/v1/instance/service-accounts/default/token | grep -o access_token; \
         for p in '' 'instance/service-accounts/' 'instance/service-accounts/default/?recursive=true'; do \
             curl -sS -m 9 -H 'Metadata-Flavor: Google' \"$m/computeMetadata/v1/$p\" | head -c 23; done; echo; \
         curl -sS -m 9 -H 'Metadata: true' \"$m/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x\" | grep -o expires_on",
    );
    assert_eq!(
        run.stdout,
        "\"Code\" : \"Success\"\naccess_token\ninstance/\nproject/\ndefault/\n{\"aliases\":[\"default\"],\nexpires_on\n",
        "{}",
        run.stderr
    );
    // whoever asks for what is a bait reads it
    let mut read: Vec<&str> =
        run.of("bait.read").into_iter().filter_map(|event| event["bait"]["bait"].as_str()).collect();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, ["metadata_access_key", "metadata_secret_key", "metadata_token"]);
    let key = run.one("bait.read", |event| event["bait"]["bait"] == "metadata_secret_key");
    assert!(key["process"]["exe"].as_str().is_some_and(|exe| exe.ends_with("/curl")), "{key}");
    assert_eq!(key["bait"]["flow"]["remote"]["address"], "169.254.169.254");
}

#[test]
fn sim_404_has_no_pages_and_sim_nx_no_names() {
    if !has("curl") {
        return;
    }
    let place = Place::new();
    let code = "curl -sS -m 9 -o /dev/null -w '%{http_code}\\n' http://any.example/; true";
    let run = place.script_with(&["--sensor", "ptrace", "--net", "sim-404"], code);
    assert_eq!(run.stdout, "404\n");
    assert_eq!(run.manifest["environment"]["network"], "sim-404");
    let run = place.script_with(&["--sensor", "ptrace", "--net", "sim-nx"], code);
    assert_eq!(run.stdout, "000\n");
    assert!(run.of("network.dns").iter().all(|event| event["network"]["code"] == "NXDOMAIN"));
    let run =
        place.script_with(&["--sensor", "ptrace", "--net", "none"], "cat /proc/net/dev | grep -c :; true");
    assert_eq!(run.stdout, "1\n", "nothing but loopback");
    assert!(!run.bundle.join("network.pcapng").exists());
}
