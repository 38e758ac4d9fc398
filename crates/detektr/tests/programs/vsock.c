/* Tries to come to an AF_VSOCK socket by the ways that no filter of system calls sees, and to use it: connects to the
   port given at the address of this machine's own loopback. What it says on standard output it could only say alive.
   The first argument is the act, the second the port. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTENT "detektr-vsock-content"
/* How often a race is run, where nobody ends it. */
#define ROUNDS 4000

static struct sockaddr_vm peer;
/* Where 32-bit calls can reach. */
static volatile int *low;

static void say(const char *what, int value)
{
    char line[100];
    int len = snprintf(line, sizeof line, "%s %d\n", what, value);
    if (write(1, line, len) != len)
        _exit(9);
}

/* The 32-bit interface, which a 64-bit program can use as well. */
static int socketcall(int call, volatile int *arguments)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(102), "b"(call), "c"((unsigned long)arguments) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static int by_socketcall(int family, volatile int *arguments)
{
    arguments[0] = family;
    arguments[1] = SOCK_STREAM;
    arguments[2] = 0;
    return socketcall(1, arguments);
}

/* Where it lives on: connect and send. */
static void use(int fd)
{
    int connected = connect(fd, (void *)&peer, sizeof peer);
    say("connect", connected ? -errno : 0);
    say("send", write(fd, CONTENT, sizeof CONTENT));
}

static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue, *completions;
static int ring;

#define AT(ring, offset) ((unsigned *)((ring) + (offset)))

static int set_up(unsigned flags)
{
    params.flags = flags;
    params.sq_thread_idle = 1000;
    ring = syscall(SYS_io_uring_setup, 8, &params);
    if (ring < 0)
        return -1;
    queue = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    completions = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    entries = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    return queue == MAP_FAILED || completions == MAP_FAILED || (void *)entries == MAP_FAILED ? -1 : 0;
}

