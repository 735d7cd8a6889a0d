/* params/conv3d.h - push constants of the convolutions; read by GLSL and by C. Only `int`, 4 bytes in both. */
#ifndef CTVK_PARAMS_CONV3D_H
#define CTVK_PARAMS_CONV3D_H

/* One dispatch computes 24 output channels, several planes, from one run of input channels. Units: vec4 of a blocked tensor,
 * float of a planar one. */
struct ctvk_conv3d_params {
    int in_base;  /* where input plane in_first begins in the binding, plus the first channel group of this dispatch */
    int in_first; /* first input plane that is bound */
    int in_x;     /* extents of the input */
    int in_y;
    int in_z;
    int in_plane; /* from one x plane to the next */
    int in_last;  /* last input plane that is bound */
    int stride;
    int out_base;  /* where output plane out_first begins in the binding, plus the first channel group of this dispatch */
    int out_first; /* first output plane of the dispatch */
    int out_y;
    int out_z;
    int out_plane;
    int out_groups;  /* channel groups to store, 1..6 */
    int lanes;       /* planes * out_y * out_z */
    int accumulate;  /* not 0: add to what is there */
    int address_low; /* device address of the packed weights of this dispatch */
    int address_high;
    int stats; /* of a source in 16 bits a number: of its first channel group of this dispatch */
};

/* One dispatch of conv3d_tiled: all input and output channels, rows from out_row on of planes [out_first, out_end). x of the grid runs over
 * chunks of 24 output channels and, slower, over bricks along z; y over bricks along y, z over bricks along x. Units: vec4. */
struct ctvk_conv3d_tiled_params {
    int base_a; /* where input plane in_first begins in the binding of each source */
    int base_b;
    int plane_a; /* from one x plane of each source to the next */
    int plane_b;
    int units_a; /* channel groups of each source */
    int units_b;
    int in_first; /* first and last input plane that is bound */
    int in_last;
    int in_x; /* extents of the input */
    int in_y;
    int in_z;
    int stride;
    int out_base;  /* where output plane out_first begins in the binding */
    int out_first; /* first output plane of the dispatch */
    int out_end;   /* the one behind its last */
    int out_row;   /* first row of the dispatch */
    int out_y;
    int out_z;
    int out_plane;
    int out_groups; /* channel groups of the output */
    int chunks;     /* of 24 output channels */
};

/* Winograd F(4x4, 3x3) over y and z, three direct taps along x. A block covers some output planes and tile rows; a tile is 4 x 4
 * outputs of one plane, its number in the block t = (tile row - row) * tiles_z + tile column. Scratch, in vec4: transformed input
 * [36][channel group][planes + 2][tile], products [36][channel group][planes][tile]. Both transforms use this struct: `first`, `planes`
 * and `lanes` are those of the scratch side. */
struct ctvk_conv3d_winograd_params {
    int base;        /* where plane `bound_first` begins in the tensor's binding, plus the first channel group */
    int bound_first; /* first and last tensor plane that is bound */
    int bound_last;
    int x; /* extents of the tensor */
    int y;
    int z;
    int plane;  /* vec4 of the tensor from one x plane to the next */
    int first;  /* tensor plane of scratch plane 0; -1: the halo outside the tensor */
    int planes; /* scratch planes */
    int row;    /* first tile row */
    int tiles_z;
    int tiles;         /* of one scratch plane */
    int scratch;       /* scratch vec4 of the first lane */
    int scratch_point; /* scratch vec4 from one transform point to the next */
    int lanes;         /* channel groups * planes * tiles */
    int norm;          /* input, normalised as it is read: vec4 of the statistics of the first channel group */
};

/* One dispatch: `lanes` voxels or tiles, some chunks of 24 output channels, some runs. A run reads 4 units x 3 rows x 3 columns of vec4
 * (or 4 units x 3 columns), the weights likewise, each with 4 x 6 vec4 of weights. Places and strides of the input in vec4. */
struct ctvk_conv3d_product_params {
    int digits[8]; /* 0 .. 7 */
    int in_base;
    int in_third; /* from run r to run r + 3 */
    int in_run;   /* from one run to the next within three */
    int in_unit;
    int in_row;
    int in_column;
    int area; /* lanes of a plane, and of a line within it */
    int line;
    float inverse_area; /* 1 / area; 0: all lanes lie in one line */
    float inverse_line;
    int step_x; /* from one plane, line, lane to the next */
    int step_y;
    int step_z;
    int out_base;
    int out_run;
    int out_group;
    int out_groups; /* channel groups from the first chunk of the dispatch on */
    int lanes;
    int accumulate;
    int address_low; /* weights of the first chunk and run */
    int address_high;
    int weights_chunk; /* bytes from one chunk, and from one run, to the next */
    int weights_run;
};

/* Planes [first, first + planes) of a tensor between zeros, into [unit][plane][rows][columns]. */
struct ctvk_conv3d_pad_params {
    int base;        /* where plane bound_first begins in the binding */
    int bound_first; /* first and last tensor plane that is bound */
    int bound_last;
    int x; /* extents of the tensor */
    int y;
    int z;
    int plane; /* vec4 of the tensor from one x plane to the next */
    int first; /* tensor plane of scratch plane 0; may lie outside */
    int rows;  /* of a padded plane, from tensor row -1 on */
    int columns;
    int to; /* vec4: where the first unit goes */
};

struct ctvk_conv3d_sum_params {
    int base; /* where the block's first plane begins in the binding */
    int plane;
    int area;  /* voxels of a plane */
    int lanes; /* voxels of the block */
    int run;   /* vec4 from one run to the next */
    int runs;
    int accumulate;
};

#endif
