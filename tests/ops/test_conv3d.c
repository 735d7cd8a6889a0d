/* The convolutions against plain C in double: every variant that the device has, also as a GPU, odd extents around tile, plane and
 * lane-block edges. */
#include "support/conv3d_fixture.h"

#include <stdint.h>

static int guards_hold(const fixture *f, const ctvk_conv3d *conv)
{
    return conv_tensor_guards_hold(&f->a) && (!conv->in_b || conv_tensor_guards_hold(&f->b)) && conv_tensor_guards_hold(&f->out) &&
           ops_span_guards_hold(&f->weights) && ops_span_guards_hold(&f->scratch);
}

static void run_case(ctvk_gpu *gpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int half, extents e)
{
    fixture f;
    ctvk_error error = {0};
    int ok = fixture_create(&f, gpu, plan, conv, half, e);
    CHECK(ok);
    ctvk_status status = ok ? record_and_wait(&f, gpu, plan, conv, &error) : CTVK_ERROR_INTERNAL;
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (!status && conv_tensor_read(&f.out, f.got)) {
        ref_conv3d(f.dense, conv->in_a + conv->in_b, e.x, e.y, e.z, f.kernel, conv->out, conv->kernel, conv->stride, f.want);
        double worst = conv_worst(f.got, f.want, f.out_count);
        CHECK_MSG(worst <= tolerance(plan), "family %d, half %d, (%d + %d) -> %d%s, kernel %d, stride %d, %d x %d x %d: error %g",
                  plan->family, half, conv->in_a, conv->in_b, conv->out, conv->planar ? " planar" : "", conv->kernel, conv->stride, e.x,
                  e.y, e.z, worst);
        CHECK(guards_hold(&f, conv));
    }
    fixture_destroy(&f);
}

static const ctvk_conv3d convs[] = {
    {4, 0, 4, 3, 1, 0},    {16, 0, 16, 3, 1, 0},  {24, 0, 24, 3, 2, 0},  {4, 16, 52, 3, 1, 0}, {16, 16, 28, 3, 1, 0},
    {20, 28, 24, 3, 1, 0}, {52, 0, 48, 3, 2, 0},  {4, 0, 24, 1, 1, 0},   {24, 0, 48, 1, 2, 0}, {12, 20, 16, 1, 1, 0},
    {32, 0, 24, 3, 2, 0},  {16, 32, 52, 3, 2, 0}, {48, 96, 28, 1, 1, 0}, {48, 0, 24, 1, 2, 0}, {1, 0, 8, 3, 2, 1},
    {1, 0, 48, 3, 1, 1},   {3, 0, 12, 3, 2, 1},   {1, 0, 24, 1, 2, 1},   {2, 0, 4, 1, 1, 1},
};
/* Around 1, the tile edge of 4, a block of 64 lanes, bricks of 8 x 8 and 16 x 4 over y and z (the latter for the fifth, and with a stride
 * of 2 the last two), and several of each. */
static const extents sizes[] = {{1, 1, 1}, {2, 3, 5}, {4, 4, 4}, {3, 5, 9}, {7, 9, 33}, {5, 8, 8}, {16, 16, 16}, {3, 17, 7}, {5, 18, 8}};

/* Every variant that could be chosen, if this device were a GPU too, with little scratch; none where no second source can have 16 bits a
 * number (half). */
static int candidates(const ctvk_gpu_caps *caps, const ctvk_conv3d *conv, int half, ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES])
{
    if (half && (!conv->in_b || conv->kernel != 3 || conv->stride != 1))
        return 0;
    ctvk_gpu_caps gpu = *caps;
    gpu.is_cpu = 0;
    int count = ctvk_conv3d_candidates(&gpu, conv, plans);
    CHECK(count >= 1 && plans[0].family == CTVK_CONV3D_PORTABLE);
    for (int i = 0; i < count; i++)
        plans[i].scratch_bytes = plans[i].family == CTVK_CONV3D_GEMM ? 1u << 20 : 8u << 20;
    return count;
}

