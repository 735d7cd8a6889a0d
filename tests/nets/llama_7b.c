/* A language model of Llama-2-7B's exact shapes in Q4_0, with random weights, under 1 GiB of device memory, streamed from the file:
 * nets_llama_7b [layers] [tokens]. 0 layers: all 32, or 8 where the disk is too small. The file is made in CTVK_TEST_TMP (113 MiB a layer)
 * and removed.
 *
 * Few layers: they also run with all weights on the device, and the result must be the same bit for bit. */
#include "nets/llama.h"
#include "support/check.h"
#include "support/gguf_writer.h"
#include "support/quant_blocks.h"

#include <math.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { ALL_LAYERS = 32, SOME_LAYERS = 8 };
enum { WIDTH = 4096, FEED_FORWARD = 11008, HEADS = 32, VOCABULARY = 32000, Q4_0 = 2, BLOCK = 32, BLOCK_BYTES = 18, PATTERN = 1 << 20 };
static const uint64_t LIMIT = UINT64_C(1) << 30, LAYER = UINT64_C(113) << 20;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Random blocks, the same ones from another place for every piece: quick, and no two layers are alike. */
static void fill(void *user, uint64_t tensor, int32_t type, uint64_t first, uint64_t count, void *out)
{
    const uint8_t *pattern = user;
    uint64_t blocks = count / BLOCK, all = PATTERN / BLOCK, from = (tensor * 7919 + first / BLOCK * 13) % all;
    for (uint64_t done = 0; type == Q4_0 && done < blocks;) {
        uint64_t some = all - from < blocks - done ? all - from : blocks - done;
        memcpy((uint8_t *)out + done * BLOCK_BYTES, pattern + from * BLOCK_BYTES, some * BLOCK_BYTES);
        done += some;
        from = 0;
    }
}

static void put(gguf_writer *w, int layer, const char *what, uint64_t columns, uint64_t rows)
{
    const uint64_t shape[2] = {columns, rows};
    char name[64];
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, what);
    gguf_writer_tensor(w, layer < 0 ? what : name, Q4_0, 2, shape, NULL);
}

static void put_norm(gguf_writer *w, int layer, const char *what, const float *ones)
{
    const uint64_t shape[1] = {WIDTH};
    char name[64];
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, what);
    gguf_writer_tensor(w, layer < 0 ? what : name, 0, 1, shape, ones);
}

