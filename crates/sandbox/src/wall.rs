//! The one system call filter that is Detektr's own: no AF_VSOCK, which no network namespace keeps in.

/// One instruction: code, jump if true, jump if false, operand.
type Instruction = (u16, u8, u8, u32);

const LOAD: u16 = 0x20; // ld [k]
const EQUAL: u16 = 0x15; // jeq #k
const AND: u16 = 0x54; // and #k
const RETURN: u16 = 0x06; // ret #k

const ALLOW: u32 = 0x7fff_0000;
const REFUSE: u32 = 0x0005_0000 | libc::EAFNOSUPPORT as u32;
const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const X32_BIT: u32 = 0x4000_0000;

/// `socket(AF_VSOCK, …)` gets EAFNOSUPPORT, natively, as x32 and as ia32; everything else passes. The old ia32
/// `socketcall` and io_uring keep their arguments in memory, where a filter can't look: those doors the sensor shuts,
/// for it sees them used.
pub(crate) fn filter() -> Vec<Instruction> {
    let socket = libc::SYS_socket as u32;
    vec![
        (LOAD, 0, 0, 4), // arch
        (EQUAL, 0, 4, X86_64),
        (LOAD, 0, 0, 0), // nr
        (AND, 0, 0, !X32_BIT),
        (EQUAL, 4, 0, socket),
        (RETURN, 0, 0, ALLOW),
        (EQUAL, 0, 4, I386),
        (LOAD, 0, 0, 0),
        (EQUAL, 0, 2, 359), // ia32 socket
        (LOAD, 0, 0, 16),   // args[0], low half
        (EQUAL, 1, 0, libc::AF_VSOCK as u32),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
}
