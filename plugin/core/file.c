#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ctvk_file {
    const ctvk_host *host;
    int fd;
    char *path, *temporary;
};

static ctvk_status refuse(const ctvk_file *file, int reason, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_OUTPUT,
                     "%s: cannot be written: %s (give a path in a folder that can be written, with room on the disk)", file->path,
                     strerror(reason));
}

static void release(ctvk_file **file)
{
    ctvk_file *f = *file;
    if (f->fd >= 0)
        close(f->fd);
    ctvk_free(f->host, f->temporary);
    ctvk_free(f->host, f->path);
    ctvk_free(f->host, f);
    *file = NULL;
}

/* O_EXCL and our own names rather than mkstemp: the umask then applies as to any new file, without our touching it. */
static int create_beside(ctvk_file *file, size_t length)
{
    static const char suffix[] = ".ctvk-00000000";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint32_t seed = (uint32_t)now.tv_nsec ^ (uint32_t)getpid() << 12;
    memcpy(file->temporary, file->path, length);
    for (int attempt = 0; attempt < 100; attempt++, seed = seed * 1664525u + 1013904223u) {
        snprintf(file->temporary + length, sizeof suffix, ".ctvk-%08x", (unsigned)seed);
        file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (file->fd >= 0 || errno != EEXIST)
            break;
    }
    return file->fd < 0 ? errno : 0;
}

ctvk_status ctvk_file_begin(const ctvk_host *host, const char *path, ctvk_file **out, ctvk_error *error)
{
    struct stat info;
    *out = NULL;
    ctvk_file *file = ctvk_calloc(host, 1, sizeof *file);
    if (!file)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to write it (close other programs)", path);
    size_t length = strlen(path);
    file->host = host;
    file->fd = -1;
    file->path = ctvk_strndup(host, path, length);
    file->temporary = ctvk_alloc(host, length + 16);
    if (!file->path || !file->temporary) {
        release(&file);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to write it (close other programs)", path);
    }
    int there = stat(path, &info) == 0, reason;
    if (!length || path[length - 1] == '/' || (there && !S_ISREG(info.st_mode)))
        reason = EISDIR; /* a folder, a device: a rename over it would not do what the user means */
    else
        reason = create_beside(file, length);
    if (!reason && there && fchmod(file->fd, info.st_mode & 0777) != 0) { /* the file that is replaced keeps its permissions */
        reason = errno;
        unlink(file->temporary);
    }
    if (reason) {
        ctvk_status status = refuse(file, reason, error);
        release(&file);
        return status;
    }
    *out = file;
    return CTVK_OK;
}

ctvk_status ctvk_file_write(ctvk_file *file, const void *data, uint64_t bytes, ctvk_error *error)
{
    const char *at = data;
    while (bytes) {
        ssize_t n = write(file->fd, at, bytes < (1u << 30) ? (size_t)bytes : (size_t)1 << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return refuse(file, n ? errno : ENOSPC, error);
        at += n;
        bytes -= (uint64_t)n;
    }
    return CTVK_OK;
}

ctvk_status ctvk_file_commit(ctvk_file **file, ctvk_error *error)
{
    ctvk_file *f = *file;
    ctvk_status status = CTVK_OK;
    int failed = fsync(f->fd) != 0 && errno != EINVAL && errno != EROFS;
    if (failed || rename(f->temporary, f->path) != 0) {
        status = refuse(f, errno, error);
        unlink(f->temporary);
    }
    release(file);
    return status;
}

void ctvk_file_abandon(ctvk_file **file)
{
    if (!file || !*file)
        return;
    unlink((*file)->temporary);
    release(file);
}
