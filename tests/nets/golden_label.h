/* nets/golden_label.h - from blended sums to the label map on the image's own grid, against expected_label.nii.gz of a golden case. */
#ifndef CTVK_TESTS_GOLDEN_LABEL_H
#define CTVK_TESTS_GOLDEN_LABEL_H

#include "formats/bundle.h"
#include "formats/nifti.h"
#include "nets/llmseg.h"
#include "support/check.h"
#include "support/golden.h"
#include "support/prepared.h"
#include "volume/volume.h"

/* Share of labels that may differ: a voxel whose classes are equal to within the logits' error may fall on either side. */
#define GOLDEN_LABELS_DIFFER 1e-4
#define GOLDEN_HALF_LABELS_DIFFER 1e-3 /* with 16 bits a number: the project's promise. 5e-5 seen */

static inline ctvk_prep_desc golden_prep(const ctvk_manifest *m)
{
    ctvk_prep_desc desc = {.has_spacing = m->has_spacing,
                           .antialias = m->antialias,
                           .clip = m->clip,
                           .crop_foreground = m->crop_foreground,
                           .pad_to_window = m->pad_to_window,
                           .rotate90 = m->rotate90};
    memcpy(desc.orientation, m->orientation, sizeof desc.orientation);
    memcpy(desc.spacing_mm, m->spacing_mm, sizeof desc.spacing_mm);
    memcpy(desc.window_hu, m->window_hu, sizeof desc.window_hu);
    memcpy(desc.range, m->range, sizeof desc.range);
    memcpy(desc.window, m->window, sizeof desc.window);
    return desc;
}

static inline int golden_read(const golden_case *c, const char *name, ctvk_image *out)
{
    char path[1024];
    ctvk_error error = {0};
    snprintf(path, sizeof path, "%s/%s", c->folder, name);
    ctvk_status status = ctvk_image_read(NULL, path, NULL, NULL, out, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", c->name, error.message);
    return status == CTVK_OK;
}

static inline void golden_weights(void *user, uint64_t first, uint32_t count, float *out)
{
    ctvk_sums_weights(user, first, count, out);
}

/* Labels on the image's grid (room for its voxels) as a job makes them (api/job_end.c). */
static inline ctvk_status golden_restore(ctvk_llmseg *net, const ctvk_geometry *g, int32_t classes, ctvk_sums *sums,
                                         const int64_t stride[3], uint8_t *out, ctvk_error *error)
{
    uint64_t voxels = (uint64_t)(g->dim[0] * g->dim[1] * g->dim[2]);
    float *probability = malloc(voxels * (uint64_t)classes * sizeof *probability);
    uint8_t *labels = malloc(voxels);
    ctvk_llmseg_classes wanted = {.sums = sums->logits,
                                  .voxels = voxels,
                                  .weights = golden_weights,
                                  .probability = g->resample ? probability : NULL,
                                  .labels = g->resample ? NULL : labels,
                                  .user = sums};
    ctvk_status status = ctvk_llmseg_classify(net, &wanted, error);
    if (status == CTVK_OK && g->resample)
        status = ctvk_restore_argmax(NULL, g, probability, classes, out, stride, error);
    else if (status == CTVK_OK)
        ctvk_restore_label(g, labels, out, stride);
    free(probability);
    free(labels);
    return status;
}

/* sums: on the preprocessed grid, `voxels` of them. */
static inline void golden_label_check(const golden_case *c, const ctvk_manifest *m, ctvk_llmseg *net, ctvk_sums *sums, uint64_t voxels,
                                      double differ)
{
    ctvk_image image = {0}, label = {0};
    prepared p = {0};
    ctvk_error error = {0};
    const ctvk_prep_desc desc = golden_prep(m);
    if (golden_read(c, "image.nii.gz", &image) && golden_read(c, "expected_label.nii.gz", &label)) {
        const int64_t *d = image.dim, bytes = (int64_t)image.bytes / (d[0] * d[1] * d[2]), count = d[0] * d[1] * d[2];
        ctvk_volume_view view = {.data = image.data,
                                 .type = image.type,
                                 .dim = {d[0], d[1], d[2]},
                                 .stride = {bytes, bytes * d[0], bytes * d[0] * d[1]},
                                 .slope = image.slope,
                                 .intercept = image.intercept};
        const int64_t stride[3] = {1, d[0], d[0] * d[1]};
        memcpy(view.affine, image.affine, sizeof view.affine);
        ctvk_status status = prepare(NULL, &view, &desc, NULL, NULL, &p, &error);
        const ctvk_geometry *g = &p.geometry;
        int same = status == CTVK_OK && (uint64_t)(g->dim[0] * g->dim[1] * g->dim[2]) == voxels && label.type == CTVK_SCALAR_UINT8 &&
                   memcmp(label.dim, image.dim, sizeof label.dim) == 0;
        CHECK_MSG(same, "%s: prepared %lld x %lld x %lld, label of type %d, %lld x %lld x %lld %s", c->name, (long long)g->dim[0],
                  (long long)g->dim[1], (long long)g->dim[2], (int)label.type, (long long)label.dim[0], (long long)label.dim[1],
                  (long long)label.dim[2], error.message);
        uint8_t *got = malloc((size_t)count);
        status = same ? golden_restore(net, g, m->out_channels, sums, stride, got, &error) : CTVK_ERROR_INTERNAL;
        CHECK_MSG(status == CTVK_OK, "%s: %s", c->name, error.message);
        int64_t wrong = 0, set = 0;
        for (int64_t i = 0; status == CTVK_OK && i < count; i++) {
            set += ((const uint8_t *)label.data)[i] != 0;
            wrong += got[i] != ((const uint8_t *)label.data)[i];
        }
        CHECK_MSG((double)wrong <= differ * (double)count, "%s: %lld of %lld labels differ", c->name, (long long)wrong, (long long)count);
        printf(", %lld of %lld labels differ, %lld are no background", (long long)wrong, (long long)count, (long long)set);
        free(got);
    }
    prepared_free(NULL, &p);
    ctvk_image_free(NULL, &image);
    ctvk_image_free(NULL, &label);
}

#endif
