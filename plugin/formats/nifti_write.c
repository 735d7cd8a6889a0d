#include "formats/nifti_internal.h"

#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Plain or through gzip into a file that appears whole or not at all. */
typedef struct sink {
    ctvk_file *file;
    int gz;
    z_stream stream;
} sink;

static ctvk_status sink_write(sink *s, const void *data, uint64_t bytes, int last, ctvk_error *error)
{
    uint8_t out[65536];
    const uint8_t *in = data;
    if (!s->gz)
        return ctvk_file_write(s->file, data, bytes, error);
    do {
        uint64_t n = bytes < (1u << 30) ? bytes : 1u << 30;
        s->stream.next_in = (Bytef *)(uintptr_t)in;
        s->stream.avail_in = (uInt)n;
        in += n;
        bytes -= n;
        do {
            s->stream.next_out = out;
            s->stream.avail_out = sizeof out;
            deflate(&s->stream, last && !bytes ? Z_FINISH : Z_NO_FLUSH);
            ctvk_status status = ctvk_file_write(s->file, out, sizeof out - s->stream.avail_out, error);
            if (status != CTVK_OK)
                return status;
        } while (!s->stream.avail_out);
    } while (bytes);
    return CTVK_OK;
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && !strcmp(text + n - m, end);
}

static void make_header(const ctvk_image *grid, ctvk_scalar type, int32_t volumes, uint64_t offset, struct nifti_1_header *h)
{
    *h = grid->header->raw; /* dims, spacing, forms, codes and units stay as they are */
    h->datatype = type == CTVK_SCALAR_UINT8 ? DT_UINT8 : DT_FLOAT32;
    h->bitpix = type == CTVK_SCALAR_UINT8 ? 8 : 32;
    for (int i = 4; i < 8; i++)
        h->dim[i] = 1;
    h->dim[0] = volumes > 1 ? 4 : 3;
    h->dim[4] = (int16_t)volumes;
    if (volumes > 1)
        h->pixdim[4] = 1;
    h->scl_slope = 1;
    h->scl_inter = 0;
    h->cal_max = h->cal_min = 0;
    h->slice_code = 0;
    h->slice_start = h->slice_end = 0;
    h->slice_duration = h->toffset = 0;
    h->dim_info = 0;
    h->intent_code = type == CTVK_SCALAR_UINT8 ? NIFTI_INTENT_LABEL : NIFTI_INTENT_NONE;
    h->intent_p1 = h->intent_p2 = h->intent_p3 = 0;
    h->vox_offset = (float)offset;
    /* Free text of the source may name the patient: it does not travel. */
    memset(h->descrip, 0, sizeof h->descrip);
    memset(h->aux_file, 0, sizeof h->aux_file);
    memset(h->intent_name, 0, sizeof h->intent_name);
    memset(h->data_type, 0, sizeof h->data_type);
    memset(h->db_name, 0, sizeof h->db_name);
    snprintf(h->descrip, sizeof h->descrip, "ctvk %d.%d.%d", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    memcpy(h->magic, "n+1", 4);
}

/* Piece by piece, so that the host is asked in between. The file's end comes with the last one. */
static ctvk_status write_voxels(sink *s, const char *path, const uint8_t *data, uint64_t bytes, ctvk_progress_fn progress, void *user,
                                ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (uint64_t at = 0; at < bytes && status == CTVK_OK;) {
        uint64_t n = bytes - at < CTVK_NIFTI_PIECE ? bytes - at : CTVK_NIFTI_PIECE;
        if (progress && progress(user, (double)at / (double)bytes, "write"))
            return ctvk_fail(error, CTVK_CANCELLED, "%s: cancelled (write it again)", path);
        status = sink_write(s, data + at, n, at + n == bytes, error);
        at += n;
    }
    return status;
}

static ctvk_status write_head(sink *s, const struct nifti_1_header *h, const char *comment, uint64_t extension, ctvk_error *error)
{
    uint8_t head[8] = {extension ? 1 : 0};
    ctvk_status status = sink_write(s, h, sizeof *h, 0, error);
    if (status == CTVK_OK)
        status = sink_write(s, head, 4, 0, error);
    if (status == CTVK_OK && extension) {
        int32_t words[2] = {(int32_t)extension, NIFTI_ECODE_COMMENT};
        static const uint8_t zeros[16] = {0};
        size_t length = strlen(comment);
        status = sink_write(s, words, sizeof words, 0, error);
        if (status == CTVK_OK)
            status = sink_write(s, comment, length, 0, error);
        if (status == CTVK_OK)
            status = sink_write(s, zeros, extension - 8 - length, 0, error);
    }
    return status;
}

ctvk_status ctvk_image_write(const ctvk_host *host, const char *path, const ctvk_image *grid, ctvk_scalar type, int32_t volumes,
                             const void *data, const char *comment, ctvk_progress_fn progress, void *user, ctvk_error *error)
{
    struct nifti_1_header h;
    sink s = {.gz = ends_with(path, ".nii.gz")};
    uint64_t extension = comment && *comment ? (8 + strlen(comment) + 15) & ~(uint64_t)15 : 0;
    uint64_t bytes =
        (uint64_t)grid->dim[0] * (uint64_t)grid->dim[1] * (uint64_t)grid->dim[2] * (uint64_t)volumes * (uint64_t)ctvk_scalar_bytes(type);
    if (!s.gz && !ends_with(path, ".nii"))
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: a NIfTI file's name ends in .nii or .nii.gz (choose such a name)", path);
    if ((type != CTVK_SCALAR_UINT8 && type != CTVK_SCALAR_FLOAT32) || volumes < 1 || volumes > 32767 || !grid->header ||
        extension > (1u << 20))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: a label map or probabilities on a CT's grid were expected (report this)", path);
    make_header(grid, type, volumes, 352 + extension, &h);
    ctvk_zlib_use(&s.stream, host);
    if (s.gz && deflateInit2(&s.stream, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: no host memory to write it (close other programs)", path);
    ctvk_status status = ctvk_file_begin(host, path, &s.file, error);
    if (status == CTVK_OK)
        status = write_head(&s, &h, comment, extension, error);
    if (status == CTVK_OK)
        status = write_voxels(&s, path, data, bytes, progress, user, error);
    if (s.gz)
        deflateEnd(&s.stream);
    if (status == CTVK_OK)
        return ctvk_file_commit(&s.file, error);
    ctvk_file_abandon(&s.file);
    return status;
}
