/* Products with packed weights against plain C in double: every type, edges of tiles, rows longer than needed, both ways of storing,
 * subnormal and huge scales, split bindings and submissions. */
#include "ops/quant_linear_plan.h"
#include "ref/quant_linear.h"
#include "support/ops_case.h"
#include "selftest/quant_case.h"

/* One float32 rounding for each of the products that a sum passes, one for a weight, a few for the accumulation: the usual bound of
 * recursive summation, relative to the sum of the absolute products (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). */
static double tolerance(int width)
{
    return (width + 8.0) / 16777216;
}

/* 2^-126: what a device that flushes subnormals may lose per product. */
#define SMALLEST 1.2e-38

static const int types[] = {CTVK_QUANT_F32,  CTVK_QUANT_F16,  CTVK_QUANT_BF16, CTVK_QUANT_Q4_0, CTVK_QUANT_Q4_1, CTVK_QUANT_Q5_0,
                            CTVK_QUANT_Q5_1, CTVK_QUANT_Q8_0, CTVK_QUANT_Q4_K, CTVK_QUANT_Q5_K, CTVK_QUANT_Q6_K};
enum { TYPES = sizeof types / sizeof types[0] };

typedef struct product {
    ctvk_quant_linear op;
    int rows, in_more, out_more; /* strides: the least possible plus these */
    int accumulate, scales;
    uint32_t seed;
} product;

/* Bytes of guard before and behind everything, and what they hold: NaN as float32, fp16 and bf16. */
enum { GUARD = 512 };
#define GUARD_BYTE 0xff

typedef struct arena {
    ctvk_gpu_buffer *buffer;
    uint8_t *host;
    uint64_t bytes, used;
} arena;

static ctvk_span take(arena *a, uint64_t bytes)
{
    ctvk_span span = {a->buffer, a->used + GUARD, bytes};
    a->used = (span.offset + bytes + 255) / 256 * 256 + GUARD;
    return span;
}

typedef struct run {
    const ctvk_quant_linear_plan *plan; /* NULL: the door */
    ctvk_quant_linear_job job;
} run;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    run *r = user;
    r->job.cmd = cmd;
    r->job.gpu = gpu;
    return r->plan ? ctvk_quant_linear_plan_record(r->plan, &r->job, error) : ctvk_quant_linear_record(&r->job, error);
}

/* Everything outside the outputs is as it was; scratch may be anything. Overwrites both in `before`. */
static int untouched(uint8_t *before, const uint8_t *after, const product *c, const ctvk_span *out, const ctvk_span *scratch, int stride)
{
    for (int t = 0; t < c->rows; t++) {
        uint64_t at = out->offset + (uint64_t)t * (uint64_t)stride * 4;
        memcpy(before + at, after + at, (size_t)c->op.outs * 4);
    }
    memcpy(before + scratch->offset, after + scratch->offset, scratch->bytes);
    return memcmp(before, after, scratch->offset + scratch->bytes + GUARD) == 0;
}

static void compare(const product *c, const float *out, int stride, const double *want, const double *sizes, const char *name)
{
    double worst = 0;
    for (int t = 0; t < c->rows; t++) {
        for (int o = 0; o < c->op.outs; o++) {
            size_t i = (size_t)t * (size_t)c->op.outs + (size_t)o;
            double got = out[(size_t)t * (size_t)stride + (size_t)o], off = fabs(got - want[i]);
            off = isfinite(got) ? fmax(off - SMALLEST * c->op.width, 0) / fmax(sizes[i], 1e-300) : 1e30;
            worst = fmax(worst, off);
        }
    }
    CHECK_MSG(worst <= tolerance(c->op.width), "%s: type %d, %d to %d, %d rows%s, scales %d: error %g, not %g", name, c->op.type,
              c->op.width, c->op.outs, c->rows, c->accumulate ? ", added" : "", c->scales, worst, tolerance(c->op.width));
}

