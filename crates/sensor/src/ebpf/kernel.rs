//! What user space shares with the programs: the values of their maps (`bpf/wire.h`), and the calls of bpf(2)
//! that aya has no words for.

use aya::Pod;
use std::os::fd::{AsRawFd, BorrowedFd};

pub(super) const RUNS: u32 = 64;
pub(super) const KINDS: u32 = 80;
pub(super) const LEVELS: usize = 4;

/// `struct config`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Config {
    pub active: u32,
    pub levels: [u32; LEVELS],
    pub own_pid_ns: u32,
    /// fork, exec, exit, write, signal, io_uring, cgroup move
    pub kinds: [u32; 7],
    /// AF_VSOCK is refused by a program.
    pub refuses: u32,
}

/// `struct run`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub seq: u64,
    pub map_full: u64,
    pub pid_ns: u32,
    pub observe_stat: u32,
    pub chunk_dropped: u64,
}

/// `struct count`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub attempted: u64,
    pub emitted: u64,
    pub dropped: u64,
}

/// `struct take`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TakeValue {
    pub op: u8,
    pub a: u8,
    pub b: u8,
    pub spare: u8,
    pub len: u32,
}

/// `struct spec`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpecValue {
    pub watched: u8,
    pub kind: u8,
    pub filter: u8,
    pub optional: u8,
    pub is_exec: u8,
    pub is_fork: u8,
    pub io: u8,
    pub io_in: u8,
    pub io_out: u8,
    pub connects: u8,
    pub spare: [u8; 6],
    pub takes: [TakeValue; 4],
}

// SAFETY: plain numbers without padding, laid out as in C.
unsafe impl Pod for Config {}
// SAFETY: plain numbers without padding, laid out as in C.
unsafe impl Pod for Run {}
// SAFETY: plain numbers without padding, laid out as in C.
unsafe impl Pod for Count {}
// SAFETY: plain numbers without padding, laid out as in C.
unsafe impl Pod for SpecValue {}

const BPF_MAP_DELETE_ELEM: libc::c_long = 3;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;

/// Takes the ring out of slot `index` of the array of rings, so that its memory goes.
pub(super) fn clear_slot(rings: BorrowedFd<'_>, index: u32) -> std::io::Result<()> {
    #[repr(C)]
    struct Attr {
        map_fd: u32,
        _pad: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let attr =
        Attr { map_fd: rings.as_raw_fd() as u32, _pad: 0, key: &raw const index as u64, value: 0, flags: 0 };
    // SAFETY: `attr` is laid out as the kernel wants it for this command, and `key` points at a live u32.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_MAP_DELETE_ELEM, &raw const attr, size_of::<Attr>()) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// How often the program `fd` was not run because it was running already on that CPU.
pub(super) fn recursion_misses(fd: BorrowedFd<'_>) -> std::io::Result<u64> {
    #[repr(C)]
    struct Attr {
        fd: u32,
        len: u32,
        info: u64,
    }
    // SAFETY: the structure is plain numbers; all zero is a value of it.
    let mut info: aya_obj::generated::bpf_prog_info = unsafe { std::mem::zeroed() };
    let attr = Attr { fd: fd.as_raw_fd() as u32, len: size_of_val(&info) as u32, info: &raw mut info as u64 };
    // SAFETY: `attr` is laid out as the kernel wants it, and `info` is writable for `len` bytes.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &raw const attr, size_of::<Attr>()) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(info.recursion_misses) }
}
