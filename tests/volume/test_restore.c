/* Step 9: what was prepared comes back, on the input's own grid, in the host's own layout. */
#include "support/check.h"
#include "support/prepared.h"
#include "ref/volume.h"
#include "volume/random_volume.h"

typedef struct layout {
    int64_t stride[3], offset, bytes;
    unsigned char *memory;
} layout;

/* A random place for the answer, filled with 0xa5 so that a byte written between the voxels is seen. */
static layout output(uint64_t *state, const int64_t dim[3], int64_t element)
{
    layout l;
    random_layout(state, element, dim, l.stride, &l.offset, &l.bytes);
    l.memory = malloc((size_t)l.bytes);
    memset(l.memory, 0xa5, (size_t)l.bytes);
    return l;
}

/* Bytes that belong to no voxel must be as they were: every voxel's bytes are set to 0xa5 and then all must be. */
static int gaps_untouched(layout *l, const int64_t dim[3], int64_t element)
{
    for (int64_t i = 0; i < dim[0]; i++)
        for (int64_t j = 0; j < dim[1]; j++)
            for (int64_t k = 0; k < dim[2]; k++)
                memset(l->memory + l->offset + i * l->stride[0] + j * l->stride[1] + k * l->stride[2], 0xa5, (size_t)element);
    for (int64_t n = 0; n < l->bytes; n++)
        if (l->memory[n] != 0xa5)
            return 0;
    return 1;
}

/* Label of every voxel = what the prepared value there says; it must come back at the voxels that have that value. */
static void labels_come_back(uint64_t seed)
{
    uint64_t state = seed;
    random_volume v = random_volume_make(&state, 14);
    ctvk_prep_desc desc = random_desc(&state);
    prepared p;
    desc.has_spacing = 0;
    desc.clip = 1;
    ctvk_status status = prepare(NULL, &v.view, &desc, NULL, NULL, &p, NULL);
    CHECK(status == CTVK_OK);
    int64_t n = p.geometry.dim[0] * p.geometry.dim[1] * p.geometry.dim[2], wrong = 0;
    uint8_t *labels = malloc((size_t)n);
    for (int64_t i = 0; i < n; i++)
        labels[i] = (uint8_t)(p.data[i] * 250.0f);
    layout l = output(&state, v.view.dim, 1);
    ctvk_restore_label(&p.geometry, labels, l.memory + l.offset, l.stride);
    for (int64_t i = 0; i < v.view.dim[0]; i++)
        for (int64_t j = 0; j < v.view.dim[1]; j++)
            for (int64_t k = 0; k < v.view.dim[2]; k++) {
                double t = (ref_voxel(&v.view, i, j, k) - desc.window_hu[0]) / (desc.window_hu[1] - desc.window_hu[0]);
                int expected = (int)((float)(t < 0 ? 0 : t > 1 ? 1 : t) * 250.0f);
                int found = l.memory[l.offset + i * l.stride[0] + j * l.stride[1] + k * l.stride[2]];
                wrong += abs(expected - found) > 1; /* the value may round to the next label */
            }
    CHECK_MSG(wrong == 0, "seed %llu: %lld voxels", (unsigned long long)seed, (long long)wrong);
    CHECK(gaps_untouched(&l, v.view.dim, 1));
    free(l.memory);
    free(labels);
    prepared_free(NULL, &p);
    free(v.memory);
}

/* One bright voxel in a volume: where it lies after preparation, and the label put there, belong to the same place in the patient. */
static void marker_stays(uint64_t seed)
{
    uint64_t state = seed;
    random_volume v = random_volume_make(&state, 14);
    ctvk_prep_desc desc = random_desc(&state);
    prepared p;
    int64_t at[3], hits = 0, set = 0;
    desc.has_spacing = 0;
    for (int i = 0; i < 3; i++)
        at[i] = random_int(&state, 0, v.view.dim[i] - 1);
    unsigned char *marker = v.memory + ((const unsigned char *)v.view.data - v.memory); /* the view itself is const */
    for (int i = 0; i < 3; i++)
        marker += at[i] * v.view.stride[i];
    /* 8 bits end at 1,577 and 1,524 HU, just above the body. */
    int small = v.view.type == CTVK_SCALAR_UINT8 || v.view.type == CTVK_SCALAR_INT8;
    store_voxel(marker, v.view.type, v.view.type == CTVK_SCALAR_UINT8 ? 255 : small ? 127 : (3000 - v.view.intercept) / v.view.slope);
    desc.window_hu[0] = small ? 1510 : 2000;
    desc.window_hu[1] = 4000;
    desc.clip = 1;
    if (prepare(NULL, &v.view, &desc, NULL, NULL, &p, NULL) == CTVK_OK) {
        int64_t n = p.geometry.dim[0] * p.geometry.dim[1] * p.geometry.dim[2];
        uint8_t *labels = calloc((size_t)n, 1), *out = malloc((size_t)(v.view.dim[0] * v.view.dim[1] * v.view.dim[2]));
        int64_t stride[3] = {1, v.view.dim[0], v.view.dim[0] * v.view.dim[1]};
        for (int64_t i = 0; i < n; i++)
            set += labels[i] = p.data[i] > 0;
        ctvk_restore_label(&p.geometry, labels, out, stride);
        for (int64_t i = 0; i < v.view.dim[0] * v.view.dim[1] * v.view.dim[2]; i++)
            hits += out[i];
        CHECK_MSG(set == 1 && hits == 1, "seed %llu: %lld of %lld", (unsigned long long)seed, (long long)hits, (long long)set);
        CHECK_MSG(out[at[0] * stride[0] + at[1] * stride[1] + at[2] * stride[2]] == 1, "seed %llu", (unsigned long long)seed);
        free(out);
        free(labels);
    } else {
        CHECK_MSG(0, "seed %llu: prepare failed", (unsigned long long)seed);
    }
    prepared_free(NULL, &p);
    free(v.memory);
}

