//! The table of calls in the form that the programs interpret.

use super::kernel::SpecValue;
use crate::calls::{self, Take};
use crate::raw::Abi;
use detektr_event::Kind;

const NO_ARG: u8 = 0xff;

/// The number that stands for `kind` in records and counts.
pub(super) fn kind_index(kind: Kind) -> u8 {
    Kind::ALL.iter().position(|k| *k == kind).unwrap_or(0) as u8
}

/// The values of the map `specs`, by index: x86_64 and x32 first, i386 from 1,024.
pub(super) fn table() -> Vec<SpecValue> {
    (0..2048u32).map(value).collect()
}

fn value(index: u32) -> SpecValue {
    let (abi, nr) = match index {
        0..512 => (Abi::X86_64, index),
        512..1024 => (Abi::X32, index),
        _ => (Abi::I386, index - 1024),
    };
    let mut value = SpecValue { io_in: NO_ARG, io_out: NO_ARG, ..SpecValue::default() };
    if let Some(spec) = calls::spec(abi, nr) {
        value.watched = 1;
        value.kind = kind_index(spec.kind);
        value.optional = spec.optional.into();
        value.is_exec = (spec.kind == Kind::ProcessExec).into();
        value.filter = match spec.name {
            "mmap" if abi == Abi::I386 => 5,
            "mmap" | "mmap2" | "mprotect" | "pkey_mprotect" => 1,
            "prctl" => 2,
            "sendto" => 3,
            "sendmsg" | "sendmmsg" => 4,
            _ => 0,
        };
        value.connects = match spec.name {
            "connect" => 1,
            "socketcall" => 2,
            _ => 0,
        };
        for (slot, take) in value.takes.iter_mut().zip(spec.takes) {
            (slot.op, slot.a, slot.b, slot.len) = match *take {
                Take::Str(a) => (1, a, 0, 0),
                Take::Dir(a) => (2, a, 0, 0),
                Take::Cwd => (3, 0, 0, 0),
                Take::Fd(a) => (4, a, 0, 0),
                Take::RetFd => (5, 0, 0, 0),
                Take::Bytes(a, len) => (6, a, 0, len.into()),
                Take::Sized(a, b) => (7, a, b, 0),
                Take::AddressOut(a, b) => (8, a, b, 0),
                Take::MessageName(a) => (9, a, 0, 0),
                Take::SocketcallArgs(a) => (10, a, 0, 0),
                Take::SocketcallAddress(a) => (11, a, 0, 0),
                Take::Creds => (12, 0, 0, 0),
                Take::LocalEnd(a) => (13, a, 0, 0),
                Take::SocketcallLocalEnd(a) => (14, a, 0, 0),
                Take::WordFd(a, offset) => (15, a, 0, offset.into()),
            };
        }
    }
    (value.io, value.io_in, value.io_out) = match name(abi, nr) {
        "read" | "pread64" | "readv" | "preadv" | "preadv2" => (1, 0, NO_ARG),
        "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" => (1, NO_ARG, 0),
        "sendfile" | "sendfile64" => (1, 1, 0),
        "splice" | "copy_file_range" => (1, 0, 2),
        "close" => (2, NO_ARG, 0),
        "dup2" | "dup3" => (2, NO_ARG, 1),
        "close_range" => (3, NO_ARG, NO_ARG),
        "mmap" if abi == Abi::I386 => (5, NO_ARG, NO_ARG),
        "mmap" | "mmap2" => (4, NO_ARG, NO_ARG),
        _ => (0, NO_ARG, NO_ARG),
    };
    value
}

fn name(abi: Abi, nr: u32) -> &'static str {
    match abi {
        Abi::I386 => syscalls::x86::Sysno::new(nr as usize).map(|s| s.name()),
        Abi::X86_64 | Abi::X32 => syscalls::x86_64::Sysno::new(nr as usize).map(|s| s.name()),
    }
    .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_at_most_the_four_takes_that_the_programs_hold() {
        for call in calls::CALLS {
            assert!(call.takes.len() <= 4, "{}", call.name);
        }
    }

    #[test]
    fn both_tables_know_open_by_its_own_number() {
        let table = table();
        assert_eq!(table[2].kind, kind_index(Kind::FileOpen));
        assert_eq!(table[1024 + 5].kind, kind_index(Kind::FileOpen));
        assert_eq!((table[1].io, table[1].io_out), (1, 0));
        assert_eq!((table[1024 + 4].io, table[1024 + 4].io_out), (1, 0));
    }
}
