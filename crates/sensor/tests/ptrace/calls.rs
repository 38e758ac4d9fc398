//! Calls on files, sockets, credentials, signals.

use crate::launcher::{run_source, string, whole};
use detektr_sensor::raw::{Body, Returned, Taken};

#[test]
fn files_are_told_with_their_objects_bases_results_and_bytes() {
    let source = r#"#include <fcntl.h>
        #include <stdio.h>
        #include <sys/stat.h>
        #include <unistd.h>
        int main(int n, char **a) { (void)n; if (chdir(a[1])) return 1;
            int f = open("new", O_CREAT | O_RDWR, 0600); write(f, "12345", 5); write(f, "678", 3); close(f);
            open("/nowhere/at/all", O_RDONLY);
            rename("new", "old"); mkdir("dir", 0700); int d = open("dir", O_DIRECTORY);
            symlinkat("../old", d, "link"); unlinkat(d, "missing", 0); rmdir("dir"); chdir("dir"); open("after", O_CREAT, 0600);
            unlink("old"); unlink("../old"); return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let open = run.call_on("openat", "new");
    let Returned::Value(fd) = open.ret else { panic!("{open:?}") };
    assert!(fd > 2);
    let [Taken::Object(base), Taken::String { .. }, Taken::Object(file)] = &open.taken[..] else {
        panic!("{open:?}")
    };
    assert_eq!(whole(&file.path), format!("{}/new", whole(&base.path)));
    assert_eq!((file.mode & 0o170777, file.unlinked, file.from_procfs), (0o100600, false, true));
    assert!(file.ino != 0 && file.mount_namespace != 0 && !file.fs.is_empty());
    let failed = run.call_on("openat", "/nowhere/at/all");
    assert_eq!((failed.ret, &failed.taken[2]), (Returned::Value(-2), &Taken::Nothing));
    let rename = &run.calls("rename")[0].1;
    assert_eq!((rename.ret, rename.taken.len()), (Returned::Value(0), 4));
    let symlink = run.call_on("symlinkat", "../old");
    let Taken::Object(base) = &symlink.taken[1] else { panic!("{symlink:?}") };
    assert!(whole(&base.path).ends_with("/dir"));
    assert_eq!(run.call_on("unlinkat", "missing").ret, Returned::Value(-2));
    assert_eq!(run.call_on("rmdir", "dir").ret, Returned::Value(-39));
    let Taken::Object(base) = &run.call_on("openat", "after").taken[0] else { panic!("no base") };
    assert!(whole(&base.path).ends_with("/dir"), "the change of directory was noticed");
    assert_eq!(run.call_on("unlink", "../old").ret, Returned::Value(0));
    let io: Vec<_> = run
        .raws
        .iter()
        .filter_map(|raw| match &raw.body {
            Body::Io(io) => {
                Some((whole(&io.object.path).ends_with("/new"), io.written, io.writes, io.mapped))
            }
            _ => None,
        })
        .collect();
    assert_eq!(io, [(true, 8, 2, false)]);
}

#[test]
fn sockets_are_told_with_their_addresses() {
    let source = r#"#include <netinet/in.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <sys/un.h>
        #include <stdio.h>
        #include <unistd.h>
        int main(int n, char **a) { (void)n; struct sockaddr_un u = {.sun_family = AF_UNIX};
            snprintf(u.sun_path, sizeof u.sun_path, "%s/s", a[1]);
            int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
            bind(l, (void *)&u, sizeof u); listen(l, 5); connect(c, (void *)&u, sizeof u);
            struct sockaddr_un p; socklen_t s = sizeof p; accept(l, (void *)&p, &s);
            struct sockaddr_in i = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(0x7f000001)};
            connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&i, sizeof i);
            int d = socket(AF_INET, SOCK_DGRAM, 0); sendto(d, "x", 1, 0, (void *)&i, sizeof i); send(c, "y", 1, 0);
            return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.calls("socket").len(), 4);
    let bytes = |taken: &Taken| match taken {
        Taken::Bytes(bytes) => bytes.clone(),
        other => panic!("no bytes: {other:?}"),
    };
    let bind = bytes(&run.calls("bind")[0].1.taken[0]);
    assert_eq!((bind.len(), bind[0]), (110, 1));
    let connects = run.calls("connect");
    assert_eq!((bytes(&connects[0].1.taken[0]), connects[0].1.ret), (bind, Returned::Value(0)));
    assert_eq!(bytes(&connects[1].1.taken[0])[..8], [2, 0, 0, 1, 127, 0, 0, 1]);
    assert_eq!(connects[1].1.ret, Returned::Value(-111));
    assert_eq!(bytes(&run.calls("accept")[0].1.taken[0]), [1, 0]);
    let sends = run.calls("sendto");
    assert_eq!(sends.len(), 1, "a send to a connected peer is none");
    assert_eq!(bytes(&sends[0].1.taken[0])[..2], [2, 0]);
}

