/* nets/golden_window.h - a golden case of one window both ways: its logits classified where they lie, and through weights, sums and their
 * quotients as several windows are. */
#ifndef CTVK_TESTS_GOLDEN_WINDOW_H
#define CTVK_TESTS_GOLDEN_WINDOW_H

#include "nets/golden_label.h"

#include <math.h>

/* Of a logit that was multiplied by its weight and divided by it again: half an ulp, and the 2.5 that Vulkan leaves a division. */
#define GOLDEN_QUOTIENT 4e-7

/* Of the whole volume; volumes [class][voxel]. */
typedef struct golden_classes {
    const ctvk_windows *windows;
    int32_t classes;
    uint64_t voxels;
    uint8_t *labels;
    float *logits, *probability;
    int64_t planes[3]; /* that came with nothing else, logits, probabilities */
} golden_classes;

static inline golden_classes golden_classes_make(const ctvk_windows *w, int32_t classes)
{
    uint64_t voxels = (uint64_t)(w->dim[0] * w->dim[1] * w->dim[2]), bytes = (uint64_t)classes * voxels * sizeof(float);
    golden_classes c = {w, classes, voxels, malloc(voxels), malloc(bytes), malloc(bytes), {0}};
    memset(c.labels, 0xff, voxels);
    memset(c.logits, 0xff, bytes);
    memset(c.probability, 0xff, bytes);
    return c;
}

static inline void golden_classes_free(golden_classes *c)
{
    free(c->labels);
    free(c->logits);
    free(c->probability);
}

static inline void golden_take(void *user, int32_t first, int32_t count, const uint8_t *labels, const float *logits,
                               const float *probability)
{
    golden_classes *c = user;
    c->planes[logits ? 1 : probability ? 2 : 0] += count;
    ctvk_window_place(c->windows, first, count, 1, 1, labels, c->labels);
    if (logits)
        ctvk_window_place(c->windows, first, count, c->classes, sizeof *logits, logits, c->logits);
    if (probability)
        ctvk_window_place(c->windows, first, count, c->classes, sizeof *probability, probability, c->probability);
}

/* The two ways differ by rounding, and labels only where that can turn them. */
static inline void golden_compare(const char *name, const golden_classes *a, const golden_classes *b)
{
    const uint64_t n = a->voxels;
    double off = 0, off_probability = 0, size = 1;
    uint64_t turned = 0, wrong = 0;
    for (uint64_t i = 0; i < (uint64_t)a->classes * n; i++) {
        double distance = fabs((double)a->logits[i] - (double)b->logits[i]), quotient = distance / (fabs((double)b->logits[i]) + 1e-30);
        off = quotient >= 0 ? fmax(off, quotient) : INFINITY;
        size = fmax(size, fabs((double)b->logits[i]));
        distance = fabs((double)a->probability[i] - (double)b->probability[i]);
        off_probability = distance >= 0 ? fmax(off_probability, distance) : INFINITY;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (a->labels[i] == b->labels[i])
            continue;
        double gap = fabs((double)a->logits[a->labels[i] * n + i] - (double)a->logits[b->labels[i] * n + i]);
        turned++;
        wrong += gap > 2 * GOLDEN_QUOTIENT * fabs((double)a->logits[a->labels[i] * n + i]);
    }
    CHECK_MSG(off <= GOLDEN_QUOTIENT && off_probability <= 2 * GOLDEN_QUOTIENT * size && wrong == 0,
              "%s: one window by itself: logits off by %.2e, probabilities by %.2e, %llu labels are wrong", name, off, off_probability,
              (unsigned long long)wrong);
    printf(", by itself %.1e, %llu labels turned", off, (unsigned long long)turned);
}

/* Labels, and where they are asked for probabilities, of the case's window against those that its logits gave, bit for bit. */
static inline void golden_same_check(const char *name, ctvk_llmseg *net, const golden_classes *wanted, int probability)
{
    golden_classes found = golden_classes_make(wanted->windows, wanted->classes);
    ctvk_llmseg_window_classes classes = {0, probability, golden_take, NULL, &found};
    const uint64_t bytes = (uint64_t)found.classes * found.voxels * sizeof(float);
    const int64_t planes = wanted->windows->window[0];
    ctvk_error error = {0};
    CHECK_MSG(ctvk_llmseg_classify_window(net, &classes, &error) == CTVK_OK, "%s: %s", name, error.message);
    CHECK(found.planes[0] == (probability ? 0 : planes) && found.planes[1] == 0 && found.planes[2] == (probability ? planes : 0));
    CHECK_MSG(memcmp(found.labels, wanted->labels, found.voxels) == 0, "%s: labels without logits are others", name);
    CHECK_MSG(!probability || memcmp(found.probability, wanted->probability, bytes) == 0, "%s: probabilities without logits are others",
              name);
    golden_classes_free(&found);
}

/* What is on the device are the labels of the case's window, or its logits: the run before asked for no more than labels. */
static inline void golden_labels_check(const char *name, ctvk_llmseg *net, const golden_classes *wanted)
{
    golden_same_check(name, net, wanted, 0);
}

/* Probabilities and labels, or logits: the run before asked for no more than probabilities. */
static inline void golden_probabilities_check(const char *name, ctvk_llmseg *net, const golden_classes *wanted)
{
    golden_same_check(name, net, wanted, 1);
    golden_same_check(name, net, wanted, 0);
}

/* The logits of the case's window lie on the device: it ran last, without tiles. sums: of the same. What was found is the caller's. */
static inline golden_classes golden_window_check(const char *name, ctvk_llmseg *net, ctvk_sums *sums)
{
    const ctvk_windows *w = sums->windows;
    golden_classes alone = golden_classes_make(w, sums->classes), plain = golden_classes_make(w, sums->classes),
                   summed = golden_classes_make(w, sums->classes);
    ctvk_llmseg_window_classes both = {1, 1, golden_take, NULL, &alone}, labels = {0, 0, golden_take, NULL, &plain};
    ctvk_llmseg_classes wanted = {.sums = sums->logits,
                                  .voxels = summed.voxels,
                                  .weights = golden_weights,
                                  .probability = summed.probability,
                                  .logits = summed.logits,
                                  .labels = summed.labels,
                                  .user = sums};
    ctvk_error error = {0};
    CHECK_MSG(ctvk_llmseg_classify_window(net, &both, &error) == CTVK_OK && ctvk_llmseg_classify_window(net, &labels, &error) == CTVK_OK,
              "%s: %s", name, error.message);
    CHECK_MSG(ctvk_llmseg_classify(net, &wanted, &error) == CTVK_OK, "%s: %s", name, error.message);
    CHECK(alone.planes[0] == 0 && alone.planes[1] == w->window[0] && alone.planes[2] == w->window[0]);
    CHECK(plain.planes[0] == w->window[0] && plain.planes[1] == 0 && plain.planes[2] == 0);
    CHECK(memcmp(alone.labels, plain.labels, plain.voxels) == 0);
    golden_compare(name, &alone, &summed);
    golden_classes_free(&plain);
    golden_classes_free(&summed);
    return alone;
}

#endif