static int write_file(const char *path, int layers)
{
    gguf_writer w;
    static float ones[WIDTH];
    uint8_t *pattern = malloc(PATTERN / BLOCK * BLOCK_BYTES);
    for (int i = 0; i < WIDTH; i++)
        ones[i] = 1;
    if (!pattern)
        return -1;
    quant_blocks_random(Q4_0, PATTERN, QUANT_BLOCKS_PLAIN, 17, pattern);
    gguf_writer_begin(&w);
    gguf_writer_string(&w, "general.architecture", "llama");
    gguf_writer_u32(&w, "llama.block_count", (uint32_t)layers);
    gguf_writer_u32(&w, "llama.context_length", 4096);
    gguf_writer_u32(&w, "llama.embedding_length", WIDTH);
    gguf_writer_u32(&w, "llama.feed_forward_length", FEED_FORWARD);
    gguf_writer_u32(&w, "llama.attention.head_count", HEADS);
    gguf_writer_f32(&w, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    put(&w, -1, "token_embd.weight", WIDTH, VOCABULARY);
    put_norm(&w, -1, "output_norm.weight", ones);
    for (int i = 0; i < layers; i++) {
        put_norm(&w, i, "attn_norm", ones);
        put_norm(&w, i, "ffn_norm", ones);
        put(&w, i, "attn_q", WIDTH, WIDTH);
        put(&w, i, "attn_k", WIDTH, WIDTH);
        put(&w, i, "attn_v", WIDTH, WIDTH);
        put(&w, i, "attn_output", WIDTH, WIDTH);
        put(&w, i, "ffn_gate", WIDTH, FEED_FORWARD);
        put(&w, i, "ffn_up", WIDTH, FEED_FORWARD);
        put(&w, i, "ffn_down", FEED_FORWARD, WIDTH);
    }
    int bad = gguf_writer_save(&w, path, fill, pattern);
    gguf_writer_free(&w);
    free(pattern);
    return bad;
}

/* A device of its own that may use `limit` bytes; out: [2][WIDTH]. */
static void encode(ctvk_gpu_instance *instance, const ctvk_gguf *file, int tokens, uint64_t limit, int resident, float *out)
{
    ctvk_error error = {0};
    ctvk_gpu_options options = {.memory_limit = limit};
    ctvk_gpu *gpu = NULL;
    ctvk_llama *model = NULL;
    ctvk_llama_desc desc;
    ctvk_llama_memory plan = {0};
    float *in = malloc(2 * (size_t)tokens * WIDTH * sizeof *in);
    double begun = now();
    ctvk_status status = ctvk_gpu_create(instance, 0, &options, &gpu, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_describe(file, &desc, &error);
    for (int i = 0; status == CTVK_OK && i < 2 * tokens; i++) {
        int32_t id = (i * 7741 + 5) % VOCABULARY;
        status = ctvk_llama_embed(file, &desc, &id, 1, in + (size_t)i * WIDTH, &error);
    }
    if (status == CTVK_OK)
        status = ctvk_llama_plan(gpu, file, &desc, 2, tokens, limit, &plan, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_create(gpu, file, &desc, 2, tokens, limit, &model, &error);
    double created = now();
    if (status == CTVK_OK)
        status = ctvk_llama_encode(model, in, 2, tokens, out, NULL, NULL, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    CHECK(plan.resident == resident);
    uint64_t peak = gpu ? ctvk_gpu_memory_peak(gpu) : 0;
    CHECK_MSG(peak > 0 && (!limit || (plan.total <= limit && peak <= limit)), "peak %llu bytes", (unsigned long long)peak);
    printf("2 x %d tokens, weights %s: made in %.2f s, encoded in %.2f s, %.1f MiB of device memory at most\n", tokens,
           resident ? "resident" : "streamed", created - begun, now() - created, (double)peak / 1048576);
    for (int i = 0; i < 2 * WIDTH; i++)
        CHECK(isfinite(out[i]));
    ctvk_llama_destroy(&model);
    ctvk_gpu_destroy(&gpu);
    free(in);
}

/* All of them, with as much left on the disk. */
static int layers_that_fit(const char *folder)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize > 2 * ALL_LAYERS * LAYER)
        return ALL_LAYERS;
    return SOME_LAYERS;
}

int main(int argc, char **argv)
{
    int layers = argc > 1 ? atoi(argv[1]) : 0, tokens = argc > 2 ? atoi(argv[2]) : 33;
    const char *tmp = getenv("CTVK_TEST_TMP");
    static float streamed[2 * WIDTH], resident[2 * WIDTH];
    char path[1024];
    ctvk_error error = {0};
    ctvk_gpu_instance *instance = NULL;
    ctvk_gguf *file = NULL;
    snprintf(path, sizeof path, "%.900s/llama-7b-%d.gguf", tmp ? tmp : "/tmp", (int)getpid());
    layers = layers ? layers : layers_that_fit(tmp ? tmp : "/tmp");
    double begun = now();
    CHECK(layers > 0 && tokens > 0 && write_file(path, layers) == 0);
    printf("%d layers written in %.1f s\n", layers, now() - begun);
    CHECK_MSG(ctvk_gguf_open(NULL, path, CTVK_ERROR_INPUT, &file, &error) == CTVK_OK, "%s", error.message);
    unlink(path); /* it stays as long as it is mapped */
    CHECK_MSG(ctvk_gpu_instance_create(NULL, 0, &instance, &error) == CTVK_OK, "%s", error.message);
    if (file && instance && layers > 4) {
        /* Eight layers would all fit. */
        encode(instance, file, tokens, layers > SOME_LAYERS ? LIMIT : LIMIT / 2, 0, streamed);
    } else if (file && instance) {
        /* Two layers and the rest, but not three. */
        encode(instance, file, tokens, UINT64_C(320) << 20, layers < 3, streamed);
        encode(instance, file, tokens, 0, 1, resident);
        CHECK(memcmp(streamed, resident, sizeof streamed) == 0);
    }
    double length = 0;
    for (int i = 0; i < 2 * WIDTH; i++)
        length += (double)streamed[i] * streamed[i];
    CHECK(length > 1);
    ctvk_gguf_close(&file);
    ctvk_gpu_instance_destroy(&instance);
    return check_done("llama_7b");
}
