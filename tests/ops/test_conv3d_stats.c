/* Statistics of a convolution's output, taken while it is written: against those of what was stored and of the reference, both in double;
 * the same bits whatever the pieces are, and the output the same bits as without; refused where they cannot be taken. */
#include "core/trace.h"
#include "ops/conv3d_plan.h"
#include "ops/instance_norm.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "ref/narrow.h"
#include "support/ops_case.h"

#define STATS_TOLERANCE 1e-6 /* as in test_instance_norm.c, and of a convolution as in test_conv3d.c */
#define CONV_TOLERANCE 6e-6

typedef struct extents {
    int x, y, z;
} extents;

/* One convolution on the device between guard bands; all pointers owned. */
typedef struct fixture {
    ctvk_conv3d conv;
    ctvk_conv3d_plan plan;
    extents in;
    conv_tensor a, b, out;
    ctvk_span weights, stats, norm;
    float *dense, *kernel, *got;
    size_t voxels; /* of the output */
    int parts;
    int take; /* statistics, as it writes */
    int door; /* through ctvk_conv3d_record, with the device's own plan */
} fixture;

static int divide(int n, int by)
{
    return (n + by - 1) / by;
}

static ctvk_conv3d_plan tiled(ctvk_gpu *gpu, const ctvk_conv3d *conv)
{
    ctvk_conv3d_plan plan = ctvk_conv3d_choose(ctvk_gpu_get_caps(gpu), "tiled", conv, 1, 1, 1);
    CHECK(plan.family == CTVK_CONV3D_TILED);
    return plan;
}

/* half: the second source, if there is one, has 16 bits a number; offset: added to every voxel of the input; middle: the taps but the
 * middle one are 0, so that padding does not spread the output. */
static void make(fixture *f, ctvk_gpu *gpu, const ctvk_conv3d *conv, int half, extents e, double offset, int middle)
{
    int in = conv->in_a + conv->in_b, s = conv->stride, taps = conv->kernel * conv->kernel * conv->kernel;
    int x = divide(e.x, s), y = divide(e.y, s), z = divide(e.z, s);
    size_t voxels = (size_t)e.x * e.y * e.z, count = in * voxels, weights = (size_t)conv->out * in * taps;
    *f = (fixture){.conv = *conv, .plan = tiled(gpu, conv), .in = e, .voxels = (size_t)x * y * z, .take = 1};
    f->dense = ops_random(count, 7, 1);
    f->kernel = ops_random(weights, 11, 1);
    f->got = ops_random(conv->out * f->voxels, 1, 1);
    for (size_t i = 0; i < count; i++)
        f->dense[i] = (float)(f->dense[i] + offset);
    if (half)
        ref_narrowed(f->dense + conv->in_a * voxels, conv->in_b, voxels);
    for (size_t i = 0; i < weights && middle; i++)
        f->kernel[i] = i % taps == (size_t)taps / 2 ? f->kernel[i] : 0;
    uint64_t bytes = ctvk_conv3d_plan_weight_bytes(&f->plan, conv);
    void *packed = malloc(bytes);
    ctvk_conv3d_plan_pack(&f->plan, conv, f->kernel, packed);
    f->parts = ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(gpu), &f->plan, conv, x, y, z);
    CHECK(ops_span_create(gpu, &f->weights, bytes, packed) &&
          ops_span_create(gpu, &f->stats, ctvk_instance_norm_parts_bytes(conv->out, f->parts ? f->parts : 1), NULL) &&
          conv_tensor_create(gpu, &f->a, conv->in_a, e.x, e.y, e.z, 0) && conv_tensor_write(&f->a, f->dense) &&
          conv_tensor_create(gpu, &f->out, conv->out, x, y, z, 0));
    CHECK(!conv->in_b || (conv_tensor_create_as(gpu, &f->b, half, conv->in_b, e.x, e.y, e.z, 0) &&
                          conv_tensor_write(&f->b, f->dense + conv->in_a * voxels)));
    if (half && conv->in_b) {
        float *stats = conv_stored_stats(f->dense + conv->in_a * voxels, conv->in_b, voxels);
        CHECK(ops_span_create(gpu, &f->norm, (uint64_t)conv->in_b * 2 * sizeof *stats, stats));
        free(stats);
    }
    free(packed);
}

