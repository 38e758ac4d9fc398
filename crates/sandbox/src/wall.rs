//! The one system call filter that is Detektr's own: no AF_VSOCK, which no network namespace keeps in, and none of the
//! ways that could lead there unseen.

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
const I386_SOCKET: u32 = 359;
const I386_SOCKETCALL: u32 = 102;
/// `socket` among the calls of `socketcall` (`linux/net.h`).
const SYS_SOCKET: u32 = 1;

/// Doors to AF_VSOCK that keep what they are asked for in memory, where no filter can look. One that nobody else shuts
/// is shut whole: each call gets ENOSYS, whatever it asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shut {
    /// `io_uring_setup`, natively, as x32 and as ia32.
    pub rings: bool,
    /// The ia32 `socketcall` that makes a socket.
    pub socketcall: bool,
}

/// `socket(AF_VSOCK, …)` gets EAFNOSUPPORT, natively, as x32 and as ia32; what is `shut` gets ENOSYS; everything else
/// passes.
pub fn wall(shut: Shut) -> Filter {
    let (socket, rings) = (libc::SYS_socket as u32, libc::SYS_io_uring_setup as u32);
    let program: Vec<Instruction> = vec![
        (LOAD, 0, 0, 4), // arch
        (EQUAL, 0, 5, X86_64),
        (LOAD, 0, 0, 0), // nr
        (AND, 0, 0, !X32_BIT),
        (EQUAL, 9, 0, socket),
        (EQUAL, 12, 0, rings),
        (RETURN, 0, 0, ALLOW),
        (EQUAL, 0, 8, I386),
        (LOAD, 0, 0, 0),
        (EQUAL, 4, 0, I386_SOCKET),
        (EQUAL, 7, 0, rings), // the same number there
        (EQUAL, 0, 4, I386_SOCKETCALL),
        (LOAD, 0, 0, 16), // args[0], low half: what is called
        (EQUAL, 5, 2, SYS_SOCKET),
        (LOAD, 0, 0, 16), // the family
        (EQUAL, 1, 0, libc::AF_VSOCK as u32),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, NO_FAMILY),
        (RETURN, 0, 0, if shut.rings { NO_CALL } else { ALLOW }),
        (RETURN, 0, 0, if shut.socketcall { NO_CALL } else { ALLOW }),
    ];
    Filter::of(program)
}

/// What the wall does, for the manifest.
pub(crate) fn words(shut: Shut) -> String {
    let rings = if shut.rings { "; io_uring_setup with ENOSYS" } else { "" };
    let socketcall = if shut.socketcall { "; the 32-bit socketcall(SYS_SOCKET) with ENOSYS" } else { "" };
    format!("socket(AF_VSOCK) is refused with EAFNOSUPPORT{rings}{socketcall}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::seccomp::{Action, Call};

    fn answer(shut: Shut, arch: &str, nr: u32, first: u64) -> Action {
        wall(shut).run(&Call::recorded(nr, arch, [first, 0, 0, 0, 0, 0]))
    }

    #[test]
    fn only_what_leads_to_vsock_is_refused_on_every_architecture() {
        let no = |errno: i32| Action::Errno(errno as u16);
        let all = [(false, false), (true, false), (false, true), (true, true)];
        for shut in all.map(|(rings, socketcall)| Shut { rings, socketcall }) {
            for (arch, socket) in [("x86_64", 41), ("x32", 41), ("i386", I386_SOCKET)] {
                assert_eq!(answer(shut, arch, socket, 40), no(libc::EAFNOSUPPORT), "{arch}");
                assert_eq!(answer(shut, arch, socket, 0xffff_0000_0000 | 40), no(libc::EAFNOSUPPORT));
                assert_eq!(answer(shut, arch, socket, 2), Action::Allow, "{arch}");
                let rings = if shut.rings { no(libc::ENOSYS) } else { Action::Allow };
                assert_eq!(answer(shut, arch, 425, 40), rings, "{arch}");
                for (other, first) in (0..600).flat_map(|nr| [(nr, 40), (nr, 1)]) {
                    let made = arch == "i386" && other == I386_SOCKETCALL && first == 1;
                    let answered = answer(shut, arch, other, first);
                    if made && shut.socketcall {
                        assert_eq!(answered, no(libc::ENOSYS));
                    } else if ![socket, 425].contains(&other) {
                        assert_eq!(answered, Action::Allow, "{arch} {other} {first}");
                    }
                }
            }
        }
    }
}
