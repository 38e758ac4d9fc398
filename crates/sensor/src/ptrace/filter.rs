//! The seccomp program of the launcher: `SECCOMP_RET_TRACE` for just the watched calls, by architecture, everything
//! else allowed. A balanced search over runs of numbers keeps a call at eight jumps or so; and as numbers without a
//! look at arguments always end the same way, the kernel (5.11 and newer) answers for them from a bitmap.

use super::sys::{ARCH_I386, ARCH_X86_64, X32_BIT};
use super::watch::{Handling, handling};
use crate::raw::Abi;

/// One instruction: code, jump if true, jump if false, constant.
pub(super) type Instruction = (u16, u8, u8, u32);

const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_AT_LEAST: u16 = 0x35;
const JUMP_ANY_BIT: u16 = 0x45;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const TRACE: u32 = 0x7ff0_0000;

const OFFSET_NR: u32 = 0;
const OFFSET_ARCH: u32 = 4;

/// Numbers above this exist in no table.
const HIGHEST: u32 = 1024;

/// What to do with one number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Allow,
    Trace,
    /// Trace where argument `.0` is not null.
    NotNull(u8),
    /// `mmap`: trace where it is executable, or shared and writable.
    Map,
    /// `mprotect`: trace where it is executable.
    Protect,
    /// `prctl`: trace what changes names, credentials or filters.
    Prctl,
}

/// The program, to be installed with no_new_privs or CAP_SYS_ADMIN right before the artifact is executed.
pub(super) fn program(observe_stat: bool) -> Vec<Instruction> {
    let native = table(Abi::X86_64, observe_stat);
    let compat = table(Abi::I386, observe_stat);
    let mut program = vec![
        (LOAD, 0, 0, OFFSET_ARCH),
        (JUMP_EQUAL, 3, 0, ARCH_X86_64),
        (JUMP_EQUAL, 1, 0, ARCH_I386),
        (RETURN, 0, 0, TRACE),
        // ia32 lies behind the native table: too far for a conditional jump.
        (0x05, 0, 0, (3 + native.len()) as u32),
        (LOAD, 0, 0, OFFSET_NR),
        // x32 is rare: every call of it stops.
        (JUMP_ANY_BIT, 0, 1, X32_BIT),
        (RETURN, 0, 0, TRACE),
    ];
    program.extend(native);
    program.push((LOAD, 0, 0, OFFSET_NR));
    program.extend(compat);
    program
}

fn leaf(abi: Abi, nr: u32, observe_stat: bool) -> Leaf {
    let Some(handling) = handling(abi, nr) else {
        return Leaf::Allow;
    };
    if let Handling::Call(spec) = handling {
        if spec.optional && !observe_stat {
            return Leaf::Allow;
        }
        return match (spec.name, abi) {
            // The old ia32 mmap has its arguments in memory, where no filter can look.
            ("mmap", Abi::I386) => Leaf::Trace,
            ("mmap" | "mmap2", _) => Leaf::Map,
            ("mprotect" | "pkey_mprotect", _) => Leaf::Protect,
            ("prctl", _) => Leaf::Prctl,
            ("sendto", _) => Leaf::NotNull(4),
            _ => Leaf::Trace,
        };
    }
    Leaf::Trace
}

fn table(abi: Abi, observe_stat: bool) -> Vec<Instruction> {
    let mut runs: Vec<(u32, Leaf)> = Vec::new();
    for nr in 0..HIGHEST {
        let leaf = leaf(abi, nr, observe_stat);
        if runs.last().is_none_or(|&(_, last)| last != leaf) {
            runs.push((nr, leaf));
        }
    }
    search(&runs)
}

/// Splits until one run is left; each half stands whole behind its jump.
fn search(runs: &[(u32, Leaf)]) -> Vec<Instruction> {
    if let [(_, leaf)] = runs {
        return end(*leaf);
    }
    let (low, high) = runs.split_at(runs.len() / 2);
    let (below, above) = (search(low), search(high));
    let mut program = Vec::with_capacity(2 + below.len() + above.len());
    match u8::try_from(below.len()) {
        Ok(distance) => program.push((JUMP_AT_LEAST, distance, 0, high[0].0)),
        Err(_) => {
            program.push((JUMP_AT_LEAST, 0, 1, high[0].0));
            program.push((0x05, 0, 0, below.len() as u32));
        }
    }
    program.extend(below);
    program.extend(above);
    program
}

