// What a workgroup leaves of the voxels that it stores, for the instance norm that follows (params/instance_norm.h): count, mean and M2 of each
// channel, in two passes over numbers that it still has, so that the tensor is not read again for its statistics. The workgroup's sums go
// through shared memory in a fixed order. Before the include: LANES, a multiple of 8; PART_BINDING; and LANE_SUMS, where a shared array of
// 3 * LANES + 27 vec4 or more is no longer needed then, which a kernel's barrier must have made sure of.
#ifndef PARTS_GLSL
#define PARTS_GLSL

layout(std430, set = 0, binding = PART_BINDING) writeonly restrict buffer part_block
{
    vec4 parts[];
};

#ifndef LANE_SUMS
#define LANE_SUMS lane_sums
shared vec4 lane_sums[3 * LANES + 27];
#endif

vec4 sum_of(int first, int count, int step)
{
    vec4 sum = LANE_SUMS[first];
    for (int i = 1; i < count; i++) {
        sum += LANE_SUMS[first + i * step];
    }
    return sum;
}

// Each of three numbers becomes its sum over all lanes: by eight lanes of each, then by one. Every lane must come here.
void sum_lanes(int lane, inout vec4 a, inout vec4 b, inout vec4 c)
{
    LANE_SUMS[lane] = a;
    LANE_SUMS[LANES + lane] = b;
    LANE_SUMS[2 * LANES + lane] = c;
    barrier();
    if (lane < 24) {
        LANE_SUMS[3 * LANES + lane] = sum_of(lane / 8 * LANES + lane % 8, LANES / 8, 8);
    }
    barrier();
    if (lane < 3) {
        LANE_SUMS[3 * LANES + 24 + lane] = sum_of(3 * LANES + lane * 8, 8, 1);
    }
    barrier();
    a = LANE_SUMS[3 * LANES + 24];
    b = LANE_SUMS[3 * LANES + 25];
    c = LANE_SUMS[3 * LANES + 26];
}

// Of one channel group of `groups`.
void leave_part(int part, int groups, int group, vec4 mean, vec4 m2, float count)
{
    int to = 2 * groups + (part * groups + group) * 3;
    parts[to] = mean;
    parts[to + 1] = m2;
    parts[to + 2] = vec4(count);
}

#endif
