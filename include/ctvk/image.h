/* ctvk/image.h - interface "ctvk.image": NIfTI files in, label maps, probabilities and logits out. A host with volumes of its own does
 * not need it. */
#ifndef CTVK_IMAGE_H
#define CTVK_IMAGE_H

#include "ctvk/context.h"
#include "ctvk/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_IMAGE_NAME "ctvk.image"
#define CTVK_IMAGE_VERSION 1

typedef struct ctvk_image_file ctvk_image_file;

/* Files are written under a temporary name in the same folder and renamed when whole: a failure leaves nothing behind and an existing
 * file as it was. */
typedef struct ctvk_image_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* Reads a .nii or .nii.gz with one 3-D volume. *out is OWNED: destroy. CTVK_ERROR_INPUT, CTVK_ERROR_HOST_MEMORY: message on the
     * context. [one thread at a time] on the context */
    ctvk_status (*open)(ctvk_context *context, const char *path, uint64_t length, ctvk_image_file **out);
    void (*destroy)(ctvk_image_file *image);
    ctvk_status (*last_error)(const ctvk_image_file *image, ctvk_text *message);

    /* out (struct_size set): data and texts are VIEW of the image; the affine is RAS. [one thread at a time] */
    ctvk_status (*volume)(ctvk_image_file *image, ctvk_volume *out);

    /* uint8, packed, i fastest, on the image's grid (dimensions, forms and codes are repeated). comment: text for a NIfTI extension
     * (ctvk.result's label_json), may be empty. BORROWED. CTVK_ERROR_OUTPUT: message on the image. [one thread at a time] */
    ctvk_status (*write_labels)(ctvk_image_file *image, const char *path, uint64_t length, const uint8_t *labels, const ctvk_text *comment);
    /* float32, `classes` such volumes one after the other (NIfTI's fourth axis). */
    ctvk_status (*write_probability)(ctvk_image_file *image, const char *path, uint64_t length, uint32_t classes, const float *values,
                                     const ctvk_text *comment);
    /* A safetensors file with one float32 tensor. shape: rank (1 to 8) extents, last fastest. Message on the context. */
    ctvk_status (*write_tensor)(ctvk_context *context, const char *path, uint64_t length, const char *name, uint32_t rank,
                                const uint64_t *shape, const float *values);

    /* Text of the file's first comment extension (NIfTI code 6), as it lies there: VIEW of the image, "" where there is none. A label map
     * that ctvk wrote has ctvk.result's label_json there. [one thread at a time] */
    ctvk_status (*comment)(ctvk_image_file *image, ctvk_text *out);

    /* As open, for files that take long: progress (may be NULL) is called on this thread at least every few MiB, also while a .nii.gz is
     * unpacked, with the stage "read". Non-zero cancels: CTVK_CANCELLED, and nothing is left. */
    ctvk_status (*open_with_progress)(ctvk_context *context, const char *path, uint64_t length, ctvk_progress_fn progress, void *user,
                                      ctvk_image_file **out);

    /* From now on write_labels and write_probability of this image ask `progress` (NULL: nobody) for every MiB, on the thread that writes,
     * with the stage "write". Non-zero cancels: CTVK_CANCELLED, and nothing is left. user is BORROWED until the image is destroyed.
     * [one thread at a time] */
    ctvk_status (*watch_writing)(ctvk_image_file *image, ctvk_progress_fn progress, void *user);
} ctvk_image_api;

#ifdef __cplusplus
}
#endif
#endif
