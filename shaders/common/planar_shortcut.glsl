// The 1x1x1 convolution of stride 2 of a planar tensor, bound at PLANAR_BINDING with its weights behind it. A lane reads the numbers of some
// voxels once and makes all channels of them.
layout(constant_id = 0) const int CHANNELS = 1; // of the tensor
layout(std430, set = 0, binding = PLANAR_BINDING) readonly buffer planar_block
{
    float planar[];
};
layout(std430, set = 0, binding = PLANAR_BINDING + 1) readonly buffer planar_weight_block
{
    vec4 planar_weights[]; // [channel group][channel of the tensor]
};

// Float of channel 0 under voxel `rest` of a plane that begins at `plane`. For planes of up to 2^21 voxels, where half a voxel is more than
// what the product is rounded by.
int planar_place(ctvk_planar_shortcut_params s, int plane, int rest)
{
    int y = int((float(rest) + 0.5) * s.inverse_line);
    return plane + 2 * (y * s.row + rest - y * s.line);
}

// Numbers x[first ...] of one voxel times weights w[from ...].
#define PLANAR_PRODUCT(out, w, from, x, first)                                      \
    vec4 out = w[from] * x[first];                                                  \
    [[unroll]] for (int k = 1; k < CHANNELS; k++) {                                 \
        out = fma(w[(from) + k], vec4(x[(first) + k]), out);                        \
    }
