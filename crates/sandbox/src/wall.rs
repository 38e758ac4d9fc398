//! The one system call filter that is Detektr's own: no AF_VSOCK, which no network namespace keeps in, and no io_uring
//! where it could lead there.

use crate::controls::seccomp::{Filter, Instruction};

const LOAD: u16 = 0x20; // ld [k]
const EQUAL: u16 = 0x15; // jeq #k
const AND: u16 = 0x54; // and #k
const RETURN: u16 = 0x06; // ret #k

const ALLOW: u32 = 0x7fff_0000;
const NO_FAMILY: u32 = 0x0005_0000 | libc::EAFNOSUPPORT as u32;
const NO_CALL: u32 = 0x0005_0000 | libc::ENOSYS as u32;
const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const X32_BIT: u32 = 0x4000_0000;

/// `socket(AF_VSOCK, …)` gets EAFNOSUPPORT, natively, as x32 and as ia32; with `refuse_rings`, `io_uring_setup` gets
/// ENOSYS, in the same ways; everything else passes. The old ia32 `socketcall` and io_uring's own operations keep their
/// arguments in memory, where a filter can't look: those doors the sensor shuts, for it sees them used.
pub fn wall(refuse_rings: bool) -> Filter {
    let (socket, rings) = (libc::SYS_socket as u32, libc::SYS_io_uring_setup as u32);
    let program: Vec<Instruction> = vec![
        (LOAD, 0, 0, 4), // arch
        (EQUAL, 0, 5, X86_64),
        (LOAD, 0, 0, 0), // nr
        (AND, 0, 0, !X32_BIT),
        (EQUAL, 6, 0, socket),
        (EQUAL, 9, 0, rings),
        (RETURN, 0, 0, ALLOW),
        (EQUAL, 0, 5, I386),
        (LOAD, 0, 0, 0),
        (EQUAL, 1, 0, 359),   // ia32 socket
        (EQUAL, 4, 2, rings), // the same number there
        (LOAD, 0, 0, 16),     // args[0], low half
        (EQUAL, 1, 0, libc::AF_VSOCK as u32),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, NO_FAMILY),
        (RETURN, 0, 0, if refuse_rings { NO_CALL } else { ALLOW }),
    ];
    Filter::of(program)
}

/// What the wall does, for the manifest.
pub(crate) fn words(refuse_rings: bool) -> String {
    let rings = if refuse_rings { "; io_uring_setup with ENOSYS" } else { "" };
    format!("socket(AF_VSOCK) is refused with EAFNOSUPPORT{rings}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::seccomp::{Action, Call};

    fn answer(refuse_rings: bool, arch: &str, nr: u32, first: u64) -> Action {
        wall(refuse_rings).run(&Call::recorded(nr, arch, [first, 0, 0, 0, 0, 0]))
    }

    #[test]
    fn only_what_leads_to_vsock_is_refused_on_every_architecture() {
        let no = |errno: i32| Action::Errno(errno as u16);
        for (arch, socket) in [("x86_64", 41), ("x32", 41), ("i386", 359)] {
            for refuse_rings in [false, true] {
                assert_eq!(answer(refuse_rings, arch, socket, 40), no(libc::EAFNOSUPPORT), "{arch}");
                assert_eq!(answer(refuse_rings, arch, socket, 0xffff_0000_0000 | 40), no(libc::EAFNOSUPPORT));
                assert_eq!(answer(refuse_rings, arch, socket, 2), Action::Allow, "{arch}");
                let rings = if refuse_rings { no(libc::ENOSYS) } else { Action::Allow };
                assert_eq!(answer(refuse_rings, arch, 425, 40), rings, "{arch}");
                for other in (0..600).filter(|nr| ![socket, 425].contains(nr)) {
                    assert_eq!(answer(refuse_rings, arch, other, 40), Action::Allow, "{arch} {other}");
                }
            }
        }
    }
}
