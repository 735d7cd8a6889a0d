/* Rounding to 16 bits a number: what lies on and between the numbers that four can hold, beside the middle of two, around every power of
 * two, and what cannot be held; on every driver the same bits. */
#include "ops/narrow.h"
#include "ref/narrow.h"
#include "support/ops_case.h"

enum { LEAST = -15, MOST = 15 };

/* What four numbers become, one after the other. */
static void stored(const float in[4], float out[4])
{
    uint32_t words[2];
    ref_narrow(in, words);
    ref_widen(words, out);
}

/* The integer nearest to value / unit of at most `most`, by its own definition: of two neighbours the nearer one, in the middle the even
 * one. */
static double nearest(double value, double unit, double most)
{
    const double low = floor(value / unit), rest = value / unit - low;
    double integer = rest < 0.5 || (rest == 0.5 && fmod(low, 2) == 0) ? low : low + 1;
    integer = integer > most ? most : integer < -most ? -most : integer;
    return integer * unit;
}

/* With every exponent, and every integer beside each of the others in turn. */
static void test_reference(void)
{
    size_t wrong = 0;
    for (int exponent = LEAST; exponent <= MOST; exponent++) {
        const double unit = ldexp(1, exponent - 13);
        for (int n = 0; n < 16384 * 4; n++) { /* quarters of a unit */
            const float large = (float)ldexp(1.5, exponent), value = (float)(n * unit / 4);
            const float in[2][4] = {{value, -large, -value, value}, {large, value, 0, -value}};
            for (int i = 0; i < 2; i++) {
                float out[4], again[4];
                stored(in[i], out);
                stored(out, again);
                for (int k = 0; k < 4; k++)
                    wrong += (double)out[k] != nearest(in[i][k], k == 3 ? 2 * unit : unit, k == 3 ? 8191 : 16383);
                wrong += memcmp(out, again, sizeof out) != 0;
            }
        }
    }
    CHECK_MSG(wrong == 0, "%zu numbers", wrong);
    const float no_number[][4] = {{INFINITY, 0, 0, 0}, {1, -INFINITY, 0, 0}, {1, 2, NAN, 3}, {1, 2, 3, -NAN}, {0, 65536, 0, 0}};
    for (int i = 0; i < 5; i++) {
        float out[4];
        stored(no_number[i], out);
        CHECK(isnan(out[0]) && isnan(out[1]) && isnan(out[2]) && isnan(out[3]));
    }
    float out[4];
    stored((const float[]){65535, 1e-40f, -0x1p-30f, 1e-5f}, out);
    CHECK(out[0] == 65532 && out[1] == 0 && out[2] == 0 && out[3] == 0);
    stored((const float[]){0x1p-28f, -0x3p-29f, 0x1p-30f, 0x1p-27f}, out);
    CHECK(out[0] == 0x1p-28f && out[1] == -0x1p-27f && out[2] == 0 && out[3] == 0x1p-27f);
}

/* Numbers of `count` / 4 voxels, four channels each: a large one of every size beside others of about its size and much smaller ones;
 * then any bits at all. */
static void fill(float (*four)[4], size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 4; k++) {
            uint32_t bits = (state = state * 1664525u + 1013904223u);
            float value;
            bits ^= bits >> 15;
            memcpy(&value, &bits, sizeof value);
            if (i % 8) {
                const double unit = ldexp(1, (int)(i / 8 % 33) - 30);
                const double large[] = {8192, 16382.5, 16383, 16383.25, 16383.5, 16383.75, 16384 - 0x1p-10};
                value = (float)(k == (int)(i % 4) ? large[i % 7] * unit : (double)(int32_t)bits / (1 << 18) * unit);
                value = bits & 8 ? -value : value;
                value = k != (int)(i % 4) && i % 3 == 0 ? (float)(floor(4 * value / unit) * unit / 4) : value;
            }
            four[i][k] = value;
        }
}

/* From t[0] into t[1]; stats of 16 channels: one for each. */
typedef struct job {
    conv_tensor t[2];
    ctvk_span stats;
} job;

static ctvk_status record_tensor(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return ctvk_narrow_record(cmd, gpu, &j->t[0].tensor, &j->stats, &j->t[1].tensor, error);
}

enum { CHANNELS = 16 };

