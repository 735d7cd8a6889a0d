/* support/transp_case.h - a transposed convolution on a device, for its tests: operands, and what is left of the output. */
#ifndef CTVK_TESTS_TRANSP_CASE_H
#define CTVK_TESTS_TRANSP_CASE_H

#include "ops/transp_conv3d_plan.h"
#include "ref/transp_conv3d.h"
#include "support/ops_case.h"

/* Sums of at most 100 products in float32, over the largest output: about 1e-6 seen. */
#define TRANSP_TOLERANCE 4e-6

typedef struct transp_case {
    const ctvk_transp_conv3d_plan *plan; /* NULL: the door */
    const ctvk_transp_conv3d *conv;
    conv_tensor in, out;
    ctvk_span weights, words;
    int first, count;                          /* planes of in whose labels are wanted */
    conv_tensor soft, classified;              /* probabilities of these planes, of this op and of classify */
    ctvk_span soft_words, classes, not_finite; /* labels beside them, of this op and of classify, which has a word besides */
} transp_case;

static inline ctvk_transp_conv3d_job transp_job_of(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const transp_case *j)
{
    return (ctvk_transp_conv3d_job){.cmd = cmd,
                                    .gpu = gpu,
                                    .plan = j->plan,
                                    .conv = j->conv,
                                    .in = &j->in.tensor,
                                    .weights = &j->weights,
                                    .first = j->first,
                                    .count = j->count};
}

/* The whole output. */
static inline ctvk_status transp_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, void *user, ctvk_error *error)
{
    const transp_case *j = user;
    ctvk_transp_conv3d_job logits = transp_job_of(cmd, gpu, j);
    logits.first = 0, logits.count = j->in.tensor.x, logits.out = &j->out.tensor;
    return ctvk_transp_conv3d_record(&logits, error);
}

#endif
