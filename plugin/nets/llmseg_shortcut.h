/* nets/llmseg_shortcut.h - the shortcut of the first block without a tensor of its size: some planes at a time, computed once for their
 * statistics and once more where they are added. Bit for bit what the three operations give. */
#ifndef CTVK_NETS_LLMSEG_SHORTCUT_H
#define CTVK_NETS_LLMSEG_SHORTCUT_H

#include "nets/graph.h"

/* Scratch for a shortcut of the extents of `out`. */
uint64_t ctvk_llmseg_shortcut_bytes(const ctvk_value *out);

typedef struct ctvk_llmseg_shortcut {
    const ctvk_conv3d *conv;     /* kernel 1, stride 2, planar */
    const ctvk_tensor *in, *out; /* out = lrelu(IN(out) + IN(conv(in))), in place */
    const ctvk_span *stats;      /* of out, there already */
    const ctvk_span *shortcut_stats, *weights, *scratch;
} ctvk_llmseg_shortcut;
ctvk_status ctvk_llmseg_shortcut_record(ctvk_gpu_cmd *cmd, ctvk_gpu *gpu, const ctvk_llmseg_shortcut *job, ctvk_error *error);

#endif
