/* Metadata of a Llama model. Keys and defaults: llama.cpp, llama-model.cpp (load_hparams) and its converter. */
#include "nets/llama_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OTHER_FILE "use a GGUF file of a Llama model as llama.cpp's converter writes it"

typedef struct reader {
    const ctvk_gguf *file;
    ctvk_error *error;
    ctvk_status status; /* the first failure: what comes after it does nothing */
} reader;

static void refuse(reader *r, const char *key, const char *why)
{
    if (r->status == CTVK_OK)
        r->status = ctvk_fail(r->error, ctvk_gguf_failure(r->file), "%s: key %s: %s (%s)", ctvk_gguf_label(r->file), key, why, OTHER_FILE);
}

/* otherwise < 0: the key must be there. */
static int32_t integer(reader *r, const char *key, int32_t low, int32_t high, int32_t otherwise)
{
    int64_t value = otherwise;
    int found = ctvk_gguf_integer(r->file, key, low, high, &value);
    char why[96];
    snprintf(why, sizeof why, "is no whole number from %d to %d", low, high);
    if (found < 0)
        refuse(r, key, why);
    else if (found > 0 && otherwise < 0)
        refuse(r, key, "is missing");
    return (int32_t)value;
}

/* otherwise NAN: the key must be there. */
static double number(reader *r, const char *key, double low, double high, double otherwise)
{
    double value = otherwise;
    int found = ctvk_gguf_number(r->file, key, &value);
    char why[96];
    snprintf(why, sizeof why, "is no number from %g to %g", low, high);
    if (found < 0 || (found == 0 && !(value >= low && value <= high)))
        refuse(r, key, why);
    else if (found > 0 && isnan(otherwise))
        refuse(r, key, "is missing");
    return value;
}

static int is(ctvk_text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.data, word, (size_t)text.length) == 0;
}

static void check_architecture(reader *r)
{
    ctvk_text name = {"", 0};
    char why[128];
    if (ctvk_gguf_string(r->file, "general.architecture", &name) != 0)
        refuse(r, "general.architecture", "is missing or no text");
    snprintf(why, sizeof why, "the architecture \"%.*s\" is not computed, only \"llama\"", (int)(name.length < 40 ? name.length : 40),
             name.data);
    if (!is(name, "llama"))
        refuse(r, "general.architecture", why);
}

/* What llama.cpp would compute otherwise, and this does not. */
static void check_variants(reader *r)
{
    int32_t causal = 1;
    double factor = 1;
    if (integer(r, "llama.expert_count", 0, INT32_MAX, 0) > 0)
        refuse(r, "llama.expert_count", "mixtures of experts are not computed");
    if (ctvk_gguf_boolean(r->file, "llama.attention.causal", &causal) < 0 || !causal)
        refuse(r, "llama.attention.causal", "attention that is not causal is not computed");
    if (ctvk_gguf_number(r->file, "llama.rope.scaling.attn_factor", &factor) < 0 || factor != 1)
        refuse(r, "llama.rope.scaling.attn_factor", "scaled attention is not computed");
}

static void read_scaling(reader *r, ctvk_llama_desc *d)
{
    static const char key[] = "llama.rope.scaling.type";
    ctvk_text type = {"linear", 6};
    char why[96];
    int found = ctvk_gguf_string(r->file, key, &type);
    snprintf(why, sizeof why, "\"%.*s\" is not computed, only none and linear", (int)(type.length < 40 ? type.length : 40), type.data);
    if (found < 0)
        refuse(r, key, "is no text");
    else if (!is(type, "none") && !is(type, "linear"))
        refuse(r, key, why);
    /* 0 means 1, as in llama.cpp. */
    const char *factor_key = ctvk_gguf_key(r->file, "llama.rope.scaling.factor") ? "llama.rope.scaling.factor" : "llama.rope.scale_linear";
    double factor = number(r, factor_key, 0, 1e6, 0);
    d->rope_scale = factor > 0 && !is(type, "none") ? 1 / factor : 1;
}

static void read_heads(reader *r, ctvk_llama_desc *d)
{
    static const char length[] = "llama.attention.key_length", values[] = "llama.attention.value_length";
    d->heads = integer(r, "llama.attention.head_count", 1, 4096, -1);
    d->kv_heads = integer(r, "llama.attention.head_count_kv", 1, 4096, d->heads);
    if (r->status != CTVK_OK)
        return;
    int32_t usual = d->width / d->heads;
    char why[96];
    if (d->heads % d->kv_heads)
        refuse(r, "llama.attention.head_count_kv", "does not divide the number of heads");
    d->head_dim = integer(r, length, 1, 65536, usual);
    snprintf(why, sizeof why, "heads of %d channels are not computed, only multiples of 4", d->head_dim);
    if (d->head_dim < 4 || d->head_dim % 4)
        refuse(r, length, why);
    if (integer(r, values, 1, 65536, usual) != d->head_dim)
        refuse(r, values, "is not the length of the keys");
    d->rope_dim = integer(r, "llama.rope.dimension_count", 2, 65536, d->head_dim);
    if (d->rope_dim % 2 || d->rope_dim > d->head_dim)
        refuse(r, "llama.rope.dimension_count", "is odd or larger than a head");
}

ctvk_status ctvk_llama_describe(const ctvk_gguf *file, ctvk_llama_desc *out, ctvk_error *error)
{
    reader r = {file, error, CTVK_OK};
    ctvk_llama_desc d = {0};
    check_architecture(&r);
    check_variants(&r);
    d.layers = integer(&r, "llama.block_count", 1, 4096, -1);
    d.width = integer(&r, "llama.embedding_length", 4, 1 << 20, -1);
    d.feed_forward = integer(&r, "llama.feed_forward_length", 4, 1 << 20, -1);
    d.context = integer(&r, "llama.context_length", 1, INT32_MAX, -1);
    d.rms_eps = number(&r, "llama.attention.layer_norm_rms_epsilon", 0, 1, NAN);
    d.rope_base = number(&r, "llama.rope.freq_base", 1, 1e15, 10000);
    if (d.width % 4)
        refuse(&r, "llama.embedding_length", "is no multiple of 4");
    if (d.feed_forward % 4)
        refuse(&r, "llama.feed_forward_length", "is no multiple of 4");
    read_scaling(&r, &d);
    read_heads(&r, &d);
    if (r.status == CTVK_OK)
        r.status = ctvk_llama_check_tensors(file, &d, error);
    if (r.status == CTVK_OK)
        *out = d;
    return r.status;
}
