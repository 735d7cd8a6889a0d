#include "nets/llmseg_names.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t ctvk_llmseg_channels(const ctvk_llmseg_desc *desc, int32_t level)
{
    return level < 2 ? desc->feature_size : desc->feature_size << (level - 1);
}

typedef struct walk {
    ctvk_llmseg_name_fn fn;
    void *user;
    int stop;
} walk;

static void visit(walk *w, int32_t rank, const uint64_t *dims, const char *format, ...) CTVK_PRINTF(4, 5);
static void visit(walk *w, int32_t rank, const uint64_t *dims, const char *format, ...)
{
    char name[128];
    uint64_t shape[8] = {0};
    va_list arguments;
    if (w->stop)
        return;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    memcpy(shape, dims, (size_t)rank * sizeof *shape);
    w->stop = w->fn(w->user, name, rank, shape);
}

static void visit_conv(walk *w, const char *block, const char *conv, uint64_t out, uint64_t in, uint64_t kernel)
{
    visit(w, 5, (uint64_t[]){out, in, kernel, kernel, kernel}, "%s.%s.conv.weight", block, conv);
}

static void visit_linear(walk *w, const char *name, uint64_t out, uint64_t in)
{
    visit(w, 2, (uint64_t[]){out, in}, "%s.weight", name);
    visit(w, 1, (uint64_t[]){out}, "%s.bias", name);
}

static void visit_attention(walk *w, const char *name, uint64_t c, uint64_t inner)
{
    static const char *const parts[] = {"q_proj", "k_proj", "v_proj"};
    char full[112];
    for (size_t i = 0; i < 3; i++) {
        snprintf(full, sizeof full, "%s.%s", name, parts[i]);
        visit_linear(w, full, inner, c);
    }
    snprintf(full, sizeof full, "%s.out_proj", name);
    visit_linear(w, full, c, inner);
}

static void visit_alignment(walk *w, const ctvk_llmseg_desc *desc, int32_t level)
{
    uint64_t c = (uint64_t)ctvk_llmseg_channels(desc, level), mlp = (uint64_t)desc->feature_size << level;
    char name[96];
    snprintf(name, sizeof name, "txt2vis.%d", level);
    visit_linear(w, name, c, (uint64_t)desc->text_dim);
    for (int layer = 0; layer < 2; layer++) {
        char base[64];
        snprintf(base, sizeof base, "attn_transformer.%d.layers.%d", level, layer);
        snprintf(name, sizeof name, "%s.self_attn", base);
        visit_attention(w, name, c, c);
        snprintf(name, sizeof name, "%s.cross_attn_token_to_image", base);
        visit_attention(w, name, c, c / 2);
        snprintf(name, sizeof name, "%s.cross_attn_image_to_token", base);
        visit_attention(w, name, c, c / 2);
        snprintf(name, sizeof name, "%s.mlp.lin1", base);
        visit_linear(w, name, mlp, c);
        snprintf(name, sizeof name, "%s.mlp.lin2", base);
        visit_linear(w, name, c, mlp);
        for (int norm = 1; norm <= 4; norm++) {
            visit(w, 1, &c, "%s.norm%d.weight", base, norm);
            visit(w, 1, &c, "%s.norm%d.bias", base, norm);
        }
    }
}

