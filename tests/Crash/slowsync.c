// A preload library that stands between a program and its disk. Built and used by tests/Crash; see docs/testing.md.
//
//   SLOWSYNC_MS=N          every sync of a file first waits N milliseconds
//   SLOWSYNC_EIO_AFTER=N   the Nth sync and all later ones fail with EIO, without syncing
//   SLOWSYNC_KILL_SYNC=N   the process is killed in the Nth sync, before anything is synced
//   SLOWSYNC_KILL_WRITE=N  the process is killed in the Nth write to a regular file, when half of it has been written
//   SLOWSYNC_KILL_SEND=N   the process is killed at the Nth send to port SLOWSYNC_PORT: before it when N is odd, after it when N is even
//   SLOWSYNC_FULL=1        every write to a regular file fails with ENOSPC, as long as the flag file exists
//   SLOWSYNC_FLAG=PATH     the counting of syncs and writes begins when this file exists (without it: at once)
//
// What is killed is the process, not the machine: the kernel still holds every byte that was written, so a kill in the middle of a write or
// between a write and its sync shows what the program's order of writes leaves behind, torn record included.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long delay_ms, eio_after, kill_sync, kill_write, kill_send, send_port, full;
static const char *flag;
static atomic_long syncs, writes, sends;
static atomic_int armed;

static long setting(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void read_settings(void) {
    delay_ms = setting("SLOWSYNC_MS");
    eio_after = setting("SLOWSYNC_EIO_AFTER");
    kill_sync = setting("SLOWSYNC_KILL_SYNC");
    kill_write = setting("SLOWSYNC_KILL_WRITE");
    kill_send = setting("SLOWSYNC_KILL_SEND");
    send_port = setting("SLOWSYNC_PORT");
    full = setting("SLOWSYNC_FULL");
    flag = getenv("SLOWSYNC_FLAG");
    if (!flag)
        atomic_store(&armed, 1);
}

static int counting(void) {
    if (!atomic_load(&armed) && access(flag, F_OK) == 0)
        atomic_store(&armed, 1);
    return atomic_load(&armed);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

// Returns 0 when the call shall go on, or -1 with errno set.
static int before_sync(void) {
    if (delay_ms > 0) {
        struct timespec wait = {delay_ms / 1000, delay_ms % 1000 * 1000000};
        while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
            ;
    }
    if ((eio_after || kill_sync) && counting()) {
        long number = atomic_fetch_add(&syncs, 1) + 1;
        if (kill_sync && number >= kill_sync)
            die();
        if (eio_after && number >= eio_after) {
            errno = EIO;
            return -1;
        }
    }
    return 0;
}

static int is_regular(int fd) {
    struct stat status;
    int kept = errno, regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    errno = kept;
    return regular;
}

// True when this write shall be the last thing that the process does.
static int is_last_write(int fd) {
    return kill_write && counting() && is_regular(fd) && atomic_fetch_add(&writes, 1) + 1 >= kill_write;
}

static int is_to_port(int fd) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int kept = errno, port = 0;
    if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0) {
        if (peer.ss_family == AF_INET)
            port = ntohs(((struct sockaddr_in *)&peer)->sin_port);
        else if (peer.ss_family == AF_INET6)
            port = ntohs(((struct sockaddr_in6 *)&peer)->sin6_port);
    }
    errno = kept;
    return port == send_port;
}

// True when this send shall be the last thing that the process does.
static int is_last_send(int fd) {
    return kill_send && counting() && is_to_port(fd) && atomic_fetch_add(&sends, 1) + 1 >= kill_send;
}

// True when the disk has no room for this write; errno tells.
static int is_refused(int fd) {
    if (!full || !flag || !is_regular(fd) || access(flag, F_OK) != 0)
        return 0;
    errno = ENOSPC;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    return before_sync() ? -1 : NEXT(fsync)(fd);
}

int fdatasync(int fd) {
    return before_sync() ? -1 : NEXT(fdatasync)(fd);
}

int syncfs(int fd) {
    return before_sync() ? -1 : NEXT(syncfs)(fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_refused(fd))
        return -1;
    if (is_last_write(fd)) {
        (void)!NEXT(write)(fd, bytes, length / 2);
        die();
    }
    return NEXT(write)(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    if (is_refused(fd))
        return -1;
    if (is_last_write(fd)) {
        (void)!NEXT(pwrite)(fd, bytes, length / 2, at);
        die();
    }
    return NEXT(pwrite)(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    if (is_refused(fd))
        return -1;
    if (is_last_write(fd)) {
        (void)!NEXT(pwrite64)(fd, bytes, length / 2, at);
        die();
    }
    return NEXT(pwrite64)(fd, bytes, length, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_refused(fd))
        return -1;
    if (is_last_write(fd)) {
        (void)!NEXT(writev)(fd, parts, count / 2);
        die();
    }
    return NEXT(writev)(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    if (is_refused(fd))
        return -1;
    if (is_last_write(fd)) {
        (void)!NEXT(pwritev)(fd, parts, count / 2, at);
        die();
    }
    return NEXT(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    if (is_refused(fd))
        return -1;
    if (is_last_write(fd)) {
        (void)!NEXT(pwritev64)(fd, parts, count / 2, at);
        die();
    }
    return NEXT(pwritev64)(fd, parts, count, at);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    if (!is_last_send(fd))
        return NEXT(send)(fd, bytes, length, flags);
    if (kill_send % 2 == 0)
        (void)!NEXT(send)(fd, bytes, length, flags);
    die();
    return -1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    if (!is_last_send(fd))
        return NEXT(sendmsg)(fd, message, flags);
    if (kill_send % 2 == 0)
        (void)!NEXT(sendmsg)(fd, message, flags);
    die();
    return -1;
}
