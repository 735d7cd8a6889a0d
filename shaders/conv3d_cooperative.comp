// 3x3x3 (pad 1) or 1x1x1 convolution for GPUs with cooperative matrices, all input channels in one dispatch. A workgroup of four subgroups has
// a brick of voxels of one plane, ROWS along z and 8 along y (4 with a stride of 2), and 48 output channels. DEPTH input channels of one plane
// at a time come into shared memory, with their halo, and the weights of three taps; a row of the brick times these is a product of matrices:
// ROWS voxels by DEPTH channels by COLUMNS output channels. Sums are float32 and stay where they are until they are whole.
// As accurate as float32: the operands are halves, so that each number is split in two of them and what is left out is below 2^-21 of a
// product. _half: the second source in 16 bits a number.
// variant: conv3d_cooperative_16x16x16 -DROWS=16 -DCOLUMNS=16 -DDEPTH=16
// variant: conv3d_cooperative_16x16x16_half -DROWS=16 -DCOLUMNS=16 -DDEPTH=16 -DHALF
// variant: conv3d_cooperative_8x16x16 -DROWS=8 -DCOLUMNS=16 -DDEPTH=16
// variant: conv3d_cooperative_8x16x16_half -DROWS=8 -DCOLUMNS=16 -DDEPTH=16 -DHALF
// variant: conv3d_cooperative_8x8x8 -DROWS=8 -DCOLUMNS=8 -DDEPTH=8
// variant: conv3d_cooperative_8x8x8_half -DROWS=8 -DCOLUMNS=8 -DDEPTH=8 -DHALF
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common/cooperative.glsl"
#include "params/conv3d.h"
#include "common/activation.glsl"

layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
// Four subgroups of the size that the device reports.
layout(constant_id = 2) const int LANES = 128;
layout(local_size_x = 128, local_size_x_id = 2) in;

layout(push_constant) uniform push_block
{
    ctvk_conv3d_tiled_params p;
};
layout(std430, set = 0, binding = 0) readonly restrict buffer source_a_block
{
    vec4 source_a[];
};
layout(std430, set = 0, binding = 1) readonly restrict buffer source_b_block
{
    ACTIVATION source_b[];
};
layout(std430, set = 0, binding = 2) writeonly restrict buffer target_block
{
    vec4 target[];
};
layout(std430, set = 0, binding = 3) readonly restrict buffer weight_block
{
    vec4 weights[];
};

#ifdef HALF
layout(constant_id = 3) const int SECOND = 2; // vec4 of the second source's statistics
layout(std140, set = 0, binding = 4) uniform second_block
{
    vec4 second_stats[SECOND]; // mean and scale of each channel group
};
#endif

#define SUBGROUPS 4
#define UNITS (DEPTH / 4)
// Output channels: two chunks of the packed weights.
#define OUT 48
#define PRODUCTS (OUT / COLUMNS)
// Weights are small, and the second half of a small number is subnormal, which a device may flush: they are taken as so many times larger.
#define SCALE 64.0
// Packed as for the direct kernels: units padded to 256 bytes.
const int TAP_WEIGHTS = 24;
const int UNIT_STRIDE = (KERNEL * KERNEL * KERNEL * TAP_WEIGHTS + 15) / 16 * 16;
const int BRICK_ROWS = 8 / STRIDE;
const int LINES = BRICK_ROWS / SUBGROUPS; // of one subgroup
// From one voxel to the next in the tensor, and in the tile.
const int FETCH_STEP = KERNEL == 3 ? 1 : STRIDE;
const int TILE_STEP = KERNEL == 3 ? STRIDE : 1;
const int TILE_ROWS = (BRICK_ROWS - 1) * TILE_STEP + KERNEL;
const int TILE_COLUMNS = (ROWS - 1) * TILE_STEP + KERNEL;
const int TILE = TILE_ROWS * TILE_COLUMNS;
const int TAPS = KERNEL * DEPTH * OUT;
shared float16_t tile_high[TILE * DEPTH];
shared float16_t taps_high[TAPS];
shared float16_t taps_low[TAPS];
shared float16_t tile_low[TILE * DEPTH];
shared float sums_of[SUBGROUPS * ROWS * COLUMNS];

// Channel group `unit` of an input plane: into channels 4 u of the tile. first_y, first_z: of the tile's first voxel.
void fetch(int lane, int x, int unit, int u, int first_y, int first_z)
{
    bool second = unit >= p.units_a, there = unit < p.units_a + p.units_b;
    int plane = second ? p.plane_b : p.plane_a, area = p.in_y * p.in_z;
    int from = (second ? p.base_b + (unit - p.units_a) * area : p.base_a + unit * area) + (x - p.in_first) * plane;
    for (int i = lane; i < TILE; i += LANES) {
        int row = i / TILE_COLUMNS, y = first_y + row * FETCH_STEP, z = first_z + (i - row * TILE_COLUMNS) * FETCH_STEP;
        vec4 v = vec4(0.0);
        if (there && uint(y) < uint(p.in_y) && uint(z) < uint(p.in_z)) {
            int at = from + y * p.in_z + z;
            if (second)
#ifdef HALF
                v = restored(wide_of(source_b[at]), second_stats[2 * (unit - p.units_a)], second_stats[2 * (unit - p.units_a) + 1]);
#else
                v = source_b[at];
#endif
            else
                v = source_a[at];
        }
        f16vec4 high = high_of(v);
        PUT(tile_high, i * DEPTH + u * 4, high)
        f16vec4 low = low_of(v);
        PUT(tile_low, i * DEPTH + u * 4, low)
    }
}

