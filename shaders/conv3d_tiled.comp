// 3x3x3 (pad 1) or 1x1x1 convolution for GPUs, all input channels in one dispatch. A workgroup has a brick of voxels, 64 over y and z times
// PLANES along x, and 24 output channels. Channel group by channel group the input comes into shared memory once, with its halo; every lane
// multiplies the taps of its voxels there by weights that are the same for all lanes; sums stay in registers until they are whole.
// A kernel of 1 has no halo: each lane reads its own voxels. _half: the second source in 16 bits a number.
// _norm: the one source is normalised and activated as it comes into shared memory, with the numbers that instance_norm_apply would leave.
// _stats: each workgroup leaves the statistics of its brick's voxels as they are stored, one part for each brick of the tensor.
// variant: conv3d_tiled_k3 -DKERNEL=3 -DSTRIDE=1 -DPLANES=2
// variant: conv3d_tiled_k3_stats -DKERNEL=3 -DSTRIDE=1 -DPLANES=2 -DSTATS
// variant: conv3d_tiled_k3_norm -DKERNEL=3 -DSTRIDE=1 -DPLANES=2 -DNORM
// variant: conv3d_tiled_k3_norm_stats -DKERNEL=3 -DSTRIDE=1 -DPLANES=2 -DNORM -DSTATS
// variant: conv3d_tiled_k3_half -DKERNEL=3 -DSTRIDE=1 -DPLANES=2 -DHALF
// variant: conv3d_tiled_k3_half_stats -DKERNEL=3 -DSTRIDE=1 -DPLANES=2 -DHALF -DSTATS
// variant: conv3d_tiled_k3_stride2 -DKERNEL=3 -DSTRIDE=2 -DPLANES=1
// variant: conv3d_tiled_k3_stride2_stats -DKERNEL=3 -DSTRIDE=2 -DPLANES=1 -DSTATS
// variant: conv3d_tiled_k1 -DKERNEL=1 -DPLANES=2
// variant: conv3d_tiled_k1_stats -DKERNEL=1 -DPLANES=2 -DSTATS
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params/conv3d.h"
#include "common/activation.glsl"
#include "common/norm.glsl"

#define LANES 64
// Behind all others.
#ifdef STATS
#define STATS_BINDING 5
#else
#define STATS_BINDING 4
#endif
layout(local_size_x = LANES) in;
// Lanes along z, 8 or 4; the others along y.
layout(constant_id = 0) const int COLUMNS = 8;
const int ROWS = LANES / COLUMNS;
// Packed as for the direct kernels: units padded to 256 bytes.
#define TAP_WEIGHTS 24
#define UNIT_STRIDE ((KERNEL * KERNEL * KERNEL * TAP_WEIGHTS + 15) / 16 * 16)

layout(push_constant) uniform push_block
{
    ctvk_conv3d_tiled_params p;
};
layout(std430, set = 0, binding = 0) readonly restrict buffer source_a_block
{
    vec4 source_a[];
};
#ifdef NORM
layout(std430, set = 0, binding = 1) readonly restrict buffer norm_block
{
    vec4 norm[]; // mean and scale of each channel group
};
#define READ(v) normalised(v, norm[2 * unit], norm[2 * unit + 1])
#else
layout(std430, set = 0, binding = 1) readonly restrict buffer source_b_block
{
    ACTIVATION source_b[];
};
#ifdef HALF
layout(constant_id = 1) const int SECOND = 2; // vec4 of the second source's statistics
layout(std140, set = 0, binding = STATS_BINDING) uniform second_block
{
    vec4 second_stats[SECOND]; // mean and scale of each channel group
};
vec4 read_of(vec4 v, int group)
{
    return v;
}
vec4 read_of(uvec2 v, int group)
{
    return restored(wide_of(v), second_stats[2 * group], second_stats[2 * group + 1]);
}
#define READ(v) read_of(v, unit - p.units_a)
#else
#define READ(v) v
#endif
#endif
layout(std430, set = 0, binding = 2) writeonly restrict buffer target_block
{
    vec4 target[];
};
layout(std430, set = 0, binding = 3) readonly restrict buffer weight_block
{
    vec4 weights[];
};

// One weight of four output channels is loaded for all voxels of the lane: of the first, a, and of the one behind it along x, b.
#if PLANES == 2
#define ADD(o, factor, c)                      \
    a##o = fma(factor, vec4(in_a.c), a##o);    \
    b##o = fma(factor, vec4(in_b.c), b##o);
#else
#define ADD(o, factor, c) a##o = fma(factor, vec4(in_a.c), a##o);
#endif
#define MAC(o, k, c)                           \
    {                                          \
        vec4 factor = weights[weight + k + o]; \
        ADD(o, factor, c)                      \
    }
