//! Resource limits, set by the launcher after it has left the host's user namespace.

use super::Limits;

/// Resource numbers and values. `processes` only where no cgroup counts them.
pub(crate) fn list(limits: &Limits, count_processes: bool) -> Vec<(u32, u64)> {
    let mut list = vec![
        // One byte, not none: with zero a piped core_pattern would still start the host's helper.
        (libc::RLIMIT_CORE, 1),
        (libc::RLIMIT_FSIZE, limits.file_size),
        (libc::RLIMIT_MEMLOCK, 8 << 20),
    ];
    if count_processes {
        list.push((libc::RLIMIT_NPROC, limits.processes));
    }
    list
}
