/* Metadata and tensors of a Llama model: defaults, everything that is missing, wrong or not computed is refused by its name; rows of the
 * embedding table. No device. */
#include "nets/llama.h"
#include "support/check.h"
#include "support/llama_case.h"

static const llama_case_spec plain = {.layers = 2,
                                      .width = 32,
                                      .feed_forward = 64,
                                      .heads = 4,
                                      .kv_heads = 2,
                                      .vocabulary = 6,
                                      .context = 16,
                                      .types = {2, 8, 0},
                                      .type_count = 3};

static ctvk_status describe(const llama_case_spec *spec, ctvk_status failure, ctvk_llama_desc *desc, ctvk_error *error)
{
    llama_case made;
    ctvk_gguf *file = NULL;
    llama_case_create(spec, 5, &made);
    ctvk_status status = ctvk_gguf_parse(NULL, made.bytes, made.size, "some.gguf", failure, &file, error);
    CHECK_MSG(status == CTVK_OK, "%s", error->message);
    if (status == CTVK_OK)
        status = ctvk_llama_describe(file, desc, error);
    ctvk_gguf_close(&file);
    llama_case_destroy(&made);
    return status;
}

static void refuse(const llama_case_spec *spec, const char *name)
{
    ctvk_error error = {0};
    ctvk_llama_desc desc;
    CHECK_MSG(describe(spec, CTVK_ERROR_BUNDLE, &desc, &error) == CTVK_ERROR_BUNDLE, "%s was taken", name);
    CHECK_MSG(strstr(error.message, name) && strstr(error.message, "some.gguf"), "%s: %s", name, error.message);
    CHECK(describe(spec, CTVK_ERROR_INPUT, &desc, &error) == CTVK_ERROR_INPUT);
}

static void test_defaults(void)
{
    ctvk_llama_desc d = {0};
    ctvk_error error = {0};
    CHECK_MSG(describe(&plain, CTVK_ERROR_INPUT, &d, &error) == CTVK_OK, "%s", error.message);
    CHECK(d.layers == 2 && d.width == 32 && d.feed_forward == 64 && d.heads == 4 && d.kv_heads == 2 && d.vocabulary == 6);
    CHECK(d.head_dim == 8 && d.rope_dim == 8 && d.rope_base == 10000 && d.rope_scale == 1 && d.context == 16 && !d.has_rope_freqs);
    CHECK(d.rms_eps == (double)1e-3f);
    llama_case_spec s = plain;
    s.head_dim = 16, s.rope_dim = 4, s.base = 77, s.factor = 8, s.freqs = 1, s.kv_heads = 4;
    CHECK_MSG(describe(&s, CTVK_ERROR_INPUT, &d, &error) == CTVK_OK, "%s", error.message);
    CHECK(d.kv_heads == 4 && d.head_dim == 16 && d.rope_dim == 4 && d.rope_base == 77 && d.rope_scale == 0.125 && d.has_rope_freqs);
}

static void test_missing(void)
{
    static const char *const names[] = {"general.architecture",
                                        "llama.block_count",
                                        "llama.context_length",
                                        "llama.embedding_length",
                                        "llama.feed_forward_length",
                                        "llama.attention.head_count",
                                        "llama.attention.layer_norm_rms_epsilon",
                                        "token_embd.weight",
                                        "output_norm.weight",
                                        "blk.0.attn_norm.weight",
                                        "blk.1.attn_q.weight",
                                        "blk.1.attn_k.weight",
                                        "blk.1.attn_v.weight",
                                        "blk.1.attn_output.weight",
                                        "blk.1.ffn_norm.weight",
                                        "blk.1.ffn_gate.weight",
                                        "blk.1.ffn_up.weight",
                                        "blk.1.ffn_down.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        llama_case_spec s = plain;
        s.drop = names[i];
        refuse(&s, names[i]);
    }
}

/* One more key, or one in place of the writer's own. */
typedef struct key {
    const char *name;
    char kind; /* u, f, s, b */
    double value;
    const char *text;
} key;

static void add_key(gguf_writer *w, void *user)
{
    const key *k = user;
    if (k->kind == 'u')
        gguf_writer_u32(w, k->name, (uint32_t)k->value);
    else if (k->kind == 'f')
        gguf_writer_f32(w, k->name, (float)k->value);
    else if (k->kind == 'b')
        gguf_writer_bool(w, k->name, k->value != 0);
    else
        gguf_writer_string(w, k->name, k->text);
}

