//! The wall against AF_VSOCK that refuses: a program that answers for the kernel's own check of who may make a socket
//! (`bpf/refuse.bpf.c`). Where the kernel takes none, `bpf/wall.h` kills instead.

use super::hook::{TRACING, attach, load};
use aya::maps::Map;
use aya::{Btf, Ebpf};
use aya_obj::Object;
use aya_obj::btf::BtfKind;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What the manifest calls it.
pub(super) const HOOK: &str = "fmod_ret/security_socket_create";

const FUNCTION: &str = "security_socket_create";
const PROGRAM: &str = "refuse_vsock";
/// `BPF_MODIFY_RETURN`.
const MODIFY_RETURN: u32 = 26;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/refuse.bpf.o");

/// The program, attached as long as this lives.
#[derive(Debug)]
pub(super) struct Refusing {
    _link: OwnedFd,
}

impl Refusing {
    /// Loads it with the maps of `bpf`, or says why it can't be.
    pub fn attach(bpf: &Ebpf, btf: &Btf) -> Result<Refusing, String> {
        let function = btf
            .id_by_type_name_kind(FUNCTION, BtfKind::Func)
            .map_err(|_| format!("this kernel has no function {FUNCTION}"))?;
        let code = code(bpf)?;
        let program = load(PROGRAM, &code, TRACING, MODIFY_RETURN, function)
            .map_err(|e| format!("loading {HOOK}: {e}"))?;
        let link = attach(&program).map_err(|e| format!("attaching {HOOK}: {e}"))?;
        Ok(Refusing { _link: link })
    }
}

/// The instructions, with the maps of `bpf` in them.
fn code(bpf: &Ebpf) -> Result<Vec<u64>, String> {
    let unfit = |what: &dyn std::fmt::Display| format!("the program {PROGRAM}: {what}");
    let mut object = Object::parse(OBJECT).map_err(|e| unfit(&e))?;
    let own = object.maps.clone();
    let maps: Vec<_> = own
        .iter()
        .filter_map(|(name, map)| Some((name.as_str(), fd(bpf.map(name)?)?.as_raw_fd(), map)))
        .collect();
    let sections = object.functions.keys().map(|(section, _)| *section).collect();
    object.relocate_maps(maps.into_iter(), &sections).map_err(|e| unfit(&e))?;
    let program = object.programs.get(PROGRAM).ok_or_else(|| unfit(&"the object lacks it"))?;
    let function =
        object.functions.get(&program.function_key()).ok_or_else(|| unfit(&"the object lacks its code"))?;
    let number = |instruction: &aya_obj::generated::bpf_insn| {
        let registers = instruction.dst_reg() | instruction.src_reg() << 4;
        let [low, high] = instruction.off.to_le_bytes();
        let [a, b, c, d] = instruction.imm.to_le_bytes();
        u64::from_le_bytes([instruction.code, registers, low, high, a, b, c, d])
    };
    Ok(function.instructions.iter().map(number).collect())
}

fn fd(map: &Map) -> Option<BorrowedFd<'_>> {
    match map {
        Map::Array(map) | Map::HashMap(map) => Some(map.fd().as_fd()),
        _ => None,
    }
}
