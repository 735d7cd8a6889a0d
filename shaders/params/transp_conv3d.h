/* params/transp_conv3d.h - push constants of the transposed convolution; read by GLSL and by C. Only `int`, 4 bytes in both. */
#ifndef CTVK_PARAMS_TRANSP_CONV3D_H
#define CTVK_PARAMS_TRANSP_CONV3D_H

/* One dispatch: one run of input channels into 24 sums of each input voxel. Blocked output: 3 channel groups at the two voxels along z
 * of one (x, y) corner. Planar output: 3 channels at all 8 corners. Labels: of these 3 channels the number of the largest, the lowest of
 * equal ones, four bits for each corner; a word for each input voxel. Probabilities: these words, and where the planar output has its place
 * the softmax of the channels. */
#define CTVK_LABEL_CLASSES 3
#define CTVK_LABEL_BIT(x, y, z) (16 * (x) + 8 * (y) + 4 * (z))
#define CTVK_LABEL_NOT_FINITE 15               /* a logit is none */
#define CTVK_LABEL_NOT_FINITE_BITS 0x88888888u /* which no label has */

struct ctvk_transp_conv3d_params {
    int in_base; /* vec4: first plane in its binding plus the first channel group */
    int in_plane;
    int in_y;
    int in_z;
    int out_base;  /* vec4 (float where planar): first plane in its binding plus the first channel group (channel) */
    int out_plane; /* of one output plane */
    int out_count; /* channel groups (channels, classes) to store, 1..3 */
    int corner_x;  /* 0 or 1 (blocked) */
    int corner_y;
    int lanes; /* planes * in_y * in_z */
    int accumulate;
    int address_low;
    int address_high;
    int norm_low; /* address of the statistics of the first channel group, where the input is normalised as it is read */
    int norm_high;
    int word_base; /* words of labels: first plane in its binding */
};

#endif
