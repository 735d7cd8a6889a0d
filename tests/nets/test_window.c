/* One window by itself against its weighted sums, for every way that the last layer can take, as logits, labels, or probabilities and
 * labels: few and many classes, channels of one dispatch and of more, both precisions, volumes smaller than the window. And numbers that
 * are not finite, which no way may take for a label. */
#include "nets/golden_window.h"
#include "nets/llmseg_internal.h"
#include "selftest/tiny.h"
#include "support/ops_case.h"

static const int64_t dim[3] = {27, 31, 30}; /* in a window of 32 x 32 x 32 */

typedef struct fixture {
    ctvk_llmseg *net;
    ctvk_windows windows;
    ctvk_sums sums;
    float *window;
    char name[80];
} fixture;

static void on_tile(void *user, int32_t first, int32_t count, const float *tile)
{
    fixture *f = user;
    ctvk_sums_add(&f->sums, 0, first, count, tile);
}

static void make(ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint32_t mask, fixture *f)
{
    ctvk_tiny_file file;
    ctvk_safetensors *weights = NULL;
    ctvk_error error = {0};
    ctvk_status status = ctvk_tiny_weights(NULL, desc, &file, &error);
    if (status == CTVK_OK)
        status = ctvk_safetensors_parse(NULL, file.bytes, file.size, "test", CTVK_ERROR_INTERNAL, &weights, &error);
    const ctvk_llmseg_wanted wanted = {.one_window = 1};
    if (status == CTVK_OK)
        status = ctvk_llmseg_create(gpu, desc, weights, &wanted, &f->net, &error);
    if (status == CTVK_OK)
        status = ctvk_windows_plan(NULL, dim, desc->window, 0.5, &f->windows, &error);
    if (status == CTVK_OK)
        status = ctvk_sums_make(NULL, &f->windows, desc->out_channels, &f->sums, &error);
    snprintf(f->name, sizeof f->name, "mask %x, half %d, %d channels, %d classes", (unsigned)mask, desc->half, desc->feature_size,
             desc->out_channels);
    CHECK_MSG(status == CTVK_OK && f->windows.count[0] * f->windows.count[1] * f->windows.count[2] == 1, "%s: %s", f->name, error.message);
    f->window = ops_random((size_t)desc->window[0] * (size_t)desc->window[1] * (size_t)desc->window[2], 3, 1);
    ctvk_safetensors_close(&weights);
    ctvk_free(NULL, file.bytes);
}

static void destroy(fixture *f)
{
    ctvk_llmseg_destroy(&f->net);
    ctvk_sums_free(NULL, &f->sums);
    ctvk_windows_free(NULL, &f->windows);
    free(f->window);
}

/* What is said to be asked of the logits. */
enum { ANYTHING, LABELS, PROBABILITIES };

static ctvk_status run(fixture *f, ctvk_llmseg_tile_fn tile, int asked, ctvk_error *error)
{
    const ctvk_llmseg_run run = {.window = f->window,
                                 .sigma_scale = 0.125,
                                 .tile = tile,
                                 .labels = asked == LABELS,
                                 .probabilities = asked == PROBABILITIES,
                                 .user = f};
    return ctvk_llmseg_window(f->net, &run, error);
}

/* What the last run has not kept is refused, and nothing is handed; words < 0: it keeps logits whatever was asked. */
static void check_kept(fixture *f, int asked)
{
    const int fused = f->net->net.words >= 0;
    for (int want = 0; want < 4; want++) {
        golden_classes taken = golden_classes_make(&f->windows, f->net->desc.out_channels);
        const ctvk_llmseg_window_classes classes = {want & 1, want >> 1, golden_take, NULL, &taken};
        const int kept = !fused || !want || (want == 2 && asked == PROBABILITIES);
        ctvk_error error = {0};
        ctvk_status status = ctvk_llmseg_classify_window(f->net, &classes, &error);
        CHECK_MSG(status == (kept ? CTVK_OK : CTVK_ERROR_INTERNAL) && (kept || strstr(error.message, "not kept")), "%s, want %d: %d %s",
                  f->name, want, status, error.message);
        CHECK(kept || (taken.planes[0] == 0 && taken.planes[1] == 0 && taken.planes[2] == 0));
        golden_classes_free(&taken);
    }
}

