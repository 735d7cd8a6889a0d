/* The small network in double, of plugin/ref alone: the graph of nets/llmseg_graph.c written out once more, so that a mistake there is
 * seen. Activations are rounded to float32 between the operations, as the references take them: 6e-8 of each. */
#include "nets/llmseg_names.h"
#include "ref/alignment.h"
#include "ref/conv3d.h"
#include "ref/instance_norm.h"
#include "ref/transp_conv3d.h"
#include "selftest/network.h"

#include <stdio.h>
#include <string.h>

enum { ARENA = 40 << 20, LEVELS = 5 };

typedef struct answer {
    const ctvk_llmseg_desc *desc;
    const ctvk_safetensors *weights;
    const float *text;
    uint8_t *arena;
    size_t used;
} answer;

/* Dense [c][x][y][z]. */
typedef struct map {
    int32_t c, x, y, z;
    float *data;
} map;

static size_t voxels_of(const map *m)
{
    return (size_t)m->x * (size_t)m->y * (size_t)m->z;
}

static void *take(answer *a, size_t bytes)
{
    void *taken = a->arena + a->used;
    a->used += (bytes + 15) / 16 * 16;
    return taken;
}

static map new_map(answer *a, int32_t c, int32_t x, int32_t y, int32_t z)
{
    map m = {c, x, y, z, NULL};
    m.data = take(a, (size_t)c * voxels_of(&m) * sizeof(float));
    return m;
}

static void round_to(float *to, const double *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}

static const float *weight_of(void *user, const char *name)
{
    const answer *a = user;
    return ctvk_safetensors_find(a->weights, name)->data;
}

static map conv(answer *a, const map *in, const char *block, const char *name, int32_t c, int32_t kernel, int32_t stride)
{
    char weight[128];
    snprintf(weight, sizeof weight, "%s.%s.conv.weight", block, name);
    map out = new_map(a, c, in->x / stride, in->y / stride, in->z / stride);
    size_t count = (size_t)c * voxels_of(&out), mark = a->used;
    double *wide = take(a, count * sizeof *wide);
    ref_conv3d(in->data, in->c, in->x, in->y, in->z, weight_of(a, weight), c, kernel, stride, wide);
    round_to(out.data, wide, count);
    a->used = mark;
    return out;
}

static void norm(answer *a, map *m, const map *shortcut)
{
    size_t count = (size_t)m->c * voxels_of(m), mark = a->used;
    double *wide = take(a, count * sizeof *wide);
    ref_instance_norm(m->data, shortcut ? shortcut->data : NULL, m->c, voxels_of(m), wide);
    round_to(m->data, wide, count);
    a->used = mark;
}

static map block(answer *a, const char *name, const map *in, int32_t c, int32_t stride, int32_t residual)
{
    map h = conv(a, in, name, "conv1", c, 3, stride), shortcut = {0};
    norm(a, &h, NULL);
    map out = conv(a, &h, name, "conv2", c, 3, 1);
    if (residual)
        shortcut = conv(a, in, name, "conv3", c, 1, stride);
    norm(a, &out, residual ? &shortcut : NULL);
    return out;
}

static void align(answer *a, int32_t level, map *m)
{
    ref_alignment_shape shape = {level, m->c, a->desc->feature_size << level, a->desc->text_dim, a->desc->prompts, (int)voxels_of(m)};
    size_t count = (size_t)m->c * voxels_of(m), mark = a->used;
    double *wide = take(a, count * sizeof *wide);
    ref_scratch scratch = {take(a, ref_alignment_scratch(&shape) * sizeof(double)), 0};
    ref_alignment(&shape, weight_of, a, a->text, m->data, &scratch, wide);
    round_to(m->data, wide, count);
    a->used = mark;
}

static void transpose(answer *a, const map *in, const char *name, int32_t c, double *wide)
{
    char weight[128];
    snprintf(weight, sizeof weight, "%s.transp_conv.conv.weight", name);
    ref_transp_conv3d(in->data, in->c, in->x, in->y, in->z, weight_of(a, weight), c, wide);
}

/* [what comes up, the encoder's own], as the decoder reads them. */
static map join(answer *a, const map *below, const char *decoder, const map *level)
{
    map both = new_map(a, 2 * level->c, level->x, level->y, level->z);
    size_t count = (size_t)level->c * voxels_of(level), mark = a->used;
    double *wide = take(a, count * sizeof *wide);
    transpose(a, below, decoder, level->c, wide);
    round_to(both.data, wide, count);
    memcpy(both.data + count, level->data, count * sizeof *both.data);
    a->used = mark;
    return both;
}

ctvk_status ctvk_answer_image(const ctvk_host *host, const ctvk_llmseg_desc *desc, const ctvk_safetensors *weights, const float *window,
                              const float *text, ctvk_gpu_check_fn check, void *user, double *logits, ctvk_error *error)
{
    static const char *const encoders[LEVELS] = {"encoder1.layer", "encoder2.layer", "encoder3.layer", "encoder4.layer", "encoder10.layer"};
    answer a = {.desc = desc, .weights = weights, .text = text, .arena = ctvk_alloc(host, ARENA)};
    map levels[LEVELS], x;
    int32_t stop = 0;
    if (!a.arena)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "self-test: no host memory (close other programs)");
    x = new_map(&a, 1, desc->window[0], desc->window[1], desc->window[2]);
    memcpy(x.data, window, voxels_of(&x) * sizeof *window);
    for (int32_t i = 0; i < LEVELS && !stop; i++) {
        stop = check && check(user, i);
        x = levels[i] = block(&a, encoders[i], &x, ctvk_llmseg_channels(desc, i), 2, 1);
    }
    for (int32_t i = 0; i < LEVELS && !stop; i++) { /* after all encoders, which read each other's own output */
        stop = check && check(user, i);
        align(&a, i, &levels[i]);
    }
    for (int32_t i = LEVELS - 1; i >= 1 && !stop; i--) {
        char decoder[16], name[32];
        snprintf(decoder, sizeof decoder, "decoder%d", i);
        snprintf(name, sizeof name, "%s.conv_block", decoder);
        stop = check && check(user, i);
        map both = join(&a, i == LEVELS - 1 ? &levels[i] : &x, decoder, &levels[i - 1]);
        x = block(&a, name, &both, levels[i - 1].c, 1, i == LEVELS - 1);
    }
    if (!stop)
        transpose(&a, &x, "out", desc->out_channels, logits);
    ctvk_free(host, a.arena);
    return stop ? CTVK_CANCELLED : CTVK_OK;
}
