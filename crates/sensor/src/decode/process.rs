//! Process calls, without births, execs and ends, which the kernel tells itself.

use super::call::Call;
use super::{abi, flags, names};
use detektr_event::{
    Chdir, Copied, Detail, Fork, Kind, MemoryExec, MemoryWrite, Namespace, ProcessId, ProcessRename, Ptrace,
    SeccompFilter, Session, Signal,
};

const PROT_WRITE: u64 = 2;
const PROT_EXEC: u64 = 4;
const MAP_ANONYMOUS: u64 = 0x20;
const PR_SET_NAME: i32 = 15;
const PR_SET_SECCOMP: i32 = 22;
const PR_CAPBSET_DROP: i32 = 24;
const PR_CAP_AMBIENT: i32 = 47;
const PR_CAP_AMBIENT_IS_SET: i32 = 1;

/// Who makes a call, as far as its events need it.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub id: ProcessId,
}

/// What kind a call turns out to be, by its arguments; `None`: it makes no event.
pub(super) fn kind_of(call: &Call<'_>, kind: Kind) -> Option<Kind> {
    match (call.name, kind) {
        ("prctl", _) => match call.int(0) {
            PR_SET_NAME => Some(Kind::ProcessRename),
            PR_SET_SECCOMP => Some(Kind::ProcessSeccomp),
            PR_CAPBSET_DROP => Some(Kind::ProcessCredentials),
            PR_CAP_AMBIENT if call.int(1) != PR_CAP_AMBIENT_IS_SET => Some(Kind::ProcessCredentials),
            _ => None,
        },
        // SECCOMP_GET_ACTION_AVAIL and SECCOMP_GET_NOTIF_SIZES only ask.
        ("seccomp", _) if call.uint(0) > 1 => None,
        _ => Some(kind),
    }
}

/// The events of a process call (credentials apart).
pub(super) fn decode(call: &Call<'_>, kind: Kind, caller: &Caller, out: &mut Vec<Detail>) {
    let name = || call.name.to_owned();
    out.push(match kind {
        Kind::ProcessFork => return failed_fork(call, caller, out),
        Kind::ProcessNamespace => Detail::ProcessNamespace {
            namespace: Namespace { call: name(), flags: flags::names(namespace_flags(call), flags::CLONE) },
        },
        Kind::ProcessPtrace => return ptrace(call, out),
        Kind::ProcessMemoryWrite => Detail::ProcessMemoryWrite {
            memory_write: MemoryWrite {
                via: name(),
                target: Some(i64::from(call.int(0))),
                bytes: call.value().and_then(|value| u64::try_from(value).ok()),
            },
        },
        Kind::ProcessMemoryExec => return out.extend(memory_exec(call)),
        Kind::ProcessSignal => Detail::ProcessSignal { signal: signal(call) },
        Kind::ProcessSession => Detail::ProcessSession { session: Session { call: name() } },
        Kind::ProcessRename => Detail::ProcessRename { rename: ProcessRename { name: short_name(call) } },
        Kind::ProcessSeccomp => Detail::ProcessSeccomp { seccomp: seccomp(call) },
        Kind::ProcessChdir => {
            let directory = if call.name == "fchdir" { call.file(0, 0) } else { call.path(0, 0) };
            Detail::ProcessChdir { chdir: Chdir { directory } }
        }
        Kind::ProcessChroot => Detail::ProcessChroot { chroot: Chdir { directory: call.path(0, 0) } },
        _ => return,
    });
}

/// A birth that made namespaces.
pub(super) fn born_into_namespaces(clone_flags: u64) -> Option<Detail> {
    let made = clone_flags & flags::CLONE_NEW;
    (made != 0).then(|| Detail::ProcessNamespace {
        namespace: Namespace { call: "clone".to_owned(), flags: flags::names(made, flags::CLONE) },
    })
}

/// Flags of a clone by name.
pub(super) fn clone_flags(bits: u64) -> Vec<String> {
    flags::names(bits, flags::CLONE)
}

/// A success is told by the birth itself.
fn failed_fork(call: &Call<'_>, caller: &Caller, out: &mut Vec<Detail>) {
    if call.value().is_some() {
        return;
    }
    let bits = match call.name {
        "clone" => call.arg(0) & 0xffff_ff00,
        "clone3" => call
            .bytes(0)
            .and_then(|bytes| bytes.get(..8))
            .map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap_or_default())),
        "vfork" => 0x4100,
        _ => 0,
    };
    let thread = bits & 0x1_0000 != 0;
    let fork =
        Fork { child: caller.id.clone(), pid: 0, tid: 0, flags: clone_flags(bits), thread, io_worker: false };
    out.push(Detail::ProcessFork { fork });
    if bits & flags::CLONE_NEW != 0 {
        let flags = clone_flags(bits & flags::CLONE_NEW);
        out.push(Detail::ProcessNamespace { namespace: Namespace { call: call.name.to_owned(), flags } });
    }
}