fn end(leaf: Leaf) -> Vec<Instruction> {
    let low = |argument: u8| 16 + 8 * u32::from(argument);
    match leaf {
        Leaf::Allow => vec![(RETURN, 0, 0, ALLOW)],
        Leaf::Trace => vec![(RETURN, 0, 0, TRACE)],
        Leaf::NotNull(argument) => vec![
            (LOAD, 0, 0, low(argument)),
            (JUMP_EQUAL, 0, 2, 0),
            (LOAD, 0, 0, low(argument) + 4),
            (JUMP_EQUAL, 1, 0, 0),
            (RETURN, 0, 0, TRACE),
            (RETURN, 0, 0, ALLOW),
        ],
        Leaf::Map => vec![
            (LOAD, 0, 0, low(2)),
            (JUMP_ANY_BIT, 4, 0, libc::PROT_EXEC as u32),
            (JUMP_ANY_BIT, 0, 2, libc::PROT_WRITE as u32),
            (LOAD, 0, 0, low(3)),
            (JUMP_ANY_BIT, 1, 0, libc::MAP_SHARED as u32),
            (RETURN, 0, 0, ALLOW),
            (RETURN, 0, 0, TRACE),
        ],
        Leaf::Protect => vec![
            (LOAD, 0, 0, low(2)),
            (JUMP_ANY_BIT, 0, 1, libc::PROT_EXEC as u32),
            (RETURN, 0, 0, TRACE),
            (RETURN, 0, 0, ALLOW),
        ],
        Leaf::Prctl => vec![
            (LOAD, 0, 0, low(0)),
            (AND, 0, 0, 0xffff_ffff),
            (JUMP_EQUAL, 4, 0, libc::PR_SET_NAME as u32),
            (JUMP_EQUAL, 3, 0, libc::PR_SET_SECCOMP as u32),
            (JUMP_EQUAL, 2, 0, libc::PR_CAP_AMBIENT as u32),
            (JUMP_EQUAL, 1, 0, libc::PR_CAPBSET_DROP as u32),
            (RETURN, 0, 0, ALLOW),
            (RETURN, 0, 0, TRACE),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program on one call, as the kernel would.
    fn run(program: &[Instruction], arch: u32, nr: u32, args: [u64; 6]) -> u32 {
        let mut data = [0u8; 64];
        data[0..4].copy_from_slice(&nr.to_le_bytes());
        data[4..8].copy_from_slice(&arch.to_le_bytes());
        for (i, argument) in args.iter().enumerate() {
            data[16 + 8 * i..24 + 8 * i].copy_from_slice(&argument.to_le_bytes());
        }
        let (mut accumulator, mut at) = (0u32, 0usize);
        loop {
            let (code, yes, no, k) = program[at];
            at += 1;
            let taken = match code {
                LOAD => {
                    let k = k as usize;
                    accumulator = u32::from_le_bytes(data[k..k + 4].try_into().expect("four bytes"));
                    continue;
                }
                AND => {
                    accumulator &= k;
                    continue;
                }
                0x05 => {
                    at += k as usize;
                    continue;
                }
                RETURN => return k,
                JUMP_EQUAL => accumulator == k,
                JUMP_AT_LEAST => accumulator >= k,
                JUMP_ANY_BIT => accumulator & k != 0,
                other => panic!("unknown instruction {other:#x}"),
            };
            at += usize::from(if taken { yes } else { no });
        }
    }

    #[test]
    fn every_number_of_both_tables_gets_the_action_of_its_handling() {
        let program = program(false);
        assert!(program.len() < 4096, "the kernel takes 4,096 instructions at most");
        for nr in 0..HIGHEST + 8 {
            for (abi, arch) in [(Abi::X86_64, ARCH_X86_64), (Abi::I386, ARCH_I386)] {
                let expected = match leaf(abi, nr, false) {
                    Leaf::Allow => Some(ALLOW),
                    Leaf::Trace => Some(TRACE),
                    _ => None,
                };
                let got = run(&program, arch, nr, [0; 6]);
                assert!(expected.is_none_or(|action| action == got), "{abi:?} {nr}");
            }
        }
    }

    #[test]
    fn reads_pass_and_opens_stop_on_both_architectures() {
        let program = program(false);
        assert_eq!(run(&program, ARCH_X86_64, 0, [0; 6]), ALLOW);
        assert_eq!(run(&program, ARCH_X86_64, 257, [0; 6]), TRACE);
        assert_eq!(run(&program, ARCH_I386, 3, [0; 6]), ALLOW);
        assert_eq!(run(&program, ARCH_I386, 5, [0; 6]), TRACE);
        assert_eq!(run(&program, ARCH_X86_64, 0x4000_0000, [0; 6]), TRACE, "x32 stops always");
        assert_eq!(run(&program, 0x1234, 0, [0; 6]), TRACE, "an unknown architecture stops always");
    }

    #[test]
    fn arguments_decide_for_mmap_mprotect_sendto_and_prctl() {
        let program = program(false);
        let native = |nr, args| run(&program, ARCH_X86_64, nr, args);
        assert_eq!(native(9, [0, 0, 3, 2, 0, 0]), ALLOW, "private and writable");
        assert_eq!(native(9, [0, 0, 5, 2, 0, 0]), TRACE, "executable");
        assert_eq!(native(9, [0, 0, 3, 1, 0, 0]), TRACE, "shared and writable");
        assert_eq!(native(9, [0, 0, 1, 1, 0, 0]), ALLOW, "shared and read-only");
        assert_eq!(native(10, [0, 0, 1, 0, 0, 0]), ALLOW);
        assert_eq!(native(10, [0, 0, 4, 0, 0, 0]), TRACE);
        assert_eq!(native(44, [0; 6]), ALLOW);
        assert_eq!(native(44, [0, 0, 0, 0, 1, 0]), TRACE);
        assert_eq!(native(44, [0, 0, 0, 0, 1 << 40, 0]), TRACE);
        assert_eq!(native(157, [4, 0, 0, 0, 0, 0]), ALLOW);
        for option in [15, 22, 24, 47] {
            assert_eq!(native(157, [option, 0, 0, 0, 0, 0]), TRACE);
        }
    }
}
