/* Linear layers, layer norms, attention and folding on token rows against plain C in double. */
#include "ops/tokens.h"
#include "ref/tokens.h"
#include "support/token_rows.h"

/* Error over max(1, |value|). Linear, fold: float32 sums of up to 772 products of numbers below 1 in up to 8 slices, 2.4e-6 seen.
 * Layer norm: two passes, outputs up to 4, 1e-6 seen. Attention: exp is off by a few ulp of its argument, scores go up to 50, 2.1e-6 seen.
 */
#define LINEAR_TOLERANCE 6e-6
#define NORM_TOLERANCE 3e-6
#define ATTEND_TOLERANCE 8e-6

enum { MOST = 8192 }; /* floats of one operand */

static double first[MOST], second[MOST], third[MOST], want[2 * MOST], constants[MOST];

typedef struct job {
    rows_case rows;
    ctvk_span weights;
    const ctvk_linear *linear;
    const ctvk_attend *attend;
    const ctvk_fold *fold;
    int32_t in, add, out, count, width; /* of a layer norm */
} job;

static ctvk_status record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    job *j = user;
    const ctvk_tokens tokens = {cmd, gpu, j->rows.span};
    if (j->linear)
        return ctvk_linear_record(&tokens, j->linear, &j->weights, error);
    if (j->attend)
        return ctvk_attend_record(&tokens, j->attend, error);
    if (j->fold)
        return ctvk_fold_record(&tokens, j->fold, &j->weights, error);
    return ctvk_layer_norm_record(&tokens, j->in, j->add, j->out, j->count, j->width, &j->weights, error);
}

static void end(job *j)
{
    CHECK(rows_rest_holds(&j->rows));
    CHECK(!j->weights.buffer || ops_span_guards_hold(&j->weights));
    rows_destroy(&j->rows);
    ctvk_gpu_buffer_destroy(&j->weights.buffer);
}

/* Outputs [from, to) of the layer as the op's contract has them, from dense rows of their own. */
static void want_outputs(const ctvk_linear *op, const float *weights, int from, int to, const double *in)
{
    double part[MOST];
    int outs = to - from;
    ref_linear(in, weights + from * op->width, weights + op->outs * op->width + from, op->rows, op->width, outs, part);
    if (op->relu)
        ref_relu(part, op->rows * outs);
    for (int i = 0; i < op->rows * outs; i++)
        want[i / outs * op->outs + from + i % outs] = part[i];
}

typedef struct linear_case {
    int rows, width, outs, heads, add_outs, relu;
} linear_case;

static void run_linear(ctvk_gpu *gpu, const linear_case *c)
{
    int stride = c->width + 8, block = c->rows * stride, heads = c->heads > 1 ? c->heads : 1, each = c->outs / heads;
    ctvk_linear op = {.in = 12,
                      .in_stride = stride,
                      .in_add = 12 + heads * block,
                      .add_outs = c->add_outs,
                      .heads = c->heads,
                      .head_stride = block,
                      .width = c->width,
                      .rows = c->rows,
                      .out = 12 + (heads + 1) * block + 3,
                      .out_stride = c->outs + 1,
                      .outs = c->outs,
                      .relu = c->relu};
    size_t count = (size_t)(c->width + 1) * (size_t)c->outs;
    float *weights = ops_random(count, 5, 1);
    job j = {.linear = &op};
    CHECK(rows_create(&j.rows, gpu, (size_t)(op.out + c->rows * op.out_stride + 5)) &&
          ops_span_create(gpu, &j.weights, count * sizeof *weights, weights));
    if (c->add_outs)
        rows_random(&j.rows, op.in_add, stride, c->rows, c->width, 7, 0.5, second);
    for (int head = 0; head < heads; head++) {
        rows_random(&j.rows, op.in + head * block, stride, c->rows, c->width, (uint32_t)head + 1, 1, first);
        want_outputs(&op, weights, head * each, (head + 1) * each, first);
    }
    for (int i = 0; c->add_outs && i < c->rows * c->width; i++)
        first[i] = (float)first[i] + (float)second[i]; /* the sum of two floats, rounded as the shader does */
    if (c->add_outs)
        want_outputs(&op, weights, 0, c->add_outs, first);
    if (rows_run(&j.rows, record, &j) == CTVK_OK) {
        double worst = rows_worst(&j.rows, op.out, op.out_stride, c->rows, c->outs, want);
        CHECK_MSG(worst <= LINEAR_TOLERANCE, "linear %d x %d -> %d, %d heads, add %d, relu %d: error %g", c->rows, c->width, c->outs,
                  c->heads, c->add_outs, c->relu, worst);
    }
    end(&j);
    free(weights);
}

