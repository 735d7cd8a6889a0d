/* ops/tensor.h - where activations lie on the device. READ shaders/README.md for the reasons.
 *
 * Blocked layout: [x][c/4][y][z][4] float32, c a multiple of 4. Element (c, x, y, z) is component c%4 of the vec4 number
 * ((x * (C/4) + c/4) * Y + y) * Z + z. A range of x planes, with all its channels and any halo, is therefore one contiguous range of
 * bytes: this is how an op stays below the device's binding limit and bounds the work of a submission (views below).
 * With 16 bits a number the four channels of a voxel are two words, integers with one exponent (shaders/common/activation.glsl); all else
 * is the same. Planar layout (network input, logits): [x][c][y][z] float32, any c.
 */
#ifndef CTVK_OPS_TENSOR_H
#define CTVK_OPS_TENSOR_H

#include "gpu/gpu.h"

typedef struct ctvk_tensor {
    ctvk_gpu_buffer *buffer;
    uint64_t offset; /* bytes, multiple of 256 */
    int32_t c, x, y, z;
    int32_t half; /* not 0: 16 bits a number, half the memory; blocked tensors only */
} ctvk_tensor;

/* A plain piece of a buffer: weights, token rows, scratch. offset: multiple of 256. */
typedef struct ctvk_span {
    ctvk_gpu_buffer *buffer;
    uint64_t offset, bytes;
} ctvk_span;

/* Bytes of the whole tensor (blocked and planar alike: c*x*y*z*4, or *2). */
uint64_t ctvk_tensor_bytes(const ctvk_tensor *tensor);
uint64_t ctvk_tensor_plane_bytes(const ctvk_tensor *tensor); /* of one x plane with all channels */

/* The binding of x planes [first, first + count): aligned down to caps.storage_alignment; *base is where plane `first` begins in the
 * binding, in units of `unit` bytes (16: vec4, 4: float) of a float32 tensor; with 16 bits a number they are half as long. */
ctvk_gpu_bind ctvk_tensor_bind(const ctvk_tensor *tensor, int32_t first, int32_t count, uint32_t unit, uint32_t *base);
/* For dispatches whose texel buffers hold this tensor: CTVK_GPU_WORD_TEXELS or 0. */
uint32_t ctvk_tensor_texels(const ctvk_tensor *tensor);
ctvk_gpu_bind ctvk_span_bind(const ctvk_span *span);
/* The most planes of a tensor that fit one binding of `limit` bytes (0: not even one). */
int32_t ctvk_tensor_max_planes(const ctvk_tensor *tensor, uint64_t limit);

#endif
