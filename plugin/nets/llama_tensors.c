/* Names and shapes of a Llama model's tensors in a GGUF file. Source: llama.cpp, llama-arch.cpp. */
#include "nets/llama_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANOTHER "use the file of a whole, plain Llama model"

static const char *const layer_tensors[CTVK_LLAMA_LAYER_TENSORS] = {
    [CTVK_LLAMA_Q] = "attn_q.weight",         [CTVK_LLAMA_K] = "attn_k.weight",
    [CTVK_LLAMA_V] = "attn_v.weight",         [CTVK_LLAMA_OUTPUT] = "attn_output.weight",
    [CTVK_LLAMA_GATE] = "ffn_gate.weight",    [CTVK_LLAMA_UP] = "ffn_up.weight",
    [CTVK_LLAMA_DOWN] = "ffn_down.weight",    [CTVK_LLAMA_ATTN_NORM] = "attn_norm.weight",
    [CTVK_LLAMA_FFN_NORM] = "ffn_norm.weight"};

/* attn_rot_embd is a table that old converters left behind; llama.cpp does not read it either. */
static const char unread[] = "attn_rot_embd.weight";

void ctvk_llama_tensor_name(int32_t layer, int32_t which, char name[CTVK_LLAMA_NAME])
{
    snprintf(name, CTVK_LLAMA_NAME, "blk.%d.%s", layer, layer_tensors[which]);
}

void ctvk_llama_tensor_shape(const ctvk_llama_desc *desc, int32_t which, uint64_t shape[2])
{
    uint64_t d = (uint64_t)desc->width, ff = (uint64_t)desc->feed_forward, q = (uint64_t)desc->heads * (uint64_t)desc->head_dim,
             k = (uint64_t)desc->kv_heads * (uint64_t)desc->head_dim;
    const uint64_t shapes[CTVK_LLAMA_LAYER_TENSORS][2] = {
        [CTVK_LLAMA_Q] = {d, q},      [CTVK_LLAMA_K] = {d, k},         [CTVK_LLAMA_V] = {d, k},
        [CTVK_LLAMA_OUTPUT] = {q, d}, [CTVK_LLAMA_GATE] = {d, ff},     [CTVK_LLAMA_UP] = {d, ff},
        [CTVK_LLAMA_DOWN] = {ff, d},  [CTVK_LLAMA_ATTN_NORM] = {d, 1}, [CTVK_LLAMA_FFN_NORM] = {d, 1}};
    shape[0] = shapes[which][0];
    shape[1] = shapes[which][1];
}

static ctvk_status check_shape(const ctvk_gguf *file, const char *name, uint64_t columns, uint64_t rows, ctvk_error *error)
{
    const ctvk_gguf_tensor *t = ctvk_gguf_find(file, name);
    if (!t)
        return ctvk_fail(error, ctvk_gguf_failure(file), "%s: tensor %s: is missing (%s)", ctvk_gguf_label(file), name, ANOTHER);
    if (t->shape[0] != columns || t->shape[1] != rows || t->shape[2] != 1 || t->shape[3] != 1)
        return ctvk_fail(error, ctvk_gguf_failure(file),
                         "%s: tensor %s: is %llu x %llu x %llu x %llu, the file's keys ask for %llu x %llu (%s)", ctvk_gguf_label(file),
                         name, (unsigned long long)t->shape[0], (unsigned long long)t->shape[1], (unsigned long long)t->shape[2],
                         (unsigned long long)t->shape[3], (unsigned long long)columns, (unsigned long long)rows, ANOTHER);
    return CTVK_OK;
}

/* Whether the tensor belongs to the model as it is computed here, or changes nothing. */
static int is_known(const ctvk_llama_desc *desc, const char *name)
{
    static const char *const others[] = {"token_embd.weight", "output_norm.weight", "output.weight", "output.bias", "rope_freqs.weight"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(name, others[i]))
            return 1;
    if (strncmp(name, "blk.", 4) || name[4] < '0' || name[4] > '9')
        return 0;
    char *end;
    unsigned long layer = strtoul(name + 4, &end, 10);
    if (layer >= (unsigned long)desc->layers || *end != '.')
        return 0;
    int known = !strcmp(end + 1, unread);
    for (int32_t i = 0; i < CTVK_LLAMA_LAYER_TENSORS; i++)
        known |= !strcmp(end + 1, layer_tensors[i]);
    return known;
}

static ctvk_status check_unknown(const ctvk_gguf *file, const ctvk_llama_desc *desc, ctvk_error *error)
{
    for (uint64_t i = 0; i < ctvk_gguf_tensor_count(file); i++) {
        const char *name = ctvk_gguf_tensor_at(file, i)->name;
        if (!is_known(desc, name))
            return ctvk_fail(error, ctvk_gguf_failure(file), "%s: tensor %s: models with such a tensor are not computed (%s)",
                             ctvk_gguf_label(file), name, ANOTHER);
    }
    return CTVK_OK;
}

static ctvk_status check_frequencies(const ctvk_gguf *file, ctvk_llama_desc *desc, ctvk_error *error)
{
    static const char name[] = "rope_freqs.weight";
    const ctvk_gguf_tensor *t = ctvk_gguf_find(file, name);
    desc->has_rope_freqs = t != NULL;
    if (!t)
        return CTVK_OK;
    ctvk_status status = check_shape(file, name, (uint64_t)desc->rope_dim / 2, 1, error);
    uint32_t step = ctvk_gguf_block_elements(t->type);
    for (uint64_t i = 0; status == CTVK_OK && i < t->count; i += step) {
        float values[256];
        ctvk_gguf_to_f32(t, i, step, values);
        for (uint32_t k = 0; k < step && status == CTVK_OK; k++)
            if (!(values[k] > 0) || !isfinite(values[k]))
                status = ctvk_fail(error, ctvk_gguf_failure(file), "%s: tensor %s: holds %g, not a divisor above zero (%s)",
                                   ctvk_gguf_label(file), name, (double)values[k], ANOTHER);
    }
    return status;
}

ctvk_status ctvk_llama_check_tensors(const ctvk_gguf *file, ctvk_llama_desc *desc, ctvk_error *error)
{
    const ctvk_gguf_tensor *table = ctvk_gguf_find(file, "token_embd.weight");
    uint64_t vocabulary = table && table->shape[1] <= INT32_MAX ? table->shape[1] : 0;
    desc->vocabulary = (int32_t)vocabulary;
    ctvk_status status = check_shape(file, "token_embd.weight", (uint64_t)desc->width, vocabulary, error);
    if (status == CTVK_OK)
        status = check_shape(file, "output_norm.weight", (uint64_t)desc->width, 1, error);
    for (int32_t i = 0; status == CTVK_OK && i < desc->layers * CTVK_LLAMA_LAYER_TENSORS; i++) {
        char name[CTVK_LLAMA_NAME];
        uint64_t shape[2];
        ctvk_llama_tensor_name(i / CTVK_LLAMA_LAYER_TENSORS, i % CTVK_LLAMA_LAYER_TENSORS, name);
        ctvk_llama_tensor_shape(desc, i % CTVK_LLAMA_LAYER_TENSORS, shape);
        status = check_shape(file, name, shape[0], shape[1], error);
    }
    if (status == CTVK_OK)
        status = check_unknown(file, desc, error);
    return status == CTVK_OK ? check_frequencies(file, desc, error) : status;
}
