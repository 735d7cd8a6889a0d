#include "nets/alignment_blocks.h"

#include "ops/image_to_token.h"
#include "ops/token_to_image.h"

#include <math.h>

enum { HEADS = 8 };

/* Places in the scratch, in floats: token rows, then (own binding) the folded block and the partial softmaxes. */
typedef struct places {
    int32_t text, tokens, queries, wide, mixed, out, hidden, scores, means; /* tokens = T, queries = Q */
    int32_t folded, rows; /* rows: floats that are bound as token rows, folded block included */
    uint64_t partials, total;
} places;

static int32_t take(int32_t *at, int64_t floats)
{
    int32_t place = *at;
    *at += (int32_t)ctvk_align_up_floats((uint64_t)floats);
    return place;
}

static places place_all(const ctvk_gpu *gpu, const ctvk_alignment *a, int32_t x, int32_t y, int32_t z)
{
    int32_t c = a->channels, p = a->prompts, at = 0;
    places s;
    s.text = take(&at, (int64_t)p * ctvk_align_text_width(a));
    s.tokens = take(&at, (int64_t)p * c);
    s.queries = take(&at, (int64_t)p * c);
    s.wide = take(&at, (int64_t)p * 3 * c);
    s.mixed = take(&at, (int64_t)p * c);
    s.out = take(&at, (int64_t)p * c);
    s.hidden = take(&at, (int64_t)p * a->mlp);
    s.scores = take(&at, (int64_t)p * HEADS * c + p * HEADS); /* and the constants, which this attention does not need */
    s.means = take(&at, (int64_t)p * HEADS * c);
    s.folded = take(&at, ctvk_image_to_token_places(p - 1, c).total);
    s.rows = at;
    s.partials = (uint64_t)at;
    ctvk_token_to_image_plan plan = ctvk_token_to_image_plan_for(ctvk_gpu_get_caps(gpu), HEADS * p, c, x, y, z);
    s.total = s.partials + ctvk_token_to_image_bytes(&plan, HEADS * p, c, x, y, z) / sizeof(float);
    return s;
}

uint64_t ctvk_alignment_scratch_bytes(const ctvk_gpu *gpu, const ctvk_alignment *a, int32_t x, int32_t y, int32_t z)
{
    return place_all(gpu, a, x, y, z).total * sizeof(float);
}

typedef struct recorder {
    const ctvk_alignment *a;
    const ctvk_span *weights, *scratch;
    const ctvk_tensor *image;
    ctvk_tokens tokens;
    places at;
    int32_t layer;
    ctvk_status status; /* of the first failure; nothing is recorded after it */
    ctvk_error *error;
} recorder;

static ctvk_span block_of(const recorder *r, int32_t block)
{
    return (ctvk_span){r->weights->buffer, r->weights->offset + ctvk_align_block_place(r->a, r->layer, block) * sizeof(float),
                       ctvk_align_block_floats(r->a, block) * sizeof(float)};
}

static void linear(recorder *r, int32_t block, const ctvk_linear *op)
{
    ctvk_span weights = block_of(r, block);
    if (!r->status)
        r->status = ctvk_linear_record(&r->tokens, op, &weights, r->error);
}

/* P rows through one whole layer. */
static void plain_linear(recorder *r, int32_t block, int32_t in, int32_t out, int32_t relu)
{
    int32_t rows, columns;
    ctvk_align_block_shape(r->a, block, &rows, &columns);
    linear(r, block,
           &(ctvk_linear){.in = in,
                          .in_stride = columns,
                          .width = columns,
                          .rows = r->a->prompts,
                          .out = out,
                          .out_stride = rows,
                          .outs = rows,
                          .relu = relu});
}

/* Q = norm(out [+ Q]) */
static void norm(recorder *r, int32_t block, int residual)
{
    ctvk_span weights = block_of(r, block);
    if (!r->status)
        r->status = ctvk_layer_norm_record(&r->tokens, r->at.out, residual ? r->at.queries : -1, r->at.queries, r->a->prompts,
                                           r->a->channels, &weights, r->error);
}

static void fold(recorder *r, int32_t block, const ctvk_fold *op)
{
    ctvk_span weights = block_of(r, block);
    if (!r->status)
        r->status = ctvk_fold_record(&r->tokens, op, &weights, r->error);
}