static void fill_inputs(const product *c, arena *a, const ctvk_span *weights, const ctvk_span *in, int stride)
{
    uint32_t state = c->seed * 7 + 1;
    quant_fill(c->op.type, a->host + weights->offset, (size_t)c->op.width * (size_t)c->op.outs, c->scales, c->seed);
    for (int t = 0; t < c->rows; t++) {
        float *row = (float *)(a->host + in->offset) + (size_t)t * (size_t)stride;
        for (int k = 0; k < c->op.width; k++)
            row[k] = conv_random(&state);
    }
}

/* plan NULL: the door. */
static void run_case(ctvk_gpu *gpu, arena *a, const ctvk_quant_linear_plan *plan, const product *c, const char *name)
{
    int in_stride = c->op.width + c->in_more, out_stride = (c->op.outs + 3) / 4 * 4 + c->out_more;
    size_t count = (size_t)c->rows * (size_t)c->op.outs;
    a->used = 0;
    ctvk_span weights = take(a, ctvk_quant_linear_weight_bytes(&c->op));
    ctvk_span in = take(a, (uint64_t)((size_t)(c->rows - 1) * (size_t)in_stride + (size_t)c->op.width) * 4);
    ctvk_span out = take(a, (uint64_t)((size_t)(c->rows - 1) * (size_t)out_stride + (size_t)c->op.outs) * 4);
    ctvk_span scratch =
        take(a, plan ? ctvk_quant_linear_plan_scratch_bytes(plan, &c->op, c->rows) : ctvk_quant_linear_scratch_bytes(gpu, &c->op, c->rows));
    ctvk_error error = {0};
    double *want = calloc(count, sizeof *want), *sizes = calloc(count, sizeof *sizes);
    uint8_t *after = malloc(a->used);
    CHECK(want && sizes && after && a->used <= a->bytes);
    if (!want || !sizes || !after || a->used > a->bytes)
        exit(check_done("quant_linear"));
    memset(a->host, GUARD_BYTE, a->used);
    fill_inputs(c, a, &weights, &in, in_stride);
    for (size_t i = 0; i < count && c->accumulate; i++) {
        float *old = (float *)(a->host + out.offset) + i / (size_t)c->op.outs * (size_t)out_stride + i % (size_t)c->op.outs;
        *old = (float)((int)(i % 17) - 8);
        want[i] = *old;
        sizes[i] = fabs(want[i]);
    }
    ref_quant_linear(c->op.type, a->host + weights.offset, c->op.width, c->op.outs, (float *)(a->host + in.offset), in_stride, c->rows,
                     want, sizes);
    run r = {plan, {NULL, gpu, &c->op, &weights, &in, &out, &scratch, c->rows, in_stride, out_stride, c->accumulate}};
    ctvk_status status = ctvk_gpu_upload(a->buffer, 0, a->host, a->used, &error);
    status = status ? status : ops_run(gpu, record, &r, &error);
    status = status ? status : ctvk_gpu_download(a->buffer, 0, after, a->used, &error);
    CHECK_MSG(status == CTVK_OK, "%s: %s", name, error.message);
    if (!status) {
        compare(c, (float *)(after + out.offset), out_stride, want, sizes, name);
        CHECK_MSG(untouched(a->host, after, c, &out, &scratch, out_stride), "%s: type %d, %d to %d, %d rows: %s", name, c->op.type,
                  c->op.width, c->op.outs, c->rows, "wrote outside its outputs");
    }
    free(want);
    free(sizes);
    free(after);
}

static int open_arena(ctvk_gpu *gpu, uint64_t bytes, arena *a)
{
    ctvk_error error = {0};
    *a = (arena){NULL, malloc(bytes), bytes, 0};
    ctvk_status status = ctvk_gpu_buffer_create(gpu, bytes, CTVK_GPU_MEMORY_DEVICE, "arena", &a->buffer, &error);
    CHECK_MSG(a->host && !status, "%s", error.message);
    return a->host && !status;
}

static void close_arena(arena *a)
{
    ctvk_gpu_buffer_destroy(&a->buffer);
    free(a->host);
}

static const int outs[] = {1, 3, 5, 23, 24, 25, 63, 64, 65, 193}, rows[] = {1, 2, 11, 12, 13, 23, 24, 25, 66};
enum { OUTS = sizeof outs / sizeof outs[0], ROWS = sizeof rows / sizeof rows[0] };

