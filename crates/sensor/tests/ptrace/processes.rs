//! Births, execs and ends.

use crate::launcher::{compile, run, run_source, whole};
use detektr_event::Sha256;
use detektr_sensor::raw::{Body, Returned};
use std::process::Command;

fn sha256(path: &std::path::Path) -> Option<String> {
    let output = Command::new("sha256sum").arg(path).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).split(' ').next()?.to_string())
}

#[test]
fn a_program_is_told_from_birth_to_exit_with_arguments_environment_and_hash() {
    let run = run(&["/bin/sh", "-c", "exit 7"], &["A=1", "B=two words"], false);
    assert_eq!(run.births().len(), 1);
    let (raw, birth) = run.births()[0];
    assert_eq!((raw.tgid, birth.tgid, birth.tid), (std::process::id(), run.pid, run.pid));
    let [(raw, exec)] = run.execs()[..] else { panic!("one exec: {:?}", run.execs()) };
    assert_eq!((raw.tgid, raw.tid, exec.old_tid), (run.pid, run.pid, run.pid));
    assert_eq!(whole(&exec.filename), "/bin/sh");
    assert_eq!(exec.argv.iter().map(whole).collect::<Vec<_>>(), ["/bin/sh", "-c", "exit 7"]);
    assert_eq!(exec.env.iter().map(whole).collect::<Vec<_>>(), ["A=1", "B=two words"]);
    assert_eq!((&exec.incomplete, &exec.interpreter), (&None, &None));
    let real = std::fs::canonicalize("/bin/sh").expect("a shell");
    assert_eq!(whole(&exec.exe.path), real.to_str().expect("a plain path"));
    assert_eq!(
        exec.cwd.path,
        detektr_event::Copied::whole(
            std::env::current_dir().expect("a place").into_os_string().into_encoded_bytes()
        )
    );
    assert_eq!(exec.sha256, sha256(&real).map(Sha256::Hash));
    assert_eq!(exec.ppid, std::process::id());
    let stdout = exec.stdio[1].as_ref().expect("stdout is open");
    assert_eq!(whole(&stdout.path), format!("pipe:[{}]", stdout.ino));
    let [(_, exit)] = run.exits()[..] else { panic!("one exit") };
    assert_eq!((exit.status, exit.process_ended), (7 << 8, true));
    assert_eq!(run.status, 7 << 8);
}

#[test]
fn a_megabyte_of_arguments_arrives_whole() {
    let long = "x".repeat(100_000);
    let mut argv = vec!["/bin/true"];
    argv.extend([long.as_str(); 10]);
    argv.push("last");
    let run = run(&argv, &["END=1"], false);
    let (_, exec) = run.execs()[0];
    assert_eq!(exec.incomplete, None);
    assert_eq!(exec.argv.iter().map(whole).collect::<Vec<_>>(), argv);
    assert_eq!(exec.env.iter().map(whole).collect::<Vec<_>>(), ["END=1"]);
}

#[test]
fn a_script_is_told_with_its_interpreter_and_its_own_hash() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("run.sh");
    std::fs::write(&script, "#!/bin/sh -e\nexit 0\n").expect("a script");
    Command::new("chmod").arg("+x").arg(&script).status().expect("chmod");
    let name = script.to_str().expect("a plain path");
    let run = run(&[name, "one"], &[], false);
    let (_, exec) = run.execs()[0];
    assert_eq!(whole(&exec.filename), name);
    assert_eq!(exec.interpreter.as_ref().map(whole), Some("/bin/sh".into()));
    assert_eq!(exec.argv.iter().map(whole).collect::<Vec<_>>(), ["/bin/sh", "-e", name, "one"]);
    assert_eq!(exec.sha256, sha256(&script).map(Sha256::Hash));
    let shell = std::fs::canonicalize("/bin/sh").expect("a shell");
    assert_eq!(whole(&exec.exe.path), shell.to_str().expect("a plain path"));
}

