/* selftest/bench.h - what the trials of this room are written with: one buffer for all operands of a case, numbers from a seed, one
 * submission, comparison with double precision. A failure is remembered: what follows it does nothing, and a trial need not ask. */
#ifndef CTVK_SELFTEST_BENCH_H
#define CTVK_SELFTEST_BENCH_H

#include "ops/tensor.h"
#include "selftest/trials.h"

enum { CTVK_BENCH_SPANS = 12, CTVK_BENCH_CHANNELS = 64 };

struct ctvk_trials {
    ctvk_gpu *gpu;
    int32_t full, variants; /* variants: all of the convolution, whatever the planner takes */
    int32_t half;           /* the trial under way is one of 16 bits a number */
    int32_t channels;       /* of the small shapes where a shader is specialised by them: a multiple of 16, at most CTVK_BENCH_CHANNELS */
    ctvk_gpu_check_fn check;
    void *user;
    ctvk_gpu_buffer *device; /* all operands of the case under way */
    uint8_t *mirror;         /* its bytes: before the run what is put, afterwards what was found */
    uint64_t room, used;
    uint64_t begin[CTVK_BENCH_SPANS], end[CTVK_BENCH_SPANS];
    int32_t spans;
    uint8_t *host; /* inputs and answers of the case under way */
    uint64_t host_room, host_used;
    ctvk_gpu_cmd *cmd;
    uint32_t seed; /* next */
    ctvk_trial_result result;
    ctvk_status status;
    ctvk_error *error;
};

/* A new case: everything that the last one took is free again. */
void ctvk_bench_case(ctvk_trials *b);
/* Host memory until the next case, 16-byte aligned; NULL after a failure. */
void *ctvk_bench_take(ctvk_trials *b, uint64_t bytes);
/* Numbers in [-scale, scale). At least one value lies behind every address, so that a failure needs no test. */
float *ctvk_bench_random(ctvk_trials *b, size_t count, double scale);
double *ctvk_bench_doubles(ctvk_trials *b, size_t count);
/* Device operands between guards. content NULL: every float is NaN. */
ctvk_span ctvk_bench_span(ctvk_trials *b, uint64_t bytes, const void *content);
enum { CTVK_BENCH_BLOCKED = 0, CTVK_BENCH_PLANAR = 1, CTVK_BENCH_HALF = 2 /* blocked, 16 bits a number */ };
/* dense: [c][x][y][z], laid out as ops/tensor.h has it; NULL: every number is NaN. With 16 bits a number dense is rounded to what the
 * tensor holds, for the reference. layout: CTVK_BENCH_*. */
ctvk_tensor ctvk_bench_tensor(ctvk_trials *b, int32_t c, int32_t x, int32_t y, int32_t z, int32_t layout, float *dense);
/* Puts the operands on the device and begins to record into b->cmd. 0 after a failure. */
int32_t ctvk_bench_begin(ctvk_trials *b);
/* status: of the recording. Waits and fetches every operand. */
void ctvk_bench_finish(ctvk_trials *b, ctvk_status status);
/* What was found, as floats; never NULL, but without meaning after a failure. */
const float *ctvk_bench_floats(const ctvk_trials *b, const ctvk_span *span);
const float *ctvk_bench_dense(ctvk_trials *b, const ctvk_tensor *tensor, int32_t planar);

/* What an error is measured by. */
enum {
    CTVK_BY_LARGEST = 1, /* the largest |want| */
    CTVK_BY_ONE = 2,     /* max(1, |want|) of each */
    CTVK_BY_SIZE = 3     /* sizes[i] */
};
/* limit: four times that of tests/ops, which say where each comes from: Vulkan lets a GPU's exp, division and square root be off by a few
 * ulp more than those of the software drivers. */
void ctvk_bench_compare(ctvk_trials *b, const float *got, const double *want, size_t count, int by, const double *sizes, double limit);
/* A case that is right or wrong, without a measure. */
void ctvk_bench_require(ctvk_trials *b, int32_t right);

/* Norms (bench_stats.c). [c][voxels] as who normalises what it reads sees it, rounded to float32; after a failure dense. */
const float *ctvk_bench_normalised(ctvk_trials *b, const float *dense, int32_t c, size_t voxels);
/* Statistics of `dense` as instance_norm leaves them, from double: what is wrong then is what reads them. Empty: they are not wanted. */
ctvk_span ctvk_bench_stats(ctvk_trials *b, const float *dense, int32_t c, size_t voxels, int32_t wanted);
/* Any, as instance_norm lays them out: of each four channels the means, of up to `size`, then the scales, 0.5 to 2.5. */
float *ctvk_bench_made_up_stats(ctvk_trials *b, int32_t c, float size);

/* The operations (trial_*.c). */
void ctvk_trial_conv3d(ctvk_trials *b);
void ctvk_trial_transp_conv3d(ctvk_trials *b);
void ctvk_trial_instance_norm(ctvk_trials *b);
void ctvk_trial_narrow(ctvk_trials *b);
void ctvk_trial_linear(ctvk_trials *b);
void ctvk_trial_layer_norm(ctvk_trials *b);
void ctvk_trial_attend(ctvk_trials *b);
void ctvk_trial_fold(ctvk_trials *b);
void ctvk_trial_token_to_image(ctvk_trials *b);
void ctvk_trial_image_to_token(ctvk_trials *b);
void ctvk_trial_blend(ctvk_trials *b);
void ctvk_trial_classify(ctvk_trials *b);
void ctvk_trial_quant_linear(ctvk_trials *b);
void ctvk_trial_rms_norm(ctvk_trials *b);
void ctvk_trial_rope(ctvk_trials *b);
void ctvk_trial_causal_attend(ctvk_trials *b);
void ctvk_trial_swiglu(ctvk_trials *b);

#endif
