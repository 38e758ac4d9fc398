/* Many short-lived processes, some by vfork, and a daemon made by two forks that outlives its maker.
   Arguments: how many processes (2000), and a directory where the daemon leaves a file. */
#include "tell.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **argv)
{
    long processes = count > 1 ? atol(argv[1]) : 2000;
    if (count > 2)
        TELL("process.chdir", argv[2], chdir(argv[2]));
    long failed = 0, ends[256] = {0};
    for (long i = 0; i < processes; i++) {
        pid_t child = i % 16 == 15 ? vfork() : fork();
        if (child == 0)
            _exit(i % 256);
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
            failed++;
        else
            ends[WEXITSTATUS(status)]++;
    }
    for (int code = 0; code < 256; code++)
        if (ends[code] != processes / 256 + (code < processes % 256))
            failed++;
    char counted[64];
    snprintf(counted, sizeof counted, "%ld", processes - processes / 16);
    TELL_ERRNO("process.fork x fork", counted, failed ? ECHILD : 0);
    snprintf(counted, sizeof counted, "%ld", processes / 16);
    TELL_ERRNO("process.fork x vfork", counted, failed ? ECHILD : 0);

    pid_t first = fork();
    if (first == 0) {
        pid_t session = setsid();
        TELL_ERRNO("process.session", "setsid", session < 0 ? errno : 0);
        pid_t second = fork();
        if (second != 0)
            _exit(second < 0);
        TELL_ERRNO("process.fork", "daemon", 0);
        close(TELL("file.create", "daemon", open("daemon", O_WRONLY | O_CREAT | O_EXCL, 0600)));
        _exit(0);
    }
    TELL_ERRNO("process.fork", "child", first < 0 ? errno : 0);
    waitpid(first, 0, 0);
    return failed != 0;
}
