//! The artifact: what kind of thing it is, and how it is started. Decided before anything runs, from its
//! content first and its name second, so that a thing that can't run is refused with the reason.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the user asked to run.
#[derive(Clone, Debug)]
pub enum ArtifactSpec {
    /// A file, copied into the environment; arguments follow it.
    Path(PathBuf),
    /// A command of the environment's own: `args[0]` is looked up on its PATH.
    Command,
}

/// What an artifact turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// An ELF program for this machine. The interpreter is its dynamic loader, where it names one.
    Elf {
        /// 32-bit (i386).
        ia32: bool,
        /// `PT_INTERP`.
        loader: Option<PathBuf>,
    },
    /// A script whose first line names its interpreter.
    Script {
        /// The interpreter.
        interpreter: PathBuf,
    },
    /// A script without such a line; the interpreter follows from name and content.
    BareScript {
        /// The interpreter, as a command.
        interpreter: &'static str,
    },
    /// A command.
    Command,
}

impl ArtifactKind {
    /// The word in the manifest.
    pub fn name(&self) -> &'static str {
        match self {
            ArtifactKind::Elf { .. } => "elf",
            ArtifactKind::Script { .. } | ArtifactKind::BareScript { .. } => "script",
            ArtifactKind::Command => "command",
        }
    }

    /// Whether it is a 32-bit program (i386).
    pub fn is_ia32(&self) -> bool {
        matches!(self, ArtifactKind::Elf { ia32: true, .. })
    }
}

/// Why an artifact can't be run. Found before anything runs.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// There is none, or it can't be read.
    #[error("can't read the artifact {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory, socket, device or FIFO.
    #[error("the artifact {path} is {what}, not a file")]
    NotAFile {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Empty.
    #[error("the artifact {path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// ELF for another machine.
    #[error("the artifact {path} is an ELF file for {machine}, and this machine runs x86-64 and i386")]
    WrongArchitecture {
        /// The file.
        path: PathBuf,
        /// The machine, by name or number.
        machine: String,
    },
    /// ELF that the kernel would refuse.
    #[error("the artifact {path} is a broken ELF file: {why}")]
    BrokenElf {
        /// The file.
        path: PathBuf,
        /// What is broken.
        why: String,
    },
    /// ELF that is no program.
    #[error("the artifact {path} is {what}, which can't be started")]
    NotAProgram {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Its interpreter or loader is not in the root file system.
    #[error("the artifact {path} needs {interpreter}, which the environment's root file system has not")]
    InterpreterAbsent {
        /// The file.
        path: PathBuf,
        /// The interpreter.
        interpreter: PathBuf,
    },
    /// A command that is not on the environment's PATH.
    #[error("no command {name:?} in the environment's root file system")]
    CommandAbsent {
        /// The command.
        name: OsString,
    },
    /// A command without words.
    #[error("no command was given")]
    NoCommand,
}

impl ArtifactError {
    /// What the user can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            ArtifactError::Unreadable { .. } => "name a file that exists and that you may read",
            ArtifactError::NotAFile { .. } => {
                "name one file; for a command write: detektr detonate -- COMMAND ARG…"
            }
            ArtifactError::Empty { .. } => "check that the file was written or downloaded in full",
            ArtifactError::WrongArchitecture { .. } => "run it on a machine of that architecture",
            ArtifactError::BrokenElf { .. } => "check that the file was written or downloaded in full",
            ArtifactError::NotAProgram { .. } => {
                "name an executable, or a script with an interpreter line; a library can be loaded by a program of yours"
            }
            ArtifactError::InterpreterAbsent { .. } => {
                "install it on this host, or give an image that has it: --rootfs"
            }
            ArtifactError::CommandAbsent { .. } => {
                "check the spelling, or give a root file system that has it: --rootfs"
            }
            ArtifactError::NoCommand => "write: detektr detonate -- COMMAND ARG…",
        }
    }
}

/// The PATH inside an environment.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How many bytes of the beginning tell the kind.
const HEAD: usize = 4096;

