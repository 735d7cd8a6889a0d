// Adds the runs of the straight-line product and turns them into token rows: a lane has four outputs of four rows.
// variant: quant_linear_sum
// variant: quant_linear_sum_texel -DTEXEL
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/quant_linear.h"

// Off where not needed: on a software driver a load that no lane does costs as much as one that all do.
layout(constant_id = 0) const bool ACCUMULATE = true;
layout(constant_id = 1) const bool ODD = true; // outputs are no multiple of 4
layout(local_size_x = 64) in;
layout(push_constant) uniform push_block
{
    ctvk_quant_linear_sum_params p;
};
#ifdef TEXEL
layout(set = 0, binding = 0) uniform samplerBuffer source;
#define SOURCE(i) texelFetch(source, i)
#else
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    vec4 source[];
};
#define SOURCE(i) source[i]
#endif
layout(std430, set = 0, binding = 1) buffer target_block
{
    vec4 target[];
};

// One row, outputs 4 four .. 4 four + 3, of which the last ones may not be there.
void store(int row, int four, vec4 sum)
{
    if (row >= p.rows) {
        return;
    }
    int to = p.to + row * p.out_stride + four;
    if (!ODD || 4 * four + 3 < p.outs) {
        target[to] = ACCUMULATE ? target[to] + sum : sum;
        return;
    }
    for (int i = 0; 4 * four + i < p.outs; i++) {
        target[to][i] = ACCUMULATE ? target[to][i] + sum[i] : sum[i];
    }
}

void main()
{
    int four = int(gl_GlobalInvocationID.x), group = int(gl_WorkGroupID.y);
    int last = p.outs - 1, from = group * p.outs;
    int o0 = from + min(4 * four, last), o1 = from + min(4 * four + 1, last);
    int o2 = from + min(4 * four + 2, last), o3 = from + min(4 * four + 3, last);
    vec4 a = vec4(0.0), b = vec4(0.0), c = vec4(0.0), d = vec4(0.0);
    for (int run = 0; run < p.runs; run++) {
        int at = run * p.run;
        a += SOURCE(at + o0);
        b += SOURCE(at + o1);
        c += SOURCE(at + o2);
        d += SOURCE(at + o3);
    }
    if (4 * four < p.outs) {
        store(4 * group, four, vec4(a.x, b.x, c.x, d.x));
        store(4 * group + 1, four, vec4(a.y, b.y, c.y, d.y));
        store(4 * group + 2, four, vec4(a.z, b.z, c.z, d.z));
        store(4 * group + 3, four, vec4(a.w, b.w, c.w, d.w));
    }
}
