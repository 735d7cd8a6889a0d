/* Damaged vocabularies: refused with the file's own status and the key that is at fault; exhausted memory: said, and nothing leaks. */
#include "support/check.h"
#include "support/small_vocabulary.h"

#include <math.h>

typedef void (*damage_fn)(small_vocabulary *v);

static void no_model(small_vocabulary *v)
{
    v->model = NULL;
}

static void other_model(small_vocabulary *v)
{
    v->model = "bert";
}

static void no_tokens(small_vocabulary *v)
{
    v->count = UINT64_MAX;
}

static void zero_tokens(small_vocabulary *v)
{
    v->count = 0;
}

static void same_token(small_vocabulary *v)
{
    v->tokens[7] = v->tokens[9];
}

static void few_types(small_vocabulary *v)
{
    v->type_count--;
}

static void types_of_other_type(small_vocabulary *v)
{
    v->types_as_scores = 1;
}

static void bos_outside(small_vocabulary *v)
{
    v->bos = (int64_t)v->count;
}

static void phi3(small_vocabulary *v)
{
    v->name = "My Phi-3 mini";
}

static void no_scores(small_vocabulary *v)
{
    v->score_count = UINT64_MAX;
}

static void few_scores(small_vocabulary *v)
{
    v->score_count--;
}

static void many_scores(small_vocabulary *v)
{
    v->score_count++;
}

static void score_nan(small_vocabulary *v)
{
    v->scores[3] = NAN;
}

static void other_pre(small_vocabulary *v)
{
    v->pre = "qwen2";
}

static void empty_pre(small_vocabulary *v)
{
    v->pre = "";
}

static void no_merges(small_vocabulary *v)
{
    v->merge_count = UINT64_MAX;
}

static void merge_of_one(small_vocabulary *v)
{
    v->merges[2] = "bc";
}

static void merge_of_nothing(small_vocabulary *v)
{
    v->merges[2] = "";
}

static void merge_half(small_vocabulary *v)
{
    v->merges[2] = "b ";
}

static void merge_unknown_left(small_vocabulary *v)
{
    v->merges[2] = "bb c";
}

static void merge_unknown_right(small_vocabulary *v)
{
    v->merges[2] = "b cc";
}

static void merge_unknown_sum(small_vocabulary *v)
{
    v->merges[2] = "c b";
}

static void merge_long_sum(small_vocabulary *v)
{
    v->merges[2] = "<|im_start|> <|im_start|>";
}

typedef struct damage {
    damage_fn apply;
    const char *key, *why; /* both stand in the message */
} damage;

static const damage both[] = {
    {no_model, "tokenizer.ggml.model", "not there"},
    {other_model, "tokenizer.ggml.model", "\"bert\""},
    {no_tokens, "tokenizer.ggml.tokens", "not there"},
    {zero_tokens, "tokenizer.ggml.tokens", "none"},
    {same_token, "tokenizer.ggml.tokens", "same text"},
    {few_types, "tokenizer.ggml.token_type", "as many"},
    {types_of_other_type, "tokenizer.ggml.token_type", "INT32"},
    {bos_outside, "tokenizer.ggml.bos_token_id", "no token"},
    {phi3, "general.name", "Phi-3"},
};
static const damage of_spm[] = {
    {no_scores, "tokenizer.ggml.scores", "not there"},
    {few_scores, "tokenizer.ggml.scores", "as many"},
    {many_scores, "tokenizer.ggml.scores", "as many"},
    {score_nan, "tokenizer.ggml.scores", "no number"},
};
static const damage of_bpe[] = {
    {other_pre, "tokenizer.ggml.pre", "\"qwen2\""},
    {empty_pre, "tokenizer.ggml.pre", "\"\""},
    {no_merges, "tokenizer.ggml.merges", "not there"},
    {merge_of_one, "tokenizer.ggml.merges", "two pieces"},
    {merge_of_nothing, "tokenizer.ggml.merges", "two pieces"},
    {merge_half, "tokenizer.ggml.merges", "two pieces"},
    {merge_unknown_left, "tokenizer.ggml.merges", "no token"},
    {merge_unknown_right, "tokenizer.ggml.merges", "no token"},
    {merge_unknown_sum, "tokenizer.ggml.merges", "no token"},
    {merge_long_sum, "tokenizer.ggml.merges", "no token"},
};

static void sound(int byte_level, small_vocabulary *v)
{
    if (byte_level)
        small_bpe(v, "gpt-2");
    else
        small_spm(v);
}

