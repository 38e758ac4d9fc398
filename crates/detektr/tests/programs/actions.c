/* One call of every kind that the sensors watch, told as it is made. Harmless: all happens below the directory that
   is the first argument, in child processes, or fails by design. What needs more rights fails and is told so.
   (Writing the lines is a write to standard output, which is no file of its own.) */
#include "tell.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static void files(void)
{
    int fd = TELL("file.create", "new", openat(AT_FDCWD, "new", O_RDWR | O_CREAT | O_EXCL, 0640));
    if (write(fd, "twelve bytes", 12) == 12 && pwrite(fd, "more", 4, 12) == 4)
        TELL_ERRNO("file.write", "new 16", 0);
    TELL("file.chmod", "new", fchmod(fd, 0600));
    TELL("file.chown", "new", fchown(fd, -1, -1));
    TELL("file.truncate", "new", ftruncate(fd, 100));
    TELL("file.xattr", "new", fsetxattr(fd, "user.test", "v", 1, 0));
    TELL("file.xattr", "new", fremovexattr(fd, "user.none"));
    close(fd);
    TELL("file.create", "new", open("new", O_WRONLY | O_CREAT | O_EXCL, 0600));
    close(TELL("file.open", "new", open("new", O_RDONLY)));
    close(TELL("file.open", "new", open("new", O_RDWR | O_APPEND)));
    TELL("file.open", "missing", open("missing", O_RDONLY));
    close(TELL("file.open", ".", open(".", O_RDONLY | O_DIRECTORY)));
    close(TELL("file.create", "made", creat("made", 0600)));
    TELL("file.rename", "made renamed", rename("made", "renamed"));
    TELL("file.rename", "missing other", rename("missing", "other"));
    TELL("file.rename", "renamed made", renameat2(AT_FDCWD, "renamed", AT_FDCWD, "made", RENAME_NOREPLACE));
    TELL("file.link", "made hard", link("made", "hard"));
    TELL("file.link", "missing hard2", link("missing", "hard2"));
    TELL("file.symlink", "made soft", symlink("made", "soft"));
    TELL("file.symlink", "made soft", symlink("made", "soft"));
    TELL("file.mkdir", "dir", mkdir("dir", 0755));
    TELL("file.mkdir", "dir", mkdirat(AT_FDCWD, "dir", 0755));
    TELL("file.mknod", "fifo", mknod("fifo", S_IFIFO | 0600, 0));
    TELL("file.mknod", "dir/fifo", mknodat(AT_FDCWD, "dir/fifo", S_IFIFO | 0600, 0));
    TELL("file.chmod", "made", chmod("made", 04755));
    TELL("file.chmod", "missing", fchmodat(AT_FDCWD, "missing", 0600, 0));
    TELL("file.chown", "made", chown("made", -1, -1));
    TELL("file.chown", "soft", lchown("soft", -1, -1));
    TELL("file.truncate", "made", truncate("made", 10));
    TELL("file.truncate", "dir", truncate("dir", 10));
    struct utimbuf old = {1000000000, 1000000000};
    TELL("file.utime", "made", utime("made", &old));
    struct timespec times[2] = {{.tv_sec = 1100000000}, {.tv_sec = 1200000000}};
    TELL("file.utime", "soft", utimensat(AT_FDCWD, "soft", times, AT_SYMLINK_NOFOLLOW));
    TELL("file.utime", "missing", utimensat(AT_FDCWD, "missing", times, 0));
    TELL("file.xattr", "made", setxattr("made", "user.other", "value", 5, 0));
    TELL("file.xattr", "missing", removexattr("missing", "user.none"));
    TELL("file.mount", "none", mount("tmpfs", "none", "tmpfs", 0, 0));
    TELL("file.umount", "none", umount2("none", MNT_DETACH));
    TELL("file.pivot_root", "none none", syscall(SYS_pivot_root, "none", "none"));
    TELL("file.unlink", "dir/fifo", unlinkat(AT_FDCWD, "dir/fifo", 0));
    TELL("process.chdir", "dir", chdir("dir"));
    TELL("file.unlink", "../fifo", unlink("../fifo"));
    TELL("process.chdir", "..", chdir(".."));
    TELL("process.chdir", "missing", chdir("missing"));
    TELL("process.chroot", "missing", chroot("missing"));
    TELL("file.unlink", "dir", unlink("dir"));
    TELL("file.rmdir", "dir", rmdir("dir"));
    TELL("file.rmdir", "missing", rmdir("missing"));
}

