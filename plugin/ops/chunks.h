/* ops/chunks.h - how passes over all voxels of a blocked tensor are cut (shaders/params/chunk.h). For the ops of this room. */
#ifndef CTVK_OPS_CHUNKS_H
#define CTVK_OPS_CHUNKS_H

#include "ops/tensor.h"
#include "params/chunk.h"

enum { CTVK_MAX_GROUPS = 65535 };

typedef struct ctvk_chunks {
    int32_t run_planes, parts, part_voxels;
    int32_t runs, count; /* of the whole tensor */
} ctvk_chunks;

/* Chunks of about `wanted` voxels. Depends on its arguments only. wanted > 0. */
ctvk_chunks ctvk_chunks_cut(int32_t c, int32_t x, int32_t y, int32_t z, int32_t wanted);
/* The most runs that one dispatch should take: binding range, workgroups, work per voxel. 0: not even one fits a binding. */
int32_t ctvk_chunks_runs_per_dispatch(const ctvk_chunks *chunks, const ctvk_gpu_cmd *cmd, const ctvk_tensor *tensor, uint64_t range,
                                      double work_per_voxel);
/* Runs [first, first + count): binding, parameters, and the number of chunks (workgroups) of them. */
ctvk_gpu_bind ctvk_chunks_bind(const ctvk_chunks *chunks, const ctvk_tensor *tensor, int32_t first, int32_t count,
                               struct ctvk_chunk_params *params, uint32_t *groups);
/* The most planes that one pointwise dispatch should take, as above. */
int32_t ctvk_planes_per_dispatch(const ctvk_gpu_cmd *cmd, const ctvk_tensor *tensor, uint64_t range, double work_per_voxel,
                                 int32_t voxels_per_group);

/* Whether loads go through texel buffers (software drivers: a quarter of the time of storage loads), and the range of a binding. */
int ctvk_prefers_texel(const ctvk_gpu_caps *caps);
uint64_t ctvk_source_range(const ctvk_gpu_caps *caps, int texel);

#endif
