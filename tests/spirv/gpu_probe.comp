// One binding of every kind, push constants and specialisation constants: what tests/ops/test_gpu_*.c check the GPU room with.
// out[i] = source[i] * scale + bias[i % 4] + table[i % 16] + ADD. WORDS: a table of two words an element, of which the second counts.
#version 450
layout(local_size_x_id = 0, local_size_y = 1, local_size_z = 1) in;
layout(constant_id = 1) const uint ADD = 1;
layout(push_constant) uniform push_block
{
    uint count;
    uint scale;
    uint unused[2];
};
layout(std430, set = 0, binding = 0) readonly buffer source_block
{
    uint source[];
};
layout(std140, set = 0, binding = 1) uniform bias_block
{
    uvec4 bias;
};
#ifdef WORDS
layout(set = 0, binding = 2) uniform usamplerBuffer table;
#define ENTRY(i) texelFetch(table, i).y
#else
layout(set = 0, binding = 2) uniform samplerBuffer table;
#define ENTRY(i) uint(texelFetch(table, i).x)
#endif
layout(std430, set = 0, binding = 3) buffer target_block
{
    uint target[];
};

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i < count)
        target[i] = source[i] * scale + bias[i & 3] + ENTRY(int(i & 15)) + ADD;
}