#[test]
fn credentials_are_told_before_and_after() {
    // SAFETY: geteuid takes nothing and can't fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: needs root to change ids");
        return;
    }
    let source = r#"#include <unistd.h>
        #include <sys/types.h>
        int main(void) { setgid(4242); setresuid(4243, 4244, 4245); setuid(0); return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let (raw, call) = run.calls("setresuid")[0];
    let [Taken::Credentials(old, new)] = call.taken[..] else { panic!("{call:?}") };
    assert_eq!((old.uids, old.gids), ([0; 4], [4242; 4]));
    assert_eq!(new.uids, [4243, 4244, 4245, 4244]);
    assert_ne!(old.capabilities.effective, 0);
    assert_eq!(new.capabilities.effective, 0);
    assert_eq!(raw.euid, Some(4244));
    assert_eq!(run.calls("setuid")[0].1.ret, Returned::Value(-1));
}

#[test]
fn signals_of_calls_and_of_the_kernel_are_told_apart() {
    let source = r#"#include <signal.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void) { signal(SIGPIPE, SIG_IGN); signal(SIGUSR1, SIG_IGN); kill(getpid(), SIGUSR1);
            int p[2]; pipe(p); close(p[0]); write(p[1], "x", 1);
            pid_t c = fork(); if (!c) { *(volatile int *)16 = 1; } waitpid(c, 0, 0);
            c = fork(); if (!c) pause(); kill(c, SIGSTOP); waitpid(c, 0, WUNTRACED); kill(c, SIGCONT); kill(c, SIGKILL);
            int s; waitpid(c, &s, 0); return WTERMSIG(s) != SIGKILL; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.status, 0, "stops and signals work as without a tracer");
    let kernel: Vec<_> = run
        .raws
        .iter()
        .filter_map(|raw| match raw.body {
            Body::KernelSignal { signal, .. } => Some(signal),
            _ => None,
        })
        .collect();
    assert_eq!(kernel, [libc::SIGPIPE, libc::SIGSEGV]);
    let kills: Vec<_> = run.calls("kill").iter().map(|(_, call)| call.args[1]).collect();
    assert_eq!(kills, [10, 19, 18, 9]);
    let statuses: Vec<_> = run.exits().iter().map(|(_, exit)| exit.status & 0x7f).collect();
    assert_eq!(statuses, [libc::SIGSEGV, libc::SIGKILL, 0]);
}

#[test]
fn a_call_that_is_killed_half_way_is_unfinished() {
    let source = r#"#include <fcntl.h>
        #include <signal.h>
        #include <stdio.h>
        #include <sys/stat.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(int n, char **a) { (void)n; chdir(a[1]); mkfifo("fifo", 0600);
            pid_t c = fork(); if (!c) { open("fifo", O_RDONLY); _exit(1); }
            usleep(100000); kill(c, SIGKILL); waitpid(c, 0, 0); return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.call_on("openat", "fifo").ret, Returned::Never);
}

#[test]
fn a_call_that_a_signal_interrupts_is_told_once() {
    let source = r#"#include <fcntl.h>
        #include <signal.h>
        #include <sys/stat.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static void on(int s) { (void)s; }
        int main(int n, char **a) { (void)n; chdir(a[1]); mkfifo("fifo", 0600);
            pid_t c = fork();
            if (!c) { struct sigaction s = {.sa_handler = on, .sa_flags = SA_RESTART}; sigaction(SIGUSR1, &s, 0);
                s.sa_flags = 0; sigaction(SIGUSR2, &s, 0); open("fifo", O_RDONLY); _exit(unlink("gone") == 0); }
            usleep(100000); kill(c, SIGUSR1); usleep(100000); kill(c, SIGUSR2); waitpid(c, 0, 0); return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.call_on("openat", "fifo").ret, Returned::Value(-i64::from(libc::EINTR)));
    assert_eq!(run.call_on("unlink", "gone").ret, Returned::Value(-2));
}

#[test]
fn paths_of_4095_bytes_arrive_whole_and_longer_ones_say_so() {
    let source = r#"#include <string.h>
        #include <unistd.h>
        int main(void) { static char p[6000]; memset(p, 'a', 4095); unlink(p); memset(p, 'b', 5000); unlink(p); unlink((char *)8); return 0; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    let texts: Vec<_> = run
        .calls("unlink")
        .iter()
        .map(|(_, call)| match &call.taken[1] {
            Taken::String { entry, .. } => entry.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(whole(&texts[0]), "a".repeat(4095));
    assert!(matches!(&texts[1], detektr_event::Copied::Truncated { truncated: 5000, .. }), "{:?}", texts[1]);
    assert!(matches!(&texts[2], detektr_event::Copied::Unreadable { .. }));
    assert!(!string(&run.calls("unlink")[0].1.taken).is_empty());
}
