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

typedef struct source {
    const uint8_t *bytes;
    uint64_t size, at;
    int gz, finished, broken, no_memory;
    z_stream stream;
} source;

static voidpf zlib_alloc(voidpf host, uInt items, uInt size)
{
    return ctvk_alloc(host, (size_t)items * size);
}

static void zlib_free(voidpf host, voidpf memory)
{
    ctvk_free(host, memory);
}

void ctvk_zlib_use(z_stream *stream, const ctvk_host *host)
{
    stream->zalloc = zlib_alloc;
    stream->zfree = zlib_free;
    stream->opaque = (voidpf)(uintptr_t)host; /* only ever handed back as const */
}

static int source_open(source *s, const ctvk_host *host, const uint8_t *bytes, uint64_t size)
{
    memset(s, 0, sizeof *s);
    ctvk_zlib_use(&s->stream, host);
    s->bytes = bytes;
    s->size = size;
    s->gz = size > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    return s->gz ? inflateInit2(&s->stream, 15 + 16) : Z_OK;
}

static void source_close(source *s)
{
    if (s->gz)
        inflateEnd(&s->stream);
}

static uint64_t read_plain(source *s, uint8_t *out, uint64_t bytes)
{
    uint64_t n = s->size - s->at < bytes ? s->size - s->at : bytes;
    memcpy(out, s->bytes + s->at, (size_t)n);
    s->at += n;
    return n;
}

/* zlib counts in 32 bits: both sides go in pieces. Several gzip members in a row are one file. */
static uint64_t read_gz(source *s, uint8_t *out, uint64_t bytes)
{
    uint64_t done = 0;
    while (done < bytes && !s->finished && !s->broken) {
        uint64_t in = s->size - s->at < (1u << 30) ? s->size - s->at : 1u << 30, room = bytes - done < (1u << 30) ? bytes - done : 1u << 30;
        s->stream.next_in = (Bytef *)(uintptr_t)(s->bytes + s->at);
        s->stream.avail_in = (uInt)in;
        s->stream.next_out = out + done;
        s->stream.avail_out = (uInt)room;
        int result = inflate(&s->stream, Z_NO_FLUSH);
        s->at += in - s->stream.avail_in;
        done += room - s->stream.avail_out;
        if (result == Z_STREAM_END) {
            s->finished = s->size - s->at < 18 || s->bytes[s->at] != 0x1f || s->bytes[s->at + 1] != 0x8b;
            s->broken = !s->finished && inflateReset(&s->stream) != Z_OK;
        } else if (result != Z_OK || (in == s->stream.avail_in && room == s->stream.avail_out)) {
            s->broken = 1;
            s->no_memory = result == Z_MEM_ERROR;
        }
    }
    return done;
}

static uint64_t source_read(source *s, void *out, uint64_t bytes)
{
    return s->gz ? read_gz(s, out, bytes) : read_plain(s, out, bytes);
}

/* Reads over `bytes` bytes; for the header's extensions and what follows the voxels. */
static uint64_t source_skip(source *s, uint64_t bytes)
{
    uint8_t buffer[4096];
    uint64_t done = 0, n = 1;
    while (done < bytes && n) {
        n = source_read(s, buffer, bytes - done < sizeof buffer ? bytes - done : sizeof buffer);
        done += n;
    }
    return done;
}

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

static int all_finite(const ctvk_image *image)
{
    const float *f = image->data;
    const double *d = image->data;
    uint64_t count = image->bytes / (uint64_t)ctvk_scalar_bytes(image->type);
    for (uint64_t i = 0; image->type == CTVK_SCALAR_FLOAT32 && i < count; i++)
        if (!isfinite(f[i]))
            return 0;
    for (uint64_t i = 0; image->type == CTVK_SCALAR_FLOAT64 && i < count; i++)
        if (!isfinite(d[i]))
            return 0;
    return 1;
}

static ctvk_status read_voxels(const ctvk_host *host, source *s, const char *label, ctvk_image *out, int swapped, ctvk_error *error)
{
    static const char *const remedy = "copy or export it again";
    if (out->bytes / MAX_RATIO > s->size)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: its header promises %llu MiB, more than the file can hold (%s)", label,
                         (unsigned long long)(out->bytes >> 20), remedy);
    out->data = ctvk_alloc(host, (size_t)out->bytes);
    if (!out->data)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: needs %llu MiB of host memory (close other programs)", label,
                         (unsigned long long)(out->bytes >> 20));
    uint64_t got = source_read(s, out->data, out->bytes);
    if (got != out->bytes)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: %s after %llu of %llu bytes of voxels (%s)", label,
                         s->broken && s->at < s->size ? "its compressed data are damaged" : "it ends", (unsigned long long)got,
                         (unsigned long long)out->bytes, remedy);
    uint64_t trailing = source_skip(s, MAX_TRAILING + 1);
    if (s->broken)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: its compressed data are damaged or cut short (%s)", label, remedy);
    if (trailing > MAX_TRAILING)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: holds more data than its header says (%s)", label, remedy);
    if (swapped)
        swap_data(out->data, out->bytes, (uint32_t)ctvk_scalar_bytes(out->type));
    if (!all_finite(out))
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: holds NaN or infinity, no CT does (%s)", label,
                         "replace them by air, -1024, or export it again");
    return CTVK_OK;
}

/* What lies between header and voxels. -1: it is cut short. */
static int read_extensions(const ctvk_host *host, source *s, uint64_t bytes, int swapped, ctvk_image *out)
{
    uint8_t *all = bytes <= MAX_EXTENSIONS ? ctvk_alloc(host, (size_t)bytes) : NULL;
    uint64_t got = all ? source_read(s, all, bytes) : source_skip(s, bytes);
    if (all && got == bytes)
        out->comment = ctvk_nifti_comment(host, all, bytes, swapped);
    ctvk_free(host, all);
    return got == bytes ? 0 : -1;
}

static ctvk_status parse(const ctvk_host *host, source *s, const char *label, ctvk_image *out, ctvk_error *error)
{
    uint8_t bytes[CTVK_NIFTI1_BYTES];
    uint64_t data_offset;
    int swapped;
    if (source_read(s, bytes, sizeof bytes) != sizeof bytes)
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

ctvk_status ctvk_image_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_image *out, ctvk_error *error)
{
    source s;
    uint8_t digest[32];
    ctvk_sha256 hash;
    memset(out, 0, sizeof *out);
    if (source_open(&s, host, bytes, size) != Z_OK)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to unpack it (close other programs)", label);
    ctvk_status status = parse(host, &s, label, out, error);
    if (s.no_memory)
        status = ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to unpack it (close other programs)", label);
    source_close(&s);
    if (status != CTVK_OK) {
        ctvk_image_free(host, out);
        return status;
    }
    ctvk_sha256_begin(&hash);
    ctvk_sha256_add(&hash, bytes, (size_t)size);
    ctvk_sha256_end(&hash, digest);
    ctvk_sha256_hex(digest, out->sha256);
    return CTVK_OK;
}

ctvk_status ctvk_image_read(const ctvk_host *host, const char *path, ctvk_image *out, ctvk_error *error)
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
    ctvk_status status = ctvk_image_parse(host, bytes, (uint64_t)info.st_size, path, out, error);
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
