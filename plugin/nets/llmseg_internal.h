/* nets/llmseg_internal.h - what the files of the network share. */
#ifndef CTVK_NETS_LLMSEG_INTERNAL_H
#define CTVK_NETS_LLMSEG_INTERNAL_H

#include "nets/llmseg_graph.h"

struct ctvk_llmseg {
    ctvk_gpu *gpu;
    ctvk_llmseg_desc desc;
    ctvk_llmseg_graph net;
    ctvk_gpu_buffer *weights;
    ctvk_gpu_buffer *arena[CTVK_ARENA_CHUNKS];
    ctvk_gpu_buffer *tile; /* DOWNLOAD: two tiles of blended planes, classified voxels */
    ctvk_gpu_buffer *sums; /* UPLOAD: accumulators to classify */
    uint64_t staging_bytes;
};

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
/* All tiles of the window to run->tile, in order; check is asked between them. Logits that are not finite: CTVK_ERROR_DEVICE. */
ctvk_status ctvk_llmseg_hand_tiles(const ctvk_llmseg *net, const ctvk_llmseg_run *run, ctvk_gpu_check_fn check, void *user,
                                   ctvk_error *error);

#endif
