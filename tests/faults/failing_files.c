/* Lets the N-th change of files below one folder fail, in processes of one kind.
 *
 * Loaded before the C library (LD_PRELOAD), so that whatever writes is caught: Python, SQLite,
 * Arrow. The plan is read again in every new process:
 *
 *     FAULT_PLAN      file with "N kill", "N eio" or "N enospc"; 0 or no file: nothing fails
 *     FAULT_ROOT      folder whose changes are counted
 *     FAULT_PROCESS   text that the command line of a process must contain
 *     FAULT_LOG       file to which the change that failed is appended, one line each
 *
 * kill ends the process before the change; eio fails it and nothing else; enospc fails it and
 * everything after it that needs room.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, KILL, EIO_ONCE, ENOSPC_FROM };

static pid_t planned_for;
static long planned_at;
static enum kind planned_kind;
static long count;

static ssize_t slurp(const char *path, char *text, size_t size)
{
    long descriptor = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor < 0)
        return -1;
    ssize_t length = syscall(SYS_read, descriptor, text, size - 1);
    syscall(SYS_close, descriptor);
    if (length >= 0)
        text[length] = 0;
    return length;
}

static void plan(void)
{
    char text[4096], word[16] = "";
    planned_for = getpid();
    planned_kind = NONE;
    count = 0;
    ssize_t length = slurp("/proc/self/cmdline", text, sizeof text);
    const char *wanted = getenv("FAULT_PROCESS");
    for (ssize_t i = 0; i < length; i++)
        if (!text[i])
            text[i] = ' ';
    if (length < 0 || !wanted || !strstr(text, wanted))
        return;
    if (slurp(getenv("FAULT_PLAN"), text, sizeof text) <= 0)
        return;
    if (sscanf(text, "%ld %15s", &planned_at, word) != 2 || planned_at < 1)
        return;
    planned_kind = !strcmp(word, "kill") ? KILL : !strcmp(word, "eio") ? EIO_ONCE : ENOSPC_FROM;
}

static void tell(const char *what, const char *path)
{
    char line[8300];
    const char *log = getenv("FAULT_LOG");
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    long descriptor = log ? syscall(SYS_openat, AT_FDCWD, log, flags, 0600) : -1;
    if (descriptor < 0)
        return;
    int length = snprintf(line, sizeof line, "%s %s\n", what, path);
    syscall(SYS_write, descriptor, line, length);
    syscall(SYS_close, descriptor);
}

/* Whether this change fails; errno is set then. `needs_room`: a full disk refuses it. */
static int fails(const char *what, const char *path, int descriptor, int needs_room)
{
    char name[4096], link[64];
    const char *root = getenv("FAULT_ROOT");
    if (planned_for != getpid())
        plan();
    if (planned_kind == NONE || !root)
        return 0;
    if (!path) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(link, name, sizeof name - 1);
        if (length < 0)
            return 0;
        name[length] = 0;
        path = name;
    }
    if (strncmp(path, root, strlen(root)))
        return 0;
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (number < planned_at || (number > planned_at && planned_kind != ENOSPC_FROM))
        return 0;
    if (number > planned_at && !needs_room)
        return 0;
    tell(what, path);
    if (planned_kind == KILL)
        kill(getpid(), SIGKILL);
    errno = planned_kind == ENOSPC_FROM ? ENOSPC : EIO;
    return 1;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define WRITER(name, parameters, arguments)                     \
    ssize_t name parameters                                     \
    {                                                           \
        REAL(name);                                             \
        return fails(#name, NULL, fd, 1) ? -1 : real arguments; \
    }

WRITER(write, (int fd, const void *data, size_t size), (fd, data, size))
WRITER(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRITER(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
WRITER(writev, (int fd, const struct iovec *parts, int number), (fd, parts, number))
WRITER(sendfile, (int fd, int from, off_t *at, size_t size), (fd, from, at, size))
WRITER(sendfile64, (int fd, int from, off64_t *at, size_t size), (fd, from, at, size))

#define ON_DESCRIPTOR(name, parameters, arguments)              \
    int name parameters                                         \
    {                                                           \
        REAL(name);                                             \
        return fails(#name, NULL, fd, 0) ? -1 : real arguments; \
    }

ON_DESCRIPTOR(fsync, (int fd), (fd))
ON_DESCRIPTOR(fdatasync, (int fd), (fd))
ON_DESCRIPTOR(ftruncate, (int fd, off_t size), (fd, size))
ON_DESCRIPTOR(ftruncate64, (int fd, off64_t size), (fd, size))

#define ON_PATH(name, parameters, arguments, room)                \
    int name parameters                                           \
    {                                                             \
        REAL(name);                                               \
        return fails(#name, path, -1, room) ? -1 : real arguments; \
    }

ON_PATH(rename, (const char *from, const char *path), (from, path), 0)
ON_PATH(renameat, (int old, const char *from, int new, const char *path), (old, from, new, path), 0)
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), 1)
ON_PATH(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), 1)
ON_PATH(unlink, (const char *path), (path), 0)
ON_PATH(rmdir, (const char *path), (path), 0)

#define OPENER(name, parameters, last, arguments)            \
    int name parameters                                      \
    {                                                        \
        REAL(name);                                          \
        mode_t mode = 0;                                     \
        if (flags & (O_CREAT | O_TMPFILE)) {                 \
            va_list rest;                                    \
            va_start(rest, last);                            \
            mode = va_arg(rest, mode_t);                     \
            va_end(rest);                                    \
        }                                                    \
        if ((flags & O_CREAT) && fails(#name, path, -1, 1))  \
            return -1;                                       \
        return real arguments;                               \
    }

OPENER(open, (const char *path, int flags, ...), flags, (path, flags, mode))
OPENER(open64, (const char *path, int flags, ...), flags, (path, flags, mode))
OPENER(openat, (int folder, const char *path, int flags, ...), flags, (folder, path, flags, mode))
OPENER(openat64, (int folder, const char *path, int flags, ...), flags, (folder, path, flags, mode))