/* plain: of means 0 and scales 1. */
static void make_stats(ctvk_gpu *gpu, int plain, job *j, float stats[CHANNELS * 2])
{
    uint32_t state = 9;
    for (int i = 0; i < CHANNELS * 2; i++) {
        float number = conv_random(&state);
        stats[i] = i % 8 < 4 ? (plain ? 0 : 3 * number) : (plain ? 1 : 1.5f + number);
    }
    CHECK(ops_span_create(gpu, &j->stats, CHANNELS * 2 * sizeof *stats, stats));
}

/* What is rounded: [c][voxels] in place. */
static void distances(float *numbers, const float *stats, int c, size_t voxels)
{
    for (int i = 0; i < c; i++)
        for (size_t k = 0; k < voxels; k++, numbers++)
            *numbers = (*numbers - stats[i / 4 * 8 + i % 4]) * stats[i / 4 * 8 + 4 + i % 4];
}

static void test_device(uint32_t mask)
{
    enum { C = 16, X = 9, Y = 41, Z = 47, FOURS = C / 4 * X * Y * Z };
    ctvk_gpu *gpu = ops_open(mask);
    float(*numbers)[4] = malloc(FOURS * sizeof *numbers);
    uint32_t(*got)[2] = malloc(FOURS * sizeof *got);
    job j;
    conv_tensor *const t = j.t;
    float stats[CHANNELS * 2];
    ctvk_error error = {0};
    make_stats(gpu, 1, &j, stats);
    fill(numbers, FOURS);
    CHECK(conv_tensor_create(gpu, &t[0], C, X, Y, Z, 0) && conv_tensor_create_as(gpu, &t[1], 1, C, X, Y, Z, 0));
    CHECK(ctvk_gpu_upload(t[0].tensor.buffer, t[0].tensor.offset, numbers, FOURS * sizeof *numbers, &error) == CTVK_OK);
    CHECK_MSG(ops_run(gpu, record_tensor, &j, &error) == CTVK_OK, "%s", error.message);
    CHECK(ctvk_gpu_download(t[1].tensor.buffer, t[1].tensor.offset, got, FOURS * sizeof *got, &error) == CTVK_OK);
    size_t wrong = 0, none = 0;
    for (size_t i = 0; i < FOURS; i++) {
        uint32_t want[2];
        ref_narrow(numbers[i], want);
        none += (want[0] & 3) == 3 && (want[1] & 7) == 7;
        if ((got[i][0] != want[0] || got[i][1] != want[1]) && wrong++ == 0)
            printf("mask %x: %a %a %a %a became %08x %08x, not %08x %08x\n", (unsigned)mask, numbers[i][0], numbers[i][1], numbers[i][2],
                   numbers[i][3], got[i][0], got[i][1], want[0], want[1]);
    }
    CHECK_MSG(wrong == 0 && none > 100 && none < FOURS / 2, "mask %x: %zu of %d are wrong, %zu no numbers", (unsigned)mask, wrong, FOURS,
              none);
    CHECK(conv_tensor_guards_hold(&t[0]) && conv_tensor_guards_hold(&t[1]));
    conv_tensor_destroy(&t[0]);
    conv_tensor_destroy(&t[1]);
    ctvk_gpu_buffer_destroy(&j.stats.buffer);
    free(numbers);
    free(got);
    ctvk_gpu_destroy(&gpu);
}

/* A whole tensor through bindings of two planes and a bit and submissions of little work; then of less than a plane. */
static void test_split(uint32_t mask)
{
    ctvk_gpu *gpu = ops_open(mask);
    const ctvk_gpu_caps caps = gpu->caps;
    const size_t count = (size_t)16 * 11 * 8 * 12;
    float *numbers = ops_random(count, 5, 3), *got = malloc(count * sizeof *got);
    job j;
    conv_tensor *const t = j.t;
    float stats[CHANNELS * 2];
    ctvk_error error = {0};
    make_stats(gpu, 0, &j, stats);
    CHECK(conv_tensor_create(gpu, &t[0], 16, 11, 8, 12, 0) && conv_tensor_create_as(gpu, &t[1], 1, 16, 11, 8, 12, 0) &&
          conv_tensor_write(&t[0], numbers));
    const uint64_t plane = ctvk_tensor_plane_bytes(&t[0].tensor);
    ops_squeeze(gpu, 2 * plane + 700, 1e5);
    CHECK_MSG(ops_run(gpu, record_tensor, &j, &error) == CTVK_OK, "%s", error.message);
    CHECK(conv_tensor_read(&t[1], got) && conv_tensor_guards_hold(&t[0]) && conv_tensor_guards_hold(&t[1]));
    distances(numbers, stats, 16, count / 16);
    ref_narrowed(numbers, 16, count / 16);
    CHECK(memcmp(got, numbers, count * sizeof *got) == 0);
    gpu->caps = caps;
    ops_squeeze(gpu, plane - 16 + caps.storage_alignment, 0);
    CHECK(ops_run(gpu, record_tensor, &j, &error) == CTVK_ERROR_DEVICE_MEMORY);
    gpu->caps = caps;
    t[0].tensor.x--;
    CHECK(ops_run(gpu, record_tensor, &j, &error) == CTVK_ERROR_INTERNAL);
    conv_tensor_destroy(&t[0]);
    conv_tensor_destroy(&t[1]);
    ctvk_gpu_buffer_destroy(&j.stats.buffer);
    free(numbers);
    free(got);
    ctvk_gpu_destroy(&gpu);
}

