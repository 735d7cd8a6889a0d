/* Rounding to half precision: every number of it, what lies between two of them and beside the middle, and what it cannot hold; on every
 * driver the same bits. */
#include "ops/narrow.h"
#include "ref/narrow.h"
#include "support/ops_case.h"

typedef struct job {
    ctvk_span scratch;
    conv_tensor out;
    int32_t first, planes;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    const ctvk_tensor sums = ctvk_narrow_sums(&j->scratch, &j->out.tensor, j->planes);
    return ctvk_narrow_planes(cmd, gpu, &sums, &j->out.tensor, j->first, error);
}

/* The reference by its own definition: the nearest of two neighbours, the even one in the middle. */
static void test_reference(void)
{
    int wrong = 0;
    for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        const double low = ref_widen((uint16_t)bits), high = bits == 0x7bff ? 65536 : ref_widen((uint16_t)(bits + 1));
        const float middle = (float)((low + high) / 2);
        const uint16_t even = (uint16_t)(bits + (bits & 1)), up = bits == 0x7bff ? 0x7e00 : (uint16_t)(bits + 1);
        wrong += ref_narrow((float)low) != bits || ref_narrow((float)-low) != (bits | 0x8000);
        wrong += ref_narrow(middle) != (even == 0x7c00 ? 0x7e00 : even);
        wrong += ref_narrow(nextafterf(middle, 0)) != bits || ref_narrow(nextafterf(middle, INFINITY)) != up;
    }
    CHECK_MSG(wrong == 0, "%d numbers", wrong);
    CHECK(ref_widen(0x3c00) == 1 && ref_widen(0x7bff) == 65504 && ref_widen(1) == 0x1p-24 && ref_widen(0xc000) == -2);
    CHECK(ref_narrow(INFINITY) == 0x7e00 && ref_narrow(-INFINITY) == 0xfe00 && ref_narrow(NAN) == 0x7e00 && isnan(ref_widen(0x7e00)));
    CHECK(ref_narrow(1e-40f) == 0 && ref_narrow(-0.0f) == 0x8000);
}

static size_t fill(float *numbers, size_t room)
{
    size_t count = 0;
    uint32_t state = 1;
    for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        const double low = ref_widen((uint16_t)bits), high = bits == 0x7bff ? 65536 : ref_widen((uint16_t)(bits + 1));
        const float middle = (float)((low + high) / 2);
        const float all[] = {(float)low, middle, nextafterf(middle, 0), nextafterf(middle, INFINITY)};
        for (int i = 0; i < 8; i++)
            numbers[count++] = i % 2 ? -all[i / 2] : all[i / 2];
    }
    const float special[] = {INFINITY, -INFINITY, NAN, -NAN, 65504, 65519.996f, 65520, 65536, 1e30f, -3.4e38f, 1e-38f, 1e-45f, -1e-42f};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        numbers[count++] = special[i];
    for (; count < room; count++) { /* any bits at all, NaN of all kinds among them */
        uint32_t bits = (state = state * 1664525u + 1013904223u);
        bits ^= bits >> 15;
        memcpy(&numbers[count], &bits, sizeof bits);
    }
    return count;
}

static void test_device(uint32_t mask)
{
    enum { C = 16, X = 9, Y = 41, Z = 47, COUNT = C * X * Y * Z };
    ctvk_gpu *gpu = ops_open(mask);
    float *numbers = malloc(COUNT * sizeof *numbers);
    uint16_t *got = malloc(COUNT * sizeof *got);
    job j = {.first = 1, .planes = X};
    ctvk_error error = {0};
    CHECK(fill(numbers, COUNT) == COUNT);
    /* One plane before them and one behind, which stay as they are. */
    int ok = ops_span_create(gpu, &j.scratch, COUNT * sizeof *numbers, numbers) && conv_tensor_create_as(gpu, &j.out, 1, C, X + 2, Y, Z, 0);
    ctvk_status status = ok ? ops_run(gpu, record, &j, &error) : CTVK_ERROR_INTERNAL;
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    const uint64_t plane = ctvk_tensor_plane_bytes(&j.out.tensor);
    if (!status && ctvk_gpu_download(j.out.tensor.buffer, j.out.tensor.offset + plane, got, COUNT * sizeof *got, &error) == CTVK_OK) {
        int wrong = 0;
        for (size_t i = 0; i < COUNT; i++)
            if (got[i] != ref_narrow(numbers[i]) && wrong++ == 0)
                printf("mask %x: %.9g (%a) became %04x, not %04x\n", (unsigned)mask, numbers[i], numbers[i], got[i],
                       ref_narrow(numbers[i]));
        CHECK_MSG(wrong == 0, "mask %x: %d of %d numbers", (unsigned)mask, wrong, COUNT);
        CHECK(ctvk_gpu_download(j.out.tensor.buffer, j.out.tensor.offset, got, plane, &error) == CTVK_OK && got[0] == 0xffff &&
              got[plane / 2 - 1] == 0xffff);
        CHECK(ctvk_gpu_download(j.out.tensor.buffer, j.out.tensor.offset + (X + 1) * plane, got, plane, &error) == CTVK_OK &&
              got[0] == 0xffff && got[plane / 2 - 1] == 0xffff);
        CHECK(conv_tensor_guards_hold(&j.out) && ops_span_guards_hold(&j.scratch));
    }
    conv_tensor_destroy(&j.out);
    ctvk_gpu_buffer_destroy(&j.scratch.buffer);
    free(numbers);
    free(got);
    ctvk_gpu_destroy(&gpu);
}

