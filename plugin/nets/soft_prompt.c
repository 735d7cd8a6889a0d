#include "nets/soft_prompt.h"

#include <math.h>
#include <string.h>

enum { MAX_LENGTH = 1024 };

static int all_finite(const ctvk_st_tensor *tensor)
{
    float value;
    for (uint64_t i = 0; i < tensor->count; i++) {
        ctvk_st_to_f32(tensor, i, 1, &value);
        if (!isfinite(value))
            return 0;
    }
    return 1;
}

static ctvk_status check(const ctvk_st_tensor *tensor, const char *name, int fits, const char *shape, ctvk_error *error)
{
    if (!tensor)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "weights tensor %s: missing, the manifest's text encoder names it (export it with the network)", name);
    if (!fits || tensor->dtype == CTVK_DTYPE_OTHER)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "weights tensor %s: not %s of F32, F16 or BF16, but of rank %d with %llu values (weights and manifest must be of "
                         "one model)",
                         name, shape, tensor->rank, (unsigned long long)tensor->count);
    if (!all_finite(tensor))
        return ctvk_fail(error, CTVK_ERROR_BUNDLE, "weights tensor %s: holds NaN or infinity (the file is damaged, fetch it again)", name);
    return CTVK_OK;
}

ctvk_status ctvk_soft_prompt_find(const ctvk_safetensors *weights, const char *contexts, const char *segment, int32_t prompts,
                                  int32_t width, ctvk_soft_prompt *out, ctvk_error *error)
{
    const ctvk_st_tensor *c = ctvk_safetensors_find(weights, contexts), *s = ctvk_safetensors_find(weights, segment);
    int fits = c && c->rank == 3 && c->shape[0] == (uint64_t)prompts && c->shape[1] <= MAX_LENGTH && c->shape[2] == (uint64_t)width;
    ctvk_status status = check(c, contexts, fits, "[prompts, length, embedding_dim]", error);
    if (status == CTVK_OK) {
        fits = s && s->count == (uint64_t)width && s->rank >= 1 && s->shape[s->rank - 1] == (uint64_t)width;
        status = check(s, segment, fits, "[embedding_dim]", error);
    }
    if (status == CTVK_OK)
        *out = (ctvk_soft_prompt){c, s, prompts, (int32_t)c->shape[1], width};
    return status;
}

int32_t ctvk_soft_prompt_rows(const ctvk_soft_prompt *soft, int32_t count)
{
    return 1 + soft->length + count + 1;
}

ctvk_status ctvk_soft_prompt_fill(const ctvk_soft_prompt *soft, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t bos,
                                  const int32_t *ids, int32_t count, float *out, ctvk_error *error)
{
    const size_t width = (size_t)soft->width, length = (size_t)soft->length, rows = (size_t)ctvk_soft_prompt_rows(soft, count);
    float *text = out + (1 + length) * width;
    ctvk_status status = ctvk_llama_embed(file, desc, &bos, 1, out, error);
    if (status == CTVK_OK && count > 0)
        status = ctvk_llama_embed(file, desc, ids, count, text, error);
    if (status != CTVK_OK)
        return status;
    ctvk_st_to_f32(soft->segment, 0, width, out + (rows - 1) * width);
    for (size_t p = 1; p < (size_t)soft->prompts; p++)
        memcpy(out + p * rows * width, out, rows * width * sizeof *out);
    for (size_t p = 0; p < (size_t)soft->prompts; p++)
        ctvk_st_to_f32(soft->contexts, p * length * width, length * width, out + (p * rows + 1) * width);
    return CTVK_OK;
}