/* One block, several, and the widths of a small model; the types without blocks also at widths that are no multiple of 32. */
static int width_of(int type, int i)
{
    static const int widths[] = {32, 96, 576, 1536}, floats[] = {4, 36, 580, 576}, large[] = {256, 768, 256, 1536};
    int weights, bytes;
    ref_quant_block(type, &weights, &bytes);
    return (weights == 1 ? floats : weights == 256 ? large : widths)[i % 4];
}

/* Each type with each number of outputs and rows; widths, strides, storing and scales take turns. */
static void test_shapes(ctvk_gpu *gpu, arena *a, const ctvk_quant_linear_plan *plan, int first, int step, const char *name)
{
    for (int i = first; i < TYPES * OUTS * ROWS; i += step) {
        int type = types[i / (OUTS * ROWS)], o = i / ROWS % OUTS, t = i % ROWS;
        product c = {.op = {type, width_of(type, o + t), outs[o]},
                     .rows = rows[t],
                     .in_more = (o + 2 * t) % 3 * 4,
                     .out_more = (o + t) % 4 * 4,
                     .accumulate = (i + o) % 2,
                     .scales = (o + t) % 3,
                     .seed = (uint32_t)i};
        run_case(gpu, a, plan, &c, name);
    }
}

/* Bindings that hold few rows, little scratch, and the least work in a submission. */
static void test_splits(ctvk_gpu *gpu, arena *a, int32_t family)
{
    double budget = gpu->budget;
    for (int i = 0; i < TYPES; i++) {
        ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(gpu));
        product c = {.op = {types[i], 768, 193}, .rows = 66, .accumulate = i % 2, .seed = (uint32_t)i};
        uint64_t row = ctvk_quant_linear_row_bytes(&c.op), limit = plan.row_bytes;
        plan.family = family;
        plan.weight_bytes = row * 70 + 300;
        plan.row_bytes = 768 * 4 * 40;
        run_case(gpu, a, &plan, &c, "rows of 70 outputs a binding");
        plan.weight_bytes = row * 5 + 300;
        run_case(gpu, a, &plan, &c, "rows of 5 outputs a binding");
        plan.weight_bytes = plan.row_bytes = limit;
        plan.matrix_bytes = 70000;
        run_case(gpu, a, &plan, &c, "little scratch");
        plan.matrix_bytes = 1;
        run_case(gpu, a, &plan, &c, "the least scratch");
        plan.matrix_bytes = 8u << 20;
        gpu->budget = 1e6;
        run_case(gpu, a, &plan, &c, "little work a submission");
        gpu->budget = budget;
    }
}

/* More tiles of rows and more runs of columns than one dispatch takes. */
static void test_long(ctvk_gpu *gpu, arena *a, int32_t family)
{
    ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(gpu));
    product many_rows = {.op = {CTVK_QUANT_Q4_1, 576, 65}, .rows = 258, .seed = 3};
    product wide = {.op = {CTVK_QUANT_Q6_K, 11008, 33}, .rows = 26, .accumulate = 1, .seed = 4};
    product wide_floats = {.op = {CTVK_QUANT_F16, 11004, 33}, .rows = 49, .seed = 4};
    plan.family = family;
    run_case(gpu, a, &plan, &many_rows, "many rows");
    run_case(gpu, a, &plan, &wide, "wide");
    run_case(gpu, a, &plan, &wide_floats, "wide");
}

