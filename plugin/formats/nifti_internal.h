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

/* Before inflateInit2 or deflateInit2: zlib's own memory comes from the host too. host outlives the stream; may be NULL. */
void ctvk_zlib_use(z_stream *stream, const ctvk_host *host);

/* Checks a header as it lies on disk and fills everything of the image but data and hash. swapped: the file has the other byte order. */
ctvk_status ctvk_nifti_check_header(const uint8_t bytes[CTVK_NIFTI1_BYTES], const char *label, ctvk_image *image,
                                    struct nifti_1_header *raw, int *swapped, uint64_t *data_offset, ctvk_error *error);

/* The text of the first comment (code 6) among the extensions. bytes: what lies between the header's 348 bytes and the voxels. OWNED; NULL
 * where there is none, where the extensions are damaged, or where memory is exhausted: nobody depends on it. */
char *ctvk_nifti_comment(const ctvk_host *host, const uint8_t *bytes, uint64_t size, int swapped);

#endif
