#include "formats/bundle.h"

#include "core/sha256.h"
#include "formats/json_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MANIFEST (1u << 20)

static int open_file(const char *path, struct stat *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in the place of a file must not hang us */
    if (fd >= 0 && (fstat(fd, info) || !S_ISREG(info->st_mode))) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* The hashing of a bundle's files, and who is asked whether it goes on. */
typedef struct hashing {
    ctvk_progress_fn progress; /* NULL: nobody */
    void *user;
    uint64_t done, total; /* bytes of all files */
    int cancelled;
} hashing;

static void advance(hashing *h, uint64_t bytes)
{
    h->done += bytes;
    double fraction = h->total ? (double)h->done / (double)h->total : 1;
    h->cancelled = h->progress && h->progress(h->user, fraction < 1 ? fraction : 1, "hashes");
}

/* SHA-256 of a whole file, in pieces. */
static ctvk_status hash_file(const ctvk_host *host, const char *path, hashing *h, uint8_t digest[32], ctvk_error *error)
{
    static const size_t chunk = 1u << 20;
    struct stat info;
    ctvk_sha256 hash;
    ssize_t n = 0;
    int fd = open_file(path, &info);
    if (fd < 0)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: %s (give the path of a file that can be read)", path, strerror(errno));
    char *buffer = ctvk_alloc(host, chunk);
    ctvk_sha256_begin(&hash);
    while (buffer && !h->cancelled && ((n = read(fd, buffer, chunk)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0) {
            ctvk_sha256_add(&hash, buffer, (size_t)n);
            advance(h, (uint64_t)n);
        }
    int reason = errno;
    close(fd);
    ctvk_free(host, buffer);
    if (!buffer)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to read it (close other programs)", path);
    if (h->cancelled)
        return ctvk_fail(error, CTVK_CANCELLED, "bundle: cancelled (open it again)");
    if (n < 0)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: cannot be read: %s (copy it again)", path, strerror(reason));
    ctvk_sha256_end(&hash, digest);
    return CTVK_OK;
}

ctvk_status ctvk_bundle_path(const ctvk_bundle_files *bundle, const char *name, char *path, size_t size, ctvk_error *error)
{
    char joined[PATH_MAX], real[PATH_MAX];
    size_t folder = strlen(bundle->folder);
    if (!ctvk_key_name_is_safe(name))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "bundle file %.200s: leaves the bundle's folder (get the bundle from a source that you trust)", name);
    if ((size_t)snprintf(joined, sizeof joined, "%s/%s", bundle->folder, name) >= sizeof joined || !realpath(joined, real))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "bundle file %.200s: %s (get the bundle again)", name, strerror(errno));
    if (strncmp(real, bundle->folder, folder) || (real[folder] != '/' && folder > 1))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "bundle file %.200s: is a link that leaves the bundle's folder (copy the file itself into the bundle)", name);
    if (strlen(real) >= size)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "bundle file %.200s: its path is too long (move the bundle)", name);
    memcpy(path, real, strlen(real) + 1);
    return CTVK_OK;
}

static ctvk_status read_manifest(ctvk_bundle_files *b, ctvk_error *error)
{
    char path[PATH_MAX];
    struct stat info;
    ctvk_sha256 hash;
    uint8_t digest[32];
    ctvk_status status = ctvk_bundle_path(b, "manifest.json", path, sizeof path, error);
    if (status != CTVK_OK)
        return status;
    int fd = open_file(path, &info);
    if (fd < 0)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "manifest.json: %s (get the bundle again)", strerror(errno));
    char *text = info.st_size <= MAX_MANIFEST ? ctvk_alloc(b->host, (size_t)info.st_size) : NULL;
    ssize_t n = text ? pread(fd, text, (size_t)info.st_size, 0) : -1;
    close(fd);
    if (!text && info.st_size <= MAX_MANIFEST)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "manifest.json: no host memory to read it (close other programs)");
    if (n != info.st_size) {
        ctvk_free(b->host, text);
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "manifest.json: longer than 1 MiB or cannot be read (get the bundle again)");
    }
    ctvk_sha256_begin(&hash);
    ctvk_sha256_add(&hash, text, (size_t)n);
    ctvk_sha256_end(&hash, digest);
    ctvk_sha256_hex(digest, b->sha256);
    status = ctvk_manifest_parse(b->host, text, (uint64_t)n, "manifest.json", &b->manifest, error);
    ctvk_free(b->host, text);
    return status;
}

static ctvk_status check_file(const ctvk_bundle_files *b, const ctvk_file_def *file, hashing *h, ctvk_error *error)
{
    char path[PATH_MAX], text[65];
    struct stat info;
    uint8_t digest[32];
    ctvk_status status = ctvk_bundle_path(b, file->name, path, sizeof path, error);
    if (status != CTVK_OK)
        return status;
    if (stat(path, &info) || !S_ISREG(info.st_mode))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "bundle file %s: no plain file (get the bundle again)", file->name);
    if (file->bytes >= 0 && info.st_size != file->bytes)
        return ctvk_fail(
            error, CTVK_ERROR_HASH,
            "bundle file %s: holds %lld bytes where the manifest says %lld (it was changed or cut short; get the bundle again)", file->name,
            (long long)info.st_size, (long long)file->bytes);
    status = hash_file(b->host, path, h, digest, error);
    if (status == CTVK_ERROR_INPUT)
        status = error ? (error->status = CTVK_ERROR_BUNDLE) : CTVK_ERROR_BUNDLE;
    if (status != CTVK_OK)
        return status;
    ctvk_sha256_hex(digest, text);
    if (strcmp(text, file->sha256))
        return ctvk_fail(error, CTVK_ERROR_HASH,
                         "bundle file %s: SHA-256 is %.16s... where the manifest says %.16s... (it was changed; get the bundle again)",
                         file->name, text, file->sha256);
    return CTVK_OK;
}

