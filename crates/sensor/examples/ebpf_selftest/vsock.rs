//! The walls against AF_VSOCK: who is watched comes to no such socket by any door, and everybody else does. Where this
//! program is the only one of its machine, a listener on the machine's own loopback tells what arrives; elsewhere
//! sockets are only opened.

use crate::ring;
use detektr_sensor::ebpf::EbpfSensor;
use detektr_sensor::raw::{Body, Raw};
use detektr_sensor::{Closing, Sensor, Target};
use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::mpsc::sync_channel;

const PORT: u32 = 45_077;
const LOOPBACK: u32 = 1;
const CONTENT: &[u8] = b"content";
const RACES: [&str; 3] = ["threads", "sharers", "chain"];
/// `socket(2)` is refused by the sandbox, not by the sensor.
const DOORS: [&str; 2] = ["socketcall", "ring"];

/// Loads the modules that a bare kernel lacks.
pub fn load_modules() {
    for name in ["vsock", "vmw_vsock_virtio_transport_common", "vsock_loopback"] {
        let Ok(module) = std::fs::read(format!("/{name}.ko")) else { return };
        let none = c"";
        // SAFETY: the module's bytes and the string outlive the call.
        unsafe { libc::syscall(libc::SYS_init_module, module.as_ptr(), module.len(), none.as_ptr()) };
    }
}

/// Tries the walls; what held, or what didn't.
pub fn prove(cgroups: &Path, alone: bool) -> Result<String, String> {
    if act("plain", "-", false) == libc::EAFNOSUPPORT {
        return Ok("absent".into());
    }
    let listener = alone.then(Listener::new).transpose()?;
    let arrived = |expected: usize, when: &str| match &listener {
        Some(listener) => listener.expect(expected, when),
        None => Ok(()),
    };
    for door in DOORS {
        let status = child(door, "-", alone)?;
        if !status.success() {
            return Err(format!("unwatched, {door} ended with {status}: nothing could be told"));
        }
    }
    arrived(DOORS.len(), "before anything was watched")?;
    let mut held = Vec::new();
    let sensor = EbpfSensor::load().map_err(|e| e.to_string())?;
    let refuses = sensor.describe().hooks.iter().any(|hook| hook == "fmod_ret/security_socket_create");
    if refuses {
        let mut sensor = sensor;
        for door in ["plain", "socketcall", "ring"] {
            let (status, closing, raws) = watched(&mut sensor, cgroups, door, alone)?;
            if status.code() != Some(libc::EAFNOSUPPORT) || closing.killed_for_vsock {
                return Err(format!("refusing, {door} ended with {status}"));
            }
            told(door, &raws).map_err(|why| format!("refusing, {door}: {why}"))?;
        }
        arrived(0, "from whom it was refused")?;
        if let Some(listener) = &listener {
            for act in RACES {
                let (status, closing) = race(&mut sensor, cgroups, act)?;
                if !status.success() || closing.killed_for_vsock {
                    return Err(format!("refusing, the race by {act} ended with {status}"));
                }
                listener.expect(0, "from whom it was refused, in a race")?;
            }
        }
        held.push("refused");
    } else {
        drop(sensor);
    }
    let mut sensor = EbpfSensor::load_to_kill().map_err(|e| e.to_string())?;
    for door in DOORS {
        let (status, closing, raws) = watched(&mut sensor, cgroups, door, alone)?;
        if status.signal() != Some(libc::SIGKILL) || !closing.killed_for_vsock {
            return Err(format!("killing, {door} ended with {status}"));
        }
        told(door, &raws).map_err(|why| format!("killing, {door}: {why}"))?;
    }
    arrived(0, "from who was killed")?;
    held.push("killed");
    if let Some(listener) = &listener {
        held.push("heard");
        for act in RACES {
            let (status, closing) = race(&mut sensor, cgroups, act)?;
            if status.signal() != Some(libc::SIGKILL) || !closing.killed_for_vsock {
                return Err(format!("killing, the race by {act} ended with {status}"));
            }
            // what a race wins is its luck: `docs/security-model.md` says what can
            let came: Vec<usize> = listener.take()?.iter().map(Vec::len).collect();
            println!("ebpf-selftest race by {act}: connections with {came:?} bytes");
        }
        held.push("raced");
    }
    Ok(held.join("+"))
}

