/* Tells what was done: one line an action, `kind TAB object TAB result`, result `ok` or the error by name. */
#ifndef TELL_H
#define TELL_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>

static inline const char *told(int error)
{
    const char *name = error ? strerrorname_np(error) : "ok";
    return name ? name : "?";
}

/* Lines are put together without stdio buffers that a fork would double. */
#define TELL_ERRNO(kind, object, error) \
    do { \
        int tell_error = (error); \
        dprintf(1, "%s\t%s\t%s\n", (kind), (object), told(tell_error)); \
    } while (0)

/* Makes the call once and tells how it ended; its value is the call's. */
#define TELL(kind, object, call) \
    ({ \
        errno = 0; \
        long tell_value = (long)(call); \
        int tell_failed = tell_value < 0 ? errno : 0; \
        TELL_ERRNO(kind, object, tell_failed); \
        tell_value; \
    })

#endif
