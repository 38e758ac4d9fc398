//! Loading and attaching of programs by bpf(2) itself, for the kinds that the loader of the others doesn't know.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// `BPF_PROG_TYPE_TRACING`.
pub(super) const TRACING: u32 = 26;

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_long = 17;

/// `union bpf_attr` of a program to load, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log: [u64; 2],
    version_and_flags: [u32; 2],
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
    types: [u32; 2],
    functions: u64,
    function_counts: [u32; 2],
    lines: u64,
    line_count: u32,
    attach_id: u32,
}

/// Loads `code`, one number an instruction, as a program of type `kind` for the function `attach_id` of the kernel's
/// types.
pub(super) fn load(
    name: &str,
    code: &[u64],
    kind: u32,
    attach_type: u32,
    attach_id: u32,
) -> io::Result<OwnedFd> {
    let mut load = Load {
        kind,
        instructions: code.len() as u32,
        code: code.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        attach_type,
        attach_id,
        ..Load::default()
    };
    // the last byte stays 0
    for (to, from) in load.name[..15].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: `load` is laid out as the kernel wants it, and what it points at outlives the call.
    let made = unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const load, size_of::<Load>()) };
    descriptor(made)
}

/// Attaches a program to what it was loaded for, as long as the answer is kept.
pub(super) fn attach(program: &OwnedFd) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Open {
        name: u64,
        program: u32,
        _pad: u32,
    }
    let open = Open { name: 0, program: program.as_raw_fd() as u32, _pad: 0 };
    let size = size_of::<Open>();
    // SAFETY: `open` is laid out as the kernel wants it for this command, without a name.
    descriptor(unsafe { libc::syscall(libc::SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &raw const open, size) })
}

/// The descriptor that a system call gave.
pub(super) fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(result as RawFd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!(size_of::<Load>(), 112);
        assert_eq!(std::mem::offset_of!(Load, name), 48);
        assert_eq!(std::mem::offset_of!(Load, attach_type), 68);
        assert_eq!(std::mem::offset_of!(Load, attach_id), 108);
    }
}
