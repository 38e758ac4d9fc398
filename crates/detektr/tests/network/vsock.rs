//! AF_VSOCK leads out of a network namespace: nobody inside comes to such a socket by any door. What would leave is
//! watched where it leaves, by the kernel's own tracepoint of the packets that it makes for a hypervisor; the address is
//! that of the machine's own loopback, which no hypervisor answers.

use crate::support::{Place, Run, SENSORS, root};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/vsock.c");

/// The program; `None`, with the reason said, where it can't be built or there is nothing that it could open.
fn program(place: &Place) -> Option<PathBuf> {
    if !root() {
        return None;
    }
    let file = place.path("vsock");
    let built =
        Command::new("cc").args(["-O1", "-pthread", "-o"]).args([file.as_os_str(), SOURCE.as_ref()]).output();
    match built {
        Ok(built) => assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr)),
        Err(error) => {
            eprintln!("skipped: no C compiler ({error})");
            return None;
        }
    }
    // outside of any environment the same act opens it: what the walls are held against
    let opened = Command::new(&file).args(["probe", "0"]).output().unwrap();
    match String::from_utf8_lossy(&opened.stdout).trim() {
        "socketcall 3\nring 5" => Some(file),
        said => {
            eprintln!("skipped: AF_VSOCK can't be opened here ({said:?})");
            None
        }
    }
}

/// Packets to one port of AF_VSOCK, as the kernel makes them.
struct Wire {
    instance: Option<PathBuf>,
    port: u16,
}

impl Wire {
    /// Watches from now on; a port for each, as others may use theirs.
    fn tap() -> Self {
        static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(1);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let port = 40_000 + (std::process::id() % 1_000) as u16 * 20 + number;
        let name = format!("detektr-test-{}-{number}", std::process::id());
        let instance = PathBuf::from("/sys/kernel/tracing/instances").join(name);
        let event = instance.join("events/vsock/virtio_transport_alloc_pkt/enable");
        let tapped = std::fs::create_dir(&instance).and_then(|()| std::fs::write(event, "1"));
        if let Err(error) = &tapped {
            eprintln!("packets to a hypervisor can't be watched here: {error}");
        }
        Wire { instance: instance.exists().then_some(instance).filter(|_| tapped.is_ok()), port }
    }

    /// How many packets of each operation went to the port.
    fn seen(&self) -> (usize, usize) {
        let Some(instance) = &self.instance else { return (0, 0) };
        let text = std::fs::read_to_string(instance.join("trace")).unwrap();
        let to = format!("-> 1:{} ", self.port);
        let of = |operation: &str| text.lines().filter(|l| l.contains(&to) && l.contains(operation)).count();
        (of("op=REQUEST"), of("op=RW"))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(instance) = &self.instance {
            let _ = std::fs::remove_dir(instance);
        }
    }
}

/// One act of the program where rings may run, and what was seen of it.
fn act(place: &Place, program: &Path, sensor: &str, act: &str, wire: &Wire) -> Run {
    act_under(place, "allow", program, sensor, act, wire)
}

/// The same under another word of the profile's `io_uring`.
fn act_under(place: &Place, rings: &str, program: &Path, sensor: &str, act: &str, wire: &Wire) -> Run {
    let (program, port) = (program.to_str().unwrap(), wire.port.to_string());
    let profile = place.file("profile.yaml", format!("detektr: 1\nnetwork: none\nio_uring: {rings}\n"));
    let options = ["--env", profile.to_str().unwrap(), "--sensor", sensor, "--timeout", "120s"];
    place.detonate(&[&options[..], &[program, "--", act, &port]].concat())
}

/// Whether a sentence of `environment.gaps` and one of the sensor's limitations say `what`.
fn told(run: &Run, what: &str) -> bool {
    let says = |list: &Value| {
        list.as_array().unwrap().iter().any(|sentence| sentence.as_str().unwrap().contains(what))
    };
    says(&run.manifest["environment"]["gaps"]) && says(&run.manifest["sensor"]["limitations"])
}

/// Whether this kernel takes the program that refuses.
fn refuses(run: &Run) -> bool {
    run.manifest["sensor"]["hooks"]
        .as_array()
        .unwrap()
        .iter()
        .any(|hook| hook == "fmod_ret/security_socket_create")
}

/// Holds that no socket came by the 32-bit door, in the words of the layer that is in force.
fn hold_shut(run: &Run, act: &str, refused: &str) {
    if refuses(run) {
        return hold(run, act, refused, "network.socket");
    }
    assert_eq!(run.document["complete"], true, "{act}: {}", run.document);
    assert_eq!(run.document["state"], "completed", "{act}: {}", run.document);
    assert_eq!(run.stdout, refused.replace("-97", "-38"), "{act}");
    let event = run.one("network.socket", |event| !event["outcome"]["enforcer"].is_null());
    let outcome = json!({"result": "failure", "errno": "ENOSYS", "enforcer": "detektr", "skipped": true});
    assert_eq!(event["outcome"], outcome, "{act}: {event}");
    assert_eq!(event["network"]["domain"], "AF_VSOCK", "{act}: {event}");
    assert!(told(run, "get no socket by the old socketcall (ENOSYS)"), "{act}");
}