/* In place, from `gap` planes of the output before the numbers on: the same as apart; without any it is refused. */
static void test_in_place(uint32_t mask)
{
    enum { C = 16, X = 21, Y = 8, Z = 8, COUNT = C * X * Y * Z };
    ctvk_gpu *gpu = ops_open(mask);
    float *numbers = ops_random(COUNT, 6, 3), *want = ops_random(COUNT, 6, 3), *got = malloc(COUNT * sizeof *got);
    job j;
    conv_tensor *const t = j.t;
    float stats[CHANNELS * 2];
    make_stats(gpu, 0, &j, stats);
    distances(want, stats, C, COUNT / C);
    ref_narrowed(want, C, COUNT / C);
    for (int gap = 0; gap < 8; gap++) {
        conv_tensor all;
        ctvk_error error = {0};
        CHECK(conv_tensor_create(gpu, &all, C, X + 4, Y, Z, 0));
        t[0] = t[1] = all;
        t[0].tensor.x = t[1].tensor.x = X;
        t[1].tensor.half = 1;
        t[0].tensor.offset += ctvk_tensor_plane_bytes(&t[1].tensor) * (uint64_t)gap;
        CHECK(conv_tensor_write(&t[0], numbers));
        ctvk_status status = ops_run(gpu, record_tensor, &j, &error);
        CHECK_MSG(status == (gap ? CTVK_OK : CTVK_ERROR_INTERNAL), "%d planes: %d %s", gap, status, error.message);
        if (gap && conv_tensor_read(&t[1], got)) {
            int wrong = 0;
            for (size_t i = 0; i < COUNT; i++)
                wrong += got[i] != want[i];
            CHECK_MSG(wrong == 0 && conv_tensor_guards_hold(&all), "%d planes: %d numbers", gap, wrong);
        }
        conv_tensor_destroy(&all);
    }
    ctvk_gpu_buffer_destroy(&j.stats.buffer);
    free(numbers);
    free(want);
    free(got);
    ctvk_gpu_destroy(&gpu);
}

static void test_refusals(void)
{
    ctvk_gpu *gpu = ops_open(0);
    job good, bad;
    float stats[CHANNELS * 2];
    ctvk_error error = {0};
    make_stats(gpu, 0, &good, stats);
    CHECK(conv_tensor_create(gpu, &good.t[0], 16, 3, 5, 6, 0) && conv_tensor_create_as(gpu, &good.t[1], 1, 16, 3, 5, 6, 0));
    CHECK(ops_run(gpu, record_tensor, &good, &error) == CTVK_OK);
    for (int i = 0; i < 8; i++) {
        bad = good;
        bad.stats.bytes = i == 7 ? CHANNELS * 2 * sizeof(float) - 4 : good.stats.bytes;
        ctvk_tensor *in = &bad.t[0].tensor, *out = &bad.t[1].tensor;
        int32_t *const changed[] = {&in->c, &in->x, &in->y, &out->z, &out->x};
        if (i < 5)
            *changed[i] -= i ? 1 : 4;
        in->half = i == 5;
        out->half = i != 6;
        CHECK_MSG(ops_run(gpu, record_tensor, &bad, &error) == CTVK_ERROR_INTERNAL, "case %d was taken", i);
    }
    conv_tensor_destroy(&good.t[0]);
    conv_tensor_destroy(&good.t[1]);
    ctvk_gpu_buffer_destroy(&good.stats.buffer);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_reference();
    for (int i = 0; i < OPS_MASKS; i++)
        test_device(ops_masks[i]);
    test_split(0);
    test_split(OPS_AS_GPU);
    test_in_place(0);
    test_in_place(OPS_AS_GPU);
    test_refusals();
    return gpu_done("narrow");
}