/// Runs a program written to race its own death (`tests/programs/vsock.c` of the command line's crate) inside, against
/// a listener that answers at once.
fn race(sensor: &mut EbpfSensor, cgroups: &Path, act: &str) -> Result<(ExitStatus, Closing), String> {
    let (status, closing, _) = inside(sensor, cgroups, act, |cgroup| {
        let procs = CString::new(format!("{}/cgroup.procs", cgroup.display())).map_err(|e| e.to_string())?;
        let mut command = Command::new("/racer");
        command.args([act, &PORT.to_string()]);
        // SAFETY: only calls allowed after fork, on memory made before it.
        unsafe {
            command.pre_exec(move || {
                let fd = libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                match libc::write(fd, c"0".as_ptr().cast(), 1) {
                    1 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
        command.status().map_err(|e| format!("/racer: {e}"))
    })?;
    Ok((status, closing))
}

/// Runs the act in a watched cgroup, while one outside of it goes on.
fn watched(
    sensor: &mut EbpfSensor,
    cgroups: &Path,
    door: &str,
    alone: bool,
) -> Result<(ExitStatus, Closing, Vec<Raw>), String> {
    inside(sensor, cgroups, door, |cgroup| {
        let inside = cgroup.display().to_string();
        let mut others = vec![("ordinary sockets", child("ordinary", &inside, false)?)];
        for door in DOORS {
            others.push(("a stranger", child(door, "-", false)?));
        }
        match others.iter().find(|(_, status)| !status.success()) {
            Some((who, status)) => Err(format!("{who} beside {door} ended with {status}")),
            None => child(door, &inside, alone),
        }
    })
}

/// Does `what` while a cgroup is watched; what it gave, and what was seen.
fn inside(
    sensor: &mut EbpfSensor,
    cgroups: &Path,
    name: &str,
    what: impl FnOnce(&Path) -> Result<ExitStatus, String>,
) -> Result<(ExitStatus, Closing, Vec<Raw>), String> {
    let cgroup = cgroups.join(format!("detektr-selftest-vsock-{}-{name}", std::process::id()));
    std::fs::create_dir(&cgroup).map_err(|e| format!("{}: {e}", cgroup.display()))?;
    let (sink, records) = sync_channel(1 << 16);
    let namespace = std::fs::File::open("/proc/self/ns/pid").map_err(|e| e.to_string())?;
    let target = Target {
        cgroup: Some(cgroup.clone()),
        pid_namespace: namespace.into(),
        observe_stat: false,
        ring_bytes: 1 << 20,
    };
    let watching = sensor.watch(target, sink).map_err(|e| e.to_string())?;
    let status = what(&cgroup);
    // who shared its descriptors may outlive it by a moment
    while std::fs::read_to_string(cgroup.join("cgroup.procs")).is_ok_and(|left| !left.is_empty()) {
        std::thread::yield_now();
    }
    let closing = watching.finish();
    let _ = std::fs::remove_dir(&cgroup);
    Ok((status?, closing, records.iter().flatten().collect()))
}

/// Whether the wall was named as who answered.
fn told(door: &str, raws: &[Raw]) -> Result<(), String> {
    let walled = |raw: &&Raw| match &raw.body {
        Body::Call(call) => call.walled,
        // refused, its result tells
        Body::Uring(uring) => {
            uring.domain == Some(libc::AF_VSOCK)
                && (uring.walled || uring.result == Some(-libc::EAFNOSUPPORT))
        }
        _ => false,
    };
    match raws.iter().filter(walled).count() {
        1 => Ok(()),
        n => Err(format!("the wall is told {n} times of {door}")),
    }
}

fn child(door: &str, cgroup: &str, connect: bool) -> Result<ExitStatus, String> {
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let connect = if connect { "connect" } else { "open" };
    Command::new(me).args(["vsock", door, cgroup, connect]).status().map_err(|e| format!("spawn: {e}"))
}

/// The act as the program that was started for it: ends with the error's number.
pub fn perform(args: &[String]) -> ExitCode {
    let [door, cgroup, connect] = args else { return ExitCode::FAILURE };
    ExitCode::from(u8::try_from(act(door, cgroup, connect == "connect")).unwrap_or(u8::MAX))
}

/// Opens a socket by `door` from inside `cgroup`, and uses it; 0 or the error.
fn act(door: &str, cgroup: &str, connect: bool) -> i32 {
    if cgroup != "-" && std::fs::write(Path::new(cgroup).join("cgroup.procs"), "0").is_err() {
        return libc::EXDEV;
    }
    let opened = match door {
        // SAFETY: no memory is passed.
        "plain" => match unsafe { libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0) } {
            -1 => -std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
            fd => fd,
        },
        "socketcall" => socketcall(libc::AF_VSOCK),
        "ring" => by_ring(libc::AF_VSOCK),
        "ordinary" => socketcall(libc::AF_INET).min(by_ring(libc::AF_UNIX)),
        _ => -libc::EINVAL,
    };
    if opened < 0 {
        return -opened;
    }
    // SAFETY: the descriptor was just made and is nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(opened) };
    if connect && use_it(&socket).is_err() { libc::EIO } else { 0 }
}

fn use_it(socket: &OwnedFd) -> std::io::Result<()> {
    let address = address(LOOPBACK);
    let content = CONTENT;
    // SAFETY: the address and the content outlive the calls, with their lengths.
    let done = unsafe {
        libc::connect(socket.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32) == 0
            && libc::send(socket.as_raw_fd(), content.as_ptr().cast(), content.len(), 0) > 0
    };
    if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn address(cid: u32) -> libc::sockaddr_vm {
    // SAFETY: plain numbers; all zero is a value of it.
    let mut address: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
    address.svm_family = libc::AF_VSOCK as u16;
    address.svm_cid = cid;
    address.svm_port = PORT;
    address
}

/// `socket(2)` of the 32-bit interface, its arguments in memory.
fn socketcall(family: i32) -> i32 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    // SAFETY: fresh memory below 4 GiB, big enough for three numbers; the call changes no other register than are
    // named, and reads that memory only.
    unsafe {
        let low = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if low == libc::MAP_FAILED {
            return -libc::ENOMEM;
        }
        low.cast::<[i32; 3]>().write([family, libc::SOCK_STREAM, 0]);
        let mut result = 102i32;
        std::arch::asm!(
            "xchg {call:r}, rbx",
            "int 0x80",
            "xchg {call:r}, rbx",
            call = inout(reg) 1u64 => _,
            inout("eax") result,
            in("rcx") low,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
        result
    }
}

fn by_ring(family: i32) -> i32 {
    let entry =
        ring::Entry { opcode: 45, fd: family, offset: libc::SOCK_STREAM as u64, ..ring::Entry::default() };
    ring::submit(entry).unwrap_or(-libc::ENOSYS)
}

/// A listener on the loopback of AF_VSOCK, nobody's but this test's.
struct Listener(OwnedFd);

impl Listener {
    fn new() -> Result<Listener, String> {
        let any = address(u32::MAX);
        // SAFETY: the address outlives the call, with its length; the descriptor is nobody else's.
        unsafe {
            let fd =
                libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
            if fd < 0
                || libc::bind(fd, (&raw const any).cast(), size_of_val(&any) as u32) != 0
                || libc::listen(fd, 16) != 0
            {
                return Err(format!("listening on AF_VSOCK: {}", std::io::Error::last_os_error()));
            }
            Ok(Listener(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Holds that as many connections came as expected, each with the content.
    fn expect(&self, expected: usize, when: &str) -> Result<(), String> {
        let came = self.take()?;
        match came.len() == expected && came.iter().all(|content| content == CONTENT) {
            true => Ok(()),
            false => Err(format!("{came:?}, not {expected} connections, came {when}")),
        }
    }

    /// What came in each connection since it was asked last.
    fn take(&self) -> Result<Vec<Vec<u8>>, String> {
        let mut came = Vec::new();
        // SAFETY: no memory is passed.
        let next = || unsafe { libc::accept(self.0.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut()) };
        while let fd @ 0.. = next() {
            let mut content = Vec::new();
            // SAFETY: the descriptor was just made and is nobody else's.
            let mut stream = unsafe { std::fs::File::from_raw_fd(fd) };
            match stream.read_to_end(&mut content) {
                Ok(_) => came.push(content),
                // who died in the middle of a connection resets it
                Err(e) if e.raw_os_error() == Some(libc::ECONNRESET) => came.push(content),
                Err(e) => return Err(format!("reading a connection: {e}")),
            }
        }
        Ok(came)
    }
}