static void test_refusals(ctvk_gpu *gpu, arena *a)
{
    ctvk_quant_linear op = {CTVK_QUANT_Q4_0, 64, 8}, unknown = {4, 64, 8}, narrow = {CTVK_QUANT_Q4_0, 48, 8};
    a->used = 0;
    ctvk_span weights = take(a, ctvk_quant_linear_weight_bytes(&op)), in = take(a, 2 * 64 * 4), out = take(a, 2 * 8 * 4);
    ctvk_span short_weights = {weights.buffer, weights.offset, weights.bytes - 16}, short_in = {in.buffer, in.offset, in.bytes - 4};
    ctvk_span scratch = take(a, ctvk_quant_linear_scratch_bytes(gpu, &op, 2));
    const ctvk_quant_linear_job good = {NULL, gpu, &op, &weights, &in, &out, &scratch, 2, 64, 8, 0};
    run runs[8];
    for (int i = 0; i < 8; i++)
        runs[i] = (run){NULL, good};
    runs[0].job.op = &unknown;
    runs[1].job.op = &narrow;
    runs[2].job.weights = &short_weights;
    runs[3].job.in = &short_in;
    runs[4].job.in_stride = 60;
    runs[5].job.out_stride = 10;
    runs[6].job.rows = 0;
    runs[7].job.rows = 3;
    for (int i = 0; i < 8; i++) {
        ctvk_error error = {0};
        CHECK_MSG(ops_run(gpu, record, &runs[i], &error) == CTVK_ERROR_INTERNAL && error.message[0], "wrong call %d was not refused", i);
    }
    CHECK(ctvk_quant_linear_weight_bytes(&unknown) == 0);
    CHECK(ctvk_quant_linear_weight_bytes(&op) == 8 * 2 * 18 + 0);
}

/* 138 MB of float32: more than the promised binding. */
static void test_large(ctvk_gpu *gpu)
{
    arena a;
    product c = {.op = {CTVK_QUANT_F32, 4096, 8400}, .rows = 2, .seed = 5};
    if (open_arena(gpu, 160u << 20, &a))
        run_case(gpu, &a, NULL, &c, "large");
    close_arena(&a);
}

static void test_family(ctvk_gpu *gpu, arena *a, int32_t family, int first, int step)
{
    static const char *const names[] = {"", "portable", "address", "uniform"};
    ctvk_quant_linear_plan plan = ctvk_quant_linear_plan_for(ctvk_gpu_get_caps(gpu));
    plan.family = family;
    test_shapes(gpu, a, &plan, first, step, names[family]);
    test_splits(gpu, a, family);
    test_long(gpu, a, family);
}

/* Each family on the device: what it gets by itself, and the portable one, which every device must run. */
static void test_device(uint32_t disable, int32_t expected, int first, int step)
{
    ctvk_gpu *gpu = open_gpu(disable);
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int32_t family = ctvk_quant_linear_plan_for(caps).family;
    arena a;
    CHECK_MSG(family == expected, "family %d, not %d", family, expected);
    if (open_arena(gpu, 64u << 20, &a)) {
        test_family(gpu, &a, family, first, step);
        test_shapes(gpu, &a, NULL, (first + 1) % 7, 7, "the door");
        test_refusals(gpu, &a);
        if (!disable)
            test_family(gpu, &a, CTVK_QUANT_LINEAR_PORTABLE, 0, 2);
    }
    close_arena(&a);
    if (disable & CTVK_GPU_MIN_LIMITS)
        test_large(gpu);
    ctvk_gpu_destroy(&gpu);
}

/* A GPU gets the portable family, software drivers one of the others. */
static int32_t expected_family(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int address = caps->buffer_address && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22;
    int32_t family = !caps->is_cpu ? CTVK_QUANT_LINEAR_PORTABLE : address ? CTVK_QUANT_LINEAR_ADDRESS : CTVK_QUANT_LINEAR_UNIFORM;
    ctvk_gpu_destroy(&gpu);
    return family;
}

int main(void)
{
    int32_t family = expected_family(), lesser = family == CTVK_QUANT_LINEAR_PORTABLE ? family : CTVK_QUANT_LINEAR_UNIFORM;
    test_device(0, family, 0, 1);
    test_device(CTVK_GPU_MIN_LIMITS | CTVK_GPU_NO_BUFFER_ADDRESS | CTVK_GPU_NO_TEXEL | CTVK_GPU_NO_FP16 | CTVK_GPU_NO_16BIT |
                    CTVK_GPU_NO_8BIT | CTVK_GPU_NO_INT64,
                lesser, 1, 3);
    return gpu_done("quant_linear");
}