static void test_keys(void)
{
    static key keys[] = {{"general.architecture", 's', 0, "qwen2"},
                         {"general.architecture", 'u', 1, NULL},
                         {"llama.block_count", 'u', 0, NULL},
                         {"llama.block_count", 's', 0, "2"},
                         {"llama.context_length", 'f', 16, NULL},
                         {"llama.embedding_length", 'u', 30, NULL},
                         {"llama.embedding_length", 'u', 4e9, NULL},
                         {"llama.feed_forward_length", 'u', 62, NULL},
                         {"llama.attention.head_count", 'u', 0, NULL},
                         {"llama.attention.head_count_kv", 'u', 3, NULL},
                         {"llama.attention.head_count_kv", 'f', 2, NULL},
                         {"llama.attention.layer_norm_rms_epsilon", 's', 0, "1e-5"},
                         {"llama.attention.layer_norm_rms_epsilon", 'f', -1, NULL},
                         {"llama.attention.key_length", 'u', 10, NULL},
                         {"llama.attention.value_length", 'u', 16, NULL},
                         {"llama.attention.causal", 'b', 0, NULL},
                         {"llama.attention.causal", 'u', 1, NULL},
                         {"llama.expert_count", 'u', 8, NULL},
                         {"llama.rope.dimension_count", 'u', 7, NULL},
                         {"llama.rope.dimension_count", 'u', 10, NULL},
                         {"llama.rope.freq_base", 'f', 0, NULL},
                         {"llama.rope.freq_base", 's', 0, "x"},
                         {"llama.rope.scaling.type", 's', 0, "yarn"},
                         {"llama.rope.scaling.type", 's', 0, "linearly"},
                         {"llama.rope.scaling.type", 'u', 1, NULL},
                         {"llama.rope.scaling.factor", 'f', -2, NULL},
                         {"llama.rope.scale_linear", 's', 0, "2"},
                         {"llama.rope.scaling.attn_factor", 'f', 0.5, NULL}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        llama_case_spec s = plain;
        s.drop = keys[i].name;
        s.add = add_key;
        s.user = &keys[i];
        if (!strcmp(keys[i].name, "llama.attention.head_count_kv"))
            s.kv_heads = s.heads; /* no key of its own */
        refuse(&s, keys[i].name);
    }
    /* What says no more than the default is taken. */
    static key same[] = {{"llama.expert_count", 'u', 0, NULL},
                         {"llama.attention.causal", 'b', 1, NULL},
                         {"llama.rope.scaling.attn_factor", 'f', 1, NULL},
                         {"llama.rope.scaling.factor", 'f', 0, NULL},
                         {"llama.vocab_size", 'u', 6, NULL}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        llama_case_spec s = plain;
        ctvk_llama_desc d;
        ctvk_error error = {0};
        s.add = add_key;
        s.user = &same[i];
        CHECK_MSG(describe(&s, CTVK_ERROR_INPUT, &d, &error) == CTVK_OK && d.rope_scale == 1, "%s", error.message);
    }
}

/* One more tensor, of zeros, or one in place of the writer's own. */
typedef struct extra {
    const char *name;
    uint64_t shape[3];
} extra;

static void add_tensor(gguf_writer *w, void *user)
{
    const extra *t = user;
    gguf_writer_tensor(w, t->name, 0, t->shape[2] ? 3 : 2, t->shape, NULL);
}

static void test_tensors(void)
{
    static extra tensors[] = {
        {"blk.0.attn_q.bias", {32, 1}},        {"blk.1.ffn_down.bias", {32, 1}},       {"blk.0.ffn_gate_inp.weight", {32, 8}},
        {"blk.0.attn_q_norm.weight", {8, 1}},  {"blk.2.attn_q.weight", {32, 32}},      {"blk.x.attn_q.weight", {32, 32}},
        {"token_embd_norm.weight", {32, 1}},   {"rope_factors_long.weight", {4, 1}},   {"rope_freqs.weight", {4, 1}}, /* zeros */
        {"rope_freqs.weight", {8, 1}},         {"token_embd.weight", {6, 32}},         {"output_norm.weight", {32, 2}},
        {"blk.1.attn_norm.weight", {64, 1}},   {"blk.0.attn_q.weight", {32, 64}},      {"blk.0.attn_k.weight", {32, 32}},
        {"blk.0.attn_k.weight", {16, 32}},     {"blk.1.attn_output.weight", {64, 32}}, {"blk.1.ffn_up.weight", {64, 32}},
        {"blk.1.ffn_down.weight", {64, 32, 2}}};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        llama_case_spec s = plain;
        s.drop = tensors[i].name;
        s.add = add_tensor;
        s.user = &tensors[i];
        refuse(&s, tensors[i].name);
    }
    static extra fine[] = {{"output.weight", {32, 6}}, {"blk.1.attn_rot_embd.weight", {4, 1}}};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        llama_case_spec s = plain;
        ctvk_llama_desc d;
        ctvk_error error = {0};
        s.add = add_tensor;
        s.user = &fine[i];
        CHECK_MSG(describe(&s, CTVK_ERROR_INPUT, &d, &error) == CTVK_OK, "%s", error.message);
    }
}

static void test_embed(void)
{
    static const int types[] = {0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        llama_case_spec s = plain;
        llama_case made;
        ctvk_gguf *file = NULL;
        ctvk_llama_desc desc;
        ctvk_error error = {0};
        const int32_t ids[] = {5, 0, 3, 3}, beyond[] = {1, 6}, below[] = {-1};
        float out[4 * 256];
        s.width = s.feed_forward = 256;
        s.types[0] = types[i];
        llama_case_create(&s, 9, &made);
        CHECK(ctvk_gguf_parse(NULL, made.bytes, made.size, "some.gguf", CTVK_ERROR_BUNDLE, &file, &error) == CTVK_OK);
        CHECK_MSG(file && ctvk_llama_describe(file, &desc, &error) == CTVK_OK, "%s", error.message);
        CHECK(ctvk_llama_embed(file, &desc, ids, 4, out, &error) == CTVK_OK);
        for (int k = 0; k < 4 * 256; k++)
            CHECK((double)out[k] == made.table[ids[k / 256] * 256 + k % 256] || types[i] != 0);
        for (int k = 0; k < 4 * 256; k++) { /* a few roundings of numbers below 1; the types' own test is exact */
            double d = out[k] - made.table[ids[k / 256] * 256 + k % 256];
            CHECK(d < 1e-6 && d > -1e-6);
        }
        CHECK(ctvk_llama_embed(file, &desc, beyond, 2, out, &error) == CTVK_ERROR_BUNDLE && strstr(error.message, "token 6"));
        CHECK(ctvk_llama_embed(file, &desc, below, 1, out, &error) == CTVK_ERROR_BUNDLE);
        ctvk_gguf_close(&file);
        llama_case_destroy(&made);
    }
}

int main(void)
{
    test_defaults();
    test_missing();
    test_keys();
    test_tensors();
    test_embed();
    return check_done("llama_describe");
}
