/* params/chunk.h - how a pass over all voxels is cut into chunks; read by GLSL and by C. Only `int`, 4 bytes in both.
 *
 * A run is some whole x planes; a chunk is one of the equal parts of a run. The cut depends on the tensor and the device's fixed limits
 * only, never on measured times, so that sums over chunks come out the same in every run. */
#ifndef CTVK_PARAMS_CHUNK_H
#define CTVK_PARAMS_CHUNK_H

/* GLSL names a struct type without the word. */
#ifdef VULKAN
#define CTVK_CHUNK_PARAMS ctvk_chunk_params
#else
#define CTVK_CHUNK_PARAMS struct ctvk_chunk_params
#endif

struct ctvk_chunk_params {
    int base;        /* vec4: where the first bound plane begins in its binding */
    int plane;       /* vec4 from one x plane to the next */
    int area;        /* voxels of one plane */
    int planes;      /* bound planes */
    int run_planes;  /* planes of a run (the last one may have fewer) */
    int parts;       /* chunks of a run */
    int part_voxels; /* voxels of a chunk (the last one of a run may have fewer) */
    int first;       /* number of the first chunk of this dispatch among all of the tensor */
};

#endif
