/* The folded image-to-token attention with residual and layer norm against plain C in double: every variant, and which one is taken. */
#include "ops/image_to_token.h"
#include "ref/image_to_token.h"
#include "support/ops_case.h"

/* Error over max(1, |value|); outputs of a layer norm, up to about 4. A score of size s is off by some s * 6e-8, and the weights by as
 * much, relatively; scores go up to about 10 here. 9e-7 seen. */
#define TOLERANCE 4e-6

typedef struct shape {
    int rows, c, x, y, z;
} shape;

typedef struct job {
    conv_tensor image;
    ctvk_span folded;
    int32_t variant;
    int rows;
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const job *j = user;
    return ctvk_image_to_token_record(cmd, gpu, j->variant, &j->image.tensor, j->rows, &j->folded, error);
}

static void run_case(ctvk_gpu *gpu, shape s, int32_t variant)
{
    size_t voxels = (size_t)s.x * s.y * s.z, count = voxels * s.c;
    ctvk_folded_places at = ctvk_image_to_token_places(s.rows, s.c);
    float *image = ops_random(count, 51, 2), *block = ops_random((size_t)at.total, 53, 1), *got = malloc(count * sizeof *got),
          *again = malloc(count * sizeof *again);
    double *want = malloc(count * sizeof *want);
    job j = {.variant = variant, .rows = s.rows};
    const ref_folded folded = {block + at.scores, block + at.constants, block + at.values,
                               block + at.base,   block + at.gamma,     block + at.beta};
    for (int i = at.scores; i < at.values; i++)
        block[i] *= 5 / sqrtf((float)s.c);
    for (int i = at.constants + 8 * s.rows; i < at.total; i++)
        block[i] = NAN; /* what only fills the last vec4 */
    CHECK(at.total == 16 * s.rows * s.c + 3 * s.c + (8 * s.rows + 3) / 4 * 4);
    CHECK(conv_tensor_create(gpu, &j.image, s.c, s.x, s.y, s.z, 0) &&
          ops_span_create(gpu, &j.folded, (uint64_t)at.total * sizeof *block, block));
    ref_image_to_token(image, s.c, voxels, s.rows, &folded, want);
    for (int turn = 0; turn < 2; turn++) {
        ctvk_error error = {0};
        CHECK(conv_tensor_write(&j.image, image));
        ctvk_status status = ops_run(gpu, record, &j, &error);
        CHECK_MSG(status == CTVK_OK, "%s", error.message);
        CHECK(conv_tensor_read(&j.image, turn ? again : got));
    }
    double worst = ops_worst(got, want, count);
    CHECK_MSG(worst <= TOLERANCE, "variant %d, %d rows, %d x %d x %d x %d: error %g", variant, s.rows, s.c, s.x, s.y, s.z, worst);
    CHECK(memcmp(got, again, count * sizeof *got) == 0);
    CHECK(conv_tensor_guards_hold(&j.image) && ops_span_guards_hold(&j.folded));
    conv_tensor_destroy(&j.image);
    ctvk_gpu_buffer_destroy(&j.folded.buffer);
    free(image);
    free(block);
    free(got);
    free(again);
    free(want);
}

/* P of 1 to 4 (rows = P - 1); one voxel, around the 64 voxels of a workgroup, planes with rests. Few pairs of rows and channels of those
 * that are held: each is straight-line code of its own, which a software driver takes a second to compile. */
static const shape shapes[] = {{0, 16, 1, 1, 1},  {0, 16, 3, 7, 3},  {1, 16, 7, 3, 3},  {1, 16, 129, 1, 1}, {1, 48, 4, 4, 4},
                               {1, 48, 13, 5, 1}, {2, 16, 3, 7, 9},  {1, 96, 2, 11, 3}, {1, 192, 3, 3, 5},  {2, 96, 2, 5, 5},
                               {2, 384, 2, 3, 3}, {3, 192, 1, 5, 1}, {1, 768, 1, 2, 3}, {0, 192, 3, 5, 5},  {7, 16, 3, 3, 3}};