/* Random probabilities of three classes, with and without resampling, against the reference at every voxel of the input. */
static void probabilities(uint64_t seed)
{
    uint64_t state = seed;
    random_volume v = random_volume_make(&state, 12);
    ctvk_prep_desc desc = random_desc(&state);
    prepared p;
    ref_geometry g;
    free(ref_prepare(&v.view, &desc, &g));
    CHECK(prepare(NULL, &v.view, &desc, NULL, NULL, &p, NULL) == CTVK_OK);
    int64_t n = p.geometry.dim[0] * p.geometry.dim[1] * p.geometry.dim[2], wrong_label = 0;
    float *classes = malloc(sizeof(float) * 3 * (size_t)n);
    for (int64_t i = 0; i < 3 * n; i++)
        classes[i] = (float)random_real(&state, 0, 1);
    layout label = output(&state, v.view.dim, 1), probability[3];
    CHECK(ctvk_restore_argmax(NULL, &p.geometry, classes, 3, label.memory + label.offset, label.stride, NULL) == CTVK_OK);
    for (int c = 0; c < 3; c++) {
        probability[c] = output(&state, v.view.dim, 4);
        /* The answer's layout may be odd in every way; the door takes float * only for its type. */
        CHECK(ctvk_restore_probability(NULL, &p.geometry, classes + c * n, c, (void *)(probability[c].memory + probability[c].offset),
                                       probability[c].stride, NULL) == CTVK_OK);
    }
    double worst = 0;
    for (int64_t i = 0; i < v.view.dim[0]; i++)
        for (int64_t j = 0; j < v.view.dim[1]; j++)
            for (int64_t k = 0; k < v.view.dim[2]; k++) {
                double expected[3], best = 0;
                float found;
                for (int c = 0; c < 3; c++) {
                    layout *l = &probability[c];
                    expected[c] = ref_probability(&g, classes + c * n, c, i, j, k);
                    memcpy(&found, l->memory + l->offset + i * l->stride[0] + j * l->stride[1] + k * l->stride[2], 4);
                    worst = fmax(worst, fabs(expected[c] - (double)found));
                    best = fmax(best, expected[c]);
                }
                int chosen = label.memory[label.offset + i * label.stride[0] + j * label.stride[1] + k * label.stride[2]];
                wrong_label += chosen > 2 || expected[chosen] < best - 1e-6;
            }
    /* probabilities near 1, three roundings to float32 */
    CHECK_MSG(worst <= 1e-6, "seed %llu: %g", (unsigned long long)seed, worst);
    CHECK_MSG(wrong_label == 0, "seed %llu: %lld labels", (unsigned long long)seed, (long long)wrong_label);
    CHECK(gaps_untouched(&label, v.view.dim, 1));
    for (int c = 0; c < 3; c++) {
        CHECK(gaps_untouched(&probability[c], v.view.dim, 4));
        free(probability[c].memory);
    }
    free(label.memory);
    free(classes);
    prepared_free(NULL, &p);
    free(v.memory);
}

/* The lowest class wins a tie; 0 and 257 classes are refused. */
static void ties(void)
{
    ctvk_geometry g = {.input_dim = {2, 1, 1},
                       .axis = {0, 1, 2},
                       .input_spacing = {1, 1, 1},
                       .spacing = {1, 1, 1},
                       .resampled = {2, 1, 1},
                       .crop_dim = {2, 1, 1},
                       .padded = {2, 1, 1},
                       .dim = {2, 1, 1}};
    const float p[6] = {0.2f, 0.4f, 0.4f, 0.2f, 0.4f, 0.4f};
    const int64_t stride[3] = {1, 2, 2};
    uint8_t out[2] = {9, 9};
    CHECK(ctvk_restore_argmax(NULL, &g, p, 3, out, stride, NULL) == CTVK_OK);
    CHECK(out[0] == 1 && out[1] == 0);
    CHECK(ctvk_restore_argmax(NULL, &g, p, 0, out, stride, NULL) == CTVK_ERROR_ARGUMENT);
    CHECK(ctvk_restore_argmax(NULL, &g, p, 257, out, stride, NULL) == CTVK_ERROR_ARGUMENT);
}

int main(void)
{
    ties();
    for (uint64_t seed = 1000; seed < 1300; seed++) {
        labels_come_back(seed);
        marker_stays(seed);
        probabilities(seed);
    }
    return check_done("restore");
}
