//! System calls, and what the compiler expects of a C library.

use core::arch::{asm, global_asm};

/// The number of an error.
pub type Errno = i32;

/// What a call answered: a number, or the error that it stands for.
fn answer(value: isize) -> Result<usize, Errno> {
    if (-4095..0).contains(&value) { Err(-value as Errno) } else { Ok(value as usize) }
}

/// A call of x86-64, by number (`arch/x86/entry/syscalls/syscall_64.tbl`).
///
/// # Safety
/// Pointers among `args` must be what the call expects.
pub unsafe fn call(number: usize, args: [usize; 6]) -> Result<usize, Errno> {
    let value: isize;
    // SAFETY: the caller vouches for the arguments; the kernel changes rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => value,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    answer(value)
}

/// A 32-bit call from this 64-bit program, by its number there (`syscall_32.tbl`).
///
/// # Safety
/// As [`call`]; pointers must lie in the lowest 4 GiB.
pub unsafe fn call_32(number: u32, args: [usize; 3]) -> Result<usize, Errno> {
    let value: isize;
    // SAFETY: as above; rbx belongs to the compiler and is put back.
    unsafe {
        asm!(
            "push rbx",
            "mov ebx, {first:e}",
            "int 0x80",
            "pop rbx",
            first = in(reg) args[0],
            inlateout("rax") number as isize => value,
            in("rcx") args[1], in("rdx") args[2],
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    answer(value as i32 as isize)
}

/// Ends the program.
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: exit_group takes a number.
        let _ = unsafe { call(231, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

// What the compiler calls for copies and fills; written for the machine, as it would make loops into calls of themselves.
global_asm!(
    ".globl memcpy",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    ".globl memset",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".globl memcmp",
    "memcmp:",
    "xor eax, eax",
    "test rdx, rdx",
    "jz 2f",
    "3:",
    "movzx eax, byte ptr [rdi]",
    "movzx ecx, byte ptr [rsi]",
    "sub eax, ecx",
    "jnz 2f",
    "inc rdi",
    "inc rsi",
    "dec rdx",
    "jnz 3b",
    "2:",
    "ret",
    ".globl strlen",
    "strlen:",
    "xor eax, eax",
    "4:",
    "cmp byte ptr [rdi + rax], 0",
    "je 5f",
    "inc rax",
    "jmp 4b",
    "5:",
    "ret",
    ".globl bcmp",
    "bcmp:",
    "jmp memcmp",
);
