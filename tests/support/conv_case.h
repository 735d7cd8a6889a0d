/* support/conv_case.h - device, guarded tensors and random numbers for the tests of the convolutions. */
#ifndef CTVK_TESTS_CONV_CASE_H
#define CTVK_TESTS_CONV_CASE_H

#include "ops/tensor.h"

#include <stddef.h>

typedef struct conv_device {
    ctvk_gpu_instance *instance;
    ctvk_gpu *gpu;
} conv_device;

/* The first device of the loader with these CTVK_GPU_NO_* bits; prints why and returns 0 where there is none. */
int conv_device_open(conv_device *device, uint32_t disable);
void conv_device_close(conv_device *device);

/* Uniform in [-1, 1), always the same sequence for the same seed. */
float conv_random(uint32_t *state);
float *conv_random_array(size_t count, uint32_t seed);

/* A tensor inside a buffer of its own between two guard bands of 1 KiB that hold a pattern; the tensor itself starts as NaN. */
typedef struct conv_tensor {
    ctvk_tensor tensor;
    int planar;
} conv_tensor;
int conv_tensor_create(ctvk_gpu *gpu, conv_tensor *t, int c, int x, int y, int z, int planar);
/* half: 16 bits a number. What is written should be as it is stored (ref_narrowed), so that a reference reads the same. */
int conv_tensor_create_as(ctvk_gpu *gpu, conv_tensor *t, int half, int c, int x, int y, int z, int planar);
/* Statistics for what was stored with 16 bits a number; dense, [c][voxels], becomes what it stands for. OWNED: free. */
float *conv_stored_stats(float *dense, int c, size_t voxels);
void conv_tensor_destroy(conv_tensor *t);
/* dense: [c][x][y][z]. */
int conv_tensor_write(conv_tensor *t, const float *dense);
int conv_tensor_read(const conv_tensor *t, float *dense);
/* Non-zero where both guard bands still hold their pattern. */
int conv_tensor_guards_hold(const conv_tensor *t);

/* A buffer of `bytes` (at least 256) with the given content (NULL: NaN). */
int conv_span_create(ctvk_gpu *gpu, ctvk_span *span, uint64_t bytes, const void *content);

/* Largest |got - want| over the largest |want|; 1e30 where a number is not finite. */
double conv_worst(const float *got, const double *want, size_t count);

#endif