static void network(void)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = TELL("network.socket", "unix stream", socket(AF_UNIX, SOCK_STREAM, 0));
    TELL("network.bind", "socket", bind(server, (struct sockaddr *)&local, sizeof local));
    TELL("network.listen", "socket", listen(server, 4));
    int client = TELL("network.socket", "unix stream", socket(AF_UNIX, SOCK_STREAM, 0));
    TELL("network.connect", "socket", connect(client, (struct sockaddr *)&local, sizeof local));
    close(TELL("network.accept", "socket", accept4(server, 0, 0, SOCK_CLOEXEC)));
    close(client);
    close(server);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(0xc0000201)};
    int tcp = TELL("network.socket", "inet stream", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    TELL("network.bind", "127.0.0.1", bind(tcp, (struct sockaddr *)&any, sizeof any));
    TELL("network.bind", "127.0.0.1", bind(tcp, (struct sockaddr *)&any, sizeof any));
    TELL("network.connect", "192.0.2.1:1", connect(tcp, (struct sockaddr *)&nobody, sizeof nobody));
    close(tcp);
    int udp = TELL("network.socket", "inet dgram", socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    any.sin_port = htons(9);
    TELL("network.send", "127.0.0.1:9", sendto(udp, "x", 1, 0, (struct sockaddr *)&any, sizeof any));
    struct iovec part = {"y", 1};
    struct msghdr message = {.msg_name = &any, .msg_namelen = sizeof any, .msg_iov = &part, .msg_iovlen = 1};
    TELL("network.send", "127.0.0.1:9", sendmsg(udp, &message, 0));
    close(udp);
    close(TELL("network.raw_socket", "inet raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)));
    TELL("network.socket", "no family", socket(AF_MAX, SOCK_STREAM, 0));
    int pair[2];
    TELL("network.socket", "socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    close(pair[0]);
    close(pair[1]);
}

/* Waits for the child and gives its exit code. */
static int end_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Makes a process for what changes its maker for good. */
#define IN_CHILD(...) \
    do { \
        pid_t made = TELL("process.fork", "child", fork_once()); \
        if (made == 0) { \
            __VA_ARGS__; \
            _exit(0); \
        } \
        end_of(made); \
    } while (0)

/* The child must not tell the fork a second time. */
static int in_child;
static pid_t fork_once(void)
{
    pid_t child = fork();
    in_child = child == 0;
    return child;
}
#undef TELL
#define TELL(kind, object, call) \
    ({ \
        errno = 0; \
        long tell_value = (long)(call); \
        int tell_failed = tell_value < 0 ? errno : 0; \
        if (!(in_child && tell_value == 0 && !strcmp(kind, "process.fork"))) \
            TELL_ERRNO(kind, object, tell_failed); \
        tell_value; \
    })

static void identity(void)
{
    IN_CHILD(TELL("process.session", "setsid", setsid()); TELL("process.session", "setpgid", setpgid(0, 0)));
    IN_CHILD(TELL("process.credentials", "setresgid", setresgid(4242, 4242, 4242));
             TELL("process.credentials", "setresuid", setresuid(4242, 4242, 4242));
             TELL("process.credentials", "setuid", setuid(0));
             TELL("process.credentials", "setreuid", setreuid(0, 0)));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    IN_CHILD(TELL("process.credentials", "capset", syscall(SYS_capset, &header, none)));
    TELL("process.rename", "renamed", prctl(PR_SET_NAME, "renamed"));
    IN_CHILD(TELL("process.namespace", "CLONE_NEWUTS", unshare(CLONE_NEWUTS)));
    TELL("process.namespace", "setns", setns(-1, CLONE_NEWNET));
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {1, allow};
    IN_CHILD(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
             TELL("process.seccomp", "filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)));
}

static void others(void)
{
    TELL("process.signal", "SIGURG self", kill(getpid(), SIGURG));
    TELL("process.signal", "0 nobody", kill(0x3ffffffe, 0));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    TELL("process.signal", "SIGUSR1 self", syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info)
        dprintf(2, "no signal came by its descriptor\n");
    close(signals);
    static char target[8] = "before";
    pid_t child = TELL("process.fork", "child", fork_once());
    if (child == 0) {
        pause();
        _exit(0);
    }
    struct iovec from = {"after!", 6}, to = {target, 6};
    TELL("process.memory_write", "child", process_vm_writev(child, &from, 1, &to, 1, 0));
    TELL("process.signal", "SIGKILL child", kill(child, SIGKILL));
    end_of(child);
    TELL("process.ptrace", "PTRACE_ATTACH nobody", ptrace(PTRACE_ATTACH, 0x3ffffffe, 0, 0));
    void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TELL("process.memory_exec", "mprotect", mprotect(page, 4096, PROT_READ | PROT_EXEC));
    munmap(page, 4096);
    page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TELL_ERRNO("process.memory_exec", "mmap", page == MAP_FAILED ? errno : 0);
    TELL("kernel.keyctl", "add_key", syscall(SYS_add_key, "none", "d", "p", 1, 0));
    TELL("kernel.bpf", "bpf", syscall(SYS_bpf, -1, 0, 0));
    TELL("kernel.module_load", "finit_module", syscall(SYS_finit_module, -1, "", 0));
    TELL("kernel.kexec", "kexec_load", syscall(SYS_kexec_load, 0, 1000, 0, 0));
}

static void execs(const char *self)
{
    char *argv[] = {"actions", "--end", 0}, *env[] = {"MADE=here", 0};
    TELL("process.exec", "/missing/program", execve("/missing/program", argv, env));
    TELL("process.exec", "made", execve("made", argv, env));
    int memory = TELL("file.memfd_create", "inner", memfd_create("inner", 0));
    int copy = TELL("file.create", "copy", open("copy", O_WRONLY | O_CREAT | O_EXCL, 0755));
    int program = TELL("file.open", "self", open(self, O_RDONLY));
    static char data[1 << 20];
    ssize_t length = read(program, data, sizeof data);
    if (write(memory, data, length) != length || write(copy, data, length) != length)
        dprintf(2, "the copy is not whole\n");
    close(copy);
    close(program);
    TELL_ERRNO("file.write", "copy", 0);
    pid_t child = TELL("process.fork", "child", fork_once());
    if (child == 0) {
        TELL_ERRNO("process.exec", "memfd:inner", 0);
        syscall(SYS_execveat, memory, "", argv, env, AT_EMPTY_PATH);
        _exit(1);
    }
    end_of(child);
    close(memory);
    TELL_ERRNO("file.write", "memfd:inner", 0);
    child = TELL("process.fork", "child", fork_once());
    if (child == 0) {
        int deleted = TELL("file.open", "copy", open("copy", O_RDONLY | O_CLOEXEC));
        TELL("file.unlink", "copy", unlink("copy"));
        TELL_ERRNO("process.exec", "copy deleted", 0);
        syscall(SYS_execveat, deleted, "", argv, env, AT_EMPTY_PATH);
        _exit(1);
    }
    end_of(child);
}

int main(int count, char **argv)
{
    if (count == 2 && !strcmp(argv[1], "--end"))
        return 0;
    char self[4096] = "";
    if (count != 2 || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 2;
    TELL("process.chdir", argv[1], chdir(argv[1]));
    files();
    network();
    identity();
    others();
    execs(self);
    return 0;
}
