/* Namespaces in namespaces: a user and a mount namespace of its own, a root directory of its own by pivot_root, and
   files there whose paths look like the environment's but are not. The first argument is a directory to act in. */
#include "tell.h"
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    TELL_ERRNO("file.write", path, written < 0 ? error : 0);
    return 0;
}

int main(int count, char **argv)
{
    if (count != 2)
        return 2;
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %d 1", (int)geteuid());
    snprintf(groups, sizeof groups, "0 %d 1", (int)getegid());
    TELL("process.chdir", argv[1], chdir(argv[1]));
    if (TELL("process.namespace", "CLONE_NEWUSER|CLONE_NEWNS", unshare(CLONE_NEWUSER | CLONE_NEWNS)) < 0)
        return 1;
    TELL("file.open", "/proc/self/setgroups", write_file("/proc/self/setgroups", "deny"));
    TELL("file.open", "/proc/self/uid_map", write_file("/proc/self/uid_map", users));
    TELL("file.open", "/proc/self/gid_map", write_file("/proc/self/gid_map", groups));
    TELL("file.mount", "/", mount(0, "/", 0, MS_REC | MS_PRIVATE, 0));
    TELL("file.mkdir", "root", mkdir("root", 0700));
    if (TELL("file.mount", "root", mount("nested", "root", "tmpfs", 0, 0)) < 0)
        return 1;
    TELL("file.mkdir", "root/etc", mkdir("root/etc", 0700));
    TELL("file.mkdir", "root/old", mkdir("root/old", 0700));
    TELL("process.chdir", "root", chdir("root"));
    if (TELL("file.pivot_root", ". old", syscall(SYS_pivot_root, ".", "old")) < 0)
        return 1;
    TELL("process.chdir", "/", chdir("/"));
    TELL("file.umount", "/old", umount2("/old", MNT_DETACH));
    int fd = TELL("file.create", "/etc/shadow", open("/etc/shadow", O_WRONLY | O_CREAT | O_EXCL, 0600));
    if (write(fd, "not the real one\n", 17) != 17)
        return 1;
    close(fd);
    TELL_ERRNO("file.write", "/etc/shadow 17", 0);
    TELL("file.rename", "/etc/shadow /etc/passwd", rename("/etc/shadow", "/etc/passwd"));
    TELL("file.mkdir", "/jail", mkdir("/jail", 0700));
    TELL("process.chroot", "/jail", chroot("/jail"));
    close(TELL("file.create", "/inner", open("../inner", O_WRONLY | O_CREAT | O_EXCL, 0600)));
    return 0;
}
