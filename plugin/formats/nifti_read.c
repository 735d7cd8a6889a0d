#include "formats/nifti_internal.h"

#include "core/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that may follow the voxels; some programs pad. More is no file that we understand. */
#define MAX_TRAILING (1u << 20)
/* deflate cannot shrink more than 1032 : 1, so a header that promises more lies, and is refused before memory is asked for. */
#define MAX_RATIO 1040u
/* Extensions that are looked at; more of them is read over. */
#define MAX_EXTENSIONS (4u << 20)

static void swap_data(void *data, uint64_t bytes, uint32_t size)
{
    uint8_t *at = data;
    for (uint64_t i = 0; size > 1 && i < bytes; i += size)
        for (uint32_t k = 0; k < size / 2; k++) {
            uint8_t byte = at[i + k];
            at[i + k] = at[i + size - 1 - k];
            at[i + size - 1 - k] = byte;
        }
}

static int all_finite(ctvk_scalar type, const void *data, uint64_t bytes)
{
    const float *f = data;
    const double *d = data;
    for (uint64_t i = 0; type == CTVK_SCALAR_FLOAT32 && i < bytes / sizeof *f; i++)
        if (!isfinite(f[i]))
            return 0;
    for (uint64_t i = 0; type == CTVK_SCALAR_FLOAT64 && i < bytes / sizeof *d; i++)
        if (!isfinite(d[i]))
            return 0;
    return 1;
}

/* What is left to do to voxels that are read, piece by piece. 0: they hold NaN or infinity. */
static int finish_voxels(ctvk_nifti_source *s, const ctvk_image *image, int swapped)
{
    uint8_t *data = image->data;
    int finite = 1;
    for (uint64_t at = 0; at < image->bytes && finite && !s->cancelled; at += CTVK_NIFTI_PIECE) {
        uint64_t n = image->bytes - at < CTVK_NIFTI_PIECE ? image->bytes - at : CTVK_NIFTI_PIECE;
        if (swapped)
            swap_data(data + at, n, (uint32_t)ctvk_scalar_bytes(image->type));
        finite = all_finite(image->type, data + at, n);
        ctvk_nifti_advance(s, n);
    }
    return finite;
}

static ctvk_status read_voxels(const ctvk_host *host, ctvk_nifti_source *s, const char *label, ctvk_image *out, int swapped,
                               ctvk_error *error)
{
    static const char *const remedy = "copy or export it again";
    if (out->bytes / MAX_RATIO > s->size)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: its header promises %llu MiB, more than the file can hold (%s)", label,
                         (unsigned long long)(out->bytes >> 20), remedy);
    out->data = ctvk_alloc(host, (size_t)out->bytes);
    if (!out->data)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: needs %llu MiB of host memory (close other programs)", label,
                         (unsigned long long)(out->bytes >> 20));
    s->total = 2 * out->bytes + s->size; /* read, look through, and hash the file */
    uint64_t got = ctvk_nifti_read(s, out->data, out->bytes);
    if (got != out->bytes)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: %s after %llu of %llu bytes of voxels (%s)", label,
                         s->broken && s->at < s->size ? "its compressed data are damaged" : "it ends", (unsigned long long)got,
                         (unsigned long long)out->bytes, remedy);
    uint64_t trailing = ctvk_nifti_skip(s, MAX_TRAILING + 1);
    if (s->broken)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: its compressed data are damaged or cut short (%s)", label, remedy);
    if (trailing > MAX_TRAILING)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: holds more data than its header says (%s)", label, remedy);
    if (!finish_voxels(s, out, swapped))
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: holds NaN or infinity, no CT does (%s)", label,
                         "replace them by air, -1024, or export it again");
    return CTVK_OK;
}