static void destroy(fixture *f)
{
    conv_tensor_destroy(&f->a);
    conv_tensor_destroy(&f->b);
    conv_tensor_destroy(&f->out);
    ctvk_gpu_buffer_destroy(&f->weights.buffer);
    ctvk_gpu_buffer_destroy(&f->stats.buffer);
    ctvk_gpu_buffer_destroy(&f->norm.buffer);
    free(f->dense);
    free(f->kernel);
    free(f->got);
}

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    fixture *f = user;
    const ctvk_tensor *b = f->conv.in_b ? &f->b.tensor : NULL;
    const ctvk_span *stats = f->take ? &f->stats : NULL, *norm = f->norm.buffer ? &f->norm : NULL;
    const ctvk_conv3d_job job = {cmd, gpu, &f->plan, &f->conv, &f->a.tensor, b, &f->out.tensor, &f->weights, NULL, norm, stats};
    return f->door ? ctvk_conv3d_record(cmd, gpu, &f->conv, &f->a.tensor, b, norm, &f->weights, NULL, &f->out.tensor, stats, error)
                   : ctvk_conv3d_plan_record(&job, error);
}

/* Output to f->got. What was there before is forgotten: both are NaN when it begins. Returns all of the statistics, parts too (owned). */
static float *run(fixture *f, ctvk_gpu *gpu, ctvk_status expected)
{
    ctvk_error error = {0};
    float *stats = malloc(f->stats.bytes);
    memset(stats, 0xff, f->stats.bytes);
    for (size_t i = 0; i < f->conv.out * f->voxels; i++)
        f->got[i] = NAN;
    CHECK(ctvk_gpu_upload(f->stats.buffer, f->stats.offset, stats, f->stats.bytes, &error) == CTVK_OK);
    CHECK(f->a.tensor.buffer == f->out.tensor.buffer || conv_tensor_write(&f->out, f->got));
    ctvk_status status = ops_run(gpu, record, f, &error);
    CHECK_MSG(status == expected, "%d, not %d: %s", status, expected, error.message);
    CHECK(conv_tensor_read(&f->out, f->got));
    CHECK(ctvk_gpu_download(f->stats.buffer, f->stats.offset, stats, f->stats.bytes, &error) == CTVK_OK);
    CHECK(ops_span_guards_hold(&f->stats) && ops_span_guards_hold(&f->weights));
    return stats;
}

/* Final statistics of channel c. */
static double mean_of(const float *stats, int c)
{
    return stats[c / 4 * 8 + c % 4];
}

static double deviation_of(const float *stats, int c)
{
    return 1 / (double)stats[c / 4 * 8 + 4 + c % 4];
}

/* Of what was stored. A mean in float32 that is many deviations from zero is off by its rounding, which the deviation feels. */
static void judge_stored(const fixture *f, const float *stats)
{
    double *mean = malloc(f->conv.out * sizeof *mean), *scale = malloc(f->conv.out * sizeof *scale);
    ref_instance_norm_stats(f->got, f->conv.out, f->voxels, mean, scale);
    for (int c = 0; c < f->conv.out; c++) {
        double far = fabs(mean[c]) * scale[c];
        CHECK_MSG(fabs(mean_of(stats, c) - mean[c]) * scale[c] <= STATS_TOLERANCE * fmax(1, far) &&
                      fabs(deviation_of(stats, c) * scale[c] - 1) <= STATS_TOLERANCE + 1e-7 * far,
                  "(%d + %d) -> %d, kernel %d, stride %d, half %d, %d x %d x %d, channel %d: mean %.9g, not %.9g, deviation %.9g, not %.9g",
                  f->conv.in_a, f->conv.in_b, f->conv.out, f->conv.kernel, f->conv.stride, f->conv.in_b && f->b.tensor.half, f->in.x,
                  f->in.y, f->in.z, c, mean_of(stats, c), mean[c], deviation_of(stats, c), 1 / scale[c]);
    }
    free(mean);
    free(scale);
}

