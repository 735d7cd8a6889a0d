/* support/llama_golden.h - the golden texts that are there (CTVK_GOLDEN): every prompt's tokens through the language model, against the
 * embeddings in float64. For tests that include support/check.h. */
#ifndef CTVK_TESTS_LLAMA_GOLDEN_H
#define CTVK_TESTS_LLAMA_GOLDEN_H

#include "formats/safetensors.h"
#include "nets/llama.h"
#include "support/check.h"

#include <math.h>
#include <sys/stat.h>
#include <time.h>

typedef struct llama_golden_case {
    const char *name;
    ctvk_gguf *file;
    ctvk_safetensors *expected, *network;
    ctvk_llama_desc desc;
    ctvk_llama *model;
    int prompts, soft; /* P, L */
    float *contexts, *segment;
} llama_golden_case;

/* The whole numbers of the array that follows the next "tokens" key at *text; their count, or -1 where no further key is. */
static inline int llama_golden_tokens(const char **text, int32_t *tokens, int room)
{
    const char *at = strstr(*text, "\"tokens\": [");
    int count = 0;
    if (!at)
        return -1;
    at = strchr(at, '[') + 1;
    while (count < room && *at != ']' && *at) {
        char *end;
        long value = strtol(at, &end, 10);
        if (end == at)
            break;
        tokens[count++] = (int32_t)value;
        at = end + strspn(end, ", \n\r\t");
    }
    *text = at;
    return *at == ']' ? count : 0;
}

static inline char *llama_golden_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    size_t size = file && text ? fread(text, 1, (1 << 20) - 1, file) : 0;
    if (file)
        fclose(file);
    CHECK_MSG(size > 0, "%s cannot be read", path);
    return text;
}

static inline float *llama_golden_tensor(const ctvk_safetensors *file, const char *name, uint64_t count)
{
    const ctvk_st_tensor *t = ctvk_safetensors_find(file, name);
    CHECK_MSG(t && t->count == count, "%s", name);
    float *data = t && t->count == count ? malloc(count * sizeof *data) : NULL;
    if (data)
        ctvk_st_to_f32(t, 0, count, data);
    return data;
}

static inline double llama_golden_error(const float *got, const float *want, uint64_t count)
{
    double error = 0, norm = 0;
    for (uint64_t i = 0; i < count; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        norm += (double)want[i] * want[i];
    }
    return norm > 0 && isfinite(error) ? sqrt(error / norm) : 1e30;
}

/* Every prompt: BOS, its own soft prompt, the tokens, the segment token. The largest relative L2 error of any embedding. */
static inline double llama_golden_prompt(llama_golden_case *c, int number, int32_t bos, const int32_t *tokens, int count)
{
    uint64_t d = (uint64_t)c->desc.width, length = (uint64_t)(1 + c->soft + count + 1), row = d * sizeof(float);
    float *in = malloc((uint64_t)c->prompts * length * row), *out = malloc((uint64_t)c->prompts * row);
    ctvk_error error = {0};
    char name[32];
    double worst = 0;
    for (uint64_t p = 0; p < (uint64_t)c->prompts; p++) {
        float *to = in + p * length * d;
        CHECK(ctvk_llama_embed(c->file, &c->desc, &bos, 1, to, &error) == CTVK_OK);
        memcpy(to + d, c->contexts + p * (uint64_t)c->soft * d, (uint64_t)c->soft * row);
        CHECK(ctvk_llama_embed(c->file, &c->desc, tokens, count, to + (1 + (uint64_t)c->soft) * d, &error) == CTVK_OK);
        memcpy(to + (length - 1) * d, c->segment, row);
    }
    ctvk_status status = ctvk_llama_encode(c->model, in, c->prompts, (int32_t)length, out, NULL, NULL, &error);
    CHECK_MSG(status == CTVK_OK, "%s prompt %d: %s", c->name, number, error.message);
    snprintf(name, sizeof name, "embedding.%d", number);
    float *want = llama_golden_tensor(c->expected, name, (uint64_t)c->prompts * d);
    for (uint64_t p = 0; want && p < (uint64_t)c->prompts; p++)
        worst = fmax(worst, llama_golden_error(out + p * d, want + p * d, d));
    free(want);
    free(in);
    free(out);
    return want ? worst : 1e30;
}

