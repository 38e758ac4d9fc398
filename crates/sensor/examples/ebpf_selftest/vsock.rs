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
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

const PORT: u32 = 45_077;
const LOOPBACK: u32 = 1;
const CONTENT: &[u8] = b"content";
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
    if alone {
        held.push("heard");
    }
    Ok(held.join("+"))
}

/// Runs the act in a watched cgroup, while one outside of it goes on.
fn watched(
    sensor: &mut EbpfSensor,
    cgroups: &Path,
    door: &str,
    alone: bool,
) -> Result<(ExitStatus, Closing, Vec<Raw>), String> {
    let cgroup = cgroups.join(format!("detektr-selftest-vsock-{}-{door}", std::process::id()));
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
    let inside = cgroup.display().to_string();
    let ordinary = child("ordinary", &inside, false);
    let strangers: Result<Vec<_>, String> = DOORS.iter().map(|door| child(door, "-", false)).collect();
    let status = child(door, &inside, alone);
    let closing = watching.finish();
    let _ = std::fs::remove_dir(&cgroup);
    for (who, ended) in std::iter::once(("ordinary sockets", ordinary?))
        .chain(strangers?.into_iter().map(|s| ("a stranger", s)))
    {
        if !ended.success() {
            return Err(format!("{who} beside {door} ended with {ended}"));
        }
    }
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
            let fd = libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0);
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
        let mut came = 0;
        // SAFETY: no memory is passed.
        while let fd @ 0.. =
            unsafe { libc::accept(self.0.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut()) }
        {
            came += 1;
            let mut content = Vec::new();
            // SAFETY: the descriptor was just made and is nobody else's.
            let mut stream = unsafe { std::fs::File::from_raw_fd(fd) };
            if stream.read_to_end(&mut content).is_err() || content != CONTENT {
                return Err(format!("{content:?} arrived {when}"));
            }
        }
        if came == expected {
            Ok(())
        } else {
            Err(format!("{came} connections, not {expected}, came {when}"))
        }
    }
}