/* Of the convolution in double: neither moves by more than a voxel does. */
static void judge_reference(const fixture *f, const float *stats)
{
    const size_t count = f->conv.out * f->voxels;
    double *want = malloc(count * sizeof *want), largest = 0;
    ref_conv3d(f->dense, f->conv.in_a + f->conv.in_b, f->in.x, f->in.y, f->in.z, f->kernel, f->conv.out, f->conv.kernel, f->conv.stride,
               want);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(want[i]));
    const double off = CONV_TOLERANCE * largest;
    for (int c = 0; c < f->conv.out; c++) {
        const double *of = want + c * f->voxels;
        double mean = 0, square = 0;
        for (size_t i = 0; i < f->voxels; i++)
            mean += of[i] / (double)f->voxels;
        for (size_t i = 0; i < f->voxels; i++)
            square += (of[i] - mean) * (of[i] - mean) / (double)f->voxels;
        CHECK_MSG(fabs(mean_of(stats, c) - mean) <= off && fabs(deviation_of(stats, c) - sqrt(square + 1e-5)) <= off,
                  "channel %d: mean %.9g, not %.9g, deviation %.9g, not %.9g", c, mean_of(stats, c), mean, deviation_of(stats, c),
                  sqrt(square + 1e-5));
    }
    free(want);
}

static void run_case(ctvk_gpu *gpu, const ctvk_conv3d *conv, int half, extents e, double offset, int middle)
{
    fixture f;
    make(&f, gpu, conv, half, e, offset, middle);
    const size_t bytes = conv->out * f.voxels * sizeof(float);
    float *stats = run(&f, gpu, CTVK_OK), *whole = malloc(bytes);
    judge_stored(&f, stats);
    judge_reference(&f, stats);
    memcpy(whole, f.got, bytes);
    f.take = 0;
    free(run(&f, gpu, CTVK_OK));
    CHECK(memcmp(whole, f.got, bytes) == 0);
    CHECK(conv_tensor_guards_hold(&f.a) && (!conv->in_b || conv_tensor_guards_hold(&f.b)) && conv_tensor_guards_hold(&f.out));
    destroy(&f);
    free(stats);
    free(whole);
}

