/* nets/llmseg.h - the network (model.md): names and shapes, memory plan, graph order. No Vulkan call. */
#ifndef CTVK_NETS_LLMSEG_H
#define CTVK_NETS_LLMSEG_H

#include "formats/safetensors.h"
#include "ops/tensor.h"

typedef struct ctvk_llmseg_desc {
    int32_t in_channels, out_channels, feature_size;
    int32_t has_text, text_dim, prompts;
    int32_t window[3];
    int32_t half; /* not 0: the finest skip connection in 16 bits a number, and the largest tensors in each other's place */
} ctvk_llmseg_desc;

enum { CTVK_LLMSEG_LEVELS = 5 };

typedef struct ctvk_llmseg ctvk_llmseg;

/* Every tensor the network needs is there with its shape, finite type F32/F16/BF16; *unused counts the others. CTVK_ERROR_BUNDLE names the
 * tensor, what was expected and what was found. Needs no device. */
ctvk_status ctvk_llmseg_check(const ctvk_llmseg_desc *desc, const ctvk_safetensors *weights, uint64_t *unused, ctvk_error *error);

/* Device bytes of weights, activations, staging for one window on a device with these capabilities; known before anything is allocated. */
typedef struct ctvk_llmseg_memory {
    uint64_t weights, activations, staging, total;
} ctvk_llmseg_memory;
ctvk_status ctvk_llmseg_plan(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, ctvk_llmseg_memory *out, ctvk_error *error);

/* What will be made of the windows, so that what it needs is compiled ahead; anything else may be asked for as well. */
typedef struct ctvk_llmseg_wanted {
    int32_t one_window; /* there will be one alone: ctvk_llmseg_classify_window; else tiles and ctvk_llmseg_classify */
    int32_t logits, probability;
} ctvk_llmseg_wanted;

/* Allocates arena and weights, packs and uploads. The safetensors file may be closed afterwards. The gpu must outlive it. */
ctvk_status ctvk_llmseg_create(ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, const ctvk_safetensors *weights,
                               const ctvk_llmseg_wanted *wanted, ctvk_llmseg **out, ctvk_error *error);
void ctvk_llmseg_destroy(ctvk_llmseg **net);

/* Called with the fraction of the window that is done; non-zero cancels. */
typedef int32_t (*ctvk_llmseg_progress_fn)(void *user, double fraction);
/* Blended tile of the window as ops/blend.h defines it: planes [first, first+count). VIEW for the call. */
typedef void (*ctvk_llmseg_tile_fn)(void *user, int32_t first, int32_t count, const float *tile);
/* Intermediate tensor for tests: name as in the golden taps ("encoder1", "attn_transformer.0", "decoder4", ..., "out"), data [c][x][y][z].
 */
typedef void (*ctvk_llmseg_tap_fn)(void *user, const char *name, const int32_t shape[4], const float *data);

/* The encoder's levels of one window, before any text touches them: what another text on the same window need not compute again. Each level
 * lies on the device, or in host memory; they are a copy, so that the network may run on. */
typedef struct ctvk_llmseg_encoded {
    ctvk_gpu_buffer *device[CTVK_LLMSEG_LEVELS]; /* OWNED; NULL: on the host */
    void *host[CTVK_LLMSEG_LEVELS];              /* OWNED; NULL: on the device */
    int32_t filled;                              /* a window was saved, whole */
    double encode_seconds, copy_seconds;         /* of the save: computing them, copying them */
} ctvk_llmseg_encoded;
/* Bytes of one window's levels. */
uint64_t ctvk_llmseg_encoded_bytes(const ctvk_llmseg *net);
/* Room for one window, on the device or on_host. *out is OWNED, NULL on failure: CTVK_ERROR_DEVICE_MEMORY, CTVK_ERROR_HOST_MEMORY.
 * Destroyed before the gpu. */
ctvk_status ctvk_llmseg_encoded_create(const ctvk_llmseg *net, int32_t on_host, ctvk_llmseg_encoded **out, ctvk_error *error);
void ctvk_llmseg_encoded_destroy(const ctvk_host *host, ctvk_llmseg_encoded **encoded);

typedef struct ctvk_llmseg_run {
    const float *window; /* planar [x][in][y][z]: for in = 1 simply [x][y][z]. BORROWED. Not read where `load` is given */
    const float *text;   /* [P][D], NULL for vision-only */
    double sigma_scale;
    int32_t constant_blend;
    ctvk_llmseg_progress_fn progress;
    ctvk_llmseg_tile_fn tile; /* NULL: the logits stay on the device, for ctvk_llmseg_classify_window */
    /* Without tile and tap, at most one of them not 0: nothing but labels, or nothing but probabilities and labels, will be asked of the
     * logits, so that they need not be stored. */
    int32_t labels, probabilities;
    ctvk_llmseg_tap_fn tap; /* NULL in ordinary runs */
    void *user;
    int32_t unchecked;               /* not 0: tiles that are not finite are handed over too, instead of CTVK_ERROR_DEVICE */
    ctvk_llmseg_encoded *save;       /* takes the encoder's levels; NULL: nowhere */
    const ctvk_llmseg_encoded *load; /* filled: taken in place of running the encoder, bit for bit the same; NULL: none */
} ctvk_llmseg_run;
ctvk_status ctvk_llmseg_window(ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_error *error);

/* Accumulated sums (volume/volume.h) and what is to be made of them. */
typedef struct ctvk_llmseg_classes {
    const float *sums; /* K volumes of `voxels` floats: sums of weight * logit */
    uint64_t voxels;
    void (*weights)(void *user, uint64_t first, uint32_t count, float *out); /* sums of the weights of voxels [first, first + count) */
    float *probability,
        *logits;     /* K volumes each, may be NULL. probability may be the sums themselves, logits too where no probability is wanted */
    uint8_t *labels; /* may be NULL */
    int32_t (*check)(void *user); /* non-zero cancels; may be NULL */
    void *user;
} ctvk_llmseg_classes;
/* Argmax and, where it is wanted, softmax on the device, in chunks. */
ctvk_status ctvk_llmseg_classify(ctvk_llmseg *net, const ctvk_llmseg_classes *classes, ctvk_error *error);

/* What is to be made of the logits of one window that no other one meets: its weights would cancel. */
typedef struct ctvk_llmseg_window_classes {
    int32_t logits, probability; /* not 0: wanted. Both: all planes come twice, with logits first */
    /* Planes [first, first + count) of the window, in order. labels: [x][y][z]. logits or probability: [x][class][y][z], the other one
     * NULL, or both where neither is wanted. VIEW for the call. */
    void (*take)(void *user, int32_t first, int32_t count, const uint8_t *labels, const float *logits, const float *probability);
    int32_t (*check)(void *user); /* non-zero cancels; may be NULL */
    void *user;
} ctvk_llmseg_window_classes;
/* Of the window that was run last, without tiles. Logits that are not finite: CTVK_ERROR_DEVICE, after the last plane. */
ctvk_status ctvk_llmseg_classify_window(ctvk_llmseg *net, const ctvk_llmseg_window_classes *classes, ctvk_error *error);

#endif
