/* One window by itself against its weighted sums, for every way that the last layer can take: few and many classes, channels of one
 * dispatch and of more, both precisions, volumes smaller than the window. And numbers that are not finite, which no way may take for a
 * label. */
#include "nets/golden_window.h"
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

static ctvk_status run(fixture *f, ctvk_llmseg_tile_fn tile, int labels, ctvk_error *error)
{
    const ctvk_llmseg_run run = {.window = f->window, .sigma_scale = 0.125, .tile = tile, .labels = labels, .user = f};
    return ctvk_llmseg_window(f->net, &run, error);
}

/* Sums end with the window; logits, or labels, when they are taken. */
static void check_refused(fixture *f, const ctvk_llmseg_desc *desc)
{
    const char *wanted = desc->half ? "half precision" : "computes wrongly";
    ctvk_error error = {0};
    f->window[4321] = NAN;
    CHECK_MSG(run(f, on_tile, 0, &error) == CTVK_ERROR_DEVICE && strstr(error.message, wanted), "%s: %s", f->name, error.message);
    for (int want = 0; want < 5; want++) {
        golden_classes taken = golden_classes_make(&f->windows, desc->out_channels);
        ctvk_llmseg_window_classes classes = {want & 1, want >> 1 & 1, golden_take, NULL, &taken};
        error = (ctvk_error){0};
        CHECK(run(f, NULL, want == 4, &error) == CTVK_OK);
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
    CHECK_MSG(run(&f, on_tile, 0, &error) == CTVK_OK && run(&f, NULL, 0, &error) == CTVK_OK, "%s: %s", f.name, error.message);
    golden_classes alone = golden_window_check(f.name, f.net, &f.sums);
    CHECK_MSG(run(&f, NULL, 1, &error) == CTVK_OK, "%s: %s", f.name, error.message);
    golden_labels_check(f.name, f.net, &alone);
    ctvk_llmseg_window_classes stopped = {0, 0, golden_take, stop, &alone};
    CHECK(ctvk_llmseg_classify_window(f.net, &stopped, &error) == CTVK_CANCELLED);
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
