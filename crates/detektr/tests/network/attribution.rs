//! Every conversation has its process, however short that lived.

use crate::support::{Place, SENSORS, has, root};
use serde_json::Value;
use std::collections::BTreeMap;

/// Each child is one process that says one thing and ends at once; what it was told of its own end it prints.
const CHILDREN: &str = r#"
import os, socket
for n in range(40):
    if os.fork() == 0:
        if n % 4 == 0:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('203.0.113.1', 5000 + n))
        elif n % 4 == 1:
            s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b'x', ('::ffff:203.0.113.1', 5000 + n))
        elif n % 4 == 2:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 0)); s.connect(('203.0.113.1', 5000 + n)); s.send(b'x')
        else:
            s = socket.create_connection(('203.0.113.1', 5000 + n), 20)
        os.write(1, b'%d %d %d\n' % (5000 + n, os.getpid(), s.getsockname()[1]))
        os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break
"#;

#[test]
fn each_of_many_short_lived_processes_has_its_own_conversation() {
    if !has("python3") || !root() {
        return;
    }
    for sensor in SENSORS {
        let run = Place::new().script(sensor, &format!("python3 - <<'END'\n{CHILDREN}\nEND"));
        let mut told = BTreeMap::new();
        for line in run.stdout.lines() {
            let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            told.insert(numbers[0], (numbers[1], numbers[2]));
        }
        assert_eq!(told.len(), 40, "{}", run.stdout);
        for event in run.of("network.flow") {
            let flow = &event["network"]["flow"];
            let port = flow["remote"]["port"].as_u64().unwrap();
            let seen =
                (event["process"]["pid"].as_u64().unwrap_or(0), flow["local"]["port"].as_u64().unwrap());
            assert_eq!(told.remove(&port), Some(seen), "{sensor}: {event:#}");
            let how = flow["attribution"].as_str().unwrap();
            assert!(
                matches!((port % 4, how), (0 | 1, "send") | (2 | 3, "connect")),
                "{sensor}: {port} {how}"
            );
        }
        assert!(told.is_empty(), "{sensor}: no conversation of {told:?}");
    }
}

#[test]
fn a_refused_connection_still_has_its_process() {
    if !has("python3") || !root() {
        return;
    }
    let place = Place::new();
    let site = place.file("site.yaml", "detektr: 1\nrefuse:\n  - {host: '203.0.113.*', port: 81}\n");
    for sensor in SENSORS {
        let options = ["--sensor", sensor, "--site", site.to_str().unwrap()];
        let script = "python3 -c \"import socket; socket.create_connection(('203.0.113.4', 81), 9)\" 2>/dev/null; test $? = 1";
        let run = place.script_with(&options, script);
        let flow = run.flow(81);
        assert_eq!(flow["network"]["end"], "refused");
        assert!(is_python(flow), "{sensor}: {flow:#}");
    }
}

#[test]
fn a_server_inside_that_is_never_called_is_no_conversation() {
    if !has("python3") {
        return;
    }
    let script = "python3 -c \"import socket; s=socket.socket(); s.bind(('', 7000)); s.listen(); c=socket.create_connection(('127.0.0.1', 7000)); c.send(b'x')\"";
    let run = Place::new().script("ptrace", script);
    assert!(run.of("network.flow").is_empty(), "{:#?}", run.of("network.flow"));
}

fn is_python(event: &Value) -> bool {
    event["process"]["exe"].as_str().is_some_and(|exe| exe.contains("python"))
}