int ctvk_llmseg_each_tensor(const ctvk_llmseg_desc *desc, ctvk_llmseg_name_fn fn, void *user)
{
    static const char *const encoders[] = {"encoder1.layer", "encoder2.layer", "encoder3.layer", "encoder4.layer", "encoder10.layer"};
    walk w = {fn, user, 0};
    uint64_t in = (uint64_t)desc->in_channels;
    for (int32_t i = 0; i < 5; i++) {
        uint64_t c = (uint64_t)ctvk_llmseg_channels(desc, i);
        visit_conv(&w, encoders[i], "conv1", c, in, 3);
        visit_conv(&w, encoders[i], "conv2", c, c, 3);
        visit_conv(&w, encoders[i], "conv3", c, in, 1);
        in = c;
    }
    for (int32_t i = 4; i >= 1; i--) { /* decoder i joins level i (below) with level i - 1 */
        char name[32];
        uint64_t below = (uint64_t)ctvk_llmseg_channels(desc, i), c = (uint64_t)ctvk_llmseg_channels(desc, i - 1);
        visit(&w, 5, (uint64_t[]){below, c, 2, 2, 2}, "decoder%d.transp_conv.conv.weight", i);
        snprintf(name, sizeof name, "decoder%d.conv_block", i);
        visit_conv(&w, name, "conv1", c, 2 * c, 3);
        visit_conv(&w, name, "conv2", c, c, 3);
        if (i == 4)
            visit_conv(&w, name, "conv3", c, 2 * c, 1);
    }
    visit(&w, 5, (uint64_t[]){(uint64_t)desc->feature_size, (uint64_t)desc->out_channels, 2, 2, 2}, "out.transp_conv.conv.weight");
    for (int32_t i = 0; desc->has_text && i < 5; i++)
        visit_alignment(&w, desc, i);
    return w.stop;
}

typedef struct check {
    const ctvk_safetensors *weights;
    uint64_t used;
    ctvk_error *error;
    ctvk_status status;
} check;

static void shape_text(int32_t rank, const uint64_t *shape, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (int32_t i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%llu", i ? ", " : "", (unsigned long long)shape[i]);
    if (at < size)
        snprintf(text + at, size - at, "]");
}

static int all_finite(const ctvk_st_tensor *tensor)
{
    float chunk[1024];
    for (uint64_t at = 0; at < tensor->count; at += 1024) {
        uint64_t n = tensor->count - at < 1024 ? tensor->count - at : 1024;
        ctvk_st_to_f32(tensor, at, n, chunk);
        for (uint64_t i = 0; i < n; i++)
            if (!isfinite(chunk[i]))
                return 0;
    }
    return 1;
}

static int check_tensor(void *user, const char *name, int32_t rank, const uint64_t shape[8])
{
    check *c = user;
    const ctvk_st_tensor *found = ctvk_safetensors_find(c->weights, name);
    char want[160], have[160];
    shape_text(rank, shape, want, sizeof want);
    if (!found) {
        c->status = ctvk_fail(c->error, CTVK_ERROR_BUNDLE,
                              "weights tensor %s: missing, the network needs it with shape %s (export the whole state dict, or mend the "
                              "manifest's network section)",
                              name, want);
        return 1;
    }
    shape_text(found->rank, found->shape, have, sizeof have);
    if (found->rank != rank || memcmp(found->shape, shape, (size_t)rank * sizeof *shape) != 0) {
        c->status =
            ctvk_fail(c->error, CTVK_ERROR_BUNDLE,
                      "weights tensor %s: shape %s where the manifest's network section asks for %s (weights and manifest must be of one "
                      "model)",
                      name, have, want);
        return 1;
    }
    if (found->dtype == CTVK_DTYPE_OTHER) {
        c->status = ctvk_fail(c->error, CTVK_ERROR_BUNDLE, "weights tensor %s: type is none of F32, F16, BF16 (convert the weights)", name);
        return 1;
    }
    if (!all_finite(found)) {
        c->status =
            ctvk_fail(c->error, CTVK_ERROR_BUNDLE, "weights tensor %s: holds NaN or infinity (the file is damaged, fetch it again)", name);
        return 1;
    }
    c->used++;
    return 0;
}

ctvk_status ctvk_llmseg_check(const ctvk_llmseg_desc *desc, const ctvk_safetensors *weights, uint64_t *unused, ctvk_error *error)
{
    check c = {weights, 0, error, CTVK_OK};
    ctvk_llmseg_each_tensor(desc, check_tensor, &c);
    if (unused)
        *unused = ctvk_safetensors_count(weights) - c.used;
    return c.status;
}
