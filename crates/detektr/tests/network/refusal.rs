//! Where no device for the simulated internet is to be had, nothing runs, and the reason is told.

use crate::support::{Place, has};
use serde_json::Value;

/// Runs what follows on a kernel that has, to all appearances, neither TUN devices (TUNSETIFF) nor packet sockets.
const WITHOUT: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
lines = [(LOAD, 0, 0, 0), (EQUAL, 0, 2, 41), (LOAD, 0, 0, 16), (EQUAL, 3, 4, 17), (EQUAL, 0, 3, 16), (LOAD, 0, 0, 24),
         (EQUAL, 0, 1, 0x400454ca), (RETURN, 0, 0, 0x50001), (RETURN, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in lines))
class Filter(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('lines', ctypes.c_void_p)]
filter = Filter(len(lines), ctypes.addressof(program))
if os.geteuid() and libc.prctl(38, 1, 0, 0, 0): sys.exit('no_new_privs')
if libc.prctl(22, 2, ctypes.byref(filter), 0, 0): sys.exit('seccomp')
os.execv(sys.argv[1], sys.argv[1:])
"#;

#[test]
fn where_there_is_no_device_nothing_runs_and_the_reason_and_the_remedy_are_told() {
    if !has("python3") || !cfg!(target_arch = "x86_64") {
        return;
    }
    let place = Place::new();
    let without = |args: &[&str]| place.detektr_by(&["python3", "-c", WITHOUT], args);
    for mode in ["sim", "sim-404", "sim-nx"] {
        let output = without(&["detonate", "--json", "--net", mode, "--", "sh", "-c", "echo it ran"]);
        assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["state"], "environment_failed");
        let why = document["incomplete"][0]["detail"].as_str().unwrap();
        for told in ["/dev/net/tun", "veth", "--net none", "detektr doctor"] {
            assert!(why.contains(told), "{told} in {why}");
        }
        let run = document["run"].as_str().unwrap();
        let events = String::from_utf8(place.detektr(&["events", run, "--json"]).stdout).unwrap();
        assert!(!events.contains("network.") && !events.contains("process.exec"), "{events}");
        let bundle = std::path::Path::new(document["bundle"].as_str().unwrap());
        assert_eq!(std::fs::read_to_string(bundle.join("stdout")).unwrap_or_default(), "");
    }
    let doctor = String::from_utf8(without(&["doctor", "--json"]).stdout).unwrap();
    let doctor: Value = serde_json::from_str(&doctor).unwrap();
    let device =
        doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "network device").unwrap();
    assert!(
        device["ok"] == false && device["remedy"].as_str().unwrap().contains("modprobe tun"),
        "{device:#}"
    );
    // and what needs no device works
    let output = without(&["detonate", "--json", "--net", "none", "--", "sh", "-c", "echo it ran"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
