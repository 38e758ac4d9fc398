/* The same acts through the 32-bit interface (compile with -m32): its own numbers, structures, and socketcall.
   The first argument is a directory to act in; with a second, sockets are made by socketcall, which an environment may
   refuse, and else by socket. */
#define _FILE_OFFSET_BITS 64
#include "tell.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static long through_socketcall(int sub, long a, long b, long c, long d, long e, long f)
{
    long args[] = {a, b, c, d, e, f};
    return syscall(SYS_socketcall, sub, args);
}

/* The first mmap(2), which takes its arguments from memory. */
static long old_mmap(long length, long protection, long flags, long fd)
{
    long args[] = {0, length, protection, flags, fd, 0};
    return syscall(SYS_mmap, args);
}

int main(int count, char **argv)
{
    if (count < 2)
        return 2;
    TELL("process.chdir", argv[1], chdir(argv[1]));
    int fd = TELL("file.create", "new32", syscall(SYS_open, "new32", O_RDWR | O_CREAT | O_EXCL, 0600));
    if (write(fd, "0123456789", 10) != 10)
        return 1;
    TELL("file.truncate", "new32", ftruncate(fd, 1LL << 33));
    close(fd);
    TELL_ERRNO("file.write", "new32 10", 0);
    close(TELL("file.open", "new32", openat(AT_FDCWD, "new32", O_RDONLY)));
    TELL("file.open", "missing32", syscall(SYS_open, "missing32", O_RDONLY));
    TELL("file.rename", "new32 old32", syscall(SYS_rename, "new32", "old32"));
    TELL("file.chmod", "old32", chmod("old32", 0644));
    TELL("file.chown", "old32", syscall(SYS_chown32, "old32", -1, -1));
    TELL("file.mkdir", "dir32", mkdir("dir32", 0700));
    TELL("file.rmdir", "dir32", rmdir("dir32"));
    TELL("file.unlink", "old32", syscall(SYS_unlink, "old32"));
    TELL("file.unlink", "old32", unlink("old32"));

    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "socket32"};
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int server = count > 2
        ? TELL("network.socket", "socketcall unix", through_socketcall(1, AF_UNIX, SOCK_STREAM, 0, 0, 0, 0))
        : TELL("network.socket", "unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
    TELL("network.bind", "socketcall socket32", through_socketcall(2, server, (long)&path, sizeof path, 0, 0, 0));
    TELL("network.listen", "socketcall", through_socketcall(4, server, 3, 0, 0, 0, 0));
    int client = TELL("network.socket", "unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
    TELL("network.connect", "socketcall socket32", through_socketcall(3, client, (long)&path, sizeof path, 0, 0, 0));
    close(TELL("network.accept", "socketcall", through_socketcall(5, server, 0, 0, 0, 0, 0)));
    int udp = count > 2
        ? TELL("network.socket", "socketcall inet", through_socketcall(1, AF_INET, SOCK_DGRAM, 0, 0, 0, 0))
        : TELL("network.socket", "inet dgram", syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0));
    TELL("network.send", "socketcall 127.0.0.1:9",
         through_socketcall(11, udp, (long)"x", 1, 0, (long)&host, sizeof host));
    close(udp);
    close(client);
    close(server);
    TELL("file.unlink", "socket32", unlink("socket32"));

    void *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TELL_ERRNO("process.memory_exec", "mmap2", page == MAP_FAILED ? errno : 0);
    long old = old_mmap(8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    TELL_ERRNO("process.memory_exec", "mmap", (unsigned long)old >= -4095UL ? errno : 0);
    old_mmap(4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1); /* can't be executed: not told */
    TELL("process.memory_exec", "mmap", syscall(SYS_mmap, 8)); /* nothing is there to be read */
    int memory = TELL("file.memfd_create", "memory32", memfd_create("memory32", 0));
    old = old_mmap(4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, memory);
    TELL_ERRNO("process.memory_exec", "mmap", (unsigned long)old >= -4095UL ? errno : 0);
    TELL("process.credentials", "setuid32", setuid(getuid()));
    TELL("process.signal", "SIGURG self", kill(getpid(), SIGURG));
    pid_t child = fork();
    if (child == 0)
        _exit(32);
    TELL_ERRNO("process.fork", "child", child < 0 ? errno : 0);
    waitpid(child, 0, 0);
    char *none[] = {0}, *arguments[] = {"name32", "argument32", 0};
    TELL("process.exec", "/missing/program32", execve("/missing/program32", arguments, none));
    return 0;
}
