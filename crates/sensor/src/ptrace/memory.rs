//! The memory of a traced process: strings, bytes, pointers, copied while it stands still.

use detektr_event::{Copied, Text, Unreadable};
use std::os::unix::fs::FileExt;

/// The longest string that the kernel takes for a path, with its NUL.
const PATH_MAX: usize = 4096;
/// How far the end of a longer string is looked for.
const LONGEST: usize = 1 << 20;
const PAGE: u64 = 4096;

/// Copies into `buffer` from `address` as far as the memory reaches; the number of bytes copied.
pub(super) fn read_some(tid: i32, address: u64, buffer: &mut [u8]) -> usize {
    if buffer.is_empty() {
        return 0;
    }
    let first = (PAGE - address % PAGE).min(buffer.len() as u64) as usize;
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = [
        libc::iovec { iov_base: address as *mut _, iov_len: first },
        libc::iovec { iov_base: address.wrapping_add(first as u64) as *mut _, iov_len: buffer.len() - first },
    ];
    // SAFETY: the local side is the exclusively borrowed `buffer`; the remote side is checked by the kernel.
    let copied = unsafe { libc::process_vm_readv(tid, &raw const local, 1, remote.as_ptr(), 2, 0) };
    if copied > 0 {
        return copied as usize;
    }
    // Not allowed, or not possible (memory of devices): the tracer's own way.
    std::fs::File::open(format!("/proc/{tid}/mem"))
        .and_then(|memory| memory.read_at(buffer, address))
        .unwrap_or(0)
}

/// `length` bytes at `address`, whole or not at all.
pub(super) fn read_exact(tid: i32, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    (read_some(tid, address, &mut bytes) == length).then_some(bytes)
}

/// At most `length` bytes at `address`, as far as the memory reaches.
pub(super) fn read_up_to(tid: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let copied = read_some(tid, address, &mut bytes);
    bytes.truncate(copied);
    bytes
}

/// The C string at `address`; `None` for a null pointer.
pub(super) fn string(tid: i32, address: u64) -> Option<Copied> {
    if address == 0 {
        return None;
    }
    // Most strings are short and end before their page does: one small copy does.
    let mut short = [0u8; 256];
    let length = ((PAGE - address % PAGE) as usize).min(short.len());
    let copied = read_some(tid, address, &mut short[..length]);
    if let Some(end) = short[..copied].iter().position(|&byte| byte == 0) {
        return Some(Copied::Whole(Text::from(&short[..end])));
    }
    if copied == 0 {
        return Some(Copied::Unreadable { unreadable: Unreadable::BadAddress });
    }
    Some(long_string(tid, address))
}

fn long_string(tid: i32, address: u64) -> Copied {
    let mut bytes = Vec::new();
    let mut step = PATH_MAX;
    loop {
        let from = bytes.len();
        bytes.resize(from + step, 0);
        let copied = read_some(tid, address + from as u64, &mut bytes[from..]);
        bytes.truncate(from + copied);
        if let Some(end) = bytes[from..].iter().position(|&byte| byte == 0) {
            bytes.truncate(from + end);
            if bytes.len() < PATH_MAX {
                return Copied::Whole(bytes.into());
            }
            break;
        }
        if copied == 0 {
            // It runs into memory that isn't there: the kernel could not read it either.
            return Copied::Unreadable { unreadable: Unreadable::BadAddress };
        }
        if bytes.len() >= LONGEST {
            break;
        }
        step = 64 << 10;
    }
    let truncated = bytes.len() as u64;
    bytes.truncate(PATH_MAX - 1);
    Copied::Truncated { text: bytes.into(), truncated }
}

/// An array of strings ended by a null pointer, as `execve` takes it, and why it is not whole, where it isn't.
pub(super) fn string_array(tid: i32, address: u64, pointer: usize) -> (Vec<Copied>, Option<String>) {
    const MOST: usize = 6 << 20;
    let mut strings = Vec::new();
    let (mut at, mut total) = (address, 0);
    if address == 0 {
        return (strings, None);
    }
    loop {
        let chunk = read_up_to(tid, at, 128 * pointer);
        if chunk.len() < pointer {
            return (strings, Some("the array of pointers could not be read to its end".into()));
        }
        for bytes in chunk.chunks_exact(pointer) {
            let value = word(bytes);
            if value == 0 {
                return (strings, None);
            }
            let text = argument(tid, value);
            total += pointer + text.text().map_or(0, |text| text.as_bytes().len() + 1);
            strings.push(text);
            if total > MOST {
                return (strings, Some(format!("more than {MOST} bytes, which no exec takes")));
            }
        }
        at += (chunk.len() / pointer * pointer) as u64;
    }
}

/// An argument of an exec: at most 128 KiB, by the kernel's own limit.
fn argument(tid: i32, address: u64) -> Copied {
    const MAX_ARG_STRLEN: usize = 128 << 10;
    let mut bytes = Vec::new();
    let mut step = 256;
    while bytes.len() <= MAX_ARG_STRLEN {
        let from = bytes.len();
        bytes.resize(from + step, 0);
        let copied = read_some(tid, address + from as u64, &mut bytes[from..]);
        bytes.truncate(from + copied);
        if let Some(end) = bytes[from..].iter().position(|&byte| byte == 0) {
            bytes.truncate(from + end);
            return Copied::Whole(bytes.into());
        }
        if copied == 0 {
            return Copied::Unreadable { unreadable: Unreadable::BadAddress };
        }
        step = 16 << 10;
    }
    let truncated = bytes.len() as u64;
    bytes.truncate(MAX_ARG_STRLEN);
    Copied::Truncated { text: bytes.into(), truncated }
}

/// A pointer or number of 4 or 8 bytes.
pub(super) fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
