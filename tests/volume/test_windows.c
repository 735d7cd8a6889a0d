/* Steps 7 and 8: starts, coverage, reading with zeros around, sums. */
#include "support/check.h"
#include "support/prepared.h"
#include "volume/random_volume.h"

static void starts(int64_t dim, int32_t window, double overlap, int64_t count, const int64_t *expected)
{
    ctvk_windows w;
    const int64_t dims[3] = {dim, 4, 4};
    const int32_t windows[3] = {window, 4, 4};
    CHECK(ctvk_windows_plan(NULL, dims, windows, overlap, &w, NULL) == CTVK_OK);
    CHECK_MSG(w.count[0] == count, "%lld voxels: %lld windows", (long long)dim, (long long)w.count[0]);
    for (int64_t i = 0; i < count && w.count[0] == count; i++)
        CHECK_MSG(w.start[0][i] == expected[i], "%lld voxels: window %lld starts at %lld", (long long)dim, (long long)i,
                  (long long)w.start[0][i]);
    CHECK(w.count[1] == 1 && w.start[1][0] == 0);
    ctvk_windows_free(NULL, &w);
    CHECK(w.start[0] == NULL);
}

/* Symmetric along every axis, another at every place but for that, and no sum of few of them exact. */
static float weight_of(const int32_t window[3], int64_t x, int64_t y, int64_t z)
{
    const int64_t at[3] = {x, y, z};
    double sum = 1;
    for (int i = 0; i < 3; i++)
        sum = sum * 31 + (double)(at[i] < window[i] - 1 - at[i] ? at[i] : window[i] - 1 - at[i]);
    return (float)(1 / sum);
}

static int64_t voxel_of(const ctvk_windows *w, int64_t index, int64_t x, int64_t y, int64_t z)
{
    const int64_t at[3] = {x, y, z};
    int64_t voxel = 0;
    for (int i = 0; i < 3; i++)
        voxel = voxel * w->dim[i] + w->start[i][ctvk_window_number(w, index, i)] - w->pad_first[i] + at[i];
    return voxel;
}

/* In pieces of any length, each bit for bit the sum over the windows in their order, and nothing behind the piece. */
static void check_weights(const ctvk_sums *sums, uint64_t *state, int64_t n, float *weights, const float *wanted)
{
    for (int64_t first = 0, count; first < n; first += count) {
        count = random_int(state, 1, n - first);
        memset(weights, 0, sizeof(float) * (size_t)(n + 16));
        ctvk_sums_weights(sums, (uint64_t)first, (uint32_t)count, weights);
        CHECK_MSG(memcmp(weights, wanted + first, sizeof(float) * (size_t)count) == 0, "weights of %lld voxels from %lld", (long long)count,
                  (long long)first);
        for (int64_t i = count; i < n + 16; i++)
            CHECK(weights[i] == 0);
    }
}