/// Holds that the wall answered, in the words of the layer that is in force.
fn hold(run: &Run, act: &str, refused: &str, kind: &str) {
    assert_eq!(run.document["complete"], true, "{act}: {}", run.document);
    if refuses(run) {
        assert_eq!(run.document["state"], "completed", "{act}: {}", run.document);
        assert_eq!(run.stdout, refused, "{act}");
    } else {
        assert_eq!(run.document["state"], "killed", "{act}: {}\n{}", run.document, run.stdout);
        assert_eq!(run.manifest["environment"]["wall_reached"], "AF_VSOCK", "{act}");
        assert_eq!(run.stdout, "", "{act} lived on");
    }
    let event = run.one(kind, |event| !event["outcome"]["enforcer"].is_null());
    assert_eq!(event["outcome"]["enforcer"], "detektr", "{event}");
    let domain =
        if kind == "network.socket" { &event["network"]["domain"] } else { &event["io_uring"]["domain"] };
    assert_eq!(domain, "AF_VSOCK", "{event}");
    let result = if refuses(run) { "failure" } else { "unfinished" };
    assert_eq!(event["outcome"]["result"], result, "{event}");
}

#[test]
fn the_32_bit_door_is_shut() {
    let (place, wire) = (Place::new(), Wire::tap());
    let Some(program) = program(&place) else { return };
    let run = act(&place, &program, "ebpf", "socketcall", &wire);
    hold_shut(&run, "socketcall", "socketcall -97\n");
    let run = act(&place, &program, "ebpf", "child", &wire);
    hold_shut(&run, "child", "child's socketcall -97\noutlived its child 0\n");
    assert_eq!(wire.seen(), (0, 0), "left the machine");
}

#[test]
fn the_door_of_rings_is_shut() {
    let (place, wire) = (Place::new(), Wire::tap());
    let Some(program) = program(&place) else { return };
    for act_of in ["ring", "polled"] {
        let run = act(&place, &program, "ebpf", act_of, &wire);
        hold(&run, act_of, "ring -97\n", "kernel.io_uring");
        if !refuses(&run) {
            // nobody takes it for the program's own end
            let shown = place.detektr(&["show", run.document["run"].as_str().unwrap()]);
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(shown.contains("ended by Detektr's own wall against AF_VSOCK"), "{shown}");
        }
    }
    assert_eq!(wire.seen(), (0, 0), "left the machine");
}

#[test]
fn where_a_ring_could_send_it_is_refused_unless_the_profile_allows_it() {
    let (place, wire) = (Place::new(), Wire::tap());
    let Some(program) = program(&place) else { return };
    let under = |rings: &str, sensor: &str, act: &str| act_under(&place, rings, &program, sensor, act, &wire);
    let hold_refused = |run: &Run, what: &str| {
        assert_eq!(run.document["complete"], true, "{what}: {}", run.document);
        assert_eq!(run.document["state"], "completed", "{what}: {}", run.document);
        assert_eq!(run.document["exit"]["code"], 3, "{what} got its ring: {}", run.document);
        assert_eq!(run.manifest["environment"]["io_uring"], "refused", "{what}");
        assert_eq!(run.stdout, "", "{what}");
        let event = run.one("kernel.io_uring", |_| true);
        assert_eq!(event["io_uring"]["operation"], "setup", "{what}: {event}");
        let outcome = json!({"result": "failure", "errno": "ENOSYS", "enforcer": "detektr", "skipped": true});
        assert_eq!(event["outcome"], outcome, "{what}");
        assert_eq!(run.manifest["ledger"]["kernel.io_uring"]["received"], 1, "{what}");
    };
    for act_of in ["chain", "ring", "polled"] {
        let run = under("auto", "ebpf", act_of);
        if refuses(&run) {
            assert_eq!(run.manifest["environment"]["io_uring"], "allowed", "{act_of}");
            assert!(!told(&run, "io_uring is refused"), "{act_of}");
            let first = run.one("kernel.io_uring", |event| event["io_uring"]["operation"] == "setup");
            assert_eq!(first["outcome"]["result"], "success", "{act_of}: {first}");
        } else {
            hold_refused(&run, act_of);
            assert!(told(&run, "io_uring is refused with ENOSYS: this host has AF_VSOCK"), "{act_of}");
        }
    }
    for sensor in SENSORS {
        hold_refused(&under("refuse", sensor, "chain"), &format!("refuse, {sensor}"));
        // by no interface of the kernel
        let run = under("refuse", sensor, "setups");
        assert_eq!(run.stdout, "native -38\nia32 -38\nx32 -38\n", "{sensor}");
        let of = |event: &&Value| event["outcome"]["enforcer"] == "detektr";
        let seen: Vec<_> =
            run.of("kernel.io_uring").into_iter().filter(of).map(|e| &e["syscall"]["arch"]).collect();
        assert_eq!(seen, ["x86_64", "i386", "x32"], "{sensor}: {:#?}", run.of("kernel.io_uring"));
    }
    assert_eq!(wire.seen(), (0, 0), "left the machine");

    let run = under("allow", "ebpf", "ordinary");
    assert!(run.stdout.contains("inet by ring") && !run.stdout.contains("ring -"), "{}", run.stdout);
    assert_eq!(run.manifest["environment"]["io_uring"], "allowed");
    assert_eq!(told(&run, "a chain of its operations can send content over AF_VSOCK"), !refuses(&run));
    let run = under("allow", "ptrace", "ordinary");
    assert_eq!(run.manifest["environment"]["io_uring"], "refused");
    assert!(told(&run, "refused in spite of `io_uring: allow`"));
}

