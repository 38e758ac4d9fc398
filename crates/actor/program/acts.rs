//! The acts. Each takes its words from the command line and says with which error it ended.

use crate::Words;
use crate::sys::{Errno, call, call_32};
use core::sync::atomic::{AtomicU32, Ordering};

/// The words make no sense.
pub const USAGE: Errno = 2;
/// Something did not happen that the act is about (EIO).
const FAILED: Errno = 5;

const AT_FDCWD: usize = -100_isize as usize;
const O_WRONLY_CREAT_TRUNC: usize = 0o1101;
const AT_EMPTY_PATH: usize = 0x1000;

/// `memfd-exec PROGRAM [ARG…]`: copies a program into a file in memory and executes that (memfd_create(2), execveat(2)).
pub fn memfd_exec(words: &Words) -> Result<(), Errno> {
    let program = words.at(2);
    if program.is_null() {
        return Err(USAGE);
    }
    // SAFETY: every pointer is a word of the command line or a value that outlives the call.
    unsafe {
        let file = call(2, [program as usize, 0, 0, 0, 0, 0])?;
        let memory = call(319, [c"upd".as_ptr() as usize, 0, 0, 0, 0, 0])?;
        // sendfile(2) gives what is left, a part at a time
        while call(40, [memory, file, 0, 1 << 20, 0, 0])? > 0 {}
        let after = words.first.add(words.count + 1);
        let own = words.first.add(2);
        call(322, [memory, c"".as_ptr() as usize, own as usize, after as usize, AT_EMPTY_PATH, 0])?;
    }
    Err(FAILED)
}

/// `raw-write FILE TEXT`: writes by calls that few libraries make (openat2(2), pwrite64(2)).
pub fn raw_write(words: &Words) -> Result<(), Errno> {
    let (path, text) = (words.at(2), words.text(3).ok_or(USAGE)?);
    let how: [u64; 3] = [O_WRONLY_CREAT_TRUNC as u64, 0o644, 0];
    // SAFETY: a word, a live structure of the size that is told, and a word with its length.
    unsafe {
        let file = call(437, [AT_FDCWD, path as usize, how.as_ptr() as usize, size_of_val(&how), 0, 0])?;
        wrote(call(18, [file, text.as_ptr() as usize, text.len(), 0, 0, 0])?, text)?;
        call(3, [file, 0, 0, 0, 0, 0])?;
    }
    Ok(())
}

fn wrote(bytes: usize, text: &[u8]) -> Result<(), Errno> {
    if bytes == text.len() { Ok(()) } else { Err(FAILED) }
}

/// What a 32-bit call can point to: the program lies at a low address, the stack does not.
static mut LOW: [u8; 8192] = [0; 8192];

/// `ia32-write FILE TEXT`: writes by the 32-bit calls of open(2), write(2) and close(2).
pub fn ia32_write(words: &Words) -> Result<(), Errno> {
    let (path, text) = (words.text(2).ok_or(USAGE)?, words.text(3).ok_or(USAGE)?);
    if path.len() >= 4096 || text.len() > 4096 {
        return Err(USAGE);
    }
    // SAFETY: the program has one thread, both fit, and LOW was NUL before.
    unsafe {
        let low = (&raw mut LOW).cast::<u8>();
        core::ptr::copy_nonoverlapping(path.as_ptr(), low, path.len());
        core::ptr::copy_nonoverlapping(text.as_ptr(), low.add(4096), text.len());
        let file = call_32(5, [low as usize, O_WRONLY_CREAT_TRUNC, 0o644])?;
        wrote(call_32(4, [file, low as usize + 4096, text.len()])?, text)?;
        call_32(6, [file, 0, 0])?;
    }
    Ok(())
}

/// Waits for the end of `child`, which ends with what was `written` into its memory; where `acted` is an error, ends it
/// first, for it would wait for a word that never comes.
///
/// # Safety
/// `child` is a child of this program.
unsafe fn ended(child: usize, acted: Result<(), Errno>, written: u32) -> Result<(), Errno> {
    let mut status: u32 = 0;
    // SAFETY: the status lives as long as the call; the rest are numbers.
    unsafe {
        if acted.is_err() {
            // one that has ended by itself needs none
            let _ = call(62, [child, 9, 0, 0, 0, 0]);
        }
        let waited = call(61, [child, &raw mut status as usize, 0, 0, 0, 0]);
        acted?;
        waited?;
    }
    if status & 0x7f == 0 && status >> 8 == written { Ok(()) } else { Err(FAILED) }
}

/// `ptrace-child`: starts a child, stops it, and writes a word into its memory (ptrace(2), PTRACE_POKEDATA).
pub fn ptrace_child() -> Result<(), Errno> {
    const TRACEME: usize = 0;
    const POKEDATA: usize = 5;
    const DETACH: usize = 17;
    let mut word: u64 = 0;
    // SAFETY: fork(2) gives the child a copy of everything; the word lives in both.
    unsafe {
        let child = call(57, [0; 6])?;
        if child == 0 {
            call(101, [TRACEME, 0, 0, 0, 0, 0])?;
            let own = call(39, [0; 6])?;
            call(62, [own, 19, 0, 0, 0, 0])?;
            // what the parent wrote is the end of the child
            crate::sys::exit((&raw const word).read_volatile() as i32);
        }
        let mut status: u32 = 0;
        call(61, [child, &raw mut status as usize, 0, 0, 0, 0])?;
        let wrote = call(101, [POKEDATA, child, &raw mut word as usize, 77, 0, 0]);
        let acted = wrote.and_then(|_| call(101, [DETACH, child, 0, 0, 0, 0]));
        ended(child, acted.map(drop), 77)
    }
}

