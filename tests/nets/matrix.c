/* nets/matrix.c - one driver's column of the matrix (matrix.py): a golden case and a small language model on the whole device, then with
 * each word of the mask taken away, and with the variants that a GPU would take.
 *     nets_matrix NUMBERS
 * NUMBERS: a file of what the first driver gave on its whole device. Made where it is not there, else compared with.
 *
 * Prints for each row, separated by tabs: "row", name, how many of the shaders need what is taken away, how many of these the whole
 * device's run took, how many pipelines this run took that that one did not, the error of the logits, that of the language model, the
 * distance from the first driver's numbers (all three relative L2), a hash of all numbers' bits. "absent", name: the device has nothing of
 * it, and nothing was run. */
#include "nets/golden_run.h"
#include "nets/llama.h"
#include "support/llama_case.h"
#include "support/ops_case.h"

#define TEXT_TOLERANCE 3e-5 /* as in test_llama.c */

static const llama_case_spec spec = {.layers = 1,
                                     .width = 256,
                                     .feed_forward = 256,
                                     .heads = 4,
                                     .kv_heads = 2,
                                     .vocabulary = 8,
                                     .context = 16,
                                     .types = {2, 12, 1},
                                     .type_count = 3};
enum { SEQUENCES = 2, TOKENS = 13, TEXT = SEQUENCES * 256, MOST_PIPELINES = 256 };

typedef struct language {
    llama_case made;
    ctvk_gguf *file;
    ctvk_llama_desc desc;
    float *in;
    double want[TEXT];
} language;

/* What one device gave. */
typedef struct numbers {
    golden_outcome image;
    float text[TEXT];
    const char *pipelines[MOST_PIPELINES];
    int pipeline_count;
} numbers;

