/* support/prepared.h - a whole volume after steps 1 to 6, as one block of the preparer; and volumes made here as images that steps 1 to 6
 * leave as they are. */
#ifndef CTVK_TESTS_PREPARED_H
#define CTVK_TESTS_PREPARED_H

#include "core/host.h"
#include "volume/volume.h"

#include <string.h>

typedef struct prepared {
    ctvk_geometry geometry;
    float *data; /* [x][y][z] of geometry.dim; prepared_free() */
} prepared;

static inline ctvk_status prepare(const ctvk_host *host, const ctvk_volume_view *in, const ctvk_prep_desc *desc, ctvk_progress_fn progress,
                                  void *user, prepared *out, ctvk_error *error)
{
    ctvk_preparer *preparer = NULL;
    memset(out, 0, sizeof *out);
    ctvk_status status = ctvk_preparer_open(host, in, desc, progress, user, &preparer, error);
    if (status != CTVK_OK)
        return status;
    out->geometry = *ctvk_preparer_geometry(preparer);
    const int64_t *dim = out->geometry.dim, first[3] = {0, 0, 0}, stride[2] = {dim[1] * dim[2], dim[2]};
    const size_t bytes = (size_t)(dim[0] * stride[0]) * sizeof(float);
    out->data = ctvk_alloc(host, bytes);
    if (out->data) {
        memset(out->data, 0xff, bytes); /* NaN */
        status = ctvk_preparer_block(preparer, first, dim, stride, out->data, error);
    } else {
        status = CTVK_ERROR_HOST_MEMORY;
    }
    ctvk_preparer_close(&preparer);
    return status;
}

static inline void prepared_free(const ctvk_host *host, prepared *p)
{
    ctvk_free(host, p->data);
    p->data = NULL;
}

/* Of a volume [x][y][z] with z fastest, BORROWED: its values come through unchanged. */
static inline ctvk_status prepare_nothing(const float *volume, const int64_t dim[3], ctvk_preparer **out, ctvk_error *error)
{
    const ctvk_prep_desc desc = {.orientation = "RAS", .window_hu = {0, 1}, .range = {0, 1}, .window = {1, 1, 1}};
    const ctvk_volume_view view = {.data = volume,
                                   .type = CTVK_SCALAR_FLOAT32,
                                   .dim = {dim[0], dim[1], dim[2]},
                                   .stride = {dim[1] * dim[2] * 4, dim[2] * 4, 4},
                                   .slope = 1,
                                   .affine = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    return ctvk_preparer_open(NULL, &view, &desc, NULL, NULL, out, error);
}

#endif
