/* ctvk/volume.h - a CT as the host has it in memory. Nothing is copied that need not be; the input is never written. */
#ifndef CTVK_VOLUME_H
#define CTVK_VOLUME_H

#include "ctvk/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which way patient space points: RAS (right, anterior, superior; NIfTI, Slicer) or LPS (left, posterior, superior; DICOM, ITK). */
typedef int32_t ctvk_convention;
enum { CTVK_RAS = 1, CTVK_LPS = 2 };

/* Voxels, where they lie in memory and in the patient. */
typedef struct ctvk_volume {
    uint32_t struct_size;
    ctvk_scalar type;           /* of a voxel, in this machine's byte order */
    const void *data;           /* voxel (0, 0, 0) */
    int64_t dim[3];             /* voxels along i, j, k */
    int64_t stride[3];          /* bytes from one voxel to the next along i, j, k, any sign; all 0: packed, i fastest */
    double affine[12];          /* 3 x 4, row by row: (i, j, k, 1) -> millimetres in the convention */
    ctvk_convention convention; /* must be named */
    int32_t reserved;           /* 0 */
    double slope, intercept;    /* HU = slope * stored + intercept; slope 0 means 1 */
    ctvk_text sha256;           /* of the file that it came from, for the provenance record; none: null there */
} ctvk_volume;
#define CTVK_VOLUME_INIT                                                                                                               \
    {                                                                                                                                  \
        (uint32_t)sizeof(ctvk_volume), 0, NULL, {0, 0, 0}, {0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, 0, 0, CTVK_TEXT_INIT \
    }

#ifdef __cplusplus
}
#endif
#endif