#[test]
fn a_failed_exec_is_told_with_what_was_asked_for() {
    let source = r#"#include <unistd.h>
        int main(void) { char *argv[] = {"name", "argument", 0}, *env[] = {"K=V", 0};
            execve("/does/not/exist", argv, env); return 3; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let failed: Vec<_> = run
        .raws
        .iter()
        .filter_map(|raw| match &raw.body {
            Body::FailedExec(exec) => Some(exec),
            _ => None,
        })
        .collect();
    let [failed] = failed[..] else { panic!("one failed exec: {failed:?}") };
    assert_eq!(failed.call.ret, Returned::Value(-2));
    assert_eq!(crate::launcher::string(&failed.call.taken), "/does/not/exist");
    assert_eq!(failed.argv.iter().map(whole).collect::<Vec<_>>(), ["name", "argument"]);
    assert_eq!(failed.env.iter().map(whole).collect::<Vec<_>>(), ["K=V"]);
    assert_eq!((failed.incomplete.as_deref(), failed.ppid), (None, std::process::id()));
}

#[test]
fn threads_are_births_of_their_process_and_end_before_it() {
    let source = r#"#include <pthread.h>
        static void *work(void *x) { return x; }
        int main(void) { for (int i = 0; i < 5; i++) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_join(t, 0); } return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let births = run.births();
    assert_eq!(births.len(), 6);
    for (raw, birth) in &births[1..] {
        assert_eq!((raw.tgid, birth.tgid), (run.pid, run.pid));
        assert_ne!(birth.tid, run.pid);
        assert_eq!(birth.env_tid, birth.tid, "no namespace of its own here");
        assert_ne!(birth.flags & libc::CLONE_THREAD as u64, 0);
    }
    assert_eq!(run.exits().iter().filter(|(_, exit)| exit.process_ended).count(), 1);
    assert!(run.exits()[5].1.process_ended);
}

#[test]
fn an_exec_from_a_thread_ends_the_others_and_keeps_the_process() {
    let source = r#"#include <pthread.h>
        #include <unistd.h>
        static void *work(void *x) { execl("/bin/true", "true", (char *)0); return x; }
        static void *rest(void *x) { pause(); return x; }
        int main(void) { pthread_t t; pthread_create(&t, 0, rest, 0); pthread_create(&t, 0, work, 0); pause(); return 1; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let execs = run.execs();
    assert_eq!(execs.len(), 2);
    let (raw, exec) = execs[1];
    assert_eq!((raw.tgid, raw.tid), (run.pid, run.pid));
    assert_ne!(exec.old_tid, run.pid, "the caller was not the leader");
    assert_eq!(run.exits().len(), 3, "leader, the resting thread, and the process");
    assert_eq!(run.exits().iter().filter(|(_, exit)| exit.process_ended).count(), 1);
    assert_eq!(run.status, 0);
}

#[test]
fn vfork_and_clone3_are_told_with_their_flags() {
    let source = r#"#include <linux/sched.h>
        #include <signal.h>
        #include <stdint.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void) { pid_t p = vfork(); if (!p) _exit(4);
            waitpid(p, 0, 0);
            struct clone_args a = {.flags = CLONE_FS | 0x00800000, .exit_signal = SIGCHLD};
            p = syscall(SYS_clone3, &a, sizeof a); if (!p) _exit(a.flags & 0x00800000 ? 6 : 5);
            if (!(a.flags & 0x00800000)) return 9;
            waitpid(p, 0, 0); return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let births = run.births();
    assert_eq!(births.len(), 3);
    assert_eq!(births[1].1.flags, (libc::CLONE_VFORK | libc::CLONE_VM) as u64);
    assert_eq!(
        births[2].1.flags & libc::CLONE_FS as u64,
        libc::CLONE_FS as u64,
        "an untraced child can't escape"
    );
    let status = |tid| run.exits().iter().find(|(raw, _)| raw.tid == tid).map(|(_, exit)| exit.status);
    assert_eq!(status(births[1].1.tid), Some(4 << 8));
    assert_eq!(status(births[2].1.tid), Some(5 << 8), "CLONE_UNTRACED was taken out for the child");
    assert_eq!(run.status, 0, "and put back for the parent");
}

#[test]
fn two_thousand_short_lived_processes_are_all_there() {
    let source = r#"#include <sys/wait.h>
        #include <unistd.h>
        int main(void) { for (int i = 0; i < 2000; i++) { pid_t p = fork(); if (!p) _exit(i & 127); if (p < 0) return 1;
            if (i % 10 == 9) while (waitpid(-1, 0, 0) > 0); } return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.status, 0);
    assert_eq!((run.births().len(), run.exits().len()), (2001, 2001));
    assert!(run.exits().iter().all(|(_, exit)| exit.process_ended));
}

#[test]
fn a_daemon_that_forked_twice_is_followed() {
    let source = r#"#include <fcntl.h>
        #include <stdio.h>
        #include <unistd.h>
        int main(int n, char **a) { (void)n; if (fork() == 0) { setsid(); if (fork() == 0) {
            char f[4096]; snprintf(f, sizeof f, "%s/late", a[1]); close(open(f, O_CREAT | O_WRONLY, 0600)); } }
            return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.births().len(), 3);
    let (raw, open) = run
        .calls("openat")
        .into_iter()
        .find(|(_, call)| crate::launcher::string(&call.taken).ends_with("/late"))
        .expect("the daemon's file");
    assert_eq!(raw.tgid, run.births()[2].1.tgid);
    assert!(matches!(open.ret, Returned::Value(fd) if fd >= 0));
}

#[test]
fn a_32_bit_program_is_decoded_as_such() {
    let source = r#"#include <fcntl.h>
        #include <unistd.h>
        int main(int n, char **a) { (void)n; chdir(a[1]); int f = open("file32", O_CREAT | O_RDWR, 0600); write(f, "abc", 3); close(f);
            unlink("file32"); execl("/does/not/exist", "x", "y", (char *)0); return f < 0; }"#;
    let directory = tempfile::tempdir().expect("a directory");
    let Some(program) = compile(directory.path(), source, &["-m32"]) else { return };
    let run = run(
        &[program.to_str().expect("plain"), directory.path().to_str().expect("plain"), "three"],
        &["E=32"],
        false,
    );
    let (_, exec) = run.execs()[0];
    assert_eq!(exec.argv.len(), 3);
    assert_eq!(exec.env.iter().map(whole).collect::<Vec<_>>(), ["E=32"]);
    let unlink = run.call_on("unlink", "file32");
    assert_eq!((unlink.abi, unlink.nr, unlink.ret), (detektr_sensor::raw::Abi::I386, 10, Returned::Value(0)));
    let written: Vec<_> = run
        .raws
        .iter()
        .filter_map(|raw| match &raw.body {
            Body::Io(io) => Some((whole(&io.object.path).ends_with("/file32"), io.written, io.writes)),
            _ => None,
        })
        .collect();
    assert_eq!(written, [(true, 3, 1)]);
    let failed = run.raws.iter().find_map(|raw| match &raw.body {
        Body::FailedExec(exec) => Some(exec.argv.iter().map(whole).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(failed, Some(vec!["x".to_string(), "y".to_string()]));
}
