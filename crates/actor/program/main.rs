//! `detektr-actor ACT ARG…`: one act, done by system calls alone. It ends with 0 where the act was done, with 2 where the
//! words make no sense, and else with the number of the error.
#![no_std]
#![no_main]

mod acts;
mod sys;

use core::arch::global_asm;

// The kernel starts a program with the count of its arguments and their pointers on the stack (System V ABI, AMD64).
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

/// The words of the command line, and the environment after them.
pub struct Words {
    first: *const *const u8,
    count: usize,
}

impl Words {
    /// The pointer to the word at `index`, which ends with NUL; null where there is none.
    fn at(&self, index: usize) -> *const u8 {
        if index >= self.count {
            return core::ptr::null();
        }
        // SAFETY: the kernel put `count` pointers there.
        unsafe { *self.first.add(index) }
    }

    /// The word at `index`, without its NUL.
    fn text(&self, index: usize) -> Option<&'static [u8]> {
        let word = self.at(index);
        if word.is_null() {
            return None;
        }
        // SAFETY: the kernel ends every word with NUL, and they stay for the life of the program.
        Some(unsafe { core::ffi::CStr::from_ptr(word.cast()) }.to_bytes())
    }
}

/// # Safety
/// Only `_start` calls it, with the stack as the kernel made it.
unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: that is what the stack begins with.
    let words = unsafe { Words { first: stack.add(1).cast(), count: *stack } };
    let done = match words.text(1) {
        Some(b"memfd-exec") => acts::memfd_exec(&words),
        Some(b"io-uring-write") => acts::io_uring_write(&words),
        Some(b"ia32-write") => acts::ia32_write(&words),
        Some(b"raw-write") => acts::raw_write(&words),
        Some(b"ptrace-child") => acts::ptrace_child(),
        Some(b"vm-write-child") => acts::vm_write_child(),
        _ => Err(acts::USAGE),
    };
    sys::exit(done.err().unwrap_or(0))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::exit(100)
}
