/* formats/nifti_internal.h - what the NIfTI files share. */
#ifndef CTVK_FORMATS_NIFTI_INTERNAL_H
#define CTVK_FORMATS_NIFTI_INTERNAL_H

#include "core/scalar.h"
#include "formats/nifti.h"

#include <nifti1_io.h>
#include <zlib.h>

#define CTVK_NIFTI1_BYTES 348

/* What a label map on the same grid repeats. In this machine's byte order. */
struct ctvk_nifti_header {
    struct nifti_1_header raw;
};

#define CTVK_NIFTI_PIECE (1u << 20) /* bytes between two looks at whether the host cancels */

/* The bytes of a file, packed or not, read from the front. BORROWED while it is open. */
typedef struct ctvk_nifti_source {
    const uint8_t *bytes;
    uint64_t size, at;
    int gz, finished, broken, no_memory;
    z_stream stream;
    ctvk_progress_fn progress; /* may be NULL */
    void *user;
    uint64_t done, untold, total; /* bytes of work; total 0: not known yet */
    int cancelled;                /* by the host: nothing more is read */
} ctvk_nifti_source;
/* Z_OK or zlib's code. progress is set afterwards. */
int ctvk_nifti_source_open(ctvk_nifti_source *s, const ctvk_host *host, const uint8_t *bytes, uint64_t size);
void ctvk_nifti_source_close(ctvk_nifti_source *s);
/* How many bytes came: fewer at the end, where the data are damaged, and after a cancel. */
uint64_t ctvk_nifti_read(ctvk_nifti_source *s, void *out, uint64_t bytes);
/* Reads over `bytes` bytes; for the header's extensions and what follows the voxels. */
uint64_t ctvk_nifti_skip(ctvk_nifti_source *s, uint64_t bytes);
/* Counts work that was done, and asks the host every now and then. */
void ctvk_nifti_advance(ctvk_nifti_source *s, uint64_t bytes);

/* Before inflateInit2 or deflateInit2: zlib's own memory comes from the host too. host outlives the stream; may be NULL. */
void ctvk_zlib_use(z_stream *stream, const ctvk_host *host);

/* Checks a header as it lies on disk and fills everything of the image but data and hash. swapped: the file has the other byte order. */
ctvk_status ctvk_nifti_check_header(const uint8_t bytes[CTVK_NIFTI1_BYTES], const char *label, ctvk_image *image,
                                    struct nifti_1_header *raw, int *swapped, uint64_t *data_offset, ctvk_error *error);

/* The text of the first comment (code 6) among the extensions. bytes: what lies between the header's 348 bytes and the voxels. OWNED; NULL
 * where there is none, where the extensions are damaged, or where memory is exhausted: nobody depends on it. */
char *ctvk_nifti_comment(const ctvk_host *host, const uint8_t *bytes, uint64_t size, int swapped);

#endif