/* What lies between header and voxels. -1: it is cut short. */
static int read_extensions(const ctvk_host *host, ctvk_nifti_source *s, uint64_t bytes, int swapped, ctvk_image *out)
{
    uint8_t *all = bytes <= MAX_EXTENSIONS ? ctvk_alloc(host, (size_t)bytes) : NULL;
    uint64_t got = all ? ctvk_nifti_read(s, all, bytes) : ctvk_nifti_skip(s, bytes);
    if (all && got == bytes)
        out->comment = ctvk_nifti_comment(host, all, bytes, swapped);
    ctvk_free(host, all);
    return got == bytes ? 0 : -1;
}

static ctvk_status parse(const ctvk_host *host, ctvk_nifti_source *s, const char *label, ctvk_image *out, ctvk_error *error)
{
    uint8_t bytes[CTVK_NIFTI1_BYTES];
    uint64_t data_offset;
    int swapped;
    if (ctvk_nifti_read(s, bytes, sizeof bytes) != sizeof bytes)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: too short, no NIfTI file (give a CT as .nii or .nii.gz)", label);
    out->header = ctvk_calloc(host, 1, sizeof *out->header);
    if (!out->header)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory (close other programs)", label);
    ctvk_status status = ctvk_nifti_check_header(bytes, label, out, &out->header->raw, &swapped, &data_offset, error);
    if (status != CTVK_OK)
        return status;
    if (read_extensions(host, s, data_offset - sizeof bytes, swapped, out) != 0)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: ends before its voxels begin (copy or export it again)", label);
    return read_voxels(host, s, label, out, swapped, error);
}

static void hash_file(ctvk_nifti_source *s, char hex[65])
{
    uint8_t digest[32];
    ctvk_sha256 hash;
    ctvk_sha256_begin(&hash);
    for (uint64_t at = 0; at < s->size && !s->cancelled; at += CTVK_NIFTI_PIECE) {
        uint64_t n = s->size - at < CTVK_NIFTI_PIECE ? s->size - at : CTVK_NIFTI_PIECE;
        ctvk_sha256_add(&hash, s->bytes + at, (size_t)n);
        ctvk_nifti_advance(s, n);
    }
    ctvk_sha256_end(&hash, digest);
    ctvk_sha256_hex(digest, hex);
}

ctvk_status ctvk_image_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_progress_fn progress,
                             void *user, ctvk_image *out, ctvk_error *error)
{
    ctvk_nifti_source s;
    memset(out, 0, sizeof *out);
    if (ctvk_nifti_source_open(&s, host, bytes, size) != Z_OK)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to unpack it (close other programs)", label);
    s.progress = progress;
    s.user = user;
    ctvk_status status = parse(host, &s, label, out, error);
    if (status == CTVK_OK)
        hash_file(&s, out->sha256);
    if (s.no_memory)
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to unpack it (close other programs)", label);
    if (s.cancelled) /* whatever the part that was read looked like */
        status = ctvk_fail(error, CTVK_CANCELLED, "%s: cancelled while it was read (open it again)", label);
    ctvk_nifti_source_close(&s);
    if (status != CTVK_OK)
        ctvk_image_free(host, out);
    return status;
}

ctvk_status ctvk_image_read(const ctvk_host *host, const char *path, ctvk_progress_fn progress, void *user, ctvk_image *out,
                            ctvk_error *error)
{
    struct stat info;
    memset(out, 0, sizeof *out);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in the place of a file must not hang us */
    if (fd < 0)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: %s (give the path of a CT that can be read)", path, strerror(errno));
    if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size < 1) {
        close(fd);
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: empty, or no file (give a CT as .nii or .nii.gz)", path);
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: cannot be mapped: %s (close other programs)", path, strerror(errno));
    ctvk_status status = ctvk_image_parse(host, bytes, (uint64_t)info.st_size, path, progress, user, out, error);
    munmap(bytes, (size_t)info.st_size);
    return status;
}

void ctvk_image_free(const ctvk_host *host, ctvk_image *image)
{
    if (!image)
        return;
    ctvk_free(host, image->data);
    ctvk_free(host, image->comment);
    ctvk_free(host, image->header);
    memset(image, 0, sizeof *image);
}
