/* The planner of the convolutions without a device: what a class of devices has to choose from, what the model takes where, and what a
 * table of a tuning pass changes. */
#include "ops/conv3d_plan.h"
#include "support/check.h"

static const ctvk_gpu_caps cpu = {.max_storage_range = 1u << 27,
                                  .max_uniform_range = 1u << 16,
                                  .max_texel_elements = 1u << 27,
                                  .storage_alignment = 16,
                                  .is_cpu = 1,
                                  .buffer_address = 1,
                                  .texel_rgba32f = 1};

static ctvk_gpu_caps changed(int is_cpu, int address, int texel, uint64_t elements)
{
    ctvk_gpu_caps caps = cpu;
    caps.is_cpu = (uint8_t)is_cpu;
    caps.buffer_address = (uint8_t)address;
    caps.texel_rgba32f = (uint8_t)texel;
    caps.max_texel_elements = elements;
    return caps;
}

/* A shape, extents of its output, which variants fit it (bits), and the one that a software driver takes. */
typedef struct shape {
    ctvk_conv3d conv;
    int32_t x, y, z, fits, taken;
} shape;

enum { P = CTVK_CONV3D_PORTABLE, A = CTVK_CONV3D_ADDRESS, W = CTVK_CONV3D_WINOGRAD, G = CTVK_CONV3D_GEMM, T = CTVK_CONV3D_TILED };

static const shape shapes[] = {
    {{48, 0, 48, 3, 1, 0}, 192, 192, 64, 1 << P | 1 << A | 1 << W | 1 << G, W},
    {{48, 48, 48, 3, 1, 0}, 192, 192, 64, 1 << P | 1 << A | 1 << W | 1 << G, W},
    {{48, 0, 48, 3, 2, 0}, 96, 96, 32, 1 << P | 1 << A | 1 << G, A},
    {{1, 0, 48, 3, 2, 1}, 192, 192, 64, 1 << P | 1 << A, A},
    {{96, 0, 96, 3, 1, 0}, 48, 48, 16, 1 << P | 1 << A | 1 << W | 1 << G, W},
    {{192, 0, 192, 3, 1, 0}, 24, 24, 8, 1 << P | 1 << A | 1 << W | 1 << G, W},
    {{192, 192, 192, 3, 1, 0}, 24, 24, 8, 1 << P | 1 << A | 1 << W | 1 << G, W},
    {{384, 0, 384, 3, 1, 0}, 12, 12, 4, 1 << P | 1 << A | 1 << W | 1 << G, G}, /* Winograd's weights are too many */
    {{192, 0, 192, 3, 1, 0}, 6, 6, 2, 1 << P | 1 << A | 1 << W | 1 << G, G},   /* packing them is dearer than what Winograd gains */
    {{384, 0, 384, 3, 1, 0}, 3, 3, 1, 1 << P | 1 << A | 1 << W | 1 << G, G},
    {{192, 0, 384, 3, 2, 0}, 3, 3, 1, 1 << P | 1 << A | 1 << G, G},
    {{192, 0, 384, 3, 2, 0}, 12, 12, 4, 1 << P | 1 << A | 1 << G, G},
    {{192, 192, 192, 1, 1, 0}, 6, 6, 2, 1 << P | 1 << A | 1 << G, G},
    {{192, 192, 192, 1, 1, 0}, 24, 24, 8, 1 << P | 1 << A | 1 << G, G},
    {{48, 0, 48, 3, 1, 0}, 12, 12, 4, 1 << P | 1 << A | 1 << W | 1 << G, W},
    {{4, 0, 8, 1, 1, 0}, 5, 5, 5, 1 << P | 1 << A, A},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static ctvk_conv3d_plan choose(const ctvk_gpu_caps *caps, const char *tuned, const shape *s)
{
    return ctvk_conv3d_choose(caps, tuned, &s->conv, s->x, s->y, s->z);
}

static void test_classes(void)
{
    const ctvk_gpu_caps gpu = changed(0, 1, 1, 1u << 27), plain_gpu = changed(0, 0, 0, 1u << 16);
    const ctvk_gpu_caps least[] = {changed(1, 0, 1, 1u << 27), changed(1, 1, 0, 1u << 27), changed(1, 1, 1, 1u << 16)};
    CHECK(ctvk_conv3d_class(&cpu) == CTVK_CONV3D_CPU);
    CHECK(ctvk_conv3d_class(&gpu) == CTVK_CONV3D_GPU && ctvk_conv3d_class(&plain_gpu) == CTVK_CONV3D_GPU);
    for (int i = 0; i < SHAPES; i++) {
        for (int k = 0; k < 3; k++) {
            CHECK(ctvk_conv3d_class(&least[k]) == CTVK_CONV3D_LEAST);
            CHECK(choose(&least[k], NULL, &shapes[i]).family == P && choose(&least[k], "address 1 ms", &shapes[i]).family == P);
            CHECK(choose(&least[k], "tiled 1 ms", &shapes[i]).family == P);
        }
        /* A GPU takes one variant by itself, and what it was tuned to where it can. */
        const int32_t own = shapes[i].conv.planar ? P : T;
        CHECK(choose(&gpu, NULL, &shapes[i]).family == own && choose(&plain_gpu, NULL, &shapes[i]).family == own);
        CHECK(choose(&gpu, "address 1 ms", &shapes[i]).family == A && choose(&plain_gpu, "address 1 ms", &shapes[i]).family == own);
        CHECK(choose(&gpu, "portable 1 ms", &shapes[i]).family == P && choose(&plain_gpu, "tiled 1 ms", &shapes[i]).family == own);
    }
}

static int32_t candidates(const ctvk_gpu_caps *caps, const ctvk_conv3d *conv)
{
    ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES];
    int32_t count = ctvk_conv3d_candidates(caps, conv, plans), families = 0;
    CHECK(plans[0].family == P);
    for (int32_t k = 0; k < count; k++)
        families |= 1 << plans[k].family;
    return families;
}

