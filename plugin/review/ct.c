#include "review.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps of HU: fine where soft tissue is told apart, coarser where windows are wide, so that a voxel is one byte. A code stands for the
 * middle of its step, so that 2 HU is the largest error from -256 to 256. Noise of air outside of the body is not kept at all. */
static const struct {
    int from, step, count;
} zones[] = {{-1040, 80, 1}, {-960, 16, 44}, {-256, 4, 128}, {256, 20, 64}, {1536, 128, 12}};
enum { ZONES = sizeof zones / sizeof *zones };

int32_t review_levels(double out[REVIEW_MAX_LEVELS])
{
    int32_t n = 0;
    for (int z = 0; z < ZONES; z++)
        for (int i = 0; i < zones[z].count; i++)
            out[n++] = zones[z].from + (i + 0.5) * zones[z].step;
    return n;
}

static uint8_t code_of(float hu)
{
    int first = 0, z = 0;
    while (z < ZONES - 1 && hu >= (float)zones[z + 1].from)
        first += zones[z++].count;
    double step = floor(((double)hu - zones[z].from) / zones[z].step);
    return (uint8_t)(first + (int)fmin(fmax(step, 0), zones[z].count - 1));
}

/* Voxels of the file that one kept voxel is the mean of, along one axis: all of them count whole but for the ends. */
typedef struct span {
    int64_t first, last;
    double weight[2];
} span;

static span span_of(int64_t n, int64_t kept, int64_t at)
{
    double low = (double)n * (double)at / (double)kept, high = (double)n * (double)(at + 1) / (double)kept;
    span s = {(int64_t)floor(low + 1e-9), (int64_t)ceil(high - 1e-9) - 1, {0, 0}};
    s.weight[0] = fmin((double)(s.first + 1), high) - low;
    s.weight[1] = high - (double)s.last;
    return s;
}

static double weight_of(const span *s, int64_t at)
{
    return at == s->first ? s->weight[0] : at == s->last ? s->weight[1] : 1;
}

typedef struct worker {
    float *row;      /* of the file */
    double *mean;    /* a kept slice */
    uint8_t *codes;  /* the same */
    uint8_t *coming; /* its predicted codes */
} worker;

static void add_row(const review_ct *ct, const worker *w, int64_t j, int64_t k, double weight, double *out)
{
    review_read_row(&ct->grid, j, k, w->row);
    for (int64_t i = 0; i < ct->dim[0]; i++) {
        span s = span_of(ct->grid.dim[0], ct->dim[0], i);
        double sum = 0;
        for (int64_t from = s.first; from <= s.last; from++)
            sum += weight_of(&s, from) * (double)w->row[from];
        out[i] += weight * sum;
    }
}

static void average_slice(const review_ct *ct, const worker *w, int64_t k)
{
    span depth = span_of(ct->grid.dim[2], ct->dim[2], k);
    double whole = 1;
    size_t count = (size_t)(ct->dim[0] * ct->dim[1]);
    for (int a = 0; a < 3; a++)
        whole *= (double)ct->grid.dim[a] / (double)ct->dim[a];
    memset(w->mean, 0, count * sizeof *w->mean);
    for (int64_t from = depth.first; from <= depth.last; from++)
        for (int64_t j = 0; j < ct->dim[1]; j++) {
            span height = span_of(ct->grid.dim[1], ct->dim[1], j);
            for (int64_t row = height.first; row <= height.last; row++)
                add_row(ct, w, row, from, weight_of(&depth, from) * weight_of(&height, row), w->mean + j * ct->dim[0]);
        }
    for (size_t i = 0; i < count; i++)
        w->codes[i] = code_of((float)(w->mean[i] / whole));
}

static void read_slice(const review_ct *ct, const worker *w, int64_t k)
{
    for (int64_t j = 0; j < ct->dim[1]; j++) {
        review_read_row(&ct->grid, j, k, w->row);
        for (int64_t i = 0; i < ct->dim[0]; i++)
            w->codes[j * ct->dim[0] + i] = code_of(w->row[i]);
    }
}

/* The median predictor of LOCO-I (JPEG-LS, ITU-T T.87 A.4.2) from left, above and above left; 0 outside of the slice. */
static void predict(const uint8_t *codes, int64_t width, int64_t height, uint8_t *out)
{
    for (int64_t j = 0; j < height; j++)
        for (int64_t i = 0; i < width; i++) {
            const uint8_t *at = codes + j * width + i;
            int a = i ? at[-1] : 0, b = j ? at[-width] : 0, c = i && j ? at[-width - 1] : 0;
            int low = a < b ? a : b, high = a < b ? b : a;
            int guess = c >= high ? low : c <= low ? high : a + b - c;
            *out++ = (uint8_t)(*at - guess);
        }
}

/* *done: the share of the slices that fitted. */
static int pack_slices(review_ct *ct, const worker *w, size_t limit, double *done)
{
    review_packer packer;
    int whole = memcmp(ct->dim, ct->grid.dim, sizeof ct->dim) == 0;
    int result = review_pack_begin(&packer, Z_RLE, limit); /* runs of air; noise has no longer matches, and RLE is 5 times as fast */
    if (result != REVIEW_PACKED)
        return result;
    for (int64_t k = 0; k < ct->dim[2] && result == REVIEW_PACKED && !cli_interrupted(); k++) {
        *done = (double)(k + 1) / (double)ct->dim[2];
        (whole ? read_slice : average_slice)(ct, w, k);
        predict(w->codes, ct->dim[0], ct->dim[1], w->coming);
        result = review_pack_add(&packer, w->coming, (size_t)(ct->dim[0] * ct->dim[1]));
    }
    return review_pack_end(&packer, result, &ct->block);
}

/* No axis is kept finer than this, none is made coarser than it has to be. */
static void choose_dim(review_ct *ct, double finest_mm)
{
    for (int a = 0; a < 3; a++) {
        double length = (double)ct->grid.dim[a] * ct->grid.spacing[a];
        ct->dim[a] = finest_mm > ct->grid.spacing[a] ? (int64_t)fmax(ceil(length / finest_mm - 1e-9), 1) : ct->grid.dim[a];
    }
}

static int pack(review_ct *ct, const worker *w, size_t limit)
{
    double finest = fmin(ct->grid.spacing[0], fmin(ct->grid.spacing[1], ct->grid.spacing[2]));
    for (;;) {
        double done = 1;
        choose_dim(ct, finest);
        int result = pack_slices(ct, w, limit, &done);
        if (cli_interrupted())
            return cli_fail(CLI_CANCELLED, "review: cancelled (nothing was written; run it again)");
        if (result == REVIEW_PACKED)
            return CLI_OK;
        if (result == REVIEW_NO_MEMORY)
            return cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
        finest *= fmax(sqrt(1 / done), 1.1); /* in-plane spacing is the finest: voxels go with its square */
    }
}

int review_ct_pack(review_ct *ct, size_t limit)
{
    size_t count = (size_t)ct->grid.dim[0] * (size_t)ct->grid.dim[1];
    worker w = {malloc((size_t)ct->grid.dim[0] * sizeof *w.row), malloc(count * sizeof *w.mean), calloc(count, 1), malloc(count)};
    int code = w.row && w.mean && w.codes && w.coming ? pack(ct, &w, limit)
                                                      : cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
    free(w.row);
    free(w.mean);
    free(w.codes);
    free(w.coming);
    return code;
}