fn namespace_flags(call: &Call<'_>) -> u64 {
    if call.name != "setns" {
        return u64::from(call.uint(0));
    }
    if call.uint(1) != 0 {
        return u64::from(call.uint(1));
    }
    // Any type goes: the descriptor itself tells which.
    let Some(text) = call.object(0).and_then(|object| object.path.text()) else { return 0 };
    let text = text.as_bytes();
    let name = text.rsplit(|byte| *byte == b'/').next().unwrap_or(text);
    let kind = name.split(|byte| *byte == b':').next().unwrap_or(name);
    match kind {
        b"mnt" => 0x0002_0000,
        b"cgroup" => 0x0200_0000,
        b"uts" => 0x0400_0000,
        b"ipc" => 0x0800_0000,
        b"user" => 0x1000_0000,
        b"pid" | b"pid_for_children" => 0x2000_0000,
        b"net" => 0x4000_0000,
        b"time" | b"time_for_children" => 0x80,
        _ => 0,
    }
}

fn ptrace(call: &Call<'_>, out: &mut Vec<Detail>) {
    let request = call.long(0);
    let target = call.long(1);
    out.push(Detail::ProcessPtrace { ptrace: Ptrace { request: names::ptrace_request(request), target } });
    if matches!(request, 4 | 5) {
        let bytes = call.value().map(|_| if call.ia32() { 4 } else { 8 });
        let memory_write = MemoryWrite { via: "ptrace".to_owned(), target: Some(target), bytes };
        out.push(Detail::ProcessMemoryWrite { memory_write });
    }
}

/// `mmap` counts where the memory is executable and either writable or backed by no file with a name. `mprotect`
/// counts where it asks for exec: whether the memory was writable is not known, and programs that no compiler of
/// their own runs in don't do it.
fn memory_exec(call: &Call<'_>) -> Option<Detail> {
    let arguments = match call.name {
        "mmap" if call.ia32() => old_mmap(call),
        _ => Some([0, 1, 2, 3].map(|position| call.arg(position))),
    };
    let detail = |address, length, protection, file| {
        let call = call.name.to_owned();
        Some(Detail::ProcessMemoryExec {
            memory_exec: MemoryExec { call, address, length, protection, file },
        })
    };
    let Some([address, length, protection, map_flags]) = arguments else {
        return detail(
            call.fd().map_or(0, |address| u64::from(address as u32)),
            0,
            vec!["?".to_owned()],
            None,
        );
    };
    if protection & PROT_EXEC == 0 {
        return None;
    }
    let names = flags::names(protection, flags::PROT);
    if !call.name.starts_with("mmap") {
        return detail(address, length, names, None);
    }
    let anonymous = map_flags & MAP_ANONYMOUS != 0;
    let object = call.object(0).filter(|_| !anonymous);
    let nameless = object.is_some_and(|object| object.memfd || object.unlinked);
    if !anonymous && !nameless && protection & PROT_WRITE == 0 {
        return None;
    }
    let address = call.value().map_or(address, |value| value as u64);
    detail(address, length, names, object.map(|object| call.paths.object(object)))
}

/// The first 32-bit `mmap` has its arguments in memory, where the sensor may not have taken them.
fn old_mmap(call: &Call<'_>) -> Option<[u64; 4]> {
    let bytes = call.bytes(1)?;
    let word = |index: usize| {
        let word = bytes.get(index * 4..index * 4 + 4)?;
        Some(u64::from(u32::from_le_bytes(word.try_into().ok()?)))
    };
    Some([word(0)?, word(1)?, word(2)?, word(3)?])
}

fn signal(call: &Call<'_>) -> Signal {
    let (target, signal) = match call.name {
        "tgkill" | "rt_tgsigqueueinfo" => (call.int(1), call.int(2)),
        "pidfd_send_signal" => (call.int(0), call.int(1)),
        _ => (call.int(0), call.int(1)),
    };
    Signal {
        signal: abi::signal_name(i64::from(signal)),
        call: call.name.to_owned(),
        target: i64::from(target),
    }
}

/// The kernel keeps 15 bytes of the name.
fn short_name(call: &Call<'_>) -> Copied {
    match call.string(0, 1) {
        Copied::Whole(text) | Copied::Truncated { text, .. } if text.as_bytes().len() > 15 => {
            Copied::whole(&text.as_bytes()[..15])
        }
        name => name,
    }
}

fn seccomp(call: &Call<'_>) -> SeccompFilter {
    let (filter, bits) = match call.name {
        "seccomp" => (call.uint(0) == 1, u64::from(call.uint(1))),
        // SECCOMP_MODE_STRICT is 1, SECCOMP_MODE_FILTER 2.
        _ => (call.uint(1) == 2, 0),
    };
    let instructions = call
        .bytes(0)
        .filter(|_| filter)
        .and_then(|bytes| Some(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?)));
    let mode = if filter { "filter" } else { "strict" };
    SeccompFilter { mode: mode.to_owned(), flags: flags::names(bits, flags::SECCOMP), instructions }
}
