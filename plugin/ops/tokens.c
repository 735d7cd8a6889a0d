#include "ops/tokens.h"

#include "ops/chunks.h"
#include "params/tokens.h"

#include <math.h>

_Static_assert(sizeof(struct ctvk_linear_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_layer_norm_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_attend_params) <= 128, "push constants");
_Static_assert(sizeof(struct ctvk_fold_params) <= 128, "push constants");

enum { LANES = 64 };

typedef struct launch {
    const char *shader;
    const void *push;
    uint32_t push_bytes, groups_x, groups_y;
    double work;
} launch;

/* weights may be NULL; its span may be larger than what is needed. */
static ctvk_status dispatch(const ctvk_tokens *t, const launch *l, const ctvk_span *weights, uint64_t weight_floats, ctvk_error *error)
{
    ctvk_gpu_bind binds[2] = {ctvk_span_bind(&t->rows), {0}};
    uint32_t groups[3] = {l->groups_x, l->groups_y, 1};
    ctvk_gpu_pipeline *pipeline = NULL;
    if (weights) {
        binds[1] = (ctvk_gpu_bind){weights->buffer, weights->offset, (weight_floats * sizeof(float) + 15) / 16 * 16};
        if (weights->bytes < weight_floats * sizeof(float))
            return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: weights are too short (report this)", l->shader);
    }
    ctvk_status status = ctvk_gpu_pipeline_get(t->gpu, l->shader, NULL, 0, &pipeline, error);
    return status ? status
                  : ctvk_gpu_cmd_dispatch(t->cmd, pipeline, binds, weights ? 2 : 1, l->push, l->push_bytes, groups, l->work, 0, error);
}

/* How a linear layer is done on a device: its shader, and the outputs of a workgroup. */
static const char *linear_variant(const ctvk_gpu_caps *caps, uint64_t weight_floats, int32_t *outs)
{
    *outs = caps->is_cpu ? 16 : 8;
    if (!caps->is_cpu)
        return "linear";
    return ctvk_prefers_texel(caps) && weight_floats / 4 < caps->max_texel_elements ? "linear_alone_texel" : "linear_alone";
}

ctvk_status ctvk_linear_record(const ctvk_tokens *tokens, const ctvk_linear *op, const ctvk_span *weights, ctvk_error *error)
{
    int32_t heads = op->heads > 1 ? op->heads : 1;
    struct ctvk_linear_params p = {.from = op->in / 4,
                                   .in_stride = op->in_stride / 4,
                                   .in_add = op->in_add / 4,
                                   .add_outs = op->add_outs,
                                   .head_outs = op->outs / heads,
                                   .head_stride = op->head_stride / 4,
                                   .width = op->width / 4,
                                   .outs = op->outs,
                                   .to = op->out,
                                   .out_stride = op->out_stride,
                                   .relu = op->relu};
    uint64_t weight_floats = (uint64_t)(op->width + 1) * (uint64_t)op->outs;
    int32_t group;
    const char *shader = linear_variant(ctvk_gpu_get_caps(tokens->gpu), weight_floats, &group);
    launch l = {shader,
                &p,
                sizeof p,
                (uint32_t)(op->outs + group - 1) / (uint32_t)group,
                (uint32_t)op->rows,
                2.0 * op->width * op->outs * op->rows};
    if ((op->in | op->in_stride | op->in_add | op->head_stride | op->width) % 4 || op->outs % heads)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "linear layer: %d to %d is not a multiple of 4 (report this)", op->width, op->outs);
    double rows = op->rows, width = op->width, outs = op->outs;
    ctvk_gpu_cmd_operation(tokens->cmd, "linear", (2 * width + 1) * outs * rows, 4 * (rows * (width + outs) + (width + 1) * outs),
                           "%d x %d -> %d", op->rows, op->width, op->outs);
    return dispatch(tokens, &l, weights, weight_floats, error);
}

ctvk_status ctvk_layer_norm_record(const ctvk_tokens *tokens, int32_t in, int32_t add, int32_t out, int32_t rows, int32_t width,
                                   const ctvk_span *weights, ctvk_error *error)
{
    struct ctvk_layer_norm_params p = {in / 4, add < 0 ? -1 : add / 4, out / 4, width / 4};
    launch l = {"layer_norm", &p, sizeof p, (uint32_t)rows, 1, 16.0 * width * rows};
    if ((in | out | width) % 4 || (add >= 0 && add % 4))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "layer norm: width %d is not a multiple of 4 (report this)", width);
    ctvk_gpu_cmd_operation(tokens->cmd, "layer_norm", (add < 0 ? 8.0 : 9.0) * rows * width,
                           4.0 * width * (rows * (add < 0 ? 2.0 : 3.0) + 2), "%d x %d", rows, width);
    return dispatch(tokens, &l, weights, 2 * (uint64_t)width, error);
}

ctvk_status ctvk_attend_record(const ctvk_tokens *tokens, const ctvk_attend *op, ctvk_error *error)
{
    int32_t head = op->width / op->heads;
    struct ctvk_attend_params p = {op->q, op->k, op->v, op->stride, op->out, op->rows, op->width, head, 1.0f / sqrtf((float)head)};
    launch l = {"attend", &p,
                sizeof p, (uint32_t)(op->rows * op->width + LANES - 1) / LANES,
                1,        2.0 * op->rows * op->rows * op->width * (head + 2)};
    ctvk_gpu_cmd_operation(tokens->cmd, "attend", (4.0 * op->width + 3.0 * op->heads) * op->rows * op->rows, 16.0 * op->rows * op->width,
                           "%d x %d, %d heads", op->rows, op->width, op->heads);
    return dispatch(tokens, &l, NULL, 0, error);
}

ctvk_status ctvk_fold_record(const ctvk_tokens *tokens, const ctvk_fold *op, const ctvk_span *weights, ctvk_error *error)
{
    int32_t lanes = op->heads * op->rows * (op->columns + 1);
    struct ctvk_fold_params p = {op->in,    op->in_stride, op->subtract, op->rows,      op->width / op->heads,
                                 op->width, op->columns,   op->out,      op->constants, op->scale};
    launch l = {"fold", &p, sizeof p, (uint32_t)(lanes + LANES - 1) / LANES, 1, 4.0 * lanes * (op->width / op->heads)};
    if (op->rows == 0)
        return CTVK_OK;
    ctvk_gpu_cmd_operation(tokens->cmd, "fold", 2.0 * lanes * (op->width / op->heads),
                           4.0 * (lanes + (double)op->rows * op->width + (op->columns + 1.0) * op->width), "%d x %d -> %d, %d heads",
                           op->rows, op->width, op->columns, op->heads);
    return dispatch(tokens, &l, weights, (uint64_t)(op->columns + 1) * (uint64_t)op->width, error);
}