/* Every cached prompt has the shape that the network reads, and is finite. */
static ctvk_status check_cache(const ctvk_bundle_files *b, ctvk_error *error)
{
    const ctvk_manifest *m = &b->manifest;
    for (uint64_t i = 0; i < ctvk_safetensors_count(b->cache); i++) {
        const ctvk_st_tensor *t = ctvk_safetensors_at(b->cache, i);
        if (t->rank != 2 || t->shape[0] != (uint64_t)m->prompts || t->shape[1] != (uint64_t)m->text_dim || t->dtype == CTVK_DTYPE_OTHER)
            return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                             "%s: prompt \"%.100s\" is no [%d, %d] tensor of F32, F16 or BF16 (get the bundle again)", m->cache, t->name,
                             m->prompts, m->text_dim);
        for (uint64_t k = 0; k < t->count; k++) {
            float value;
            ctvk_st_to_f32(t, k, 1, &value);
            if (!isfinite(value))
                return ctvk_fail(error, CTVK_ERROR_BUNDLE, "%s: prompt \"%.100s\" holds NaN or infinity (get the bundle again)", m->cache,
                                 t->name);
        }
    }
    return CTVK_OK;
}

/* Of the files whose hashes are known; one that is not there is told later. */
static uint64_t bytes_to_hash(const ctvk_bundle_files *b)
{
    char path[PATH_MAX];
    struct stat info;
    uint64_t bytes = 0;
    for (int32_t i = 0; i < b->manifest.file_count; i++)
        if (ctvk_bundle_path(b, b->manifest.files[i].name, path, sizeof path, NULL) == CTVK_OK && !stat(path, &info))
            bytes += (uint64_t)info.st_size;
    return bytes;
}

static ctvk_status open_parts(ctvk_bundle_files *b, hashing *h, ctvk_error *error)
{
    const ctvk_manifest *m = &b->manifest;
    char path[PATH_MAX];
    ctvk_status status = CTVK_OK;
    for (int32_t i = 0; i < m->file_count && status == CTVK_OK; i++)
        status = check_file(b, &m->files[i], h, error);
    if (status == CTVK_OK)
        status = ctvk_bundle_path(b, m->weights, path, sizeof path, error);
    if (status == CTVK_OK)
        status = ctvk_safetensors_open(b->host, path, CTVK_ERROR_BUNDLE, &b->weights, error);
    if (status != CTVK_OK || !m->cache[0])
        return status;
    status = ctvk_bundle_path(b, m->cache, path, sizeof path, error);
    if (status == CTVK_OK)
        status = ctvk_safetensors_open(b->host, path, CTVK_ERROR_BUNDLE, &b->cache, error);
    return status == CTVK_OK ? check_cache(b, error) : status;
}

ctvk_status ctvk_bundle_open(const ctvk_host *host, const char *folder, ctvk_progress_fn progress, void *user, ctvk_bundle_files **out,
                             ctvk_error *error)
{
    char real[PATH_MAX];
    struct stat info;
    *out = NULL;
    if (!realpath(folder, real) || stat(real, &info))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "bundle %.300s: %s (give the folder that holds manifest.json)", folder, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "bundle %.300s: not a folder (give the folder that holds manifest.json)", folder);
    ctvk_bundle_files *b = ctvk_calloc(host, 1, sizeof *b);
    if (!b)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "bundle: no host memory (close other programs)");
    b->host = host;
    b->folder = ctvk_strndup(host, real, strlen(real));
    ctvk_status status =
        b->folder ? read_manifest(b, error) : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "bundle: no host memory (close other programs)");
    if (status == CTVK_OK) {
        hashing h = {progress, user, 0, bytes_to_hash(b), 0};
        status = open_parts(b, &h, error);
    }
    if (status != CTVK_OK)
        ctvk_bundle_close(&b);
    *out = b;
    return status;
}

void ctvk_bundle_close(ctvk_bundle_files **bundle)
{
    if (!bundle || !*bundle)
        return;
    ctvk_bundle_files *b = *bundle;
    ctvk_safetensors_close(&b->weights);
    ctvk_safetensors_close(&b->cache);
    ctvk_free(b->host, b->folder);
    ctvk_free(b->host, b);
    *bundle = NULL;
}

int32_t ctvk_bundle_cached_prompt(const ctvk_bundle_files *bundle, const char *prompt, uint64_t length, float *out)
{
    char name[256];
    if (!bundle->cache || length >= sizeof name || memchr(prompt, 0, (size_t)length))
        return 0;
    memcpy(name, prompt, (size_t)length);
    name[length] = 0;
    const ctvk_st_tensor *t = ctvk_safetensors_find(bundle->cache, name);
    if (!t)
        return 0;
    if (out)
        ctvk_st_to_f32(t, 0, t->count, out);
    return 1;
}