#define MAC_CHANNEL(k, c) MAC(0, (k), c) MAC(1, (k), c) MAC(2, (k), c) MAC(3, (k), c) MAC(4, (k), c) MAC(5, (k), c)
#define MAC_TAP(k) MAC_CHANNEL(k, x) MAC_CHANNEL((k) + 6, y) MAC_CHANNEL((k) + 12, z) MAC_CHANNEL((k) + 18, w)

// Where an input plane begins, from the binding's channel group 0 on. Planes are clamped to those that are bound.
int plane_at(int x, int plane)
{
    return (clamp(x, p.in_first, p.in_last) - p.in_first) * plane;
}

#if KERNEL == 3
// Taps along x whose planes are in shared memory at a time, and how often each lane fetches for one plane. With a stride of 2 a plane of the
// tile has four times the voxels, and all three at a time would leave room for few workgroups.
#if STRIDE == 1
#define TAPS_X 3
#define FETCHES 2
#define TILE 452
#else
#define TAPS_X 1
#define FETCHES 5
#define TILE 320
#endif
#define STAGED ((PLANES - 1) * STRIDE + TAPS_X)
const int TILE_ROWS = (ROWS - 1) * STRIDE + 3;
const int TILE_COLUMNS = (COLUMNS - 1) * STRIDE + 3;
const int TILE_PLANE = TILE_ROWS * TILE_COLUMNS;
// The last fetch of a plane has lanes too many, which write behind the planes. TILE: STAGED planes and those, of 8 columns and of 4.
shared vec4 tile[TILE];