/// Looks at the file at `path` and tells what it is.
pub fn inspect(path: &Path) -> Result<ArtifactKind, ArtifactError> {
    let unreadable = |source| ArtifactError::Unreadable { path: path.into(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if let Some(what) = irregular(&metadata.file_type()) {
        return Err(ArtifactError::NotAFile { path: path.into(), what });
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head)).map_err(unreadable)?;
    if head.is_empty() {
        return Err(ArtifactError::Empty { path: path.into() });
    }
    if head.starts_with(b"\x7fELF") {
        return elf(path, &head, metadata.len());
    }
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
        let word = line.split(|b| b.is_ascii_whitespace()).find(|word| !word.is_empty()).unwrap_or_default();
        if !word.is_empty() {
            return Ok(ArtifactKind::Script { interpreter: OsString::from_vec(word.to_vec()).into() });
        }
    }
    match bare_interpreter(path, &head) {
        Some(interpreter) => Ok(ArtifactKind::BareScript { interpreter }),
        None => Err(ArtifactError::NotAProgram { path: path.into(), what: "neither ELF nor text" }),
    }
}

fn irregular(kind: &std::fs::FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_dir() => Some("a directory"),
        kind if kind.is_fifo() => Some("a FIFO"),
        kind if kind.is_socket() => Some("a socket"),
        kind if kind.is_char_device() || kind.is_block_device() => Some("a device"),
        _ => None,
    }
}

/// The interpreter of a script without an interpreter line: by its name's ending, else the shell for text.
fn bare_interpreter(path: &Path, head: &[u8]) -> Option<&'static str> {
    if head.contains(&0) {
        return None;
    }
    let by_name = match path.extension().and_then(|e| e.to_str()) {
        Some("py") => Some("python3"),
        Some("pl") => Some("perl"),
        Some("rb") => Some("ruby"),
        Some("js" | "mjs" | "cjs") => Some("node"),
        Some("php") => Some("php"),
        Some("lua") => Some("lua"),
        Some("bash") => Some("bash"),
        Some("awk") => Some("awk"),
        _ => None,
    };
    let text = head.starts_with("<?php".as_bytes()).then_some("php");
    by_name.or(text).or(Some("sh"))
}

const EM_386: u16 = 3;
const EM_X86_64: u16 = 62;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const PT_INTERP: u32 = 3;

/// Reads an ELF header as far as the kernel's loader does (`fs/binfmt_elf.c`, elf(5)).
fn elf(path: &Path, head: &[u8], size: u64) -> Result<ArtifactKind, ArtifactError> {
    let broken = |why: &str| ArtifactError::BrokenElf { path: path.into(), why: why.into() };
    if head.len() < 20 {
        return Err(broken("it ends within the header"));
    }
    let class64 = match head[4] {
        1 => false,
        2 => true,
        _ => return Err(broken("its class is neither 32 nor 64 bits")),
    };
    if head[5] != 1 {
        let machine = format!("a big-endian machine ({})", u16::from_be_bytes([head[18], head[19]]));
        return Err(ArtifactError::WrongArchitecture { path: path.into(), machine });
    }
    let machine = u16::from_le_bytes([head[18], head[19]]);
    // x32 is EM_X86_64 in a 32-bit file; the kernel decides whether it takes that.
    let fits = matches!((machine, class64), (EM_386, false) | (EM_X86_64, _));
    if !fits {
        return Err(ArtifactError::WrongArchitecture { path: path.into(), machine: machine_name(machine) });
    }
    let field = |at64: usize, at32: usize, len64: usize, len32: usize| -> Option<u64> {
        let (at, len) = if class64 { (at64, len64) } else { (at32, len32) };
        let bytes = head.get(at..at + len)?;
        let mut word = [0; 8];
        word[..len].copy_from_slice(bytes);
        Some(u64::from_le_bytes(word))
    };
    let short = || broken("it ends within the header");
    let kind = u16::from_le_bytes([head[16], head[17]]);
    let entry = field(24, 24, 8, 4).ok_or_else(short)?;
    let phoff = field(32, 28, 8, 4).ok_or_else(short)?;
    let phentsize = field(54, 42, 2, 2).ok_or_else(short)?;
    let phnum = field(56, 44, 2, 2).ok_or_else(short)?;
    match kind {
        ET_EXEC | ET_DYN => {}
        1 => return Err(ArtifactError::NotAProgram { path: path.into(), what: "an ELF object file" }),
        4 => return Err(ArtifactError::NotAProgram { path: path.into(), what: "a core dump" }),
        _ => return Err(broken("its type is unknown")),
    }
    if phnum == 0 {
        return Err(broken("it has no program headers"));
    }
    if phentsize != if class64 { 56 } else { 32 } {
        return Err(broken("its program headers have the wrong size"));
    }
    if phoff.checked_add(phentsize * phnum).is_none_or(|end| end > size) {
        return Err(broken("it ends before its program headers do"));
    }
    let headers = read_at(path, phoff, (phentsize * phnum) as usize)?;
    let mut loader = None;
    for header in headers.chunks_exact(phentsize as usize) {
        let word = |at: usize, len: usize| {
            let mut word = [0; 8];
            word[..len].copy_from_slice(&header[at..at + len]);
            u64::from_le_bytes(word)
        };
        if word(0, 4) as u32 == PT_INTERP {
            let (offset, length) =
                if class64 { (word(8, 8), word(32, 8)) } else { (word(4, 4), word(16, 4)) };
            if !(2..=4096).contains(&length) || offset.checked_add(length).is_none_or(|end| end > size) {
                return Err(broken("its loader's name lies outside the file"));
            }
            let mut name = read_at(path, offset, length as usize)?;
            name.truncate(name.iter().position(|b| *b == 0).unwrap_or(name.len()));
            loader = Some(PathBuf::from(OsString::from_vec(name)));
        }
    }
    if kind == ET_DYN && loader.is_none() && entry == 0 {
        return Err(ArtifactError::NotAProgram { path: path.into(), what: "a shared library" });
    }
    Ok(ArtifactKind::Elf { ia32: machine == EM_386, loader })
}

