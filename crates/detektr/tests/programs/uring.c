/* File operations through io_uring, told with the result that each completion gave. Where rings are refused, the
   refusal is told and nothing else is done. The first argument is a directory to act in. */
#include "tell.h"
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *submissions, *completions;
static int ring;

#define AT(ring, offset) ((unsigned *)((ring) + (offset)))

/* Submits one operation and waits for its end. */
static int operate(struct io_uring_sqe entry)
{
    unsigned tail = *AT(submissions, params.sq_off.tail), slot = tail & *AT(submissions, params.sq_off.ring_mask);
    entries[slot] = entry;
    AT(submissions, params.sq_off.array)[slot] = slot;
    __atomic_store_n(AT(submissions, params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0)
        return -errno;
    unsigned head = *AT(completions, params.cq_off.head);
    while (__atomic_load_n(AT(completions, params.cq_off.tail), __ATOMIC_ACQUIRE) == head)
        ;
    struct io_uring_cqe *done = (void *)(completions + params.cq_off.cqes);
    int result = done[head & *AT(completions, params.cq_off.ring_mask)].res;
    __atomic_store_n(AT(completions, params.cq_off.head), head + 1, __ATOMIC_RELEASE);
    return result;
}

static int tell(const char *object, struct io_uring_sqe entry)
{
    int result = operate(entry);
    TELL_ERRNO("kernel.io_uring", object, result < 0 ? -result : 0);
    return result;
}

int main(int count, char **argv)
{
    if (count != 2)
        return 2;
    TELL("process.chdir", argv[1], chdir(argv[1]));
    ring = TELL("kernel.io_uring", "setup", syscall(SYS_io_uring_setup, 8, &params));
    if (ring < 0)
        return 0;
    size_t first = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    size_t second = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    submissions = mmap(0, first, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    completions = mmap(0, second, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    entries = mmap(0, params.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (submissions == MAP_FAILED || completions == MAP_FAILED || (void *)entries == MAP_FAILED)
        return 1;

#define OPERATION(...) ((struct io_uring_sqe){__VA_ARGS__})
#define POINTER(text) (unsigned long)(text)
    int fd = tell("openat ring-new", OPERATION(.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = POINTER("ring-new"),
                                               .len = 0600, .open_flags = O_WRONLY | O_CREAT | O_EXCL));
    tell("openat missing", OPERATION(.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = POINTER("missing")));
    tell("write ring-new", OPERATION(.opcode = IORING_OP_WRITE, .fd = fd, .addr = POINTER("eleven byte"), .len = 11));
    tell("mkdirat ring-dir",
         OPERATION(.opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = POINTER("ring-dir"), .len = 0700));
    tell("renameat ring-new ring-old", OPERATION(.opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD, .len = AT_FDCWD,
                                                 .addr = POINTER("ring-new"), .addr2 = POINTER("ring-old")));
    tell("unlinkat ring-old", OPERATION(.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = POINTER("ring-old")));
    tell("unlinkat missing", OPERATION(.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = POINTER("missing")));
    tell("unlinkat ring-dir", OPERATION(.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = POINTER("ring-dir"),
                                        .unlink_flags = AT_REMOVEDIR));
    tell("close ring-old", OPERATION(.opcode = IORING_OP_CLOSE, .fd = fd));
    close(ring);
    return 0;
}
