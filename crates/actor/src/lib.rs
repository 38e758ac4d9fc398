//! The actor: a small static program that does, inside the environment, what shells can't: a program in memory alone, a
//! ring of io_uring, 32-bit calls from a 64-bit program, calls past every library, ptrace on its own child.
//!
//! Everything it does is harmless and to what its caller names. `program/` is its source; it is built with this crate and
//! has no dependency, not even a C library. Scripts of patterns that require `detektr-actor` find it in their `PATH`.

/// The program, an ELF file for x86-64.
pub const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/detektr-actor"));

/// The name by which scripts require and call it.
pub const NAME: &str = "detektr-actor";