// A lane's i-th element of every plane: where it lies in the plane of a channel group, -1: outside of the tensor.
int element_at(int element, int first_y, int first_z)
{
    int row = element / TILE_COLUMNS, y = first_y + row, z = first_z + element - row * TILE_COLUMNS;
    bool inside_y = uint(y) < uint(p.in_y), inside_z = uint(z) < uint(p.in_z);
    return inside_y && inside_z ? y * p.in_z + z : -1;
}
#define ELEMENT(i) int at##i = element_at(lane + i * LANES, y * STRIDE - 1, z * STRIDE - 1);
#define FETCH(source, i)                                                                    \
    {                                                                                       \
        vec4 v = READ(source[from + max(at##i, 0)]);                                        \
        int element = lane + i * LANES;                                                     \
        int to = (element < TILE_PLANE ? s : STAGED - 1) * TILE_PLANE + element;            \
        bool within = at##i >= 0;                                                           \
        tile[to] = inside && within ? v : vec4(0.0);                                        \
    }
#if FETCHES == 2
#define ELEMENTS ELEMENT(0) ELEMENT(1)
#define FETCH_PLANE(source) FETCH(source, 0) FETCH(source, 1)
#else
#define ELEMENTS ELEMENT(0) ELEMENT(1) ELEMENT(2) ELEMENT(3) ELEMENT(4)
#define FETCH_PLANE(source) FETCH(source, 0) FETCH(source, 1) FETCH(source, 2) FETCH(source, 3) FETCH(source, 4)
#endif
#define FETCH_TILE(source)                                     \
    for (int s = 0; s < STAGED; s++) {                         \
        int plane_x = x * STRIDE - 1 + tap_x + s;              \
        int from = group + plane_at(plane_x, plane);           \
        bool inside = uint(plane_x) < uint(p.in_x);            \
        FETCH_PLANE(source)                                    \
    }

#if PLANES == 2
#define TILE_VALUES(at) vec4 in_a = tile[at], in_b = tile[at + STRIDE * TILE_PLANE];
#else
#define TILE_VALUES(at) vec4 in_a = tile[at];
#endif
#define TAP(j, k)                                    \
    {                                                \
        TILE_VALUES(corner + j * TILE_COLUMNS + k)   \
        MAC_TAP(((j) * 3 + (k)) * TAP_WEIGHTS)       \
    }
#define TAP_PLANE TAP(0, 0) TAP(0, 1) TAP(0, 2) TAP(1, 0) TAP(1, 1) TAP(1, 2) TAP(2, 0) TAP(2, 1) TAP(2, 2)
#endif

#ifdef STATS
#define PART_BINDING 4
#if KERNEL == 3
#define LANE_SUMS tile
#endif
#include "common/parts.glsl"

// Of the lane's two voxels, those that lie in the tensor.
#define SUM_OF(o) (here_a ? a##o : vec4(0.0)) + (here_b ? b##o : vec4(0.0))
vec4 squares_of(vec4 a, bool here_a, vec4 b, bool here_b, vec4 mean)
{
    vec4 off_a = here_a ? a - mean : vec4(0.0), off_b = here_b ? b - mean : vec4(0.0);
    return fma(off_a, off_a, off_b * off_b);
}
#define SQUARES_OF(o) squares_of(a##o, here_a, b##o, here_b, mean##o)
#define LEAVE(o)                                                                          \
    if (lane == 0 && o < left) {                                                          \
        leave_part(part, p.out_groups, chunk * 6 + o, mean##o, m2##o, count);             \
    }
#define STATS_OF(i, j, k)                                                                 \
    {                                                                                     \
        vec4 mean##i = SUM_OF(i), mean##j = SUM_OF(j), mean##k = SUM_OF(k);               \
        sum_lanes(lane, mean##i, mean##j, mean##k);                                       \
        mean##i *= 1.0 / count, mean##j *= 1.0 / count, mean##k *= 1.0 / count;           \
        vec4 m2##i = SQUARES_OF(i), m2##j = SQUARES_OF(j), m2##k = SQUARES_OF(k);         \
        sum_lanes(lane, m2##i, m2##j, m2##k);                                             \
        LEAVE(i) LEAVE(j) LEAVE(k)                                                        \
    }
#endif

#define SUM(o) vec4 a##o = vec4(0.0), b##o = vec4(0.0);
#define STORE(s, o)                                     \
    if (o < left) {                                     \
        target[to + o * out_group] = s##o;              \
    }
#define STORE_VOXEL(s) STORE(s, 0) STORE(s, 1) STORE(s, 2) STORE(s, 3) STORE(s, 4) STORE(s, 5)

void main()
{
    int lane = int(gl_LocalInvocationID.x), row = lane / COLUMNS, column = lane - row * COLUMNS;
    int brick_z = int(gl_WorkGroupID.x) / p.chunks, chunk = int(gl_WorkGroupID.x) - brick_z * p.chunks;
    // The brick's first voxel.
    int x = p.out_first + int(gl_WorkGroupID.z) * PLANES, y = p.out_row + int(gl_WorkGroupID.y) * ROWS, z = brick_z * COLUMNS;
    int units = p.units_a + p.units_b, area = p.in_y * p.in_z, weight = chunk * units * UNIT_STRIDE;
    SUM(0) SUM(1) SUM(2) SUM(3) SUM(4) SUM(5)
#if KERNEL == 3
    ELEMENTS
    int first_corner = row * STRIDE * TILE_COLUMNS + column * STRIDE;
#else
    int at = min(y + row, p.out_y - 1) * p.stride * p.in_z + min(z + column, p.out_z - 1) * p.stride;
#endif
    for (int unit = 0; unit < units; unit++) {
        bool second = unit >= p.units_a;
        int plane = second ? p.plane_b : p.plane_a;
        int group = second ? p.base_b + (unit - p.units_a) * area : p.base_a + unit * area;
#if KERNEL == 3
        for (int tap_x = 0; tap_x < 3; tap_x += TAPS_X) {
            barrier();
#ifdef NORM
            FETCH_TILE(source_a)
#else
            if (second) {
                FETCH_TILE(source_b)
            } else {
                FETCH_TILE(source_a)
            }
#endif
            barrier();
            for (int tap = 0, corner = first_corner; tap < TAPS_X; tap++, corner += TILE_PLANE) {
                TAP_PLANE
                weight += 9 * TAP_WEIGHTS;
            }
        }
        weight += UNIT_STRIDE - 27 * TAP_WEIGHTS;
#else
        int from_a = at + group + plane_at(x * p.stride, plane), from_b = at + group + plane_at((x + 1) * p.stride, plane);
        vec4 in_a, in_b;
        if (second) {
            in_a = source_b[from_a];
            in_b = source_b[from_b];
        } else {
            in_a = source_a[from_a];
            in_b = source_a[from_b];
        }
        MAC_TAP(0)
        weight += UNIT_STRIDE;
#endif
    }
    int out_group = p.out_y * p.out_z, left = p.out_groups - chunk * 6;
    int to = p.out_base + (x - p.out_first) * p.out_plane + (chunk * 6 * p.out_y + y + row) * p.out_z + z + column;
    bool here_a = y + row < p.out_y && z + column < p.out_z, here_b = PLANES == 2 && here_a && x + 1 < p.out_end;
    if (here_a) {
        STORE_VOXEL(a)
    }
    if (here_b) {
        to += p.out_plane;
        STORE_VOXEL(b)
    }
#ifdef STATS
    int bricks_y = (p.out_y + ROWS - 1) / ROWS, bricks_z = (p.out_z + COLUMNS - 1) / COLUMNS;
    int part = (x / PLANES * bricks_y + y / ROWS) * bricks_z + brick_z;
    float count = float(min(PLANES, p.out_end - x) * min(ROWS, p.out_y - y) * min(COLUMNS, p.out_z - z));
    barrier(); // the tile was read
    STATS_OF(0, 1, 2)
    if (left > 3) {
        STATS_OF(3, 4, 5)
    }
#endif
}