static void test_families(ctvk_gpu *gpu, int half)
{
    int seen = 0;
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
        int count = candidates(ctvk_gpu_get_caps(gpu), &convs[i], half, plans);
        for (int k = 0; k < count; k++) {
            seen |= 1 << plans[k].family;
            for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++)
                run_case(gpu, &plans[k], &convs[i], half, sizes[j]);
        }
    }
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    CHECK(seen == (ctvk_conv3d_class(caps) == CTVK_CONV3D_CPU ? 2 + 4 + 8 + 16 + 32 : 2 + 32) + (caps->cooperative ? 64 : 0));
}

/* Bindings so small that every operation is split along x (three planes and a bit), Winograd also along y. */
static void test_small_bindings(ctvk_gpu *gpu, int half)
{
    extents e = {9, 10, 7};
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
        int count = candidates(ctvk_gpu_get_caps(gpu), &convs[i], half, plans);
        for (int k = 0; k < count; k++) {
            ctvk_conv3d_plan plan = plans[k];
            int widest = convs[i].in_a > convs[i].in_b ? convs[i].in_a : convs[i].in_b;
            uint64_t plane = (uint64_t)widest * e.y * e.z * 4, out_plane = (uint64_t)convs[i].out * e.y * e.z * 4;
            plan.source_bytes = 4 * plane + 300;
            plan.target_bytes = 2 * out_plane + 300;
            if (plan.family == CTVK_CONV3D_WINOGRAD) {
                /* One tile row of one plane, transformed and multiplied. */
                plan.scratch_bytes = 36u * 16 * 2 * 2 * (plan.chunk * 3 + (uint64_t)convs[i].out / 4);
                plan.source_bytes = plan.source_bytes < plan.scratch_bytes ? plan.scratch_bytes : plan.source_bytes;
                plan.target_bytes = plan.target_bytes < plan.scratch_bytes ? plan.scratch_bytes : plan.target_bytes;
            } else if (plan.family == CTVK_CONV3D_GEMM) {
                /* One plane, three runs; and again with one plane and six. */
                uint64_t padded = (uint64_t)(convs[i].in_a + convs[i].in_b) * 4 * 3 * (e.y + 2) * (e.z + 2);
                plan.scratch_bytes = padded + 3 * out_plane + 512;
                plan.source_bytes = plan.source_bytes < plan.scratch_bytes ? plan.scratch_bytes : plan.source_bytes;
                plan.target_bytes = plan.target_bytes < plan.scratch_bytes ? plan.scratch_bytes : plan.target_bytes;
                run_case(gpu, &plan, &convs[i], half, e);
                plan.scratch_bytes += 3 * out_plane;
            }
            run_case(gpu, &plan, &convs[i], half, e);
        }
    }
}

/* A plane that does not fit a binding is refused, not cut. */
static void test_too_small_binding(ctvk_gpu *gpu)
{
    const ctvk_conv3d conv = {16, 0, 24, 3, 1, 0};
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    int count = candidates(ctvk_gpu_get_caps(gpu), &conv, 0, plans);
    for (int i = 0; i < count; i++) {
        fixture f;
        ctvk_error error = {0};
        plans[i].source_bytes = 16 * 8 * 8 * 4 * 2;
        CHECK(fixture_create(&f, gpu, &plans[i], &conv, 0, (extents){8, 8, 8}));
        CHECK_MSG(record_and_wait(&f, gpu, &plans[i], &conv, &error) == CTVK_ERROR_DEVICE_MEMORY, "family %d: %s", plans[i].family,
                  error.message);
        fixture_destroy(&f);
    }
}

