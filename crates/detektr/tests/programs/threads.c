/* Threads that act at the same time, a process made by clone3, and an exec from a thread that is not the leader.
   The first argument is a directory to act in; a second one is the number of threads (8). */
#include "tell.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 10

static void *work(void *number)
{
    for (int round = 0; round < ROUNDS; round++) {
        char name[64];
        snprintf(name, sizeof name, "thread-%ld-%d", (long)number, round);
        int fd = TELL("file.create", name, open(name, O_WRONLY | O_CREAT | O_EXCL, 0600));
        close(fd);
        TELL("file.unlink", name, unlink(name));
    }
    return 0;
}

static void *exec_from_thread(void *self)
{
    char *argv[] = {"threads", "--end", 0}, *env[] = {0};
    TELL_ERRNO("process.exec", "self by thread", 0);
    execve(self, argv, env);
    TELL_ERRNO("process.exec", "self by thread failed", errno);
    _exit(1);
}

static void *rest(void *unused)
{
    for (;;)
        pause();
    return unused;
}

int main(int count, char **argv)
{
    if (count == 2 && !strcmp(argv[1], "--end"))
        return 0;
    char self[4096] = "";
    if (count < 2 || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 2;
    TELL("process.chdir", argv[1], chdir(argv[1]));
    long threads = count > 2 ? atol(argv[2]) : 8;
    pthread_t *made = calloc(threads, sizeof *made);
    for (long i = 0; i < threads; i++) {
        int error = pthread_create(&made[i], 0, work, (void *)i);
        TELL_ERRNO("process.fork", "thread", error);
        if (error)
            return 1;
    }
    for (long i = 0; i < threads; i++)
        pthread_join(made[i], 0);

    struct clone_args args = {.exit_signal = SIGCHLD};
    long child = syscall(SYS_clone3, &args, sizeof args);
    if (child == 0)
        syscall(SYS_exit_group, 5);
    TELL_ERRNO("process.fork", "clone3", child < 0 ? errno : 0);
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 5)
        return 1;
    args.flags = 1ULL << 63;
    child = syscall(SYS_clone3, &args, sizeof args);
    TELL_ERRNO("process.fork", "clone3 no such flag", child < 0 ? errno : 0);

    pthread_t thread;
    TELL_ERRNO("process.fork", "thread", pthread_create(&thread, 0, rest, 0));
    /* Told before: its exec ends this thread at once. */
    TELL_ERRNO("process.fork", "thread", 0);
    pthread_create(&thread, 0, exec_from_thread, self);
    rest(0);
}
