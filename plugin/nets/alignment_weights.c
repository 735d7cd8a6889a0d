#include "nets/alignment_blocks.h"

#include <stdio.h>
#include <string.h>

int32_t ctvk_align_text_width(const ctvk_alignment *a)
{
    return (a->text_dim + 3) / 4 * 4;
}

void ctvk_align_block_shape(const ctvk_alignment *a, int32_t block, int32_t *rows, int32_t *columns)
{
    int32_t c = a->channels, half = c / 2;
    *rows = c;
    *columns = c;
    switch (block) {
    case CTVK_ALIGN_TEXT:
        *columns = ctvk_align_text_width(a);
        break;
    case CTVK_ALIGN_SELF_IN:
        *rows = 3 * c;
        break;
    case CTVK_ALIGN_T2I_Q:
    case CTVK_ALIGN_T2I_K:
    case CTVK_ALIGN_T2I_V:
    case CTVK_ALIGN_I2T_Q:
    case CTVK_ALIGN_I2T_FOLD_OUT:
        *rows = half;
        break;
    case CTVK_ALIGN_T2I_OUT:
    case CTVK_ALIGN_I2T_OUT:
        *columns = half;
        break;
    case CTVK_ALIGN_LIN1:
        *rows = a->mlp;
        break;
    case CTVK_ALIGN_LIN2:
        *columns = a->mlp;
        break;
    case CTVK_ALIGN_NORM1:
    case CTVK_ALIGN_NORM2:
    case CTVK_ALIGN_NORM3:
    case CTVK_ALIGN_NORM4:
        *rows = 1;
        *columns = 2 * c - 1; /* with the "bias": gamma and beta */
        break;
    default:
        break;
    }
}

uint64_t ctvk_align_block_floats(const ctvk_alignment *a, int32_t block)
{
    int32_t rows, columns;
    ctvk_align_block_shape(a, block, &rows, &columns);
    return (uint64_t)rows * (uint64_t)(columns + 1);
}

uint64_t ctvk_align_block_place(const ctvk_alignment *a, int32_t layer, int32_t block)
{
    uint64_t all = 0, before = 0;
    for (int32_t i = CTVK_ALIGN_SELF_IN; i < CTVK_ALIGN_BLOCKS; i++) {
        if (i == block)
            before = all;
        all += ctvk_align_up_floats(ctvk_align_block_floats(a, i));
    }
    if (block == CTVK_ALIGN_TEXT)
        return 0;
    return ctvk_align_up_floats(ctvk_align_block_floats(a, CTVK_ALIGN_TEXT)) + (uint64_t)layer * all +
           (block == CTVK_ALIGN_BLOCKS ? all : before);
}

uint64_t ctvk_alignment_weight_bytes(const ctvk_alignment *a)
{
    return ctvk_align_block_place(a, CTVK_ALIGN_LAYERS - 1, CTVK_ALIGN_BLOCKS) * sizeof(float);
}

typedef struct packer {
    const ctvk_alignment *a;
    ctvk_weight_fn weight;
    void *user;
    float *packed;
    int32_t layer;
} packer;

/* attn_transformer.i.layers.j.<module>.<kind> */
static const float *find(const packer *p, const char *module, const char *kind)
{
    char name[160];
    snprintf(name, sizeof name, "attn_transformer.%d.layers.%d.%s.%s", p->a->level, p->layer, module, kind);
    return p->weight(p->user, name);
}

/* A weight that is missing leaves its place zero; whoever gave the callback knows of it and refuses. */
static void copy(float *to, const float *from, uint64_t floats)
{
    if (from)
        memcpy(to, from, floats * sizeof *to);
}

/* Up to three linear layers of equal shape, one below the other, in one block. */
static void pack_linear(const packer *p, int32_t block, const char *const *modules, int32_t count)
{
    int32_t rows, columns;
    ctvk_align_block_shape(p->a, block, &rows, &columns);
    float *to = p->packed + ctvk_align_block_place(p->a, p->layer, block), *bias = to + (uint64_t)rows * (uint64_t)columns;
    uint64_t each = (uint64_t)(rows / count) * (uint64_t)columns;
    for (int32_t i = 0; i < count; i++) {
        copy(to + (uint64_t)i * each, find(p, modules[i], "weight"), each);
        copy(bias + i * (rows / count), find(p, modules[i], "bias"), (uint64_t)(rows / count));
    }
}

static void pack_norm(const packer *p, int32_t block, const char *module)
{
    float *to = p->packed + ctvk_align_block_place(p->a, p->layer, block);
    uint64_t c = (uint64_t)p->a->channels;
    copy(to, find(p, module, "weight"), c);
    copy(to + c, find(p, module, "bias"), c);
}

static void pack_layer(const packer *p)
{
    static const char *const self[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    static const char *const kv[] = {"cross_attn_image_to_token.k_proj", "cross_attn_image_to_token.v_proj"};
    static const struct {
        int32_t block;
        const char *module;
    } one[] = {{CTVK_ALIGN_SELF_OUT, "self_attn.out_proj"},
               {CTVK_ALIGN_T2I_Q, "cross_attn_token_to_image.q_proj"},
               {CTVK_ALIGN_T2I_K, "cross_attn_token_to_image.k_proj"},
               {CTVK_ALIGN_T2I_V, "cross_attn_token_to_image.v_proj"},
               {CTVK_ALIGN_T2I_OUT, "cross_attn_token_to_image.out_proj"},
               {CTVK_ALIGN_LIN1, "mlp.lin1"},
               {CTVK_ALIGN_LIN2, "mlp.lin2"},
               {CTVK_ALIGN_I2T_Q, "cross_attn_image_to_token.q_proj"},
               {CTVK_ALIGN_I2T_OUT, "cross_attn_image_to_token.out_proj"}};
    pack_linear(p, CTVK_ALIGN_SELF_IN, self, 3);
    pack_linear(p, CTVK_ALIGN_I2T_KV, kv, 2);
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        pack_linear(p, one[i].block, &one[i].module, 1);
    pack_norm(p, CTVK_ALIGN_NORM1, "norm1");
    pack_norm(p, CTVK_ALIGN_NORM2, "norm2");
    pack_norm(p, CTVK_ALIGN_NORM3, "norm3");
    pack_norm(p, CTVK_ALIGN_NORM4, "norm4");
    const float *out = p->packed + ctvk_align_block_place(p->a, p->layer, CTVK_ALIGN_I2T_OUT);
    float *to = p->packed + ctvk_align_block_place(p->a, p->layer, CTVK_ALIGN_I2T_FOLD_OUT);
    int32_t c = p->a->channels, half = c / 2;
    for (int32_t i = 0; i < half; i++)
        for (int32_t o = 0; o < c; o++)
            to[i * c + o] = out[o * half + i];
}

void ctvk_alignment_pack(const ctvk_alignment *a, ctvk_weight_fn weight, void *user, void *packed)
{
    packer p = {a, weight, user, packed, 0};
    size_t d = (size_t)a->text_dim, width = (size_t)ctvk_align_text_width(a), c = (size_t)a->channels;
    char name[64];
    memset(packed, 0, ctvk_alignment_weight_bytes(a));
    snprintf(name, sizeof name, "txt2vis.%d.weight", a->level);
    const float *from = weight(user, name);
    for (size_t o = 0; from && o < c; o++)
        copy(p.packed + o * width, from + o * d, d);
    snprintf(name, sizeof name, "txt2vis.%d.bias", a->level);
    copy(p.packed + c * width, weight(user, name), c);
    for (p.layer = 0; p.layer < CTVK_ALIGN_LAYERS; p.layer++)
        pack_layer(&p);
}