/* On a device so slow that a dispatch should do as little as it can, tiles are cut along x and y: the same numbers, bit for bit. */
static void test_slow(ctvk_gpu *gpu, int family, int half)
{
    static const ctvk_conv3d cases[] = {{16, 8, 28, 3, 1, 0}, {12, 8, 24, 3, 2, 0}, {8, 0, 12, 1, 1, 0}};
    for (int i = 0; i < (half ? 1 : 3); i++) {
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
        fixture f;
        ctvk_error error = {0};
        int count = candidates(ctvk_gpu_get_caps(gpu), &cases[i], half, plans), at = -1;
        for (int k = 0; k < count; k++)
            at = plans[k].family == family ? k : at;
        CHECK(at > 0 && fixture_create(&f, gpu, &plans[at], &cases[i], half, (extents){5, 37, 9}));
        float *whole = malloc(f.out_count * sizeof *whole);
        CHECK(whole && record_and_wait(&f, gpu, &plans[at], &cases[i], &error) == CTVK_OK && conv_tensor_read(&f.out, whole));
        for (double work = 1; work < 1e7; work *= 8) {
            ops_squeeze(gpu, 0, work);
            CHECK(record_and_wait(&f, gpu, &plans[at], &cases[i], &error) == CTVK_OK && conv_tensor_read(&f.out, f.got));
            CHECK_MSG(memcmp(f.got, whole, f.out_count * sizeof *whole) == 0, "case %d, half %d, work %g", i, half, work);
        }
        CHECK(guards_hold(&f, &cases[i]));
        fixture_destroy(&f);
        free(whole);
    }
}

/* 16 bits a number are refused but of a second source, and there but with kernel 3 and stride 1. */
static void test_mixed(ctvk_gpu *gpu)
{
    static const ctvk_conv3d cases[] = {{16, 16, 24, 3, 1, 0}, {16, 16, 24, 3, 2, 0}, {16, 16, 24, 1, 1, 0}};
    for (int i = 0; i < 9; i++) {
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
        fixture f;
        ctvk_error error = {0};
        CHECK(candidates(ctvk_gpu_get_caps(gpu), &cases[i / 3], 0, plans) >= 1);
        CHECK(fixture_create(&f, gpu, &plans[0], &cases[i / 3], 1, (extents){4, 4, 4}));
        f.b.tensor.half = 0;
        conv_tensor *of[] = {&f.b, &f.a, &f.out};
        of[i % 3]->tensor.half = 1;
        CHECK(record_and_wait(&f, gpu, &plans[0], &cases[i / 3], &error) == (i ? CTVK_ERROR_INTERNAL : CTVK_OK));
        f.norm.bytes -= 4; /* statistics that are too short, or none */
        CHECK(record_and_wait(&f, gpu, &plans[0], &cases[i / 3], &error) == CTVK_ERROR_INTERNAL);
        ctvk_gpu_buffer_destroy(&f.norm.buffer);
        CHECK(record_and_wait(&f, gpu, &plans[0], &cases[i / 3], &error) == CTVK_ERROR_INTERNAL);
        fixture_destroy(&f);
    }
}

/* An output some planes before its first source in one buffer, over all of it but those: the same as apart, bit for bit, in blocks of at
 * most one plane less, and nothing around is touched. Nearer, or the other way round, is refused. */