static inline double llama_golden_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline void llama_golden_prompts(llama_golden_case *c, const char *json, double tolerance)
{
    int32_t tokens[256];
    const char *bos = strstr(json, "\"bos\":"), *at = json;
    double worst = 0, least = 1e30;
    int number = 0;
    CHECK(bos != NULL);
    for (int count; bos && (count = llama_golden_tokens(&at, tokens, 256)) >= 0; number++) {
        double begun = llama_golden_now(), error = llama_golden_prompt(c, number, (int32_t)strtol(bos + 6, NULL, 10), tokens, count);
        least = fmin(least, llama_golden_now() - begun);
        CHECK_MSG(count > 0 && error <= tolerance, "%s prompt %d: relative L2 error %.2e", c->name, number, error);
        worst = fmax(worst, error);
    }
    CHECK_MSG(number >= 5, "%s: only %d prompts", c->name, number);
    printf("%-16s %d prompts, relative L2 error %.2e, the fastest took %.3f s\n", c->name, number, worst, least);
}

static inline void llama_golden_run(ctvk_gpu *gpu, const char *name, const char *folder, const char *gguf, double tolerance)
{
    llama_golden_case c = {.name = name};
    ctvk_error error = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/expected_text.safetensors", folder);
    ctvk_status status = ctvk_safetensors_open(NULL, path, CTVK_ERROR_INPUT, &c.expected, &error);
    snprintf(path, sizeof path, "%s/network.safetensors", folder);
    if (status == CTVK_OK)
        status = ctvk_safetensors_open(NULL, path, CTVK_ERROR_INPUT, &c.network, &error);
    if (status == CTVK_OK)
        status = ctvk_gguf_open(NULL, gguf, CTVK_ERROR_INPUT, &c.file, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_describe(c.file, &c.desc, &error);
    const ctvk_st_tensor *contexts = c.network ? ctvk_safetensors_find(c.network, "contexts") : NULL;
    CHECK_MSG(status == CTVK_OK && contexts && contexts->rank == 3, "%s: %s", name, error.message);
    if (status == CTVK_OK && contexts && contexts->rank == 3) {
        c.prompts = (int)contexts->shape[0];
        c.soft = (int)contexts->shape[1];
        status = ctvk_llama_create(gpu, c.file, &c.desc, c.prompts, 120 + c.soft, 0, &c.model, &error);
        CHECK_MSG(status == CTVK_OK, "%s: %s", name, error.message);
        c.contexts = llama_golden_tensor(c.network, "contexts", contexts->count);
        c.segment = llama_golden_tensor(c.network, "segment_token", (uint64_t)c.desc.width);
        snprintf(path, sizeof path, "%s/expected_text.json", folder);
        char *json = llama_golden_text(path);
        if (json && c.model && c.contexts && c.segment)
            llama_golden_prompts(&c, json, tolerance);
        free(json);
    }
    free(c.contexts);
    free(c.segment);
    ctvk_llama_destroy(&c.model);
    ctvk_gguf_close(&c.file);
    ctvk_safetensors_close(&c.network);
    ctvk_safetensors_close(&c.expected);
}

static inline int llama_golden_is_there(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

/* SmolLM2's file: CTVK_SMOLLM2, else in the user's data folder. */
static inline void llama_golden_smollm2(char path[1024])
{
    static const char file[] = "ctvk/SmolLM2-135M-Instruct.Q4_1.gguf";
    const char *given = getenv("CTVK_SMOLLM2"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (given && *given)
        snprintf(path, 1024, "%s", given);
    else if (data && *data)
        snprintf(path, 1024, "%s/%s", data, file);
    else
        snprintf(path, 1024, "%s/.local/share/%s", home ? home : "", file);
}

static inline void llama_golden(ctvk_gpu *gpu, double tolerance)
{
    const char *root = getenv("CTVK_GOLDEN");
    char folder[1024], gguf[1024];
    if (!root || !*root) {
        printf("golden texts: not here, only random models are tested\n");
        return;
    }
    snprintf(folder, sizeof folder, "%.900s/text-tiny-spm", root);
    snprintf(gguf, sizeof gguf, "%.900s/text-tiny-spm/tiny-mixed.gguf", root);
    llama_golden_run(gpu, "text-tiny-spm", folder, gguf, tolerance);
    snprintf(folder, sizeof folder, "%.900s/text-smollm2", root);
    llama_golden_smollm2(gguf);
    CHECK_MSG(llama_golden_is_there(gguf), "text-smollm2: %s is not there (./run fetches it, or name it in CTVK_SMOLLM2)", gguf);
    if (llama_golden_is_there(gguf))
        llama_golden_run(gpu, "text-smollm2", folder, gguf, tolerance);
}

#endif