/* A GPU has all that a software driver has, and the tiled variant, which needs no feature but a binding that holds all weights. */
static void test_gpu(void)
{
    const ctvk_gpu_caps gpu = changed(0, 1, 1, 1u << 27), plain_gpu = changed(0, 0, 0, 1u << 16);
    const ctvk_conv3d most = {1136, 0, 1080, 3, 1, 0}, too_many = {1140, 0, 1080, 3, 1, 0};
    for (int i = 0; i < SHAPES; i++) {
        const int32_t tiled = shapes[i].conv.planar ? 0 : 1 << T;
        CHECK_MSG(candidates(&gpu, &shapes[i].conv) == (shapes[i].fits | tiled), "shape %d: %x", i,
                  (unsigned)candidates(&gpu, &shapes[i].conv));
        CHECK(candidates(&plain_gpu, &shapes[i].conv) == (1 << P | tiled));
    }
    CHECK(candidates(&plain_gpu, &most) == (1 << P | 1 << T) && candidates(&plain_gpu, &too_many) == 1 << P);
    CHECK(ctvk_conv3d_choose(&plain_gpu, NULL, &too_many, 8, 8, 8).family == P);
}

/* Parts of the output's statistics: one for each brick of 2 planes of 8 x 8 or 16 x 4 voxels, of 1 plane for 3x3x3 of stride 2, where there
 * are five storage bindings and pieces of whole bricks fit. */
static void test_parts(void)
{
    static const struct {
        ctvk_conv3d conv;
        int32_t x, y, z, parts;
    } cases[] = {{{48, 0, 48, 3, 1, 0}, 192, 192, 64, 18432}, {{48, 48, 48, 3, 1, 0}, 192, 192, 64, 18432},
                 {{48, 0, 48, 3, 2, 0}, 96, 96, 32, 4608},    {{48, 0, 48, 1, 2, 0}, 96, 96, 32, 2304},
                 {{192, 0, 384, 3, 1, 0}, 12, 12, 4, 6},      {{16, 0, 16, 3, 1, 0}, 5, 17, 9, 18},
                 {{16, 0, 16, 3, 1, 0}, 1, 1, 1, 1},          {{48, 0, 48, 3, 1, 0}, 32, 418, 418, 16 * 53 * 53},
                 {{48, 0, 48, 3, 1, 0}, 32, 419, 418, 0},     {{48, 0, 48, 3, 1, 0}, 1, 419, 418, 53 * 53},
                 {{48, 0, 96, 1, 1, 0}, 32, 419, 418, 0},     {{4, 0, 48, 3, 1, 0}, 1 << 20, 1, 1, 0}};
    ctvk_gpu_caps caps = changed(0, 0, 0, 1u << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int32_t x = cases[i].x, y = cases[i].y, z = cases[i].z;
        ctvk_conv3d_plan plan = ctvk_conv3d_choose(&caps, NULL, &cases[i].conv, x, y, z);
        CHECK(plan.family == T);
        caps.max_storage_buffers = 5;
        int32_t parts = ctvk_conv3d_plan_parts(&caps, &plan, &cases[i].conv, x, y, z);
        CHECK_MSG(parts == cases[i].parts, "case %zu: %d parts", i, parts);
        caps.max_storage_buffers = 4;
        CHECK(ctvk_conv3d_plan_parts(&caps, &plan, &cases[i].conv, x, y, z) == 0);
        for (int32_t family = P; family < T; family++) {
            caps.max_storage_buffers = 16;
            plan.family = family;
            CHECK(ctvk_conv3d_plan_parts(&caps, &plan, &cases[i].conv, x, y, z) == 0);
        }
    }
}

