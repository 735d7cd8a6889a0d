/* params/image_to_token.h - push constants of the image-to-token attention; read by GLSL and by C. */
#ifndef CTVK_PARAMS_IMAGE_TO_TOKEN_H
#define CTVK_PARAMS_IMAGE_TO_TOKEN_H

/* The softmax over P tokens needs the scores up to a constant, and its weights sum to one: everything is taken relative to the last
 * token, so that 8 * (P - 1) pairs are left. The folded block in vec4, pairs numbered h * (P - 1) + p:
 * score vectors [pair][group], value vectors [pair][group], base [group] (the last token's values and the output bias),
 * gamma [group], beta [group] of norm4, then a constant of every pair's score, as floats. */
struct ctvk_image_to_token_params {
    int from;        /* vec4: where the first bound plane begins in its binding (of what is read) */
    int to;          /* same of what is written */
    int plane;       /* vec4 from one x plane to the next */
    int area;        /* voxels of one plane */
    int voxels;      /* of this dispatch */
    int groups;      /* channels / 4 */
    int address_low; /* device address of the folded block */
    int address_high;
};

#endif