static void test_planes(void)
{
    CHECK(ctvk_planes_at_a_time(48, 192, 192, 64, 1) == 7 && ctvk_planes_at_a_time(48, 192, 192, 64, 2) == 6); /* 2.25 MiB each */
    CHECK(ctvk_planes_at_a_time(4, 5, 3, 3, 1) == 5 && ctvk_planes_at_a_time(4, 6, 3, 3, 2) == 6);
    CHECK(ctvk_planes_at_a_time(64, 8, 1024, 1024, 1) == 1 && ctvk_planes_at_a_time(64, 8, 1024, 1024, 2) == 2);
}

static ctvk_status record_tensor(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const conv_tensor *t = user;
    return ctvk_narrow_record(cmd, gpu, &t[0].tensor, &t[1].tensor, error);
}

/* A whole tensor through bindings of two planes and a bit and submissions of little work; then of less than a plane. */
static void test_split(uint32_t mask)
{
    ctvk_gpu *gpu = ops_open(mask);
    const ctvk_gpu_caps caps = gpu->caps;
    const size_t count = (size_t)16 * 11 * 8 * 12;
    float *numbers = ops_random(count, 5, 3), *got = malloc(count * sizeof *got);
    conv_tensor t[2];
    ctvk_error error = {0};
    CHECK(conv_tensor_create(gpu, &t[0], 16, 11, 8, 12, 0) && conv_tensor_create_as(gpu, &t[1], 1, 16, 11, 8, 12, 0) &&
          conv_tensor_write(&t[0], numbers));
    const uint64_t plane = ctvk_tensor_plane_bytes(&t[0].tensor);
    ops_squeeze(gpu, 2 * plane + 700, 1e5);
    CHECK_MSG(ops_run(gpu, record_tensor, t, &error) == CTVK_OK, "%s", error.message);
    CHECK(conv_tensor_read(&t[1], got) && conv_tensor_guards_hold(&t[0]) && conv_tensor_guards_hold(&t[1]));
    conv_narrow(numbers, count, 1);
    CHECK(memcmp(got, numbers, count * sizeof *got) == 0);
    gpu->caps = caps;
    ops_squeeze(gpu, plane - 16 + caps.storage_alignment, 0);
    CHECK(ops_run(gpu, record_tensor, t, &error) == CTVK_ERROR_DEVICE_MEMORY);
    gpu->caps = caps;
    t[0].tensor.x--;
    CHECK(ops_run(gpu, record_tensor, t, &error) == CTVK_ERROR_INTERNAL);
    conv_tensor_destroy(&t[0]);
    conv_tensor_destroy(&t[1]);
    free(numbers);
    free(got);
    ctvk_gpu_destroy(&gpu);
}

/* In place, from `gap` half planes before the numbers on: the same as apart; without any it is refused. */
static void test_in_place(uint32_t mask)
{
    enum { C = 16, X = 21, Y = 8, Z = 8, COUNT = C * X * Y * Z };
    ctvk_gpu *gpu = ops_open(mask);
    float *numbers = ops_random(COUNT, 6, 3), *got = malloc(COUNT * sizeof *got);
    for (int gap = 0; gap < 8; gap++) {
        conv_tensor all, t[2];
        ctvk_error error = {0};
        CHECK(conv_tensor_create(gpu, &all, C, X + 4, Y, Z, 0));
        t[0] = t[1] = all;
        t[0].tensor.x = t[1].tensor.x = X;
        t[1].tensor.half = 1;
        t[0].tensor.offset += ctvk_tensor_plane_bytes(&t[1].tensor) * (uint64_t)gap;
        CHECK(conv_tensor_write(&t[0], numbers));
        ctvk_status status = ops_run(gpu, record_tensor, t, &error);
        CHECK_MSG(status == (gap ? CTVK_OK : CTVK_ERROR_INTERNAL), "%d planes: %d %s", gap, status, error.message);
        if (gap && conv_tensor_read(&t[1], got)) {
            int wrong = 0;
            for (size_t i = 0; i < COUNT; i++)
                wrong += got[i] != ref_narrowed(numbers[i]);
            CHECK_MSG(wrong == 0 && conv_tensor_guards_hold(&all), "%d planes: %d numbers", gap, wrong);
        }
        conv_tensor_destroy(&all);
    }
    free(numbers);
    free(got);
    ctvk_gpu_destroy(&gpu);
}

static void test_refusals(void)
{
    ctvk_gpu *gpu = ops_open(0);
    job good = {.planes = 2}, bad;
    ctvk_error error = {0};
    CHECK(ops_span_create(gpu, &good.scratch, 4096, NULL) && conv_tensor_create_as(gpu, &good.out, 1, 4, 3, 5, 5, 0));
    CHECK(ops_run(gpu, record, &good, &error) == CTVK_OK);
    for (int i = 0; i < 5; i++) {
        bad = good;
        bad.planes = i == 0 ? 0 : i == 1 ? 4 : 2;
        bad.first = i == 2 ? -1 : i == 3 ? 2 : 0;
        bad.out.tensor.half = i != 4;
        CHECK_MSG(ops_run(gpu, record, &bad, &error) == CTVK_ERROR_INTERNAL, "case %d was taken", i);
    }
    conv_tensor_destroy(&good.out);
    ctvk_gpu_buffer_destroy(&good.scratch.buffer);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_reference();
    test_planes();
    for (int i = 0; i < OPS_MASKS; i++)
        test_device(ops_masks[i]);
    test_split(0);
    test_split(OPS_AS_GPU);
    test_in_place(0);
    test_in_place(OPS_AS_GPU);
    test_refusals();
    return gpu_done("narrow");
}
