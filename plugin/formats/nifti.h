/* formats/nifti.h - NIfTI-1 and -2 through niftilib, with the checks that it lacks before and after it. */
#ifndef CTVK_FORMATS_NIFTI_H
#define CTVK_FORMATS_NIFTI_H

#include "core/host.h"

/* A 3-D image as stored: data x fastest ([z][y][x]), type as in the file, value = slope * stored + intercept. */
typedef struct ctvk_image {
    int64_t dim[3];
    double spacing[3];   /* mm */
    double affine[3][4]; /* voxel index -> RAS mm; sform before qform before spacing only */
    ctvk_scalar type;
    double slope, intercept;
    void *data; /* OWNED by the image */
    uint64_t bytes;
    char sha256[65];                  /* of the file as it lies on disk */
    char *comment;                    /* the first comment extension's text. OWNED by the image; NULL: none */
    struct ctvk_nifti_header *header; /* OWNED: what a label map on the same grid repeats: forms, codes, units */
} ctvk_image;

/* Refuses with one clear CTVK_ERROR_INPUT: not NIfTI, complex or RGB, more than one volume, sizes that overflow or exceed the file, data
 * cut short, a gz that unpacks to more than the header says, singular or non-finite affine, NaN or infinity in the data, zero or negative
 * dims or spacing. Nothing reaches stderr. progress may be NULL; it is asked at least every few MiB: non-zero gives CTVK_CANCELLED. */
ctvk_status ctvk_image_read(const ctvk_host *host, const char *path, ctvk_progress_fn progress, void *user, ctvk_image *out,
                            ctvk_error *error);
/* The same on the bytes of a file in memory (fuzzing, hosts). BORROWED for the call. label names them in errors. */
ctvk_status ctvk_image_parse(const ctvk_host *host, const void *bytes, uint64_t size, const char *label, ctvk_progress_fn progress,
                             void *user, ctvk_image *out, ctvk_error *error);
void ctvk_image_free(const ctvk_host *host, ctvk_image *image);
/* uint8 [z][y][x] or float32 volumes on the grid of `grid` (its header: forms, codes, units, dims), .nii or .nii.gz by name, with an
 * optional NIfTI extension (code 6, comment) holding `comment` (JSON with the label names). float32: `volumes` of them as 4-D.
 * Temporary file in the same folder, renamed when whole; on failure nothing is left and an existing file is untouched. progress may be
 * NULL; it is asked for every MiB of voxels: non-zero gives CTVK_CANCELLED. */
ctvk_status ctvk_image_write(const ctvk_host *host, const char *path, const ctvk_image *grid, ctvk_scalar type, int32_t volumes,
                             const void *data, const char *comment, ctvk_progress_fn progress, void *user, ctvk_error *error);

#endif
