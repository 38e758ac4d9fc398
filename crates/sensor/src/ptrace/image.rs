//! The new program right after an exec: arguments and environment from its untouched stack, and the hash of the
//! executed file.

use super::memory::{read_some, word};
use super::procfs::Link;
use crate::hashes::Hashes;
use crate::raw::RawObject;
use detektr_event::{Copied, Sha256, Text};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::MetadataExt;

/// No stack begins with more than this: 6 MiB of strings, and their pointers.
const LARGEST_STACK: usize = 32 << 20;
const AT_NULL: u64 = 0;
const AT_EXECFN: u64 = 31;

/// What the kernel put on the new stack.
#[derive(Debug, Default)]
pub(super) struct Stack {
    pub(super) argv: Vec<Copied>,
    pub(super) env: Vec<Copied>,
    /// The name that was asked for.
    pub(super) filename: Option<Copied>,
    /// Why not all of it could be read, where it couldn't.
    pub(super) incomplete: Option<String>,
}

/// Reads the stack that begins at `pointer`, before the program has run.
pub(super) fn stack(tid: i32, pointer: u64, word_size: usize) -> Stack {
    let mut bytes = Vec::new();
    let mut step = 16 << 10;
    loop {
        let from = bytes.len();
        bytes.resize(from + step, 0);
        let copied = read_some(tid, pointer + from as u64, &mut bytes[from..]);
        bytes.truncate(from + copied);
        if copied < step || bytes.len() > LARGEST_STACK {
            break;
        }
        step = (bytes.len()).min(4 << 20);
    }
    parse(&bytes, pointer, word_size)
}

fn parse(bytes: &[u8], base: u64, size: usize) -> Stack {
    let mut stack = Stack::default();
    let mut words = bytes.chunks_exact(size).map(word);
    let string = |address: u64| -> Option<Copied> {
        let from = usize::try_from(address.checked_sub(base)?).ok()?;
        let rest = bytes.get(from..)?;
        let end = rest.iter().position(|&byte| byte == 0)?;
        Some(Copied::Whole(Text::from(&rest[..end])))
    };
    let lost = || Some("the new stack could not be read to its end".to_string());
    let Some(argc) = words.next() else {
        stack.incomplete = lost();
        return stack;
    };
    for _ in 0..argc {
        let Some(text) = words.next().and_then(string) else {
            stack.incomplete = lost();
            return stack;
        };
        stack.argv.push(text);
    }
    words.next();
    loop {
        match words.next() {
            Some(0) => break,
            Some(address) => match string(address) {
                Some(text) => stack.env.push(text),
                None => {
                    stack.incomplete = lost();
                    return stack;
                }
            },
            None => {
                stack.incomplete = lost();
                return stack;
            }
        }
    }
    while let (Some(kind), Some(value)) = (words.next(), words.next()) {
        match kind {
            AT_NULL => break,
            AT_EXECFN => stack.filename = string(value),
            _ => {}
        }
    }
    stack
}

/// What was executed: its hash, and whether it is a script.
pub(super) struct Executed {
    pub(super) sha256: Sha256,
    pub(super) script: bool,
}

/// The file that `tid` has just executed by the name `filename`, where `exe` now runs.
pub(super) fn executed(
    hashes: &mut Hashes,
    tid: i32,
    filename: &Copied,
    cwd: &RawObject,
    exe: &RawObject,
) -> Executed {
    if let Some(file) = open_asked(tid, filename, cwd)
        && let Ok(data) = file.metadata()
        && data.is_file()
        && (super::procfs::kernel_dev(data.dev()), data.ino()) != (exe.dev, exe.ino)
        && begins_with_interpreter_line(&file)
    {
        return Executed { sha256: hashes.of(&file), script: true };
    }
    let sha256 = match File::open(format!("/proc/{tid}/exe")) {
        Ok(file) => hashes.of(&file),
        Err(error) => Sha256::Absent { absent: error.to_string() },
    };
    Executed { sha256, script: false }
}

fn begins_with_interpreter_line(file: &File) -> bool {
    let mut begin = [0; 2];
    std::os::unix::fs::FileExt::read_at(file, &mut begin, 0).is_ok_and(|length| length == 2)
        && &begin == b"#!"
}

/// Opens the file by the name that the process used, within the process's own root: no symbolic link of the
/// environment leads out of it.
fn open_asked(tid: i32, filename: &Copied, cwd: &RawObject) -> Option<File> {
    let asked = filename.as_whole()?.as_bytes();
    let path = if asked.starts_with(b"/") {
        asked.to_vec()
    } else {
        [cwd.path.as_whole()?.as_bytes(), b"/", asked].concat()
    };
    let root = Link::open_directory(&format!("/proc/{tid}/root"))?;
    let path = CString::new(path).ok()?;
    // SAFETY: open_how is plain data, for which zeroes are valid.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY) as u64;
    how.resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
    // SAFETY: `root` is open, `path` NUL-terminated, and `how` as large as said.
    let fd = unsafe {
        libc::syscall(libc::SYS_openat2, root.as_raw_fd(), path.as_ptr(), &raw const how, size_of_val(&how))
    };
    if fd < 0 {
        return None;
    }
    // SAFETY: a fresh descriptor that nothing else owns.
    Some(unsafe { File::from_raw_fd(fd as i32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_yields_arguments_environment_and_the_name_asked_for() {
        let base = 0x7fff_0000u64;
        let strings = b"sh\0-c\0A=1\0/bin/sh\0";
        let table = 8 * 10;
        let at = |offset: u64| base + table + offset;
        let words = [2, at(0), at(3), 0, at(6), 0, AT_EXECFN, at(10), AT_NULL, 0];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
        bytes.extend_from_slice(strings);
        let stack = parse(&bytes, base, 8);
        assert_eq!(stack.argv, [Copied::whole("sh"), Copied::whole("-c")]);
        assert_eq!(stack.env, [Copied::whole("A=1")]);
        assert_eq!(stack.filename, Some(Copied::whole("/bin/sh")));
        assert_eq!(stack.incomplete, None);
        assert!(parse(&bytes[..60], base, 8).incomplete.is_some());
    }
}