/* Every voxel seen, values as they are, sums of weight and value right, nothing written outside. */
static void coverage(uint64_t seed)
{
    uint64_t state = seed;
    int64_t dim[3];
    int32_t window[3];
    ctvk_windows w;
    for (int i = 0; i < 3; i++) {
        dim[i] = random_int(&state, 1, 17);
        window[i] = (int32_t)random_int(&state, 1, 9);
    }
    CHECK(ctvk_windows_plan(NULL, dim, window, random_real(&state, 0, 0.99), &w, NULL) == CTVK_OK);
    int64_t n = dim[0] * dim[1] * dim[2], size = (int64_t)window[0] * window[1] * window[2], plane = (int64_t)window[1] * window[2];
    float *volume = malloc(sizeof(float) * (size_t)n), *out = malloc(sizeof(float) * (size_t)size);
    float *tile = malloc(sizeof(float) * 3 * (size_t)size), *weights = malloc(sizeof(float) * (size_t)(n + 16)),
          *wanted = calloc((size_t)n, sizeof(float));
    ctvk_sums sums;
    CHECK(ctvk_sums_make(NULL, &w, 2, &sums, NULL) == CTVK_OK);
    for (int64_t i = 0; i < n; i++)
        volume[i] = (float)(1 + i % 1021);
    ctvk_preparer *preparer = NULL;
    CHECK(prepare_nothing(volume, dim, &preparer, NULL) == CTVK_OK);
    double inside = 0, expected = 0;
    for (int64_t index = 0; index < w.count[0] * w.count[1] * w.count[2]; index++) {
        for (int64_t i = 0; i < size; i++)
            out[i] = NAN;
        /* In pieces, the last one first: none may touch planes of another. */
        for (int32_t end = window[0], first; end > 0; end = first) {
            first = (int32_t)random_int(&state, 0, end - 1);
            CHECK(ctvk_window_read(&w, index, preparer, first, end - first, out, NULL) == CTVK_OK);
        }
        for (int64_t i = 0; i < size; i++) {
            CHECK(!isnan(out[i]));
            inside += out[i] > 0;
        }
        /* class 0: the value; class 1: 1, or as a sign of a wrong cut -1e6 where the window is outside; and the weight. In two calls. */
        for (int64_t x = 0; x < window[0]; x++)
            for (int64_t k = 0; k < plane; k++) {
                float value = out[x * plane + k], weight = weight_of(window, x, k / window[2], k % window[2]);
                tile[(x * 3 + 0) * plane + k] = value;
                tile[(x * 3 + 1) * plane + k] = value > 0 ? 1 : -1e6f;
                tile[(x * 3 + 2) * plane + k] = weight;
                if (value > 0)
                    wanted[voxel_of(&w, index, x, k / window[2], k % window[2])] += weight;
            }
        int32_t half = window[0] / 2;
        ctvk_sums_add(&sums, index, 0, half, tile);
        ctvk_sums_add(&sums, index, half, window[0] - half, tile + (int64_t)half * 3 * plane);
    }
    for (int64_t i = 0; i < n; i++) {
        expected += sums.logits[n + i];
        CHECK_MSG(sums.logits[n + i] >= 1, "seed %llu: voxel %lld is in no window", (unsigned long long)seed, (long long)i);
        CHECK(sums.logits[i] == volume[i] * sums.logits[n + i]);
    }
    CHECK(inside == expected);
    check_weights(&sums, &state, n, weights, wanted);
    for (int i = 0; i < 3; i++)
        for (int64_t k = 0; k < w.count[i]; k++) {
            CHECK(w.start[i][k] >= 0 && w.start[i][k] + window[i] <= w.padded[i]);
            CHECK(k == 0 || w.start[i][k] > w.start[i][k - 1]);
        }
    ctvk_preparer_close(&preparer);
    free(volume);
    free(out);
    free(tile);
    free(weights);
    free(wanted);
    ctvk_sums_free(NULL, &sums);
    CHECK(sums.logits == NULL && sums.weight == NULL);
    ctvk_windows_free(NULL, &w);
}

/* What the only window of a volume gave, in pieces, to where it was read from. */
static void placed(uint64_t seed)
{
    uint64_t state = seed;
    int64_t dim[3], from[3];
    int32_t window[3], channels = (int32_t)random_int(&state, 1, 3);
    ctvk_windows w;
    for (int i = 0; i < 3; i++) {
        window[i] = (int32_t)random_int(&state, 1, 9);
        dim[i] = random_int(&state, 1, window[i]);
        from[i] = (window[i] - dim[i]) / 2;
    }
    CHECK(ctvk_windows_plan(NULL, dim, window, 0.5, &w, NULL) == CTVK_OK && w.count[0] * w.count[1] * w.count[2] == 1);
    size_t size = (size_t)window[0] * (size_t)window[1] * (size_t)window[2] * (size_t)channels, voxels = (size_t)(dim[0] * dim[1] * dim[2]);
    uint16_t *tile = malloc(size * sizeof *tile), *out = calloc((size_t)channels * voxels + 1, sizeof *out);
    for (size_t i = 0; i < size; i++)
        tile[i] = (uint16_t)(i + 1);
    for (int32_t first = 0, count; first < window[0]; first += count) {
        count = (int32_t)random_int(&state, 1, window[0] - first);
        ctvk_window_place(&w, first, count, channels, sizeof *tile, tile + (int64_t)first * channels * window[1] * window[2], out);
    }
    size_t wrong = 0;
    for (int64_t c = 0, i = 0; c < channels; c++)
        for (int64_t x = 0; x < dim[0]; x++)
            for (int64_t y = 0; y < dim[1]; y++)
                for (int64_t z = 0; z < dim[2]; z++, i++)
                    wrong += out[i] != tile[(((x + from[0]) * channels + c) * window[1] + y + from[1]) * window[2] + z + from[2]];
    CHECK_MSG(wrong == 0 && out[(size_t)channels * voxels] == 0, "seed %llu: %zu places are wrong", (unsigned long long)seed, wrong);
    free(tile);
    free(out);
    ctvk_windows_free(NULL, &w);
}