#[test]
fn the_tracer_shuts_both_doors_as_well() {
    let (place, wire) = (Place::new(), Wire::tap());
    let Some(program) = program(&place) else { return };
    let run = act(&place, &program, "ptrace", "socketcall", &wire);
    assert_eq!(run.stdout, "socketcall -97\n", "{}", run.document);
    let run = act(&place, &program, "ptrace", "ring", &wire);
    assert_eq!(run.stdout, "", "{}", run.document);
    assert_eq!(wire.seen(), (0, 0), "left the machine");
}

#[test]
fn who_races_is_refused_and_who_was_let_into_a_ring_dies_with_all_of_its_run() {
    let (place, wire) = (Place::new(), Wire::tap());
    let Some(program) = program(&place) else { return };
    for act_of in ["threads", "sharers", "chain"] {
        let run = act(&place, &program, "ebpf", act_of, &wire);
        let (requests, content) = wire.seen();
        // nobody answers there: that none could go to one who does, this doesn't show
        assert_eq!(content, 0, "{act_of}: content left the machine");
        if refuses(&run) || act_of != "chain" {
            assert_eq!(requests, 0, "{act_of}");
            assert_eq!(run.document["state"], "completed", "{act_of}: {}", run.document);
        } else {
            // the profile allows rings: this is the risk that it takes
            eprintln!("{act_of}: {requests} requests of connection");
            assert_eq!(run.document["state"], "killed", "{act_of}: {}\n{}", run.document, run.stdout);
            assert_eq!(run.manifest["environment"]["wall_reached"], "AF_VSOCK", "{act_of}");
        }
        assert!(!run.stdout.contains("sent"), "{act_of}: {}", run.stdout);
    }
}

#[test]
fn ordinary_sockets_go_on_through_both_doors() {
    let (place, wire) = (Place::new(), Wire::tap());
    let Some(program) = program(&place) else { return };
    for sensor in SENSORS {
        let run = act(&place, &program, sensor, "ordinary", &wire);
        assert_eq!(run.document["state"], "completed", "{sensor}: {}", run.document);
        let whole_door_shut = sensor == "ebpf" && !refuses(&run);
        let said = if whole_door_shut {
            "inet by socketcall -38\nconnected by socketcall -9\n"
        } else {
            "inet by socketcall 3\nconnected by socketcall "
        };
        assert!(run.stdout.starts_with(said), "{sensor}: {}", run.stdout);
        let rings = run.stdout.contains("inet by ring")
            && run.stdout.contains("unix by ring")
            && !run.stdout.contains("ring -");
        assert_eq!(rings, sensor == "ebpf", "{sensor}: {}", run.stdout);
        let enforced =
            |event: &&Value| event["kind"] == "network.socket" && !event["outcome"]["enforcer"].is_null();
        assert_eq!(run.events.iter().filter(enforced).count(), usize::from(whole_door_shut), "{sensor}");
        assert!(run.manifest["environment"]["wall_reached"].is_null(), "{sensor}");
    }
}

#[test]
fn a_32_bit_program_is_watched_by_a_sensor_under_which_it_gets_its_sockets() {
    let place = Place::new();
    let source = "void _start(void) { static int words[3] = {2, 1, 0}; int fd;
         __asm__ volatile(\"int $0x80\" : \"=a\"(fd) : \"a\"(102), \"b\"(1), \"c\"(words) : \"memory\");
         __asm__ volatile(\"int $0x80\" : : \"a\"(1), \"b\"(fd & 0xff)); }";
    let (source, program) = (place.file("s32.c", source), place.path("s32"));
    let mut compiler = Command::new("cc");
    compiler.args(["-m32", "-O1", "-nostdlib", "-static", "-ffreestanding", "-o"]);
    match compiler.args([&program, &source]).output() {
        Ok(built) if built.status.success() => {}
        _ => return eprintln!("skipped: no compiler for i386"),
    }
    let program = program.to_str().unwrap();
    let run = place.detonate(&[program]);
    assert_eq!(run.document["exit"], json!({"code": 3}), "{}", run.document);
    if !root() {
        return;
    }
    // where it is asked for by name, it watches, and tells what that costs
    let run = place.detonate(&["--sensor", "ebpf", program]);
    let refused = told(&run, "get no socket by the old socketcall (ENOSYS)");
    let code = if refused { 218 } else { 3 };
    assert_eq!(run.document["exit"], json!({"code": code}), "{}", run.document);
}