static int language_open(language *l)
{
    ctvk_error error = {0};
    llama_case_create(&spec, 1000, &l->made);
    ctvk_status status = ctvk_gguf_parse(NULL, l->made.bytes, l->made.size, "matrix.gguf", CTVK_ERROR_INPUT, &l->file, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_describe(l->file, &l->desc, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    l->in = ops_random((size_t)SEQUENCES * TOKENS * 256, 77, 0.3);
    ref_scratch scratch = {.numbers = malloc(ref_llama_scratch(&l->made.ref, TOKENS) * sizeof(double))};
    for (size_t i = 0; i < SEQUENCES; i++)
        ref_llama_encode(&l->made.ref, l->in + i * TOKENS * 256, TOKENS, &scratch, l->want + i * 256);
    free(scratch.numbers);
    return status == CTVK_OK;
}

static double text_error(const float *got, const double *want)
{
    double error = 0, norm = 0;
    for (int i = 0; i < TEXT; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
    }
    return sqrt(error / norm);
}

static void language_run(ctvk_gpu *gpu, const language *l, float out[TEXT])
{
    ctvk_error error = {0};
    ctvk_llama *model = NULL;
    memset(out, 0xff, TEXT * sizeof *out);
    ctvk_status status = ctvk_llama_create(gpu, l->file, &l->desc, SEQUENCES, TOKENS, 0, &model, &error);
    if (status == CTVK_OK)
        status = ctvk_llama_encode(model, l->in, SEQUENCES, TOKENS, out, NULL, NULL, &error);
    CHECK_MSG(status == CTVK_OK, "language model: %s", error.message);
    ctvk_llama_destroy(&model);
    double distance = text_error(out, l->want);
    CHECK_MSG(distance <= TEXT_TOLERANCE, "language model: relative L2 error %.2e", distance);
}

static int has_pipeline(const numbers *n, const char *name)
{
    int i = 0;
    while (i < n->pipeline_count && strcmp(n->pipelines[i], name) != 0)
        i++;
    return i < n->pipeline_count;
}

static void run(ctvk_gpu *gpu, const golden_case *c, const language *l, numbers *out)
{
    memset(out, 0, sizeof *out);
    golden_run(gpu, c, 0, &out->image);
    language_run(gpu, l, out->text);
    for (const ctvk_gpu_pipeline *p = gpu->pipelines; p && out->pipeline_count < MOST_PIPELINES; p = p->next) {
        CHECK_MSG(!ctvk_gpu_shader_lack(gpu, &p->reflection), "%s was run without what it needs", p->shader);
        out->pipelines[out->pipeline_count++] = p->shader; /* of the shader table, which stays */
    }
}

/* Shaders that may be run with the whole device's capabilities and not on this one; taken: those of them that its run took. */
static int shaders_that_need(ctvk_gpu *gpu, const ctvk_gpu *whole_gpu, const numbers *whole, int *taken)
{
    int count = 0;
    *taken = 0;
    for (uint32_t i = 0; i < ctvk_shader_count; i++) {
        ctvk_gpu_reflection r;
        CHECK(ctvk_gpu_reflect(NULL, &ctvk_shaders[i], NULL, 0, &r, NULL) == CTVK_OK);
        int needs = !ctvk_gpu_shader_lack(whole_gpu, &r) && ctvk_gpu_shader_lack(gpu, &r);
        count += needs;
        *taken += needs && has_pipeline(whole, ctvk_shaders[i].name);
    }
    return count;
}

static double larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

/* Distance from the numbers of the first driver; 0 and a new file where there is none yet. */
static double from_first(const char *path, const numbers *n)
{
    size_t count = (size_t)n->image.count, got = 0;
    float *first = malloc((count + TEXT) * sizeof *first);
    FILE *file = fopen(path, "rb");
    double distance = INFINITY;
    if (file) {
        got = fread(first, sizeof *first, count + TEXT, file);
        if (got == count + TEXT)
            distance = larger(relative_l2(n->image.sums, first, count), relative_l2(n->text, first + count, TEXT));
        fclose(file);
    } else if ((file = fopen(path, "wb"))) {
        got = fwrite(n->image.sums, sizeof(float), count, file) + fwrite(n->text, sizeof(float), TEXT, file);
        distance = fclose(file) == 0 ? 0 : INFINITY;
    }
    CHECK_MSG(got == count + TEXT, "%s: %zu numbers of %zu", path, got, count + TEXT);
    free(first);
    return distance;
}

typedef struct matrix {
    const golden_case *image;
    language text;
    ctvk_gpu *gpu; /* the whole device, kept open */
    numbers whole; /* what it gave */
    const char *path;
} matrix;

/* FNV-1a, 64 bit. */
static uint64_t hash(uint64_t h, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void print_row(matrix *m, const char *name, ctvk_gpu *gpu, const numbers *n)
{
    int taken, others = 0, needed = shaders_that_need(gpu, m->gpu, &m->whole, &taken);
    for (int i = 0; i < n->pipeline_count; i++)
        others += !has_pipeline(&m->whole, n->pipelines[i]);
    uint64_t bits = hash(UINT64_C(0xcbf29ce484222325), n->image.sums, (size_t)n->image.count * sizeof(float));
    printf("row\t%s\t%d\t%d\t%d\t%.1e\t%.1e\t%.1e\t%016llx\n", name, needed, taken, others, n->image.error,
           text_error(n->text, m->text.want), from_first(m->path, n), (unsigned long long)hash(bits, n->text, sizeof n->text));
    fflush(stdout);
}

/* Without the validation layer, which takes most of the time; the tests of the operations run under it with the same masks. */
static ctvk_gpu *open_masked(ctvk_gpu_instance *instance, uint32_t mask)
{
    const ctvk_gpu_options options = {.disable = mask & ~(uint32_t)OPS_AS_GPU};
    ctvk_gpu *gpu = NULL;
    ctvk_error error = {0};
    ctvk_status status = ctvk_gpu_create(instance, 0, &options, &gpu, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (gpu && (mask & OPS_AS_GPU))
        gpu->caps.is_cpu = 0;
    return gpu;
}

static void masked_row(matrix *m, const char *name, uint32_t mask)
{
    ctvk_gpu *gpu = open_masked(m->gpu->instance, mask);
    numbers n = {0};
    if (gpu && memcmp(&gpu->caps, &m->gpu->caps, sizeof gpu->caps) == 0)
        printf("absent\t%s\n", name);
    else if (gpu)
        run(gpu, m->image, &m->text, &n);
    if (n.image.sums)
        print_row(m, name, gpu, &n);
    free(n.image.sums);
    ctvk_gpu_destroy(&gpu);
}

static void all_rows(matrix *m, ctvk_gpu_instance *instance)
{
    uint32_t bits;
    m->gpu = open_masked(instance, 0);
    if (m->gpu)
        run(m->gpu, m->image, &m->text, &m->whole);
    if (m->whole.image.sums) {
        printf("device\t%s\t%u\n", ctvk_gpu_get_info(m->gpu)->name, ctvk_gpu_get_caps(m->gpu)->subgroup_size);
        print_row(m, "(nothing)", m->gpu, &m->whole);
        for (uint32_t i = 0; ctvk_gpu_mask_word(i, &bits); i++)
            masked_row(m, ctvk_gpu_mask_word(i, &bits), bits);
        masked_row(m, "(nothing) as a GPU", OPS_AS_GPU);
        masked_row(m, "all as a GPU", OPS_AS_GPU | CTVK_GPU_NO_ALL);
    }
    free(m->whole.image.sums);
    ctvk_gpu_destroy(&m->gpu);
}

int main(int argc, char **argv)
{
    golden_case cases[32];
    static matrix m;
    ctvk_gpu_instance *instance = NULL;
    ctvk_error error = {0};
    int count = golden_cases(cases, 32);
    for (int i = 0; i < count && !m.image; i++)
        m.image = strcmp(cases[i].name, "one-window") == 0 ? &cases[i] : NULL;
    CHECK_MSG(argc == 2 && m.image, "nets_matrix NUMBERS, and the golden case one-window");
    if (argc != 2 || !m.image || !language_open(&m.text))
        return check_done("matrix");
    m.path = argv[1];
    ctvk_status status = ctvk_gpu_instance_create(NULL, 0, &instance, &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status == CTVK_OK)
        all_rows(&m, instance);
    ctvk_gpu_instance_destroy(&instance);
    ctvk_gguf_close(&m.text.file);
    llama_case_destroy(&m.text.made);
    free(m.text.in);
    return check_done("matrix");
}