static void self_attention(recorder *r)
{
    int32_t c = r->a->channels, first = r->layer == 0;
    linear(r, CTVK_ALIGN_SELF_IN,
           &(ctvk_linear){.in = first ? r->at.tokens : r->at.queries,
                          .in_stride = c,
                          .in_add = r->at.tokens,
                          .add_outs = first ? 0 : 2 * c,
                          .width = c,
                          .rows = r->a->prompts,
                          .out = r->at.wide,
                          .out_stride = 3 * c,
                          .outs = 3 * c});
    if (!r->status)
        r->status = ctvk_attend_record(&r->tokens,
                                       &(ctvk_attend){.q = r->at.wide,
                                                      .k = r->at.wide + c,
                                                      .v = r->at.wide + 2 * c,
                                                      .stride = 3 * c,
                                                      .out = r->at.mixed,
                                                      .rows = r->a->prompts,
                                                      .width = c,
                                                      .heads = HEADS},
                                       r->error);
    plain_linear(r, CTVK_ALIGN_SELF_OUT, r->at.mixed, r->at.out, 0);
    norm(r, CTVK_ALIGN_NORM1, !first);
}

static void token_to_image(recorder *r)
{
    int32_t c = r->a->channels, half = c / 2, p = r->a->prompts;
    ctvk_token_to_image_plan plan =
        ctvk_token_to_image_plan_for(ctvk_gpu_get_caps(r->tokens.gpu), HEADS * p, c, r->image->x, r->image->y, r->image->z);
    ctvk_span partials = {r->scratch->buffer, r->scratch->offset + r->at.partials * sizeof(float),
                          (r->at.total - r->at.partials) * sizeof(float)};
    linear(r, CTVK_ALIGN_T2I_Q,
           &(ctvk_linear){.in = r->at.queries,
                          .in_stride = c,
                          .in_add = r->at.tokens,
                          .add_outs = half,
                          .width = c,
                          .rows = p,
                          .out = r->at.mixed,
                          .out_stride = half,
                          .outs = half});
    /* q . (W_k x + b_k): b_k adds the same to every voxel's score and drops out of the softmax. */
    fold(r, CTVK_ALIGN_T2I_K,
         &(ctvk_fold){.in = r->at.mixed,
                      .in_stride = half,
                      .subtract = -1,
                      .rows = p,
                      .heads = HEADS,
                      .width = half,
                      .columns = c,
                      .out = r->at.scores,
                      .constants = r->at.scores + HEADS * p * c,
                      .scale = 1.0f / sqrtf((float)(half / HEADS))});
    if (!r->status)
        r->status = ctvk_token_to_image_record(&r->tokens, &plan, r->image, HEADS * p, r->at.scores, r->at.means, &partials, r->error);
    /* The weights of a softmax sum to one, so that the projection of the mean is the mean of the projections. */
    linear(r, CTVK_ALIGN_T2I_V,
           &(ctvk_linear){.in = r->at.means,
                          .in_stride = c,
                          .heads = HEADS,
                          .head_stride = p * c,
                          .width = c,
                          .rows = p,
                          .out = r->at.mixed,
                          .out_stride = half,
                          .outs = half});
    plain_linear(r, CTVK_ALIGN_T2I_OUT, r->at.mixed, r->at.out, 0);
    norm(r, CTVK_ALIGN_NORM2, 1);
}

static void feed_forward(recorder *r)
{
    plain_linear(r, CTVK_ALIGN_LIN1, r->at.queries, r->at.hidden, 1);
    plain_linear(r, CTVK_ALIGN_LIN2, r->at.hidden, r->at.out, 0);
    norm(r, CTVK_ALIGN_NORM3, 1);
}

