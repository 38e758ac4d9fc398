//! Doors into the kernel: modules, bpf, io_uring, keys, kexec.

use super::call::Call;
use super::names;
use super::path::{Base, Paths};
use super::{abi, address};
use crate::raw::RawUring;
use detektr_event::{
    Bpf, Copied, Detail, FilePath, IoUring, Kexec, Keyctl, Kind, ModuleLoad, Outcome, OutcomeResult,
    Provenance, WALL,
};

/// The event of a kernel call.
pub(super) fn decode(call: &Call<'_>, kind: Kind, out: &mut Vec<Detail>) {
    let name = || call.name.to_owned();
    out.push(match kind {
        Kind::KernelModuleLoad => {
            let (file, parameters) = match call.name {
                "finit_module" => (Some(call.file(0, 0)), call.optional_string(1, 1)),
                "init_module" => (None, call.optional_string(0, 2)),
                _ => (None, Some(call.string(0, 0))),
            };
            Detail::KernelModuleLoad { module_load: ModuleLoad { call: name(), file, parameters } }
        }
        Kind::KernelBpf => {
            Detail::KernelBpf { bpf: Bpf { command: names::bpf_command(i64::from(call.int(0))) } }
        }
        Kind::KernelIoUring => {
            let operation = if call.name == "io_uring_setup" { "setup" } else { "register" }.to_owned();
            let fd = if call.name == "io_uring_setup" { call.fd() } else { Some(call.int(0)) };
            let io_uring =
                IoUring { operation, fd, file: None, to: None, address: None, domain: None, result: None };
            Detail::KernelIoUring { io_uring: Box::new(io_uring) }
        }
        Kind::KernelKeyctl => {
            let operation = match call.name {
                "keyctl" => names::keyctl_operation(i64::from(call.int(0))),
                _ => name(),
            };
            Detail::KernelKeyctl { keyctl: Keyctl { operation } }
        }
        Kind::KernelKexec => Detail::KernelKexec { kexec: Kexec { call: name() } },
        _ => return,
    });
}

/// An operation of a ring and how it ended.
pub(super) fn operation(paths: Paths<'_>, uring: &RawUring) -> (Detail, Outcome) {
    let outcome = match uring
        .result
        .filter(|_| !uring.walled)
        .map(|result| (result, abi::error_number(i64::from(result))))
    {
        None if uring.walled => Outcome { enforcer: Some(WALL.to_owned()), ..Outcome::UNFINISHED },
        None => Outcome::UNFINISHED,
        Some((_, None)) => Outcome::SUCCESS,
        // IORING_OP_CONNECT on a non-blocking socket.
        Some((_, Some(115))) if uring.opcode == 16 => {
            Outcome { result: OutcomeResult::Unfinished, ..Outcome::failure("EINPROGRESS") }
        }
        Some((_, Some(errno))) => Outcome::failure(abi::errno_name(errno)),
    };
    let at = |path: &Copied, base: &Option<_>| -> FilePath {
        let base = Base { object: base.as_ref(), cwd: uring.fd == -100 };
        match &uring.object {
            Some(object) if uring.path2.is_none() => paths.yielded(object, base, path),
            _ => paths.joined(base, path, Provenance::UserMemory),
        }
    };
    let (file, to) = if uring.opcode == names::URING_SYMLINKAT {
        let base = if uring.base2.is_some() { &uring.base2 } else { &uring.base };
        (uring.path2.as_ref().map(|path| at(path, base)), uring.path.as_ref().map(|text| paths.raw(text)))
    } else {
        let file = uring.path.as_ref().map(|path| at(path, &uring.base));
        let file = file.or_else(|| uring.object.as_ref().map(|object| paths.object(object)));
        (file, uring.path2.as_ref().map(|path| at(path, &uring.base2)))
    };
    let io_uring = IoUring {
        operation: names::uring_operation(uring.opcode),
        fd: Some(uring.fd).filter(|fd| *fd >= 0 && names::uring_takes_descriptor(uring.opcode)),
        file,
        to,
        address: uring.address.as_deref().map(address::parse),
        domain: uring.domain.map(names::socket_domain),
        result: uring.result,
    };
    (Detail::KernelIoUring { io_uring: Box::new(io_uring) }, outcome)
}