// The weights of KERNEL taps along z from `tap` on: [tap][input channel][output channel].
void fetch_taps(int lane, int first_unit, int tap, int chunk)
{
    int units = p.units_a + p.units_b;
    for (int i = lane; i < TAPS / 4; i += LANES) {
        int row = i / (OUT / 4), group = i - row * (OUT / 4), k = row / DEPTH, channel = row - k * DEPTH;
        int unit = first_unit + channel / 4, of = chunk + group / 6;
        vec4 v = vec4(0.0);
        if (unit < units && of < p.chunks)
            v = SCALE * weights[(of * units + unit) * UNIT_STRIDE + (tap + k) * TAP_WEIGHTS + channel % 4 * 6 + group % 6];
        f16vec4 high = high_of(v), low = low_of(v);
        PUT(taps_high, i * 4, high)
        PUT(taps_low, i * 4, low)
    }
}

void main()
{
    if (gl_NumSubgroups != SUBGROUPS) // of another size than was said: nothing is written, which the self-test sees
        return;
    int lane = int(gl_LocalInvocationID.x), line = int(gl_SubgroupID), units = p.units_a + p.units_b, pairs = (p.chunks + 1) / 2;
    int brick_z = int(gl_WorkGroupID.x) / pairs, chunk = 2 * (int(gl_WorkGroupID.x) - brick_z * pairs);
    // The brick's first voxel, the tile's, and the channel groups that there are.
    int x = p.out_first + int(gl_WorkGroupID.z), y = p.out_row + int(gl_WorkGroupID.y) * BRICK_ROWS, z = brick_z * ROWS;
    int first_y = y * STRIDE - KERNEL / 2, first_z = z * STRIDE - KERNEL / 2, left = p.out_groups - chunk * 6;
    MATRIX_SUM sums[2 * PRODUCTS];
    [[unroll]] for (int i = 0; i < 2 * PRODUCTS; i++)
        sums[i] = matrix_of(0.0);
    for (int unit = 0; unit < units; unit += UNITS) {
        for (int tap_x = 0; tap_x < KERNEL; tap_x++) {
            int plane = x * STRIDE + tap_x - KERNEL / 2;
            if (uint(plane) >= uint(p.in_x)) // zeros, for all lanes
                continue;
            for (int tap_y = 0; tap_y < KERNEL; tap_y++) {
                barrier();
                for (int u = 0; u < UNITS && tap_y == 0; u++)
                    fetch(lane, plane, unit + u, u, first_y, first_z);
                fetch_taps(lane, unit, (tap_x * KERNEL + tap_y) * KERNEL, chunk);
                barrier();
                for (int tap_z = 0; tap_z < KERNEL; tap_z++) {
                    MATRIX_A high[2];
                    MATRIX_A low[2];
                    [[unroll]] for (int t = 0; t < LINES; t++) {
                        int at = (((line + t * SUBGROUPS) * TILE_STEP + tap_y) * TILE_COLUMNS + tap_z) * DEPTH;
                        high[t] = LOAD_A(tile_high[at], TILE_STEP * DEPTH);
                        low[t] = LOAD_A(tile_low[at], TILE_STEP * DEPTH);
                    }
                    [[unroll]] for (int n = 0; n < PRODUCTS; n++) {
                        if (n * COLUMNS < left * 4) {
                            MATRIX_B taps = LOAD_B(taps_high[tap_z * DEPTH * OUT + n * COLUMNS], OUT);
                            MATRIX_B rest = LOAD_B(taps_low[tap_z * DEPTH * OUT + n * COLUMNS], OUT);
                            [[unroll]] for (int t = 0; t < LINES; t++) {
                                sums[n * 2 + t] = multiply_add(low[t], taps, sums[n * 2 + t]);
                                sums[n * 2 + t] = multiply_add(high[t], rest, sums[n * 2 + t]);
                                sums[n * 2 + t] = multiply_add(high[t], taps, sums[n * 2 + t]);
                            }
                        }
                    }
                }
            }
        }
    }
    // A subgroup's matrix goes through shared memory: only the driver knows which lane holds which of its numbers.
    int own = line * ROWS * COLUMNS, out_group = p.out_y * p.out_z;
    [[unroll]] for (int n = 0; n < PRODUCTS; n++) {
        [[unroll]] for (int t = 0; t < LINES; t++) {
            int row = y + line + t * SUBGROUPS;
            int to = p.out_base + (x - p.out_first) * p.out_plane + (chunk * 6 * p.out_y + row) * p.out_z + z;
            STORE_SUM(sums_of[own], sums[n * 2 + t], COLUMNS);
            barrier();
            for (int i = int(gl_SubgroupInvocationID); i < ROWS * COLUMNS / 4; i += LANES / SUBGROUPS) {
                int column = i % ROWS, group = i / ROWS, at = own + column * COLUMNS + group * 4, o = n * (COLUMNS / 4) + group;
                if (row < p.out_y && z + column < p.out_z && o < left) {
                    vec4 sum = vec4(sums_of[at], sums_of[at + 1], sums_of[at + 2], sums_of[at + 3]) / SCALE;
                    target[to + column + o * out_group] = sum;
                }
            }
            barrier();
        }
    }
}
