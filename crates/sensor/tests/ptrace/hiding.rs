//! What tries to get past the sensor.

use crate::launcher::run_source;
use detektr_sensor::raw::Returned;

const FILTER: &str = r#"#include <errno.h>
    #include <fcntl.h>
    #include <linux/filter.h>
    #include <linux/seccomp.h>
    #include <pthread.h>
    #include <stddef.h>
    #include <stdio.h>
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #include <sys/ioctl.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static int filter(unsigned flags, unsigned nr, unsigned action) {
        struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_fprog p = {4, f};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
    }
"#;

#[test]
fn a_call_that_an_own_filter_denies_is_seen_as_skipped() {
    let source = format!(
        "{FILTER} int main(void) {{ filter(0, SYS_unlink, SECCOMP_RET_ERRNO | EPERM); unlink(\"denied\"); \
         if (fork() == 0) {{ unlink(\"child\"); _exit(0); }} wait(0); rmdir(\"allowed\"); return 0; }}"
    );
    let Some(run) = run_source(&source, &[]) else { return };
    assert_eq!(run.calls("seccomp").len(), 1);
    assert_eq!(run.call_on("unlink", "denied").ret, Returned::Skipped(-1));
    assert_eq!(run.call_on("unlink", "child").ret, Returned::Skipped(-1));
    assert_eq!(run.call_on("rmdir", "allowed").ret, Returned::Value(-2));
}

#[test]
fn a_listener_that_lets_calls_continue_hides_nothing() {
    let source = format!(
        r#"{FILTER}
        static int fd;
        static void *listen_to(void *x) {{ for (;;) {{ struct seccomp_notif n = {{0}};
            if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n)) continue;
            struct seccomp_notif_resp r = {{.id = n.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE}};
            ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r); }} return x; }}
        int main(int n, char **a) {{ (void)n; chdir(a[1]);
            fd = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_mkdir, SECCOMP_RET_USER_NOTIF);
            if (fd < 0) return 1;
            pthread_t t; pthread_create(&t, 0, listen_to, 0);
            return syscall(SYS_mkdir, "made", 0700) != 0 || rmdir("made") != 0; }}"#
    );
    let Some(run) = run_source(&source, &[]) else { return };
    assert_eq!(run.status, 0);
    assert_eq!(run.call_on("mkdir", "made").ret, Returned::Value(0));
    assert_eq!(run.call_on("rmdir", "made").ret, Returned::Value(0));
}

#[test]
fn a_filter_for_all_threads_hides_no_thread_that_was_there_before() {
    let source = format!(
        r#"{FILTER}
        static int go[2];
        static void *later(void *x) {{ char c; read(go[0], &c, 1); unlink("of the thread"); return x; }}
        int main(void) {{ pipe(go); pthread_t t; pthread_create(&t, 0, later, 0); usleep(50000);
            filter(SECCOMP_FILTER_FLAG_TSYNC, SYS_unlink, SECCOMP_RET_ERRNO | EACCES);
            write(go[1], "x", 1); pthread_join(t, 0); return 0; }}"#
    );
    let Some(run) = run_source(&source, &[]) else { return };
    assert_eq!(run.call_on("unlink", "of the thread").ret, Returned::Skipped(-13));
}

#[test]
fn io_uring_is_refused_and_told() {
    let source = r#"#include <errno.h>
        #include <linux/io_uring.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int main(void) { struct io_uring_params p = {0}; long r = syscall(SYS_io_uring_setup, 8, &p); return r != -1 || errno != ENOSYS; }"#;
    let Some(run) = run_source(source, &[]) else { return };
    assert_eq!(run.status, 0);
    let calls = run.calls("io_uring_setup");
    assert_eq!((calls.len(), calls[0].1.ret), (1, Returned::Skipped(-38)));
}
