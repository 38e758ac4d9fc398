//! Hooks beyond BTF tracepoints: does this kernel take them? Each is tried with a program that does nothing, loaded and
//! attached for a moment. The sensor works without them; the answer is for whoever asks what a host can do.

use super::hook::{TRACING, attach, descriptor, load};
use aya::Btf;
use aya_obj::btf::BtfKind;
use std::ffi::{CStr, c_ulong};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;

/// One kind of hook, and why it can't be had where it can't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// `fentry`, `lsm`, `kprobe`.
    pub name: &'static str,
    /// Whether a program was loaded and attached, else what the kernel said.
    pub tried: Result<(), String>,
}

/// Tries them all.
pub fn extras() -> Vec<Extra> {
    let btf = Btf::from_sys_fs().map_err(|e| format!("the kernel's types can't be read: {e}"));
    let traced = |kind, way, function: &str| -> Result<(), String> {
        let btf = btf.as_ref().map_err(Clone::clone)?;
        let id = btf
            .id_by_type_name_kind(function, BtfKind::Func)
            .map_err(|_| format!("this kernel has no function {function}"))?;
        let program = load("", &NOTHING, kind, way, id).map_err(|e| format!("loading: {e}"))?;
        attach(&program).map(drop).map_err(|e| format!("attaching: {e}"))
    };
    vec![
        Extra { name: "fentry", tried: traced(TRACING, TRACE_FENTRY, "vfs_open") },
        Extra { name: "lsm", tried: traced(LSM, LSM_MAC, "bpf_lsm_file_open").and_then(|()| lsm_in_use()) },
        Extra { name: "kprobe", tried: kprobe(c"vfs_open") },
    ]
}

const KPROBE: u32 = 2;
const LSM: u32 = 29;
const TRACE_FENTRY: u32 = 24;
const LSM_MAC: u32 = 27;

/// A program that returns 0: go on as if it were not there. mov64 r0, 0; exit
const NOTHING: [u64; 2] = [0xb7, 0x95];

/// A program of a security module that is not in use loads, and never runs.
fn lsm_in_use() -> Result<(), String> {
    let list = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    match list.trim().split(',').any(|name| name == "bpf") {
        true => Ok(()),
        false => Err(format!("bpf is not among the security modules in use ({})", list.trim())),
    }
}

fn kprobe(function: &CStr) -> Result<(), String> {
    const SOURCE: &str = "/sys/bus/event_source/devices/kprobe/type";
    const SET_BPF: c_ulong = 0x4004_2408;
    const CLOSE_ON_EXEC: c_ulong = 8;
    let kind = fs::read_to_string(SOURCE).map_err(|e| format!("{SOURCE}: {e}"))?;
    let kind: u32 = kind.trim().parse().map_err(|e| format!("{SOURCE}: {e}"))?;
    let program = load("", &NOTHING, KPROBE, 0, 0).map_err(|e| format!("loading: {e}"))?;
    // struct perf_event_attr: type, size, and the function's name at `config1`
    let mut attr = [0u64; 16];
    attr[0] = u64::from(kind) | (size_of_val(&attr) as u64) << 32;
    attr[7] = function.as_ptr() as u64;
    // SAFETY: `attr` is as long as it says, zero where nothing is asked for, and the name outlives the call.
    let event = unsafe { libc::syscall(libc::SYS_perf_event_open, attr.as_ptr(), -1, 0, -1, CLOSE_ON_EXEC) };
    let event = descriptor(event).map_err(|e| format!("attaching: {e}"))?;
    // SAFETY: the request takes the number of a program, and both descriptors are open.
    match unsafe { libc::ioctl(event.as_raw_fd(), SET_BPF, program.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(format!("attaching: {}", io::Error::last_os_error())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_tried_and_says_what_was_in_the_way() {
        let tried = extras();
        assert_eq!(tried.iter().map(|extra| extra.name).collect::<Vec<_>>(), ["fentry", "lsm", "kprobe"]);
        for extra in tried {
            assert!(extra.tried.as_ref().err().is_none_or(|why| why.len() > 10), "{extra:?}");
        }
    }

    #[test]
    fn the_probes_program_loads_and_attaches_where_the_kernel_takes_it() {
        const RAW_TRACEPOINT: u32 = 23;
        let Ok(btf) = Btf::from_sys_fs() else {
            eprintln!("skipped: needs the kernel's types");
            return;
        };
        let id =
            btf.id_by_type_name_kind("btf_trace_sys_enter", BtfKind::Typedef).expect("it is in every kernel");
        match load("", &NOTHING, TRACING, RAW_TRACEPOINT, id) {
            Ok(program) => drop(attach(&program).expect("it attaches")),
            Err(e) => eprintln!("skipped: needs root ({e})"),
        }
    }
}