/* One chunk of output channels, parts of one, and several; two sources; both strides. */
static const ctvk_conv3d convs[] = {
    {16, 0, 16, 3, 1, 0}, {16, 16, 28, 3, 1, 0}, {20, 28, 24, 3, 1, 0}, {24, 0, 24, 3, 2, 0},  {52, 0, 52, 3, 2, 0},
    {16, 32, 8, 3, 2, 0}, {12, 20, 16, 1, 1, 0}, {24, 0, 48, 1, 2, 0},  {48, 16, 28, 1, 1, 0}, {4, 0, 12, 1, 1, 0},
};
enum { CONVS = sizeof convs / sizeof *convs };
/* Bricks of 8 x 8 and of 16 x 4 over y and z, whole ones and what is left of them. */
static const extents sizes[] = {{1, 1, 1}, {2, 3, 5}, {3, 5, 9}, {7, 9, 33}, {5, 8, 8}, {16, 16, 16}, {3, 17, 7}, {5, 18, 8}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static int can_be_half(const ctvk_conv3d *conv)
{
    return conv->in_b && conv->kernel == 3 && conv->stride == 1;
}

static void test_sizes(ctvk_gpu *gpu, int half)
{
    for (int i = 0; i < CONVS * SIZES; i++)
        if (!half || can_be_half(&convs[i % CONVS]))
            run_case(gpu, &convs[i % CONVS], half, sizes[i / CONVS], 0, 0);
}

/* Means of many deviations: squares that are summed before the mean is taken away would keep nothing of the latter. */
static void test_cancellation(ctvk_gpu *gpu)
{
    static const ctvk_conv3d cases[] = {{4, 0, 8, 3, 1, 0}, {4, 0, 8, 3, 2, 0}, {4, 0, 8, 1, 1, 0}};
    for (int i = 0; i < 3; i++) {
        run_case(gpu, &cases[i], 0, (extents){9, 21, 19}, 30, 1);
        run_case(gpu, &cases[i], 0, (extents){9, 21, 19}, -1000, 1);
    }
}

/* More parts than one step merges. */
static void test_many_parts(ctvk_gpu *gpu, int half)
{
    static const ctvk_conv3d cases[] = {{4, 4, 8, 3, 1, 0}, {4, 4, 28, 3, 2, 0}, {4, 0, 12, 1, 1, 0}};
    static const extents large[] = {{130, 17, 17}, {140, 65, 17}, {515, 15, 17}};
    for (int i = 0; i < (half ? 1 : 3); i++)
        run_case(gpu, &cases[i], half, large[i], 1, 0);
}

/* Pieces by a small work limit, along x and y, and by small bindings: the same statistics and parts, bit for bit. */
static void test_pieces(ctvk_gpu *gpu, int half)
{
    static const ctvk_conv3d cases[] = {{16, 8, 28, 3, 1, 0}, {12, 8, 24, 3, 2, 0}, {8, 0, 12, 1, 1, 0}, {8, 0, 12, 1, 2, 0}};
    const double budget = gpu->budget;
    for (int i = 0; i < (half ? 1 : 4); i++) {
        fixture f;
        make(&f, gpu, &cases[i], half, (extents){11, 37, 9}, 0, 0);
        float *whole = run(&f, gpu, CTVK_OK);
        judge_stored(&f, whole);
        for (double work = 1; work < 1e7; work *= 8) {
            ops_squeeze(gpu, 0, work);
            float *cut = run(&f, gpu, CTVK_OK);
            CHECK_MSG(memcmp(cut, whole, f.stats.bytes) == 0, "case %d, half %d, work %g", i, half, work);
            free(cut);
        }
        gpu->budget = budget;
        /* Two planes of the output a piece. */
        const ctvk_tensor *out = &f.out.tensor;
        uint64_t room = ctvk_gpu_get_caps(gpu)->storage_alignment;
        int planes = cases[i].stride + cases[i].kernel, s = cases[i].stride;
        ctvk_tensor most = {NULL, 0, cases[i].in_a, 1, out->y * s, out->z * s, 0}; /* extents of an input, if they are even */
        uint64_t plane = ctvk_tensor_plane_bytes(&most);
        f.plan.source_bytes = (uint64_t)planes * plane + room;
        f.plan.target_bytes = 2 * ctvk_tensor_plane_bytes(out) + room;
        CHECK(ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(gpu), &f.plan, &f.conv, out->x, out->y, out->z) == f.parts);
        float *cut = run(&f, gpu, CTVK_OK);
        CHECK_MSG(memcmp(cut, whole, f.stats.bytes) == 0, "case %d, half %d, small bindings", i, half);
        free(cut);
        /* One plane: half a brick, but where a brick has no more. */
        if (cases[i].kernel == 1 || cases[i].stride == 1) {
            f.plan.source_bytes -= plane;
            CHECK(ctvk_conv3d_plan_parts(ctvk_gpu_get_caps(gpu), &f.plan, &f.conv, out->x, out->y, out->z) == 0);
            free(run(&f, gpu, CTVK_ERROR_INTERNAL));
            f.take = 0;
            free(run(&f, gpu, CTVK_OK));
        }
        destroy(&f);
        free(whole);
    }
}

/* The output some planes before its first source in one buffer: statistics as apart, bit for bit. Two planes before, pieces would be of
 * one. */
static void test_overlap(ctvk_gpu *gpu, int half)
{
    const ctvk_conv3d conv = {16, half ? 8 : 0, 16, 3, 1, 0};
    const extents e = {11, 9, 8};
    for (int behind = 2; behind < 6; behind++) {
        fixture f;
        conv_tensor whole;
        make(&f, gpu, &conv, half, e, 0, 0);
        float *apart = run(&f, gpu, CTVK_OK);
        conv_tensor_destroy(&f.a);
        conv_tensor_destroy(&f.out);
        CHECK(conv_tensor_create(gpu, &whole, 16, e.x + behind, e.y, e.z, 0));
        f.a = f.out = whole;
        f.a.tensor.x = f.out.tensor.x = e.x;
        f.a.tensor.offset += ctvk_tensor_plane_bytes(&whole.tensor) * (uint64_t)behind;
        CHECK(conv_tensor_write(&f.a, f.dense));
        float *over = run(&f, gpu, behind < 3 ? CTVK_ERROR_INTERNAL : CTVK_OK);
        CHECK_MSG(behind < 3 || memcmp(over, apart, f.stats.bytes) == 0, "half %d, %d planes", half, behind);
        CHECK(conv_tensor_guards_hold(&whole));
        f.out.tensor.buffer = NULL;
        destroy(&f);
        free(apart);
        free(over);
    }
}