/* 3 voxels in a window of 8: floor(5 / 2) zeros before, 3 after; the same cut on the way back. */
static void centred(void)
{
    const int64_t dim[3] = {1, 1, 3};
    const int32_t window[3] = {1, 1, 8};
    const float volume[3] = {5, 6, 7}, tile[16] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 40, 30, 20, 10};
    float out[8], weights[3];
    ctvk_sums sums;
    ctvk_windows w;
    ctvk_preparer *preparer = NULL;
    CHECK(prepare_nothing(volume, dim, &preparer, NULL) == CTVK_OK);
    CHECK(ctvk_windows_plan(NULL, dim, window, 0.5, &w, NULL) == CTVK_OK);
    CHECK(ctvk_window_read(&w, 0, preparer, 0, 1, out, NULL) == CTVK_OK);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 5 && out[3] == 6 && out[4] == 7 && out[5] == 0 && out[6] == 0 && out[7] == 0);
    CHECK(ctvk_sums_make(NULL, &w, 1, &sums, NULL) == CTVK_OK);
    ctvk_sums_add(&sums, 0, 0, 1, tile);
    ctvk_sums_weights(&sums, 0, 3, weights);
    CHECK(sums.logits[0] == 3 && sums.logits[1] == 4 && sums.logits[2] == 5 && weights[0] == 30 && weights[1] == 40 && weights[2] == 40);
    ctvk_window_place(&w, 0, 1, 1, sizeof *tile, tile, weights);
    CHECK(weights[0] == 3 && weights[1] == 4 && weights[2] == 5);
    ctvk_sums_free(NULL, &sums);
    ctvk_preparer_close(&preparer);
    ctvk_windows_free(NULL, &w);
}

int main(void)
{
    const int64_t a[] = {0}, b[] = {0, 32, 37}, c[] = {0, 19}, d[] = {0, 48, 96, 104}, e[] = {0, 1, 2, 3}, f[] = {0, 32, 64};
    const int64_t g[] = {0, 3, 6};
    starts(11, 5, 0.3, 3, g); /* int(3.5) = 3 */
    centred();
    starts(64, 64, 0.5, 1, a);
    starts(20, 64, 0.5, 1, a);
    starts(101, 64, 0.5, 3, b);
    starts(83, 64, 0.5, 2, c);
    starts(168, 64, 0.25, 4, d);
    starts(128, 64, 0.5, 3, f);
    starts(7, 4, 0.9, 4, e); /* int(0.4) = 0: one voxel at least */
    ctvk_windows w;
    ctvk_error error;
    const int64_t dim[3] = {8, 8, 8}, none[3] = {8, 0, 8};
    const int32_t window[3] = {4, 4, 4}, bad[3] = {4, 0, 4};
    CHECK(ctvk_windows_plan(NULL, dim, window, 1, &w, &error) == CTVK_ERROR_BUNDLE);
    CHECK(ctvk_windows_plan(NULL, dim, window, NAN, &w, &error) == CTVK_ERROR_BUNDLE && w.start[0] == NULL);
    CHECK(ctvk_windows_plan(NULL, none, window, 0.5, &w, &error) == CTVK_ERROR_ARGUMENT);
    CHECK(ctvk_windows_plan(NULL, dim, bad, 0.5, &w, &error) == CTVK_ERROR_ARGUMENT);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        coverage(seed);
        placed(seed);
    }
    return check_done("windows");
}
