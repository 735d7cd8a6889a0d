/* nets/llmseg_internal.h - what the files of the network share. */
#ifndef CTVK_NETS_LLMSEG_INTERNAL_H
#define CTVK_NETS_LLMSEG_INTERNAL_H

#include "nets/llmseg_graph.h"
#include "ops/classify.h"

/* How a window is run. TAPPED: every value that has a name is wanted as it is. LABELS: of the logits only which is the largest is left,
 * as words. PROBABILITIES: these, and in the logits' place their softmax. */
typedef enum ctvk_llmseg_manner { CTVK_LLMSEG_PLAIN, CTVK_LLMSEG_TAPPED, CTVK_LLMSEG_LABELS, CTVK_LLMSEG_PROBABILITIES } ctvk_llmseg_manner;

struct ctvk_llmseg {
    ctvk_gpu *gpu;
    ctvk_llmseg_desc desc;
    ctvk_llmseg_graph net;
    ctvk_gpu_buffer *weights;
    ctvk_gpu_buffer *arena[CTVK_ARENA_CHUNKS];
    ctvk_gpu_buffer *tile; /* DOWNLOAD: two tiles of planes, blended or classified; classified sums */
    ctvk_gpu_buffer *sums; /* UPLOAD: accumulators to classify */
    uint64_t staging_bytes;
    ctvk_llmseg_manner ran; /* of the last run: what it has left */
};

/* Every node's weights, packed, to where the graph has them. CTVK_ERROR_HOST_MEMORY where one node's do not fit. */
ctvk_status ctvk_llmseg_upload_weights(ctvk_llmseg *net, const ctvk_safetensors *file, ctvk_error *error);

/* Where a value lies in the arena; buffer NULL for id < 0. */
ctvk_span ctvk_llmseg_span(const ctvk_llmseg *net, int32_t id);
ctvk_tensor ctvk_llmseg_tensor(const ctvk_llmseg *net, int32_t id);

/* Downloads what a node wrote and hands it over as [c][x][y][z], float32. */
ctvk_status ctvk_llmseg_hand_tap(const ctvk_llmseg *net, const ctvk_node *node, const ctvk_llmseg_run *run, ctvk_error *error);

/* The five levels between the arena and `encoded`, in pieces; check is asked between them. */
ctvk_status ctvk_llmseg_encoded_save(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, ctvk_llmseg_encoded *encoded,
                                     ctvk_error *error);
ctvk_status ctvk_llmseg_encoded_load(ctvk_llmseg *net, ctvk_gpu_check_fn check, void *user, const ctvk_llmseg_encoded *encoded,
                                     ctvk_error *error);

/* Bytes of one x plane of a tile: weighted logits and weights. */
uint64_t ctvk_llmseg_tile_plane_bytes(const ctvk_llmseg_desc *desc);
/* How the planes of the window come to the host: the device fills one tile while the host takes the other. */
typedef struct ctvk_llmseg_way {
    int32_t planes; /* at most, of a tile of half the staging */
    /* Planes [first, first + count) into net->tile from `offset` on; out of there, when the device is through. */
    ctvk_status (*fill)(void *user, ctvk_gpu_cmd *cmd, uint64_t offset, int32_t first, int32_t count, ctvk_error *error);
    ctvk_status (*hand)(void *user, uint64_t offset, int32_t first, int32_t count, ctvk_error *error);
    void *user;
} ctvk_llmseg_way;
/* All planes in order, recorded into cmd, which is finished. */
ctvk_status ctvk_llmseg_tiles(const ctvk_llmseg *net, const ctvk_llmseg_way *way, ctvk_gpu_cmd *cmd, ctvk_error *error);
/* The error of logits that are not finite. */
ctvk_status ctvk_llmseg_not_finite(const ctvk_llmseg *net, ctvk_error *error);
/* What each pass over the voxels gives, CTVK_CLASSIFY_*; returns how many there are. */
int ctvk_llmseg_passes(int logits, int probability, int32_t passes[2]);
/* Planes of `in` into net->tile: labels from `offset` on, and behind them the volumes. */
ctvk_status ctvk_llmseg_record_classes(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_classify *op, const ctvk_tensor *in,
                                       int32_t first, int32_t count, uint64_t offset, ctvk_error *error);
/* The volumes behind so many labels at `offset`. */
const float *ctvk_llmseg_volumes_at(const ctvk_llmseg *net, uint64_t offset, uint64_t labels);
/* What makes classes of sums or logits, into a rehearsal. */
ctvk_status ctvk_llmseg_rehearse_classes(const ctvk_llmseg *net, ctvk_gpu_cmd *cmd, const ctvk_llmseg_wanted *wanted, ctvk_error *error);
/* All tiles of the window to run->tile, in order; check is asked between them. Logits that are not finite: CTVK_ERROR_DEVICE. */
ctvk_status ctvk_llmseg_hand_tiles(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_gpu_check_fn check, void *user,
                                   ctvk_error *error);

#endif