fn read_at(path: &Path, offset: u64, length: usize) -> Result<Vec<u8>, ArtifactError> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; length];
    File::open(path)
        .and_then(|file| file.read_exact_at(&mut bytes, offset))
        .map_err(|source| ArtifactError::Unreadable { path: path.into(), source })?;
    Ok(bytes)
}

fn machine_name(machine: u16) -> String {
    match machine {
        2 => "SPARC".into(),
        8 => "MIPS".into(),
        20 => "PowerPC".into(),
        21 => "PowerPC 64".into(),
        22 => "S/390".into(),
        40 => "ARM".into(),
        43 => "SPARC v9".into(),
        183 => "AArch64".into(),
        243 => "RISC-V".into(),
        258 => "LoongArch".into(),
        other => format!("machine number {other}"),
    }
}

/// The command line that starts an artifact of `kind`, placed at `placed`, with `args`.
pub fn command_line(kind: &ArtifactKind, placed: &Path, args: &[OsString]) -> Vec<OsString> {
    let mut argv: Vec<OsString> = match kind {
        ArtifactKind::Command => Vec::new(),
        ArtifactKind::BareScript { interpreter } => vec![interpreter.into(), placed.into()],
        _ => vec![placed.into()],
    };
    argv.extend_from_slice(args);
    argv
}

/// Checks that what starts the artifact is in the root file system, where `root` is its tree on this host.
pub fn check_interpreter(
    kind: &ArtifactKind,
    artifact: &Path,
    args: &[OsString],
    root: &Path,
) -> Result<(), ArtifactError> {
    let absent = |interpreter: &Path| ArtifactError::InterpreterAbsent {
        path: artifact.into(),
        interpreter: interpreter.into(),
    };
    match kind {
        ArtifactKind::Elf { loader: Some(loader), .. } if !exists_in(root, loader) => Err(absent(loader)),
        ArtifactKind::Script { interpreter } if !exists_in(root, interpreter) => Err(absent(interpreter)),
        ArtifactKind::BareScript { interpreter } if !on_path(root, Path::new(interpreter)) => {
            Err(absent(Path::new(interpreter)))
        }
        ArtifactKind::Command => {
            let name = args.first().ok_or(ArtifactError::NoCommand)?;
            let path = Path::new(name);
            let there = match (path.is_absolute(), name.as_bytes().contains(&b'/')) {
                (true, _) => exists_in(root, path),
                // below the folder that it is started in, which is made for the run
                (false, true) => true,
                (false, false) => on_path(root, path),
            };
            if there { Ok(()) } else { Err(ArtifactError::CommandAbsent { name: name.clone() }) }
        }
        _ => Ok(()),
    }
}