/// `vm-write-child`: starts a child and writes a word into its memory past every debugger's call (process_vm_writev(2)).
pub fn vm_write_child() -> Result<(), Errno> {
    let mut word: u64 = 0;
    let mut pipe: [i32; 2] = [0; 2];
    // SAFETY: as above; the vectors are live and name the word, which lies at the same address in both.
    unsafe {
        call(22, [&raw mut pipe as usize, 0, 0, 0, 0, 0])?;
        let child = call(57, [0; 6])?;
        if child == 0 {
            let mut byte: u8 = 0;
            call(0, [pipe[0] as usize, &raw mut byte as usize, 1, 0, 0, 0])?;
            crate::sys::exit((&raw const word).read_volatile() as i32);
        }
        let value: u64 = 77;
        let from = [&raw const value as usize, 8];
        let to = [&raw mut word as usize, 8];
        let wrote = call(311, [child, from.as_ptr() as usize, 1, to.as_ptr() as usize, 1, 0]);
        let acted = wrote.and_then(|_| call(1, [pipe[1] as usize, &raw const value as usize, 1, 0, 0, 0]));
        ended(child, acted.map(drop), 77)
    }
}

/// `io-uring-write FILE TEXT`: opens, writes and closes by a ring (io_uring_setup(2), io_uring_enter(2)).
pub fn io_uring_write(words: &Words) -> Result<(), Errno> {
    let (path, text) = (words.at(2), words.text(3).ok_or(USAGE)?);
    let mut ring = Ring::new()?;
    const OPENAT: u8 = 18;
    const WRITE: u8 = 23;
    const CLOSE: u8 = 19;
    let open = Entry {
        operation: OPENAT,
        fd: -100,
        address: path as u64,
        length: 0o644,
        flags: 0o1101,
        ..Entry::NONE
    };
    let file = ring.submit(open)?;
    let content = Entry {
        operation: WRITE,
        fd: file as i32,
        address: text.as_ptr() as u64,
        length: text.len() as u32,
        ..Entry::NONE
    };
    wrote(ring.submit(content)?, text)?;
    ring.submit(Entry { operation: CLOSE, fd: file as i32, ..Entry::NONE })?;
    Ok(())
}

/// `struct io_uring_sqe`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    operation: u8,
    how: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    address: u64,
    length: u32,
    flags: u32,
    user: u64,
    rest: [u64; 3],
}

impl Entry {
    const NONE: Entry = Entry {
        operation: 0,
        how: 0,
        priority: 0,
        fd: -1,
        offset: 0,
        address: 0,
        length: 0,
        flags: 0,
        user: 0,
        rest: [0; 3],
    };
}

/// `struct io_uring_params`: 10 numbers, then the places of the submission and of the completion queue.
#[repr(C)]
#[derive(Default)]
struct Params {
    head: [u32; 10],
    submissions: [u32; 10],
    completions: [u32; 10],
}

/// A ring with one entry under way at a time.
struct Ring {
    fd: usize,
    submissions: usize,
    completions: usize,
    entries: usize,
    params: Params,
}

impl Ring {
    fn new() -> Result<Ring, Errno> {
        let mut params = Params::default();
        // SAFETY: a live structure; then mappings that the kernel places, as large as it says.
        unsafe {
            let fd = call(425, [1, &raw mut params as usize, 0, 0, 0, 0])?;
            let map = |size: usize, at: usize| call(9, [0, size, 3, 1, fd, at]);
            let submissions = map(params.submissions[6] as usize + params.head[0] as usize * 4, 0)?;
            let completions = map(params.completions[5] as usize + params.head[1] as usize * 16, 0x800_0000)?;
            let entries = map(params.head[0] as usize * size_of::<Entry>(), 0x1000_0000)?;
            Ok(Ring { fd, submissions, completions, entries, params })
        }
    }

    /// Gives `entry` to the kernel, waits for its end, and says what it answered.
    fn submit(&mut self, entry: Entry) -> Result<usize, Errno> {
        let [_, tail, mask, ..] = self.params.submissions;
        let array = self.params.submissions[6] as usize;
        let [done, _, done_mask, ..] = self.params.completions;
        let results = self.params.completions[5] as usize;
        // SAFETY: the places lie in the mappings, as the kernel told them; nothing else uses the ring.
        unsafe {
            let number = |base: usize, at: u32| &*((base + at as usize) as *const AtomicU32);
            let (tail, mask) = (number(self.submissions, tail), number(self.submissions, mask));
            let next = tail.load(Ordering::Acquire);
            let index = next & mask.load(Ordering::Relaxed);
            (self.entries as *mut Entry).add(index as usize).write(entry);
            ((self.submissions + array) as *mut u32).add(index as usize).write(index);
            tail.store(next.wrapping_add(1), Ordering::Release);
            const GET_EVENTS: usize = 1;
            call(426, [self.fd, 1, 1, GET_EVENTS, 0, 0])?;
            let head = number(self.completions, done);
            let now = head.load(Ordering::Acquire);
            let index = (now & number(self.completions, done_mask).load(Ordering::Relaxed)) as usize;
            // struct io_uring_cqe: 8 bytes of the submitter's own, then the answer
            let answer = ((self.completions + results + index * 16 + 8) as *const i32).read_volatile();
            head.store(now.wrapping_add(1), Ordering::Release);
            if answer < 0 { Err(-answer) } else { Ok(answer as usize) }
        }
    }
}
