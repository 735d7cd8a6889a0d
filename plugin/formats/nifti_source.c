#include "formats/nifti_internal.h"

#include <string.h>

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

int ctvk_nifti_source_open(ctvk_nifti_source *s, const ctvk_host *host, const uint8_t *bytes, uint64_t size)
{
    memset(s, 0, sizeof *s);
    ctvk_zlib_use(&s->stream, host);
    s->bytes = bytes;
    s->size = size;
    s->gz = size > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    return s->gz ? inflateInit2(&s->stream, 15 + 16) : Z_OK;
}

void ctvk_nifti_source_close(ctvk_nifti_source *s)
{
    if (s->gz)
        inflateEnd(&s->stream);
}

void ctvk_nifti_advance(ctvk_nifti_source *s, uint64_t bytes)
{
    s->done += bytes;
    s->untold += bytes;
    if (s->untold < CTVK_NIFTI_PIECE || s->cancelled)
        return;
    s->untold = 0;
    double fraction = s->total ? (double)s->done / (double)s->total : 0;
    s->cancelled = s->progress && s->progress(s->user, fraction < 1 ? fraction : 1, "read");
}

static uint64_t read_plain(ctvk_nifti_source *s, uint8_t *out, uint64_t bytes)
{
    uint64_t n = s->size - s->at < bytes ? s->size - s->at : bytes;
    memcpy(out, s->bytes + s->at, (size_t)n);
    s->at += n;
    return n;
}

/* A piece of what is packed: both sides are bounded, since much of either may give little of the other. Several gzip members in a row are
 * one file. */
static uint64_t read_gz(ctvk_nifti_source *s, uint8_t *out, uint64_t bytes)
{
    uint64_t in = s->size - s->at < CTVK_NIFTI_PIECE ? s->size - s->at : CTVK_NIFTI_PIECE;
    s->stream.next_in = (Bytef *)(uintptr_t)(s->bytes + s->at);
    s->stream.avail_in = (uInt)in;
    s->stream.next_out = out;
    s->stream.avail_out = (uInt)bytes;
    int result = inflate(&s->stream, Z_NO_FLUSH);
    uint64_t taken = in - s->stream.avail_in, given = bytes - s->stream.avail_out;
    s->at += taken;
    if (result == Z_STREAM_END) {
        s->finished = s->size - s->at < 18 || s->bytes[s->at] != 0x1f || s->bytes[s->at + 1] != 0x8b;
        s->broken = !s->finished && inflateReset(&s->stream) != Z_OK;
    } else if (result != Z_OK || (!taken && !given)) {
        s->broken = 1;
        s->no_memory = result == Z_MEM_ERROR;
    }
    if (given < taken)
        ctvk_nifti_advance(s, taken - given); /* little came out of much: it counts all the same, for a cancel */
    return given;
}

uint64_t ctvk_nifti_read(ctvk_nifti_source *s, void *out, uint64_t bytes)
{
    uint64_t done = 0, n = 1;
    while (done < bytes && !s->cancelled && !s->finished && !s->broken && (s->gz || n)) {
        uint64_t piece = bytes - done < CTVK_NIFTI_PIECE ? bytes - done : CTVK_NIFTI_PIECE;
        n = s->gz ? read_gz(s, (uint8_t *)out + done, piece) : read_plain(s, (uint8_t *)out + done, piece);
        done += n;
        ctvk_nifti_advance(s, n);
    }
    return done;
}

uint64_t ctvk_nifti_skip(ctvk_nifti_source *s, uint64_t bytes)
{
    uint8_t buffer[4096];
    uint64_t done = 0, n = 1;
    while (done < bytes && n) {
        n = ctvk_nifti_read(s, buffer, bytes - done < sizeof buffer ? bytes - done : sizeof buffer);
        done += n;
    }
    return done;
}