fn on_path(root: &Path, command: &Path) -> bool {
    PATH.split(':').any(|folder| exists_in(root, &Path::new(folder).join(command)))
}

/// Whether `path` exists below `root`, its symbolic links followed as they are inside (`root` is `/` there).
fn exists_in(root: &Path, path: &Path) -> bool {
    let mut links = 0;
    let mut left: Vec<OsString> = path.components().rev().map(|c| c.as_os_str().to_owned()).collect();
    let mut inside = PathBuf::from("/");
    while let Some(part) = left.pop() {
        match part.as_bytes() {
            b"/" => inside = "/".into(),
            b"." => {}
            b".." => {
                inside.pop();
            }
            _ => {
                let here = inside.join(&part);
                let outside = root.join(here.strip_prefix("/").unwrap_or(&here));
                match std::fs::read_link(&outside) {
                    Ok(target) => {
                        links += 1;
                        if links > 40 {
                            return false;
                        }
                        left.extend(target.components().rev().map(|c| c.as_os_str().to_owned()));
                    }
                    Err(_) if std::fs::symlink_metadata(&outside).is_ok() => inside = here,
                    Err(_) => return false,
                }
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn an_empty_file_a_directory_and_a_missing_file_are_told_apart() {
        let (folder, path) = file("empty", b"");
        assert!(matches!(inspect(&path), Err(ArtifactError::Empty { .. })));
        assert!(matches!(inspect(folder.path()), Err(ArtifactError::NotAFile { what: "a directory", .. })));
        assert!(matches!(inspect(&folder.path().join("none")), Err(ArtifactError::Unreadable { .. })));
    }

    #[test]
    fn scripts_are_known_by_their_first_line_their_name_or_their_text() {
        let kind = |name: &str, content: &[u8]| {
            let (_folder, path) = file(name, content);
            inspect(&path).unwrap()
        };
        assert_eq!(kind("a", b"#! /bin/sh -e\n"), ArtifactKind::Script { interpreter: "/bin/sh".into() });
        assert_eq!(kind("a.py", b"print(1)\n"), ArtifactKind::BareScript { interpreter: "python3" });
        assert_eq!(kind("a", b"echo hi\n"), ArtifactKind::BareScript { interpreter: "sh" });
        let (_folder, path) = file("a", b"\x00\x01\x02");
        assert!(matches!(inspect(&path), Err(ArtifactError::NotAProgram { .. })));
    }

    #[test]
    fn an_elf_file_tells_its_loader_and_every_cut_of_it_is_refused() {
        let whole = std::fs::read("/bin/true").unwrap();
        let (_folder, path) = file("true", &whole);
        assert!(matches!(inspect(&path).unwrap(), ArtifactKind::Elf { ia32: false, loader: Some(_) }));
        for length in [5, 16, 19, 30, 63, 100, 300] {
            let (_folder, path) = file("cut", &whole[..length]);
            assert!(matches!(inspect(&path), Err(ArtifactError::BrokenElf { .. })), "cut at {length}");
        }
    }

    #[test]
    fn an_elf_file_for_another_machine_names_that_machine() {
        let mut whole = std::fs::read("/bin/true").unwrap();
        whole[18] = 183;
        let (_folder, path) = file("arm", &whole);
        let error = inspect(&path).unwrap_err().to_string();
        assert!(error.contains("AArch64"), "{error}");
    }

    #[test]
    fn an_absent_interpreter_and_an_absent_command_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let kind = ArtifactKind::Script { interpreter: "/bin/zz".into() };
        assert!(matches!(
            check_interpreter(&kind, Path::new("a"), &[], root.path()),
            Err(ArtifactError::InterpreterAbsent { .. })
        ));
        let command = [OsString::from("zz")];
        assert!(matches!(
            check_interpreter(&ArtifactKind::Command, Path::new(""), &command, root.path()),
            Err(ArtifactError::CommandAbsent { .. })
        ));
        std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        std::fs::write(root.path().join("usr/bin/zz"), "x").unwrap();
        std::os::unix::fs::symlink("/usr/bin", root.path().join("bin")).unwrap();
        check_interpreter(&kind, Path::new("a"), &[], root.path()).unwrap();
        check_interpreter(&ArtifactKind::Command, Path::new(""), &command, root.path()).unwrap();
    }
}