/* Around the 8 outputs of a workgroup and the 8 vec4 that its slices take at once. */
static void test_linear(ctvk_gpu *gpu)
{
    static const int widths[] = {4, 28, 32, 36, 64, 100, 772}, outs[] = {1, 7, 8, 9, 16, 33};
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 6; k++) {
            run_linear(gpu, &(linear_case){1 + (i + k) % 3, widths[i], outs[k], 0, 0, (i + k) & 1});
            run_linear(gpu, &(linear_case){1 + (i + k + 1) % 3, widths[i], outs[k], 1, outs[k] * k / 5, i & 1});
        }
    for (int rows = 1; rows <= 3; rows++) {
        run_linear(gpu, &(linear_case){rows, 16, 8, 8, 0, 0});
        run_linear(gpu, &(linear_case){rows, 48, 24, 8, 0, 0});
        run_linear(gpu, &(linear_case){rows, 96, 48, 8, 0, 1});
    }
}

/* out: 0 apart, 1 over in, 2 over add. */
static void run_norm(ctvk_gpu *gpu, int rows, int width, int add, int out, double offset)
{
    int block = rows * width, place[3] = {4 + 2 * block + 8, 4, 4 + block + 4};
    float *weights = ops_random((size_t)width * 2, 3, 2);
    job j = {.in = place[1], .add = add ? place[2] : -1, .out = place[out], .count = rows, .width = width};
    CHECK(rows_create(&j.rows, gpu, (size_t)(3 * block + 20)) &&
          ops_span_create(gpu, &j.weights, (uint64_t)width * 2 * sizeof *weights, weights));
    rows_random(&j.rows, j.in, width, rows, width, 11, 1, first);
    if (add)
        rows_random(&j.rows, j.add, width, rows, width, 13, 2, second);
    for (int i = 0; i < block; i++) {
        float value = j.rows.before[j.in + i] += (float)offset;
        first[i] = add ? value + (float)second[i] : value;
    }
    ref_layer_norm(first, weights, weights + width, rows, width, want);
    if (rows_run(&j.rows, record, &j) == CTVK_OK) {
        double worst = rows_worst(&j.rows, j.out, width, rows, width, want);
        /* A mean in float32 is off by half an ulp, which 1 / deviation and gamma (2) make larger. */
        CHECK_MSG(worst <= NORM_TOLERANCE + 2 * 1.2e-7 * offset, "layer norm %d x %d, add %d, out %d, offset %g: error %g", rows, width,
                  add, out, offset, worst);
    }
    end(&j);
    free(weights);
}

/* Around the 64 vec4 that the lanes take at once. */
static void test_layer_norm(ctvk_gpu *gpu)
{
    static const int widths[] = {4, 16, 48, 252, 256, 260, 768};
    for (int i = 0; i < 7; i++)
        for (int out = 0; out < 3; out++)
            run_norm(gpu, 1 + (i + out) % 3, widths[i], out == 2 || i % 2, out, i == 3 ? 100 : 0);
}

static void run_attend(ctvk_gpu *gpu, int rows, int width, int heads, double scale)
{
    int stride = 3 * width + 5, block = rows * stride;
    ctvk_attend op = {
        .q = 1, .k = 1 + width, .v = 1 + 2 * width, .stride = stride, .out = 1 + block + 2, .rows = rows, .width = width, .heads = heads};
    job j = {.attend = &op};
    CHECK(rows_create(&j.rows, gpu, (size_t)(op.out + rows * width + 3)));
    rows_random(&j.rows, op.q, stride, rows, width, 17, scale, first);
    rows_random(&j.rows, op.k, stride, rows, width, 19, scale, second);
    rows_random(&j.rows, op.v, stride, rows, width, 23, 2, third);
    ref_attend(first, second, third, rows, rows, width, heads, want);
    if (rows_run(&j.rows, record, &j) == CTVK_OK) {
        double worst = rows_worst(&j.rows, op.out, width, rows, width, want);
        CHECK_MSG(worst <= ATTEND_TOLERANCE, "attention %d x %d, %d heads, scale %g: error %g", rows, width, heads, scale, worst);
    }
    end(&j);
}

/* Around the 64 lanes of a workgroup; scores near 0 and scores far apart. */
static void test_attend(ctvk_gpu *gpu)
{
    static const int widths[] = {8, 16, 56, 64, 72, 384};
    for (int i = 0; i < 6; i++)
        for (int rows = 1; rows <= 5; rows += rows < 3 ? 1 : 2) {
            run_attend(gpu, rows, widths[i], 8, 1);
            run_attend(gpu, rows, widths[i], 8, 6);
        }
    run_attend(gpu, 3, 12, 1, 1);
    run_attend(gpu, 2, 12, 3, 1);
}