static void test_refusals(ctvk_gpu *gpu)
{
    fixture f;
    make(&f, gpu, &convs[0], 0, (extents){3, 5, 9}, 0, 0);
    f.stats.bytes -= 16;
    free(run(&f, gpu, CTVK_ERROR_INTERNAL));
    f.stats.bytes += 16;
    f.stats.offset += 16;
    f.stats.bytes -= 16;
    free(run(&f, gpu, CTVK_ERROR_INTERNAL));
    f.stats.offset -= 16;
    f.stats.bytes += 16;
    const ctvk_gpu_caps caps = gpu->caps;
    gpu->caps.max_storage_buffers = CTVK_GPU_MIN_STORAGE_BUFFERS;
    free(run(&f, gpu, CTVK_ERROR_INTERNAL));
    gpu->caps = caps;
    f.plan.family = CTVK_CONV3D_PORTABLE;
    free(run(&f, gpu, CTVK_ERROR_INTERNAL));
    destroy(&f);
}

typedef struct told {
    int count;
    char text[8][160];
    double flop[8], bytes[8];
} told;

static void on_event(void *user, const ctvk_trace_event *event)
{
    told *t = user;
    if (event->kind != CTVK_TRACE_OPERATION || t->count == 8)
        return;
    snprintf(t->text[t->count], sizeof t->text[0], "%s: %s", event->name.data, event->detail.data);
    t->flop[t->count] = event->flop;
    t->bytes[t->count++] = event->bytes;
}

/* A trace names the convolution, with what the statistics cost it, and the merge, which repeats none of that. */
static void test_trace(void)
{
    ctvk_gpu *gpu = ops_open(OPS_AS_GPU);
    told t = {0};
    fixture f;
    gpu->host.trace = on_event;
    gpu->host.trace_user = &t;
    ctvk_gpu_trace_open(gpu);
    make(&f, gpu, &convs[1], 0, (extents){3, 5, 9}, 0, 0);
    t.count = 0;
    free(run(&f, gpu, CTVK_OK));
    const double taps = 27.0 * 32 * 28, numbers = 28.0 * 3 * 5 * 9, parts = 28.0 * 2 * 4 + 4 * 7 * 48;
    CHECK_MSG(t.count == 2 && strcmp(t.text[0], "conv3d: 3x3x3 / 1, 16 + 16 -> 28, 3 x 5 x 9, tiled, takes statistics") == 0 &&
                  strcmp(t.text[1], "instance_norm_stats: 28, 3 x 5 x 9, 4 parts") == 0,
              "%d operations: %s; %s", t.count, t.text[0], t.text[1]);
    CHECK(t.flop[0] == 2 * taps * 3 * 5 * 9 + 4 * numbers && t.bytes[0] == 4 * (32.0 * 3 * 5 * 9 + numbers + taps) + parts);
    CHECK(t.flop[1] == 0 && t.bytes[1] == parts);
    destroy(&f);
    ctvk_gpu_destroy(&gpu);
}

/* The door: where it says how many bytes, it takes them. */
static void test_door(uint32_t mask, int takes)
{
    ctvk_gpu *gpu = ops_open(mask);
    for (int i = 0; i < CONVS * 2; i++) {
        const ctvk_conv3d *conv = &convs[i / 2];
        const int half = i % 2, s = conv->stride;
        uint64_t bytes = ctvk_conv3d_stats_bytes(gpu, conv, 7 / s + 1, 10 / s, 8 / s);
        CHECK((bytes > 0) == takes);
        if (!bytes || (half && !can_be_half(conv)))
            continue;
        fixture f;
        make(&f, gpu, conv, half, (extents){7 / s * s + s, 10, 8}, 0, 0);
        CHECK(f.stats.bytes == bytes);
        f.door = 1;
        float *stats = run(&f, gpu, CTVK_OK);
        judge_stored(&f, stats);
        destroy(&f);
        free(stats);
    }
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    ctvk_gpu *gpu = ops_open(OPS_AS_GPU);
    for (int half = 0; half < 2; half++) {
        test_sizes(gpu, half);
        test_many_parts(gpu, half);
        test_pieces(gpu, half);
        test_overlap(gpu, half);
    }
    test_cancellation(gpu);
    test_refusals(gpu);
    ctvk_gpu_destroy(&gpu);
    test_trace();
    test_door(OPS_AS_GPU, 1);
    test_door(OPS_AS_GPU | CTVK_GPU_MIN_LIMITS, 0);
    test_door(0, 0);
    return gpu_done("conv3d_stats");
}