static int can_hold(shape s)
{
    return s.c <= 96 && 4 * s.rows * s.c <= 400;
}

/* All variants that the device has, whatever it would take itself: a driver with fewer texels has the shader all the same. */
static void test_variants(ctvk_gpu *gpu)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        run_case(gpu, shapes[i], CTVK_IMAGE_TO_TOKEN_PLAIN);
        if (can_hold(shapes[i]))
            run_case(gpu, shapes[i], CTVK_IMAGE_TO_TOKEN_HELD);
        if (can_hold(shapes[i]) && caps->buffer_address && caps->texel_rgba32f)
            run_case(gpu, shapes[i], CTVK_IMAGE_TO_TOKEN_ADDRESS);
    }
}

/* The choice: straight-line code for few channels and pairs, by what the device has. */
static void test_choice(ctvk_gpu *gpu)
{
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    int texel = caps->is_cpu && caps->texel_rgba32f && caps->max_texel_elements >= 1u << 22;
    int32_t few = texel && caps->buffer_address ? CTVK_IMAGE_TO_TOKEN_ADDRESS : CTVK_IMAGE_TO_TOKEN_HELD;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int32_t wanted = can_hold(shapes[i]) ? few : CTVK_IMAGE_TO_TOKEN_PLAIN,
                got = ctvk_image_to_token_variant(caps, shapes[i].rows, shapes[i].c);
        CHECK_MSG(got == wanted, "%d rows of %d channels: variant %d, not %d", shapes[i].rows, shapes[i].c, got, wanted);
    }
    ctvk_gpu_caps small = *caps;
    small.buffer_address = 0;
    small.max_uniform_range = 4096; /* the block of 2 * 8 * 48 + 3 * 48 + 8 floats fills 3,680 bytes, that of 96 channels does not fit */
    CHECK(ctvk_image_to_token_variant(&small, 1, 48) == CTVK_IMAGE_TO_TOKEN_HELD);
    CHECK(ctvk_image_to_token_variant(&small, 1, 96) == CTVK_IMAGE_TO_TOKEN_PLAIN);
}

/* Bindings of two planes and a bit, submissions of little work; then of less than a plane. */
static void test_split(ctvk_gpu *gpu)
{
    const ctvk_gpu_caps caps = gpu->caps;
    const shape s[] = {{1, 48, 9, 17, 9}, {2, 96, 5, 11, 7}};
    for (int i = 0; i < 2; i++) {
        uint64_t plane = (uint64_t)s[i].c * 4 * s[i].y * s[i].z;
        gpu->caps = caps;
        ops_squeeze(gpu, 2 * plane + 512, 1e5);
        run_case(gpu, s[i], ctvk_image_to_token_variant(&caps, s[i].rows, s[i].c));
        job j = {.variant = CTVK_IMAGE_TO_TOKEN_PLAIN, .rows = s[i].rows};
        ctvk_error error = {0};
        CHECK(conv_tensor_create(gpu, &j.image, s[i].c, s[i].x, s[i].y, s[i].z, 0) && ops_span_create(gpu, &j.folded, 1 << 14, NULL));
        gpu->caps = caps;
        ops_squeeze(gpu, plane - 16, 0);
        CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_DEVICE_MEMORY);
        gpu->caps = caps;
        j.folded.bytes = 512;
        CHECK(ops_run(gpu, record, &j, &error) == CTVK_ERROR_INTERNAL);
        conv_tensor_destroy(&j.image);
        ctvk_gpu_buffer_destroy(&j.folded.buffer);
    }
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++) {
        ctvk_gpu *gpu = ops_open(ops_masks[i]);
        test_choice(gpu);
        test_variants(gpu);
        test_split(gpu);
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("image_to_token");
}