typedef struct fold_case {
    int rows, heads, width, columns, subtract;
    float scale;
} fold_case;

static void run_fold(ctvk_gpu *gpu, const fold_case *c)
{
    int stride = c->width + 3, pairs = c->heads * c->rows, last = 2 + c->rows * stride;
    ctvk_fold op = {.in = 2,
                    .in_stride = stride,
                    .subtract = c->subtract ? last : -1,
                    .rows = c->rows,
                    .heads = c->heads,
                    .width = c->width,
                    .columns = c->columns,
                    .out = last + stride + 1,
                    .constants = last + stride + 1 + pairs * c->columns + 2,
                    .scale = c->scale};
    size_t count = (size_t)(c->columns + 1) * (size_t)c->width;
    float *weights = ops_random(count, 29, 1);
    job j = {.fold = &op};
    CHECK(rows_create(&j.rows, gpu, (size_t)(op.constants + pairs + 3)) &&
          ops_span_create(gpu, &j.weights, count * sizeof *weights, weights));
    rows_random(&j.rows, op.in, stride, c->rows, c->width, 31, 1, first);
    rows_random(&j.rows, last, stride, 1, c->width, 37, 1, second);
    for (int i = 0; c->subtract && i < c->rows * c->width; i++)
        first[i] = (float)first[i] - (float)second[i % c->width];
    ref_fold(first, weights, weights + c->width * c->columns, c->rows, c->heads, c->width, c->columns, c->scale, want, constants);
    if (rows_run(&j.rows, record, &j) == CTVK_OK) {
        double worst = rows_worst(&j.rows, op.out, c->columns, pairs, c->columns, want);
        worst = fmax(worst, rows_worst(&j.rows, op.constants, pairs, 1, pairs, constants));
        CHECK_MSG(worst <= LINEAR_TOLERANCE, "fold %d x %d, %d heads, %d columns, subtract %d: error %g", c->rows, c->width, c->heads,
                  c->columns, c->subtract, worst);
    }
    end(&j);
    free(weights);
}

static void test_fold(ctvk_gpu *gpu)
{
    static const fold_case cases[] = {
        {1, 8, 8, 4, 0, 1},   {1, 8, 8, 7, 1, 0.5f}, {2, 8, 24, 48, 0, 0.57735f}, {2, 8, 48, 96, 1, 0.40825f}, {3, 8, 192, 384, 0, 1},
        {3, 8, 16, 32, 1, 1}, {1, 1, 5, 63, 0, 2},   {1, 1, 3, 64, 1, 1},         {0, 8, 16, 32, 0, 1},        {0, 8, 16, 32, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_fold(gpu, &cases[i]);
}

static ctvk_status refused(job *j, ctvk_gpu *gpu)
{
    ctvk_error error = {0};
    return ops_run(gpu, record, j, &error);
}

/* Places and widths that the shaders cannot take, and weights that are cut short. */
static void test_refusals(ctvk_gpu *gpu)
{
    const ctvk_linear good = {.in_stride = 8, .width = 8, .rows = 2, .out = 32, .out_stride = 8, .outs = 8};
    ctvk_linear op = good;
    const ctvk_fold fold = {.in_stride = 8, .subtract = -1, .rows = 1, .heads = 8, .width = 8, .columns = 4, .out = 64, .scale = 1};
    job j = {.linear = &op};
    CHECK(rows_create(&j.rows, gpu, 256) && ops_span_create(gpu, &j.weights, 9 * 8 * sizeof(float), NULL));
    CHECK(refused(&j, gpu) == CTVK_OK);
    op.width = 6;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    op = good, op.in = 2;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    op = good, op.heads = 3;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    op = good, op.outs = 9;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    j.linear = NULL, j.add = -1, j.count = 1, j.out = 64, j.width = 10;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    j.width = 40;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    j.fold = &fold, j.weights.bytes = 16;
    CHECK(refused(&j, gpu) == CTVK_ERROR_INTERNAL);
    rows_destroy(&j.rows);
    ctvk_gpu_buffer_destroy(&j.weights.buffer);
}

int main(void)
{
    for (int i = 0; i < OPS_MASKS; i++) {
        ctvk_gpu *gpu = ops_open(ops_masks[i]);
        test_linear(gpu);
        test_layer_norm(gpu);
        test_attend(gpu);
        test_fold(gpu);
        test_refusals(gpu);
        ctvk_gpu_destroy(&gpu);
    }
    return gpu_done("tokens");
}