static void put(struct io_uring_sqe entry)
{
    unsigned tail = *AT(queue, params.sq_off.tail), slot = tail & *AT(queue, params.sq_off.ring_mask);
    entries[slot] = entry;
    AT(queue, params.sq_off.array)[slot] = slot;
    __atomic_store_n(AT(queue, params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

/* Submits what was put and waits for its end; the result of the last. */
static int submit(unsigned count)
{
    syscall(SYS_io_uring_enter, ring, count, count, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, 0, 0);
    unsigned head = *AT(completions, params.cq_off.head);
    while (__atomic_load_n(AT(completions, params.cq_off.tail), __ATOMIC_ACQUIRE) - head < count)
        ;
    struct io_uring_cqe *done = (void *)(completions + params.cq_off.cqes);
    int result = done[(head + count - 1) & *AT(completions, params.cq_off.ring_mask)].res;
    __atomic_store_n(AT(completions, params.cq_off.head), head + count, __ATOMIC_RELEASE);
    return result;
}

static struct io_uring_sqe socket_entry(int family)
{
    return (struct io_uring_sqe){.opcode = IORING_OP_SOCKET, .fd = family, .off = SOCK_STREAM};
}

static int by_ring(int family)
{
    put(socket_entry(family));
    return submit(1);
}

/* A socket that is never a descriptor, and what follows it in the same chain. */
static int chain(void)
{
    int none[2] = {-1, -1};
    struct io_uring_sqe made = socket_entry(AF_VSOCK);
    struct io_uring_sqe connected = {.opcode = IORING_OP_CONNECT, .fd = 0, .flags = IOSQE_FIXED_FILE | IOSQE_IO_LINK,
                                     .addr = (unsigned long)&peer, .off = sizeof peer};
    struct io_uring_sqe sent = {.opcode = IORING_OP_SEND, .fd = 0, .flags = IOSQE_FIXED_FILE,
                                .addr = (unsigned long)CONTENT, .len = sizeof CONTENT};
    if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, none, 2) < 0)
        return -errno;
    made.flags = IOSQE_IO_LINK;
    made.file_index = 1;
    put(made);
    put(connected);
    put(sent);
    return submit(3);
}

/* Flips the family of a call that others make. */
static void *flip(void *nothing)
{
    (void)nothing;
    for (;;)
        low[0] = low[0] == AF_VSOCK ? AF_INET : AF_VSOCK;
    return 0;
}

/* Uses every descriptor that another makes, as soon as it is there. */
static int reach(void *nothing)
{
    (void)nothing;
    for (int i = 0; i < ROUNDS; i++) {
        for (int fd = 3; fd < 8; fd++)
            if (!connect(fd, (void *)&peer, sizeof peer) || errno == EISCONN)
                if (write(fd, CONTENT, sizeof CONTENT) > 0)
                    say("sent", fd);
    }
    return 0;
}

static void *reach_too(void *nothing)
{
    reach(nothing);
    return 0;
}

int main(int count, char **argv)
{
    if (count != 3)
        return 2;
    const char *act = argv[1];
    peer = (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = 1, .svm_port = atoi(argv[2])};
    low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(act, "probe")) {
        /* what it could do were there no wall: opened, and left alone */
        say("socketcall", by_socketcall(AF_VSOCK, low));
        say("ring", set_up(0) ? -1 : by_ring(AF_VSOCK));
    } else if (!strcmp(act, "socketcall")) {
        int fd = by_socketcall(AF_VSOCK, low);
        say("socketcall", fd);
        if (fd >= 0)
            use(fd);
    } else if (!strcmp(act, "ring") || !strcmp(act, "polled")) {
        if (set_up(!strcmp(act, "polled") ? IORING_SETUP_SQPOLL : 0))
            return 3;
        int fd = by_ring(AF_VSOCK);
        say("ring", fd);
        if (fd >= 0)
            use(fd);
    } else if (!strcmp(act, "setups")) {
        /* by each interface of the kernel, its own x32 included, which not every kernel answers; no pointer is given */
        say("native", syscall(SYS_io_uring_setup, 8, 0) < 0 ? -errno : 0);
        int result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(425), "b"(8), "c"(0) : "memory", "r8", "r9", "r10", "r11");
        say("ia32", result);
        say("x32", syscall(0x40000000 | SYS_io_uring_setup, 8, 0) < 0 ? -errno : 0);
    } else if (!strcmp(act, "chain")) {
        if (set_up(0))
            return 3;
        say("chain", chain());
    } else if (!strcmp(act, "child")) {
        pid_t child = fork();
        if (child == 0) {
            say("child's socketcall", by_socketcall(AF_VSOCK, low));
            _exit(0);
        }
        waitpid(child, 0, 0);
        say("outlived its child", 0);
    } else if (!strcmp(act, "threads")) {
        pthread_t thread;
        pthread_create(&thread, 0, flip, 0);
        for (int i = 0; i < 2; i++)
            pthread_create(&thread, 0, reach_too, 0);
        for (int i = 0; i < ROUNDS; i++) {
            low[1] = SOCK_STREAM;
            low[2] = 0;
            int fd = socketcall(1, low);
            if (fd >= 0)
                close(fd);
        }
        say("raced to the end", 0);
    } else if (!strcmp(act, "sharers")) {
        /* processes of their own that have the same descriptors */
        for (int i = 0; i < 3; i++) {
            char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (clone(reach, stack + 65536, CLONE_FILES | SIGCHLD, 0) < 0)
                return 3;
        }
        say("sharers' socketcall", by_socketcall(AF_VSOCK, low));
    } else if (!strcmp(act, "ordinary")) {
        struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = by_socketcall(AF_INET, low);
        say("inet by socketcall", fd);
        low[0] = fd;
        low[1] = (long)(low + 10);
        low[2] = sizeof host;
        memcpy((void *)(low + 10), &host, sizeof host);
        say("connected by socketcall", socketcall(3, low));
        if (!set_up(0)) {
            say("inet by ring", by_ring(AF_INET));
            say("unix by ring", by_ring(AF_UNIX));
        }
    } else
        return 2;
    return 0;
}