static void test_overlap(ctvk_gpu *gpu, int half)
{
    static const ctvk_conv3d cases[2][3] = {{{48, 0, 48, 3, 1, 0}, {16, 0, 16, 3, 1, 0}, {20, 0, 20, 3, 1, 0}},
                                            {{48, 48, 48, 3, 1, 0}, {16, 16, 16, 3, 1, 0}, {20, 12, 20, 3, 1, 0}}};
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    const extents e = {11, 8, 8};
    for (int i = 0; i < 3 * CTVK_CONV3D_CANDIDATES * 4; i++) {
        const ctvk_conv3d *conv = &cases[half][i % 3];
        const int number = i / 3 % CTVK_CONV3D_CANDIDATES, behind = i / 3 / CTVK_CONV3D_CANDIDATES; /* 0 to 3 planes */
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES], plan;
        if (number >= candidates(caps, conv, half, plans))
            continue;
        plan = plans[number];
        fixture f;
        ctvk_error error = {0};
        conv_tensor whole, b;
        CHECK(fixture_create(&f, gpu, &plan, conv, half, e) && conv_tensor_create(gpu, &whole, conv->in_a, e.x + behind, e.y, e.z, 0));
        CHECK(record_and_wait(&f, gpu, &plan, conv, &error) == CTVK_OK && conv_tensor_read(&f.out, f.got));
        const uint64_t apart = ctvk_tensor_plane_bytes(&whole.tensor) * (uint64_t)behind;
        float *over = malloc(f.out_count * sizeof *over);
        conv_tensor_destroy(&f.a);
        conv_tensor_destroy(&f.out);
        f.a = f.out = b = whole;
        f.a.tensor.x = f.out.tensor.x = e.x;
        f.a.tensor.offset += apart;
        CHECK(over && conv_tensor_write(&f.a, f.dense));
        ctvk_status status = record_and_wait(&f, gpu, &plan, conv, &error);
        CHECK_MSG(status == (behind < 2 ? CTVK_ERROR_INTERNAL : CTVK_OK), "family %d, %d planes: %d %s", plan.family, behind, status,
                  error.message);
        if (status == CTVK_OK && conv_tensor_read(&f.out, over)) {
            CHECK_MSG(memcmp(f.got, over, f.out_count * sizeof *over) == 0, "family %d, half %d, %d channels, %d planes", plan.family, half,
                      conv->in_a, behind);
            CHECK(conv_tensor_guards_hold(&b));
        }
        f.a.tensor.offset -= apart;
        f.out.tensor.offset += apart;
        CHECK(behind == 0 || record_and_wait(&f, gpu, &plan, conv, &error) == CTVK_ERROR_INTERNAL);
        f.out.tensor.buffer = NULL;
        fixture_destroy(&f);
        free(over);
    }
}

/* As above through the door, with the scratch that it asks for where memory counts, and no more. */
static ctvk_status record_over(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const fixture *f = user;
    const ctvk_conv3d conv = {f->a.tensor.c, 0, f->out.tensor.c, 3, 1, 0};
    return ctvk_conv3d_record(cmd, gpu, &conv, &f->a.tensor, NULL, NULL, &f->weights, &f->scratch, &f->out.tensor, NULL, error);
}

static void test_spare(ctvk_gpu *gpu)
{
    const ctvk_conv3d conv = {48, 0, 48, 3, 1, 0};
    const extents e = {30, 40, 40};
    const ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, &conv, e.x, e.y, e.z);
    const uint64_t bytes = ctvk_conv3d_scratch_bytes(gpu, &conv, 1, e.x, e.y, e.z);
    fixture f;
    ctvk_error error = {0};
    conv_tensor whole = {0};
    CHECK(bytes <= 16u << 20 && (plan.family != CTVK_CONV3D_WINOGRAD || bytes < ctvk_conv3d_scratch_bytes(gpu, &conv, 0, e.x, e.y, e.z)));
    CHECK(fixture_create(&f, gpu, &plan, &conv, 0, e) && conv_tensor_create(gpu, &whole, 48, e.x + 5, e.y, e.z, 0));
    CHECK(record_and_wait(&f, gpu, &plan, &conv, &error) == CTVK_OK && conv_tensor_read(&f.out, f.got));
    float *over = malloc(f.out_count * sizeof *over);
    conv_tensor_destroy(&f.a);
    conv_tensor_destroy(&f.out);
    ctvk_gpu_buffer_destroy(&f.scratch.buffer);
    f.a = f.out = whole;
    f.a.tensor.x = f.out.tensor.x = e.x;
    f.a.tensor.offset += 5 * ctvk_tensor_plane_bytes(&whole.tensor);
    CHECK(ops_span_create(gpu, &f.scratch, bytes, NULL) && conv_tensor_write(&f.a, f.dense));
    f.scratch.bytes = bytes;
    CHECK_MSG(ops_run(gpu, record_over, &f, &error) == CTVK_OK, "%s", error.message);
    CHECK(conv_tensor_read(&f.out, over) && memcmp(f.got, over, f.out_count * sizeof *over) == 0);
    CHECK(conv_tensor_guards_hold(&whole) && ops_span_guards_hold(&f.scratch));
    f.out.tensor.buffer = NULL;
    fixture_destroy(&f);
    free(over);
}

