/* ops/transp_conv3d_plan.h - inside of the transposed convolution, for its tests: the variant and its limits. */
#ifndef CTVK_OPS_TRANSP_CONV3D_PLAN_H
#define CTVK_OPS_TRANSP_CONV3D_PLAN_H

#include "ops/transp_conv3d.h"

/* Weights lie alike in both variants, so that packing needs no plan. */
typedef struct ctvk_transp_conv3d_plan {
    int32_t address; /* weights by device address and input through a texel buffer (software drivers), else the promised minimum */
    uint64_t source_bytes, target_bytes; /* the most that one binding of a tensor in float32 may hold */
} ctvk_transp_conv3d_plan;

ctvk_transp_conv3d_plan ctvk_transp_conv3d_plan_for(const ctvk_gpu_caps *caps);
int ctvk_transp_conv3d_plan_normalises(const ctvk_transp_conv3d_plan *plan, const ctvk_transp_conv3d *conv);

#endif
