/* The SPIR-V reflector on every embedded shader and on damaged copies of them: it must refuse or answer, never read outside. */
#include "gpu/internal.h"
#include "support/check.h"

static void test_embedded(void)
{
    CHECK(ctvk_shader_count > 0);
    for (uint32_t i = 0; i < ctvk_shader_count; i++) {
        ctvk_gpu_reflection r;
        ctvk_error error = {0};
        ctvk_status status = ctvk_gpu_reflect(NULL, &ctvk_shaders[i], NULL, 0, &r, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        if (status != CTVK_OK)
            continue;
        const char *name = ctvk_shaders[i].name;
        CHECK_MSG(r.bindings > 0 && r.bindings == r.storage + r.uniform + r.texel, "%s", name);
        /* What every device of Vulkan 1.1 offers, and 256 invocations. A convolution that takes its output's statistics has a binding more;
         * the plain module does where that is not there (ops/conv3d_tiled.c). */
        int takes = strncmp(name, "conv3d_", 7) == 0 && strstr(name, "_stats");
        CHECK_MSG(r.storage <= (takes ? 5 : 4), "%s has %u storage bindings", name, r.storage);
        CHECK_MSG(r.push_bytes <= 128 && r.push_bytes % 4 == 0, "%s has %u bytes of push constants", name, r.push_bytes);
        CHECK_MSG(r.local_size[0] * r.local_size[1] * r.local_size[2] <= 256, "%s", name);
        CHECK_MSG(!r.unknown, "%s wants capability %u", name, r.unknown_capability);
        CHECK_MSG(!r.cooperative == !strstr(name, "_cooperative_") && !r.cooperative == !r.matrix, "%s: shape %u", name, r.matrix);
    }
}

static uint32_t constant_of(const uint32_t *words, uint32_t count, uint32_t id)
{
    for (uint32_t at = 5; at < count; at += words[at] >> 16)
        if ((words[at] & 0xFFFF) == 43 && words[at + 2] == id)
            return words[at + 3];
    CHECK(0);
    return 0;
}

/* Factors of halves, sums of float32: their types, declared before, where the shader could name a width alone. Nothing else changes. */
static void check_completed(const ctvk_shader *shader)
{
    const uint32_t count = shader->bytes / 4;
    uint32_t *words = malloc(shader->bytes), widths[3] = {0}, matrices = 0, changed = 0;
    static const uint32_t wanted[3] = {16, 16, 32};
    CHECK(words != NULL);
    memcpy(words, shader->words, shader->bytes);
    CHECK(ctvk_gpu_matrix_complete(words, count));
    for (uint32_t i = 0; i < count; i++)
        changed += words[i] != shader->words[i];
    for (uint32_t at = 5; at < count; at += words[at] >> 16) {
        if ((words[at] & 0xFFFF) != 4456)
            continue;
        uint32_t use = constant_of(words, count, words[at + 6]);
        CHECK_MSG(use < 3 && shader->words[at + 2] == wanted[use < 3 ? use : 0], "%s", shader->name);
        matrices++;
        for (uint32_t before = 5; before < at && use < 3; before += words[before] >> 16)
            if ((words[before] & 0xFFFF) == 22 && words[before + 1] == words[at + 2])
                widths[use] = words[before + 2];
    }
    CHECK_MSG(matrices == 3 && changed <= 3, "%s: %u types, %u words changed", shader->name, matrices, changed);
    CHECK_MSG(memcmp(widths, wanted, sizeof widths) == 0, "%s: %u %u %u", shader->name, widths[0], widths[1], widths[2]);
    free(words);
}

static void test_matrices(void)
{
    int seen = 0;
    for (uint32_t i = 0; i < ctvk_shader_count; i++)
        if (strstr(ctvk_shaders[i].name, "_cooperative_")) {
            check_completed(&ctvk_shaders[i]);
            seen++;
        }
    CHECK(seen == 6);
    CHECK(ctvk_gpu_matrix_of(16, 16, 16) == CTVK_GPU_MATRIX_16X16X16 && ctvk_gpu_matrix_of(8, 16, 16) == CTVK_GPU_MATRIX_8X16X16);
    CHECK(ctvk_gpu_matrix_of(8, 8, 8) == CTVK_GPU_MATRIX_8X8X8 && ctvk_gpu_matrix_of(16, 8, 16) == CTVK_GPU_MATRIX_NONE);
    CHECK(ctvk_gpu_matrix_of(0, 0, 0) == CTVK_GPU_MATRIX_NONE);
}

/* A module written by hand:
 *   layout(local_size_x_id = 3) in; layout(constant_id = 1) const uint n;
 *   layout(push_constant) uniform { uint a; float b[n_3]; mat2 c; uvec2 d; };  offsets 0, 16 (stride 16), 64 (stride 8), 80
 *   layout(binding = 0) buffer {...}; layout(binding = 1) uniform {...}; layout(binding = 2) uniform samplerBuffer; */
#define OP(length, op) ((length) << 16 | (op))
static const uint32_t hand_made[] = {
    0x07230203, 0x00010300, 0,          40,         0,                                     /* header, bound 40 */
    OP(2u, 17), 1,          OP(2u, 17), 46,         OP(2u, 17), 5347,       OP(2u, 17), 9, /* capabilities */
    OP(6u, 16), 1,          17,         4,          2,          1,                         /* local size 4 2 1 ... */
    OP(4u, 71), 20,         1,          3,          OP(4u, 71), 21,         1,          1, /* ids 3 and 1 */
    OP(4u, 71), 22,         11,         25,                                                /* ... replaced by %22 */
    OP(4u, 71), 10,         6,          16,                                                /* array stride */
    OP(5u, 72), 11,         0,          35,         0,          OP(5u, 72), 11,         1,          35,         16,
    OP(5u, 72), 11,         2,          35,         64,                                                             /* offsets */
    OP(5u, 72), 11,         2,          7,          8,          OP(5u, 72), 11,         3,          35,         80, /* matrix stride */
    OP(4u, 71), 30,         34,         0,          OP(4u, 71), 30,         33,         0,          OP(4u, 71), 31,
    34,         0,          OP(4u, 71), 31,         33,         1,          OP(4u, 71), 32,         34,         0,
    OP(4u, 71), 32,         33,         2,          OP(4u, 21), 2,          32,         0,          OP(3u, 22), 3,
    32, /* uint, float */
    OP(4u, 23), 4,          3,          2,          OP(4u, 24), 5,          4,          2,          OP(4u, 23), 6,
    2,          2,                                                                         /* vec2, mat2, uvec2 */
    OP(4u, 43), 2,          7,          3,          OP(4u, 43), 2,          8,          1, /* 3, 1 */
    OP(4u, 50), 2,          20,         32,         OP(4u, 50), 2,          21,         2, /* specialisation */
    OP(6u, 51), 2,          22,         20,         8,          8,                         /* workgroup size */
    OP(4u, 28), 10,         3,          7,                                                 /* float[3] */
    OP(6u, 30), 11,         2,          10,         5,          6,          OP(4u, 32), 12,         9,          11,
    OP(4u, 59), 12,         13,         9, /* push constants */
    OP(3u, 30), 14,         2,          OP(4u, 32), 15,         12,         14,         OP(4u, 59), 15,         30,
    12,                                                                                    /* storage */
    OP(4u, 32), 16,         2,          14,         OP(4u, 59), 16,         31,         2, /* uniform */
    OP(9u, 25), 17,         3,          5,          0,          0,          0,          1,          0,          OP(3u, 27),
    18,         17,         OP(4u, 32), 19,         0,          18,         OP(4u, 59), 19,         32,         0,
};

static void test_hand_made(void)
{
    const ctvk_shader shader = {"hand_made", hand_made, sizeof hand_made};
    const uint32_t constants[4] = {0, 0, 0, 96};
    ctvk_gpu_reflection r;
    ctvk_error error = {0};
    CHECK_MSG(ctvk_gpu_reflect(NULL, &shader, NULL, 0, &r, &error) == CTVK_OK, "%s", error.message);
    CHECK(r.bindings == 3 && r.storage == 1 && r.uniform == 1 && r.texel == 1);
    CHECK(r.kinds[0] == CTVK_GPU_BIND_STORAGE && r.kinds[1] == CTVK_GPU_BIND_UNIFORM && r.kinds[2] == CTVK_GPU_BIND_TEXEL);
    CHECK_MSG(r.push_bytes == 88, "%u", r.push_bytes);
    CHECK(r.constants == 4 && r.local_size[0] == 32 && r.local_size[1] == 1 && r.local_size[2] == 1);
    CHECK(r.address && r.fp16 && !r.int64 && !r.unknown);
    CHECK(ctvk_gpu_reflect(NULL, &shader, constants, 4, &r, &error) == CTVK_OK && r.local_size[0] == 96);
    CHECK(ctvk_gpu_reflect(NULL, &shader, constants, 5, &r, &error) == CTVK_ERROR_INTERNAL);
}

static uint32_t position_of(uint32_t first, uint32_t second, uint32_t third)
{
    for (uint32_t i = 5; i + 2 < sizeof hand_made / 4; i++)
        if (hand_made[i] == first && hand_made[i + 1] == second && hand_made[i + 2] == third)
            return i;
    CHECK(0);
    return 5;
}

/* One word changed: refused with this word in the message. */
static void check_refused(uint32_t at, uint32_t value, const char *word)
{
    uint32_t words[sizeof hand_made / 4];
    const ctvk_shader shader = {"hand_made", words, sizeof words};
    ctvk_gpu_reflection r;
    ctvk_error error = {0};
    memcpy(words, hand_made, sizeof words);
    words[at] = value;
    CHECK_MSG(ctvk_gpu_reflect(NULL, &shader, NULL, 0, &r, &error) == CTVK_ERROR_INTERNAL && strstr(error.message, word), "%s: %s", word,
              error.message);
}

static void test_refusals(void)
{
    check_refused(0, 1, "no SPIR-V");
    check_refused(3, 0xFFFFFFFF, "no SPIR-V");
    check_refused(5, OP(0u, 17), "past the end");
    check_refused(5, OP(0xFFFFu, 17), "past the end");
    check_refused(position_of(OP(4u, 71), 32, 33) + 3, 5, "hole");
    check_refused(position_of(OP(4u, 71), 32, 33) + 3, 99, "too high");
    check_refused(position_of(OP(4u, 71), 32, 33) + 3, 0, "different kind");
    check_refused(position_of(OP(4u, 71), 32, 34) + 3, 1, "set 0");
    check_refused(position_of(OP(9u, 25), 17, 3) + 3, 1, "neither");
    check_refused(position_of(OP(9u, 25), 17, 3) + 7, 2, "neither");
    check_refused(position_of(OP(4u, 43), 2, 7) + 3, 0xFFFFFFFF, "too large");
    check_refused(position_of(OP(4u, 50), 2, 20) + 3, 0, "no size");
}

/* Every word damaged in some ways, every length: exact-size copies, so that a sanitizer sees a read outside. */
static void test_damage(void)
{
    static const uint32_t values[] = {0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 39, 40, OP(2u, 30), OP(3u, 59), OP(6u, 30)};
    const uint32_t count = sizeof hand_made / 4;
    long answers = 0;
    for (uint32_t at = 0; at < count; at++) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            uint32_t *words = malloc(sizeof hand_made);
            const ctvk_shader shader = {"damaged", words, sizeof hand_made};
            ctvk_gpu_reflection r;
            memcpy(words, hand_made, sizeof hand_made);
            words[at] = values[v];
            answers += ctvk_gpu_reflect(NULL, &shader, NULL, 0, &r, NULL) == CTVK_OK;
            free(words);
        }
    }
    CHECK(answers > 0);
    for (uint32_t length = 0; length < count; length++) {
        uint32_t *words = malloc(length * 4 + 1);
        const ctvk_shader shader = {"cut", words, length * 4};
        ctvk_gpu_reflection r;
        memcpy(words, hand_made, length * 4);
        ctvk_status status = ctvk_gpu_reflect(NULL, &shader, NULL, 0, &r, NULL);
        CHECK(status == CTVK_OK || status == CTVK_ERROR_INTERNAL);
        CHECK(length > 5 || status == CTVK_ERROR_INTERNAL);
        free(words);
    }
}

/* A structure that contains itself must end. */
static void test_recursion(void)
{
    uint32_t words[sizeof hand_made / 4];
    const ctvk_shader shader = {"recursive", words, sizeof words};
    ctvk_gpu_reflection r;
    memcpy(words, hand_made, sizeof words);
    words[position_of(OP(6u, 30), 11, 2) + 2] = 11;
    ctvk_status status = ctvk_gpu_reflect(NULL, &shader, NULL, 0, &r, NULL);
    CHECK(status == CTVK_OK || status == CTVK_ERROR_INTERNAL);
}

int main(void)
{
    test_embedded();
    test_matrices();
    test_hand_made();
    test_refusals();
    test_damage();
    test_recursion();
    return check_done("gpu_reflect");
}