/* The door itself, with the plan that the device takes: without one feature after the other there is one variant, which needs neither. */
static void test_door(uint32_t disable, int32_t expected_class)
{
    const ctvk_conv3d cases[] = {{48, 48, 48, 3, 1, 0}, {48, 0, 96, 3, 2, 0},  {1, 0, 16, 3, 2, 1},
                                 {16, 0, 32, 1, 2, 0},  {96, 0, 192, 3, 2, 0}, {96, 0, 192, 1, 2, 0}};
    ctvk_gpu *gpu = ops_open(disable);
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    CHECK_MSG(ctvk_conv3d_class(caps) == expected_class, "disable %u: class %d", disable, ctvk_conv3d_class(caps));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int s = cases[i].stride;
        extents e = {6, 7, 10}, o = {ceil_half(e.x, s), ceil_half(e.y, s), ceil_half(e.z, s)};
        ctvk_conv3d_plan plan = ctvk_conv3d_plan_for(gpu, &cases[i], o.x, o.y, o.z);
        int32_t own = expected_class == CTVK_CONV3D_GPU && !cases[i].planar ? CTVK_CONV3D_TILED : CTVK_CONV3D_PORTABLE;
        CHECK_MSG(expected_class == CTVK_CONV3D_CPU || plan.family == own, "disable %u, %d channels: family %d", disable, cases[i].in_a,
                  plan.family);
        CHECK(ctvk_conv3d_weight_bytes(gpu, &cases[i], o.x, o.y, o.z) == ctvk_conv3d_plan_weight_bytes(&plan, &cases[i]));
        CHECK(ctvk_conv3d_scratch_bytes(gpu, &cases[i], 0, o.x, o.y, o.z) ==
              ctvk_conv3d_plan_scratch_bytes(&plan, &cases[i], o.x, o.y, o.z));
        for (int half = 0; half < (cases[i].in_b ? 2 : 1); half++)
            run_case(gpu, &plan, &cases[i], half, e);
    }
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    ctvk_gpu *gpu = open_gpu(0);
    /* lavapipe takes the straight-line kernels; SwiftShader's texel buffers are too short. */
    int32_t whole = ctvk_conv3d_class(ctvk_gpu_get_caps(gpu));
    CHECK(ctvk_gpu_get_caps(gpu)->cooperative || !getenv("CTVK_NEEDS_COOPERATIVE"));
    for (int half = 0; half < 2; half++) {
        test_families(gpu, half);
        test_small_bindings(gpu, half);
        test_overlap(gpu, half);
        test_slow(gpu, CTVK_CONV3D_TILED, half);
        if (ctvk_gpu_get_caps(gpu)->cooperative)
            test_slow(gpu, CTVK_CONV3D_COOPERATIVE, half);
    }
    test_too_small_binding(gpu);
    test_mixed(gpu);
    test_spare(gpu);
    ctvk_gpu_destroy(&gpu);
    test_door(0, whole);
    test_door(CTVK_GPU_NO_BUFFER_ADDRESS, CTVK_CONV3D_LEAST);
    test_door(CTVK_GPU_NO_TEXEL, CTVK_CONV3D_LEAST);
    test_door(CTVK_GPU_MIN_LIMITS, CTVK_CONV3D_LEAST);
    test_door(OPS_AS_GPU, CTVK_CONV3D_GPU);
    test_door(OPS_AS_GPU | CTVK_GPU_MIN_LIMITS | CTVK_GPU_NO_TEXEL | CTVK_GPU_NO_BUFFER_ADDRESS, CTVK_CONV3D_GPU);
    return gpu_done("conv3d");
}