static void test_model(void)
{
    for (int i = 0; i < SHAPES; i++) {
        const shape *s = &shapes[i];
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES], taken = choose(&cpu, NULL, s);
        int32_t count = ctvk_conv3d_candidates(&cpu, &s->conv, plans), fits = 0;
        for (int32_t k = 0; k < count; k++) {
            double cost = ctvk_conv3d_cost(&plans[k], &s->conv, s->x, s->y, s->z);
            fits |= 1 << plans[k].family;
            CHECK_MSG(cost > 0 && cost < 1e7, "shape %d, %s: %g ms", i, ctvk_conv3d_plan_name(&plans[k]), cost);
            CHECK(cost < ctvk_conv3d_cost(&plans[k], &s->conv, 2 * s->x, 2 * s->y, 2 * s->z));
        }
        CHECK_MSG(fits == s->fits && plans[0].family == P, "shape %d: candidates %x", i, (unsigned)fits);
        CHECK_MSG(taken.family == s->taken, "shape %d: %s", i, ctvk_conv3d_plan_name(&taken));
    }
}

static int same(const ctvk_conv3d_plan *a, const ctvk_conv3d_plan *b)
{
    return a->family == b->family && a->chunk == b->chunk && a->source_bytes == b->source_bytes && a->target_bytes == b->target_bytes &&
           a->scratch_bytes == b->scratch_bytes;
}

static void test_table(void)
{
    static const char *const nothing[] = {
        "", " ", "gemm2 1 ms", "gem 1 ms", "WINOGRAD 1 ms", "none 1 ms", "cooperative 0.1 ms", "tiled 1 ms", "1 ms gemm"};
    for (int i = 0; i < SHAPES; i++) {
        const shape *s = &shapes[i];
        ctvk_conv3d_plan plans[CTVK_CONV3D_CANDIDATES], model = choose(&cpu, NULL, s);
        int32_t count = ctvk_conv3d_candidates(&cpu, &s->conv, plans);
        for (int32_t k = 0; k < count; k++) {
            char line[48];
            snprintf(line, sizeof line, "%s 12.5 ms", ctvk_conv3d_plan_name(&plans[k]));
            ctvk_conv3d_plan taken = choose(&cpu, line, s), named = choose(&cpu, ctvk_conv3d_plan_name(&plans[k]), s);
            CHECK_MSG(same(&taken, &plans[k]) && same(&named, &plans[k]), "shape %d: %s", i, line);
        }
        for (unsigned k = 0; k < sizeof nothing / sizeof *nothing; k++) {
            ctvk_conv3d_plan taken = choose(&cpu, nothing[k], s);
            CHECK_MSG(same(&taken, &model), "shape %d: \"%s\" changed something", i, nothing[k]);
        }
        /* A variant that another shape has. */
        ctvk_conv3d_plan winograd = choose(&cpu, "winograd 0.1 ms", s);
        CHECK(s->fits & 1 << W ? winograd.family == W : same(&winograd, &model));
    }
}

/* Keys are apart where shapes are, and hold no colon, whatever the numbers. */
static void test_keys(void)
{
    char keys[SHAPES][64], longest[64];
    const ctvk_conv3d most = {99999999, 99999999, 99999999, 3, 2, 1};
    for (int i = 0; i < SHAPES; i++) {
        ctvk_conv3d_key(&shapes[i].conv, shapes[i].x, shapes[i].y, shapes[i].z, keys[i]);
        CHECK(strlen(keys[i]) < 63 && !strchr(keys[i], ':') && !strchr(keys[i], '\n'));
        for (int k = 0; k < i; k++)
            CHECK_MSG(strcmp(keys[i], keys[k]) != 0, "%s twice", keys[i]);
    }
    ctvk_conv3d_key(&most, 1000, 1000, 1000, longest);
    CHECK_MSG(strcmp(longest, "conv3d 3/2 99999999p+99999999-99999999 1000x1000x1000") == 0, "%s", longest);
}

int main(void)
{
    test_classes();
    test_gpu();
    test_parts();
    test_model();
    test_table();
    test_keys();
    return check_done("conv3d planner");
}