static void refusals(int byte_level, const damage *damages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        small_vocabulary v;
        ctvk_tokenizer *t;
        ctvk_error error = {0};
        sound(byte_level, &v);
        damages[i].apply(&v);
        CHECK_MSG(small_open(&v, &t, &error) == CTVK_ERROR_BUNDLE && error.status == CTVK_ERROR_BUNDLE && !t, "%s, %s: %d", damages[i].key,
                  damages[i].why, error.status);
        CHECK_MSG(strstr(error.message, damages[i].key) && strstr(error.message, damages[i].why) &&
                      !strncmp(error.message, "small.gguf: ", 12) && strchr(error.message, '('),
                  "%s, %s: %s", damages[i].key, damages[i].why, error.message);
        ctvk_tokenizer_destroy(&t);
    }
}

/* Left out, these keys have defaults. */
static void allowed(void)
{
    for (int byte_level = 0; byte_level < 2; byte_level++) {
        small_vocabulary v;
        ctvk_tokenizer *t;
        ctvk_error error = {0};
        sound(byte_level, &v);
        v.type_count = UINT64_MAX;
        v.bos = 5;
        v.name = "phi3"; /* without types there are no user-defined tokens, so nothing depends on it */
        CHECK_MSG(small_open(&v, &t, &error) == CTVK_OK, "%s", error.message);
        CHECK(t && ctvk_tokenizer_bos(t) == 5);
        ctvk_tokenizer_destroy(&t);
        sound(byte_level, &v);
        v.count = v.score_count = v.type_count = 1; /* too few for the default */
        v.score_count = byte_level ? UINT64_MAX : 1;
        v.merge_count = byte_level ? 0 : UINT64_MAX;
        CHECK_MSG(small_open(&v, &t, &error) == CTVK_OK, "%s", error.message);
        CHECK(t && ctvk_tokenizer_bos(t) == -1 && ctvk_tokenizer_size(t) == 1);
        ctvk_tokenizer_destroy(&t);
    }
}

/* An allocator that gives out so many blocks and then none. */
typedef struct budget {
    long left, living;
} budget;

static void *limited_alloc(void *user, size_t bytes)
{
    budget *b = user;
    if (b->left == 0)
        return NULL;
    b->left--;
    b->living++;
    return malloc(bytes);
}

static void limited_free(void *user, void *memory)
{
    ((budget *)user)->living--;
    free(memory);
}

static ctvk_status create_and_encode(const ctvk_host *host, const small_vocabulary *v, ctvk_error *error)
{
    static const char text[] =
        "abc \t\tx and a longer text, so that the list of ids must grow \u00e8 more than once: <|im_end|> 12345\t\t aaaa bbbb";
    ctvk_tokenizer *t;
    int32_t *ids;
    uint64_t count;
    ctvk_status status = small_open_with(host, v, &t, error);
    if (status != CTVK_OK)
        return status;
    status = ctvk_tokenizer_encode(t, text, sizeof text - 1, &ids, &count, error);
    CHECK((status == CTVK_OK) == (ids != NULL));
    ctvk_free(host, ids);
    ctvk_tokenizer_destroy(&t);
    return status;
}

static void exhausted_memory(int byte_level)
{
    budget b = {0, 0};
    ctvk_host host = {.alloc = limited_alloc, .free = limited_free, .alloc_user = &b};
    small_vocabulary v;
    ctvk_status status = CTVK_ERROR_HOST_MEMORY;
    sound(byte_level, &v);
    if (byte_level)
        v.pre = "llama-bpe"; /* the one that also looks up whole words */
    for (long blocks = 0; status != CTVK_OK && blocks < 1000; blocks++) {
        ctvk_error error = {0};
        b.left = blocks;
        status = create_and_encode(&host, &v, &error);
        CHECK_MSG(status == CTVK_OK || (status == CTVK_ERROR_HOST_MEMORY && error.status == status && strchr(error.message, '(')),
                  "%ld blocks: status %d", blocks, status);
        CHECK_MSG(b.living == 0, "%ld blocks: %ld not freed", blocks, b.living);
    }
    CHECK(status == CTVK_OK);
}

int main(void)
{
    for (int byte_level = 0; byte_level < 2; byte_level++) {
        refusals(byte_level, both, sizeof both / sizeof *both);
        exhausted_memory(byte_level);
    }
    refusals(0, of_spm, sizeof of_spm / sizeof *of_spm);
    refusals(1, of_bpe, sizeof of_bpe / sizeof *of_bpe);
    allowed();
    return check_done("tokenizer_damage");
}
