/* Texel buffers of two words: what does not fit one is refused. */
#include "support/gpu_probe.h"
#include "gpu_probe_words.spv.h"

static ctvk_status dispatch(probe *p, const ctvk_gpu_bind *table, uint32_t flags, ctvk_error *error)
{
    ctvk_gpu_cmd *cmd = NULL;
    p->binds[2] = *table;
    CHECK(ctvk_gpu_cmd_begin(p->gpu, NULL, NULL, &cmd, NULL) == CTVK_OK);
    ctvk_status status = probe_run(p, cmd, 2, 1, flags, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_finish(cmd, error);
    ctvk_gpu_cmd_destroy(&cmd);
    return status;
}

/* The probe's own table, half as long: 0, 3, 6, ... 45 in second words. */
static void test_result(probe *p)
{
    uint32_t table[16][2], out[PROBE_COUNT];
    ctvk_error error = {0};
    int wrong = 0;
    for (uint32_t i = 0; i < 16; i++) {
        table[i][0] = ~i;
        table[i][1] = 3 * i;
    }
    CHECK(ctvk_gpu_upload(p->table, 0, table, sizeof table, NULL) == CTVK_OK);
    ctvk_status status = dispatch(p, &(ctvk_gpu_bind){p->table, 0, sizeof table}, CTVK_GPU_WORD_TEXELS, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(ctvk_gpu_download(p->target, 0, out, sizeof out, NULL) == CTVK_OK);
    for (uint32_t i = 0; i < PROBE_COUNT; i++)
        wrong += out[i] != probe_value(p, i, p->in[i], 2);
    CHECK_MSG(wrong == 0, "%d of %d numbers", wrong, PROBE_COUNT);
}

/* The limit is one of elements, which are half as long. */
static void test_refusals(probe *p)
{
    const uint64_t most = ctvk_gpu_get_caps(p->gpu)->max_texel_elements;
    ctvk_gpu_buffer *large = NULL;
    CHECK(ctvk_gpu_buffer_create(p->gpu, most * 16, CTVK_GPU_MEMORY_DEVICE, "large", &large, NULL) == CTVK_OK);
    const struct {
        uint64_t bytes;
        uint32_t flags;
        const char *word; /* NULL: taken */
    } cases[] = {{most * 8, CTVK_GPU_WORD_TEXELS, NULL},
                 {most * 8 + 8, CTVK_GPU_WORD_TEXELS, "limit"},
                 {260, CTVK_GPU_WORD_TEXELS, "multiple of 8"},
                 {264, CTVK_GPU_WORD_TEXELS, NULL},
                 {256, CTVK_GPU_WORD_TEXELS, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ctvk_error error = {0};
        ctvk_status status = dispatch(p, &(ctvk_gpu_bind){large, 0, cases[i].bytes}, cases[i].flags, &error);
        CHECK_MSG(status == (cases[i].word ? CTVK_ERROR_INTERNAL : CTVK_OK), "case %zu: %d %s", i, status, error.message);
        CHECK_MSG(!cases[i].word || strstr(error.message, cases[i].word), "case %zu: %s", i, error.message);
    }
    ctvk_gpu_buffer_destroy(&large);
}

int main(void)
{
    probe p;
    ctvk_error error = {0};
    const uint32_t constants[2] = {PROBE_LOCAL, PROBE_ADD};
    static const ctvk_shader words = {"gpu_probe_words", spv_gpu_probe_words, sizeof spv_gpu_probe_words};
    ctvk_status status = probe_open(&p, open_gpu(CTVK_GPU_MIN_LIMITS), &error);
    if (status == CTVK_OK)
        status = ctvk_gpu_pipeline_of(p.gpu, &words, constants, 2, &p.pipeline, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status == CTVK_OK) {
        test_result(&p);
        test_refusals(&p);
    }
    probe_close(&p);
    ctvk_gpu_destroy(&p.gpu);
    return gpu_done("gpu_words");
}
