//! Which calls the tracer stops, by architecture: those of `calls::CALLS`, and a few that only keep its own books
//! (writes, for the byte counts of open files, and what closes a descriptor).

use crate::calls::{self, CallSpec};
use crate::raw::Abi;
use std::sync::OnceLock;

/// What a stopped call is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handling {
    /// An event of the schema.
    Call(&'static CallSpec),
    /// Writes through the descriptor that is argument `.0`.
    Write(u8),
    /// `close`.
    Close,
    /// `dup2`, `dup3`: the second descriptor is closed first.
    Replace,
    /// `close_range`.
    CloseRange,
}

const TABLE: usize = 1024;
type Table = [Option<Handling>; TABLE];

/// What to do for number `nr` of the table of `abi` (x32's own numbers are told by their native names).
pub(super) fn handling(abi: Abi, nr: u32) -> Option<Handling> {
    static NATIVE: OnceLock<Box<Table>> = OnceLock::new();
    static COMPAT: OnceLock<Box<Table>> = OnceLock::new();
    let table = match abi {
        Abi::X86_64 | Abi::X32 => NATIVE.get_or_init(|| build(Abi::X86_64)),
        Abi::I386 => COMPAT.get_or_init(|| build(Abi::I386)),
    };
    let nr = if abi == Abi::X32 { native_number(nr) } else { nr };
    table.get(nr as usize).copied().flatten()
}

fn build(abi: Abi) -> Box<Table> {
    let mut table = Box::new([None; TABLE]);
    for (nr, entry) in table.iter_mut().enumerate() {
        *entry = calls::spec(abi, nr as u32).map(Handling::Call).or_else(|| books(name(abi, nr)?));
    }
    table
}

fn name(abi: Abi, nr: usize) -> Option<&'static str> {
    match abi {
        Abi::X86_64 | Abi::X32 => Some(syscalls::x86_64::Sysno::new(nr)?.name()),
        Abi::I386 => Some(syscalls::x86::Sysno::new(nr)?.name()),
    }
}

fn books(name: &str) -> Option<Handling> {
    Some(match name {
        "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" | "sendfile" | "sendfile64" => {
            Handling::Write(0)
        }
        "splice" | "copy_file_range" => Handling::Write(2),
        "close" => Handling::Close,
        "dup2" | "dup3" => Handling::Replace,
        "close_range" => Handling::CloseRange,
        _ => return None,
    })
}

/// The native number of a call of x32, which has numbers of its own for calls with other structures.
pub(super) fn native_number(nr: u32) -> u32 {
    match nr {
        516 => 20,
        518 => 46,
        520 => 59,
        521 => 101,
        524 => 129,
        528 => 246,
        532 => 54,
        535 => 296,
        536 => 297,
        538 => 307,
        540 => 311,
        545 => 322,
        547 => 328,
        nr => nr,
    }
}