static void image_to_token(recorder *r)
{
    int32_t c = r->a->channels, half = c / 2, p = r->a->prompts, k = r->at.wide, v = r->at.wide + half, last = (p - 1) * c;
    ctvk_folded_places block = ctvk_image_to_token_places(p - 1, c);
    ctvk_span norm4 = block_of(r, CTVK_ALIGN_NORM4),
              folded = {r->scratch->buffer, r->scratch->offset + (uint64_t)r->at.folded * sizeof(float),
                        (uint64_t)block.total * sizeof(float)};
    linear(r, CTVK_ALIGN_I2T_KV,
           &(ctvk_linear){.in = r->at.queries,
                          .in_stride = c,
                          .in_add = r->at.tokens,
                          .add_outs = half,
                          .width = c,
                          .rows = p,
                          .out = k,
                          .out_stride = c,
                          .outs = c});
    fold(r, CTVK_ALIGN_I2T_Q,
         &(ctvk_fold){.in = k,
                      .in_stride = c,
                      .subtract = k + last,
                      .rows = p - 1,
                      .heads = HEADS,
                      .width = half,
                      .columns = c,
                      .out = r->at.folded + block.scores,
                      .constants = r->at.folded + block.constants,
                      .scale = 1.0f / sqrtf((float)(half / HEADS))});
    fold(r, CTVK_ALIGN_I2T_FOLD_OUT,
         &(ctvk_fold){.in = v,
                      .in_stride = c,
                      .subtract = v + last,
                      .rows = p - 1,
                      .heads = HEADS,
                      .width = half,
                      .columns = c,
                      .out = r->at.folded + block.values,
                      .constants = r->at.scores,
                      .scale = 1});
    linear(r, CTVK_ALIGN_I2T_OUT,
           &(ctvk_linear){
               .in = v + last, .in_stride = c, .width = half, .rows = 1, .out = r->at.folded + block.base, .out_stride = c, .outs = c});
    if (!r->status)
        r->status = ctvk_gpu_cmd_copy(r->tokens.cmd, norm4.buffer, norm4.offset, folded.buffer,
                                      folded.offset + (uint64_t)block.gamma * sizeof(float), norm4.bytes, r->error);
    if (!r->status)
        r->status = ctvk_image_to_token_record(r->tokens.cmd, r->tokens.gpu,
                                               ctvk_image_to_token_variant(ctvk_gpu_get_caps(r->tokens.gpu), p - 1, c), r->image, p - 1,
                                               &folded, r->error);
}

/* T = txt2vis(text), with the rows of text padded to whole vec4. */
static void project_text(recorder *r, const ctvk_span *text)
{
    ctvk_gpu_cmd *cmd = r->tokens.cmd;
    ctvk_gpu_buffer *buffer = r->scratch->buffer;
    uint64_t at = r->scratch->offset + (uint64_t)r->at.text * sizeof(float), d = (uint64_t)r->a->text_dim * sizeof(float),
             width = (uint64_t)ctvk_align_text_width(r->a) * sizeof(float), rows = (uint64_t)r->a->prompts;
    if (width == d) {
        r->status = ctvk_gpu_cmd_copy(cmd, text->buffer, text->offset, buffer, at, rows * d, r->error);
    } else {
        r->status = ctvk_gpu_cmd_fill(cmd, buffer, at, rows * width, 0, r->error);
        for (uint64_t i = 0; i < rows && !r->status; i++)
            r->status = ctvk_gpu_cmd_copy(cmd, text->buffer, text->offset + i * d, buffer, at + i * width, d, r->error);
    }
    plain_linear(r, CTVK_ALIGN_TEXT, r->at.text, r->at.tokens, 0);
}

static ctvk_status check(const ctvk_alignment *a, const ctvk_span *weights, const ctvk_span *text, const ctvk_span *scratch,
                         const ctvk_tensor *image, const places *at, ctvk_error *error)
{
    if (a->channels < 16 || a->channels % 16 || a->mlp < 4 || a->mlp % 4 || a->prompts < 1 || a->text_dim < 1 || image->c != a->channels ||
        image->x < 1 || image->y < 1 || image->z < 1)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "alignment: %d channels, MLP of %d, %d prompts do not fit (report this)", a->channels,
                         a->mlp, a->prompts);
    if (weights->bytes < ctvk_alignment_weight_bytes(a) || scratch->bytes < at->total * sizeof(float) ||
        text->bytes < (uint64_t)a->prompts * (uint64_t)a->text_dim * sizeof(float) || (weights->offset | scratch->offset) % 256)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "alignment: weights, text or scratch are too short (report this)");
    return CTVK_OK;
}

ctvk_status ctvk_alignment_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_alignment *a, const ctvk_span *weights,
                                  const ctvk_span *text, const ctvk_span *scratch, const ctvk_tensor *image, ctvk_error *error)
{
    recorder r = {.a = a, .weights = weights, .scratch = scratch, .image = image, .error = error};
    r.at = place_all(gpu, a, image->x, image->y, image->z);
    r.tokens = (ctvk_tokens){cmd, gpu, {scratch->buffer, scratch->offset, (uint64_t)r.at.rows * sizeof(float)}};
    r.status = check(a, weights, text, scratch, image, &r.at, error);
    if (!r.status)
        project_text(&r, text);
    for (r.layer = 0; r.layer < CTVK_ALIGN_LAYERS && !r.status; r.layer++) {
        self_attention(&r);
        token_to_image(&r);
        feed_forward(&r);
        image_to_token(&r);
    }
    return r.status;
}
