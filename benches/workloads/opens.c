/* COUNT opens of /dev/null by PROCESSES processes, at most RATE of them a second in all (0: as fast as they can).
 * Prints the seconds that they took. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 100000;
    int processes = argc > 2 ? atoi(argv[2]) : 1;
    long rate = argc > 3 ? atol(argv[3]) : 0;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int p = 0; p < processes; p++)
        if (fork() == 0) {
            for (long i = 0; i < count / processes; i++) {
                int fd = open("/dev/null", O_RDONLY);
                if (fd < 0)
                    _exit(1);
                close(fd);
                /* a little at a time: the pace is of tenths of a millisecond, not of seconds */
                if (rate && i % 16 == 15) {
                    long long ns = (i + 1) * processes * 1000000000LL / rate + begin.tv_nsec;
                    struct timespec due = {begin.tv_sec + ns / 1000000000LL, ns % 1000000000LL};
                    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, 0);
                }
            }
            _exit(0);
        }
    for (int p = 0; p < processes; p++)
        wait(0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%f\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    return 0;
}
