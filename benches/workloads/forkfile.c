/* Fork- and file-heavy: ROUNDS times one fork, exec and wait of /bin/true, and FILES times create, write, read
 * back and remove of a small file; of one name each with a third argument. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 200;
    int files = argc > 2 ? atoi(argv[2]) : 40;
    int own = argc > 3;
    char name[64], buffer[512] = "content";
    for (int r = 0; r < rounds; r++) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)0);
            _exit(127);
        }
        if (child < 0 || waitpid(child, 0, 0) < 0)
            return 1;
        for (int f = 0; f < files; f++) {
            snprintf(name, sizeof name, "/tmp/forkfile-%d", own ? r * files + f : f);
            int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
            if (fd < 0 || write(fd, buffer, sizeof buffer) != sizeof buffer || close(fd) < 0)
                return 1;
            fd = open(name, O_RDONLY);
            if (fd < 0 || read(fd, buffer, sizeof buffer) != sizeof buffer || close(fd) < 0 || unlink(name) < 0)
                return 1;
        }
    }
    return 0;
}
