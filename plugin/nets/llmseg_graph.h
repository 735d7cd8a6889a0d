/* nets/llmseg_graph.h - the network's nodes in calling order, for one window on one device. */
#ifndef CTVK_NETS_LLMSEG_GRAPH_H
#define CTVK_NETS_LLMSEG_GRAPH_H

#include "nets/graph.h"
#include "nets/llmseg.h"

typedef struct ctvk_llmseg_graph {
    ctvk_graph graph;
    int32_t input;  /* planar [x][in_channels][y][z], written by the host */
    int32_t text;   /* [P][D], written by the host; -1 for a vision-only model */
    int32_t logits; /* planar [x][out_channels][y][z] */
    /* What becomes of them. words: labels (ops/transp_conv3d.h), where a run asks for no logits; -1: the last layer cannot make them.
     * not_finite: the uint32 of ops/classify.h. */
    int32_t words, not_finite;
    double work; /* multiply-adds of all convolutions: what progress is measured against */
    /* The encoder is the nodes before encoder_nodes; of what they write the rest reads these levels alone, and no text has touched them. */
    int32_t encoder_nodes, level[CTVK_LLMSEG_LEVELS];
    double encoder_work;
} ctvk_llmseg_graph;

/* Packed weight sizes and scratch depend on the variants that the device takes; hence the gpu. */
ctvk_status ctvk_llmseg_graph_build(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, ctvk_llmseg_graph *out, ctvk_error *error);

/* The convolutions of one window, each shape once, in their order. */
typedef struct ctvk_llmseg_convolution {
    ctvk_conv3d conv;
    int32_t x, y, z; /* of the output */
    int32_t times;
} ctvk_llmseg_convolution;
enum { CTVK_LLMSEG_CONVOLUTIONS = 32 };
/* Returns how many; at most CTVK_LLMSEG_CONVOLUTIONS, of which a network of five levels has no more. */
int32_t ctvk_llmseg_convolutions(const ctvk_llmseg_graph *net, ctvk_llmseg_convolution out[CTVK_LLMSEG_CONVOLUTIONS]);

#endif
