//! The acts, done by the real program in a folder of the test's own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Actor {
    folder: tempfile::TempDir,
}

impl Actor {
    fn new() -> Actor {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(detektr_actor::NAME);
        // copied by another program: a child that a neighbouring test forks meanwhile must not hold it open for writing
        let source = folder.path().join("source");
        fs::write(&source, detektr_actor::PROGRAM).unwrap();
        assert!(Command::new("cp").args([&source, &program]).status().unwrap().success());
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Actor { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(self.path(detektr_actor::NAME))
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

#[test]
fn it_is_small_and_needs_no_loader() {
    assert!(detektr_actor::PROGRAM.starts_with(b"\x7fELF"));
    assert!(detektr_actor::PROGRAM.len() < 64 << 10, "{} bytes", detektr_actor::PROGRAM.len());
    // no program header names an interpreter
    let number = |at: usize, size: usize| {
        detektr_actor::PROGRAM[at..at + size]
            .iter()
            .rev()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    assert!(count > 0 && (0..count).all(|index| number(table + index * size, 4) != 3));
}

#[test]
fn a_program_runs_from_memory_alone() {
    let actor = Actor::new();
    let output = actor.run(&[
        "memfd-exec",
        "/bin/sh",
        "-c",
        "readlink /proc/$$/exe; echo \"$HOME\" \"$1\"",
        "x",
        "y z",
    ]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.starts_with("/memfd:upd"), "{told} {:?}", output.status);
    assert!(told.ends_with(" y z\n"), "arguments and environment go along: {told}");
    assert_eq!(actor.run(&["memfd-exec", "/no/such/program"]).status.code(), Some(2), "ENOENT");
}

#[test]
fn files_are_written_by_calls_of_each_kind() {
    let actor = Actor::new();
    for act in ["raw-write", "ia32-write", "io-uring-write"] {
        let output = actor.run(&[act, act, "some text\n"]);
        match (act, output.status.code()) {
            // ENOSYS or EPERM: this host's administrator turned rings off
            ("io-uring-write", Some(38 | 1)) => {
                eprintln!("skipped: io_uring is refused here");
                continue;
            }
            // killed: no 32-bit calls here
            ("ia32-write", None) => {
                eprintln!("skipped: this kernel takes no 32-bit calls");
                continue;
            }
            (_, code) => assert_eq!(code, Some(0), "{act}"),
        }
        assert_eq!(fs::read_to_string(actor.path(act)).unwrap(), "some text\n", "{act}");
        // over a longer file
        assert!(actor.run(&[act, act, "x"]).status.success());
        assert_eq!(fs::read_to_string(actor.path(act)).unwrap(), "x", "{act}");
        assert_eq!(actor.run(&[act, "no/such/folder/x", "x"]).status.code(), Some(2), "{act}: ENOENT");
    }
}

#[test]
fn a_word_is_written_into_the_memory_of_its_own_child() {
    for act in ["ptrace-child", "vm-write-child"] {
        assert_eq!(Actor::new().run(&[act]).status.code(), Some(0), "{act}");
    }
}

#[test]
fn an_act_that_is_refused_leaves_no_child_behind() {
    let actor = Actor::new();
    let program = actor.path(detektr_actor::NAME);
    if fs::metadata(&program).unwrap().uid() != 0 {
        eprintln!("skipped: needs root, to run a program that its user may not read");
        return;
    }
    // nobody else may look into the memory of such a program's processes, nor write there: not even its parent
    fs::set_permissions(&program, fs::Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(actor.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for act in ["ptrace-child", "vm-write-child"] {
        let status = Command::new(&program).arg(act).uid(65_534).gid(65_534).status().unwrap();
        assert!(matches!(status.code(), Some(1 | 5)), "{act}: EPERM or EIO, and not {status:?}");
        let left: Vec<PathBuf> = fs::read_dir("/proc")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|process| fs::read_link(process.join("exe")).is_ok_and(|exe| exe == program))
            .collect();
        assert!(left.is_empty(), "{act}: {left:?}");
    }
}

#[test]
fn words_that_make_no_sense_do_nothing() {
    let actor = Actor::new();
    for words in
        [&[][..], &["fly"], &["memfd-exec"], &["raw-write", "x"], &["ia32-write"], &["io-uring-write", "x"]]
    {
        assert_eq!(actor.run(words).status.code(), Some(2), "{words:?}");
    }
    assert!(!actor.path("x").exists());
}