/* Staging of one plane of sums a tile, as a window of the largest planes has it: less than two planes with all that belongs to them. */
static void check_narrow(fixture *f, const golden_classes *alone)
{
    const uint64_t staging = f->net->staging_bytes;
    f->net->staging_bytes = 2 * ctvk_llmseg_tile_plane_bytes(&f->net->desc);
    golden_probabilities_check(f->name, f->net, alone);
    f->net->staging_bytes = staging;
}

/* Sums end with the window; logits, labels, or probabilities, when they are taken. */
static void check_refused(fixture *f, const ctvk_llmseg_desc *desc)
{
    const char *wanted = "computes wrongly";
    ctvk_error error = {0};
    f->window[4321] = NAN;
    CHECK_MSG(run(f, on_tile, ANYTHING, &error) == CTVK_ERROR_DEVICE && strstr(error.message, wanted), "%s: %s", f->name, error.message);
    /* want: logits, probabilities or both from logits; 4: labels, 6: probabilities, 8: labels again, where no more, and no more than
     * probabilities, were asked for. */
    for (int want = 0; want < 9; want += want < 4 ? 1 : 2) {
        golden_classes taken = golden_classes_make(&f->windows, desc->out_channels);
        ctvk_llmseg_window_classes classes = {want & 1, want >> 1 & 1, golden_take, NULL, &taken};
        error = (ctvk_error){0};
        CHECK(run(f, NULL, want < 4 ? ANYTHING : want == 4 ? LABELS : PROBABILITIES, &error) == CTVK_OK);
        ctvk_status status = ctvk_llmseg_classify_window(f->net, &classes, &error);
        CHECK_MSG(status == CTVK_ERROR_DEVICE && strstr(error.message, "not finite") && strstr(error.message, wanted), "%s, want %d: %d %s",
                  f->name, want, status, error.message);
        golden_classes_free(&taken);
    }
}

static int32_t stop(void *user)
{
    (void)user;
    return 1;
}

static void run_case(ctvk_gpu *gpu, uint32_t mask, int32_t half, int32_t features, int32_t classes, int refused)
{
    const ctvk_llmseg_desc desc = {1, classes, features, 0, 0, 0, {32, 32, 32}, half};
    ctvk_error error = {0};
    fixture f = {.net = NULL};
    make(gpu, &desc, mask, &f);
    printf("%s", f.name);
    CHECK_MSG(run(&f, on_tile, ANYTHING, &error) == CTVK_OK && run(&f, NULL, ANYTHING, &error) == CTVK_OK, "%s: %s", f.name, error.message);
    golden_classes alone = golden_window_check(f.name, f.net, &f.sums);
    CHECK_MSG(run(&f, NULL, LABELS, &error) == CTVK_OK, "%s: %s", f.name, error.message);
    golden_labels_check(f.name, f.net, &alone);
    check_kept(&f, LABELS);
    CHECK_MSG(run(&f, NULL, PROBABILITIES, &error) == CTVK_OK, "%s: %s", f.name, error.message);
    golden_probabilities_check(f.name, f.net, &alone);
    check_kept(&f, PROBABILITIES);
    check_narrow(&f, &alone);
    for (int probability = 0; probability < 2; probability++) {
        ctvk_llmseg_window_classes stopped = {0, probability, golden_take, stop, &alone};
        CHECK(ctvk_llmseg_classify_window(f.net, &stopped, &error) == CTVK_CANCELLED);
    }
    printf("\n");
    if (refused)
        check_refused(&f, &desc);
    golden_classes_free(&alone);
    destroy(&f);
}

/* Of the first two shapes one takes its labels from the last layer and one from logits: these in both precisions, and refused. */
static void test_device(uint32_t mask, int shapes)
{
    static const int32_t shape[][2] = {{16, 2}, {32, 2}, {16, 4}, {16, 1}, {16, 3}, {48, 3}, {16, 256}}; /* features, classes */
    ctvk_gpu *gpu = ops_open(mask);
    for (int i = 0; i < shapes; i++)
        for (int half = 0; half < (i < 2 ? 2 : 1); half++)
            run_case(gpu, mask, half, shape[i][0], shape[i][1], i < 2 && !mask);
    ctvk_gpu_destroy(&gpu);
}

int main(void)
{
    test_device(0, 7);
    test_device(OPS_AS_GPU, 1);
    test_device(CTVK_GPU_NO_ALL, 2);
    return gpu_done("window");
}
