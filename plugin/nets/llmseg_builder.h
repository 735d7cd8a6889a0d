/* nets/llmseg_builder.h - what the network's graph is put together from: llmseg_builder.c has the operations, llmseg_lean.c the finest
 * level where its memory counts, llmseg_graph.c the network. For those three files.
 *
 * Numbers of values come back. Where a table of the graph overflows `full` is set; a tensor's number can then still be named, a span's is
 * -1, so that nobody has to ask before the end who does not look at the values of spans. */
#ifndef CTVK_NETS_LLMSEG_BUILDER_H
#define CTVK_NETS_LLMSEG_BUILDER_H

#include "nets/llmseg_graph.h"

/* Tensors of the finest level where their memory counts. */
typedef struct ctvk_llmseg_lean {
    int32_t skip, encoded, encoding, out, h, u, coarse;
    int32_t stats; /* with which the skip connection is stored */
} ctvk_llmseg_lean;

typedef struct ctvk_llmseg_builder {
    const ctvk_gpu *gpu;
    const ctvk_llmseg_desc *desc;
    ctvk_llmseg_graph *net;
    int full;              /* a table overflowed */
    ctvk_llmseg_lean lean; /* where desc->half */
} ctvk_llmseg_builder;

ctvk_value *ctvk_build_value(ctvk_llmseg_builder *b, int32_t id);
/* half: 16 bits a number. */
int32_t ctvk_build_tensor(ctvk_llmseg_builder *b, int32_t half, int32_t c, const int32_t extent[3]);
/* -1 for no bytes. */
int32_t ctvk_build_span(ctvk_llmseg_builder *b, uint64_t bytes);
/* The name of the last node. */
void ctvk_build_tap(ctvk_llmseg_builder *b, const char *name);

/* Statistics of a tensor, by a node of their own. */
int32_t ctvk_build_stats(ctvk_llmseg_builder *b, int32_t in);
/* in_b < 0: one source. norm: statistics of `in`, which is normalised as it is read, or those that in_b is stored with, or -1.
 * Returns the statistics of out: taken as it is written where the variant can, else by a node of their own. */
int32_t ctvk_build_conv_to(ctvk_llmseg_builder *b, const char *block, const char *name, int32_t in, int32_t in_b, int32_t norm, int32_t out,
                           int32_t kernel, int32_t stride);
/* out = conv2 of lrelu(IN(in)), norm the statistics of in: normalised as it is read where the variant can, else in place before. Returns
 * the statistics of out. */
int32_t ctvk_build_second_conv(ctvk_llmseg_builder *b, const char *block, int32_t in, int32_t norm, int32_t out);
void ctvk_build_transp_to(ctvk_llmseg_builder *b, const char *name, int32_t in, int32_t out, int planar);
int32_t ctvk_build_transp(ctvk_llmseg_builder *b, const char *name, int32_t in, int32_t channels, int planar);
/* in place: in = lrelu(IN(in) [+ IN(shortcut)]). */
void ctvk_build_apply(ctvk_llmseg_builder *b, int32_t in, int32_t in_stats, int32_t shortcut, int32_t shortcut_stats);
/* in place: out = lrelu(IN(out) + IN(conv3 of the network's input)). */
void ctvk_build_planar_shortcut(ctvk_llmseg_builder *b, const char *block, int32_t in, int32_t out, int32_t out_stats);
/* conv1, norm, conv2, norm, with the shortcut through conv3 where the block is residual (model.md, "Encoder", "Decoder"). out: its output,
 * or -1 for a tensor of its own. Returns it. */
int32_t ctvk_build_block(ctvk_llmseg_builder *b, const char *name, int32_t in, int32_t in_b, int32_t channels, int32_t stride, int residual,
                         int32_t out);
/* out = in in 16 bits a number, as deviations from the mean in norm. */
void ctvk_build_narrow(ctvk_llmseg_builder *b, int32_t in, int32_t norm, int32_t out);
/* in place: the image of this level, aligned with the text. */
void ctvk_build_align(ctvk_llmseg_builder *b, int32_t level, int32_t image);

/* The largest tensors, of the finest level, where their memory counts: all lie over the skip connection, which has 16 bits a number, and
 * each operation writes over what it reads, some planes behind that. Of the encoder: the skip connection over its block's output, and this
 * over what is between its convolutions. Of the decoder the same upwards from the skip connection's end, where the last level, u and h go
 * one over the other; when both are read, the output goes over them from the very beginning. */
void ctvk_lean_lay_out(ctvk_llmseg_builder *b);
/* As ctvk_build_block for the finest level of the encoder, and of the decoder from u and the skip connection. Both return the output. */
int32_t ctvk_lean_encoder(ctvk_llmseg_builder *b, const char *name, int32_t in);
int32_t ctvk_lean_decoder(ctvk_llmseg_builder *b, const char *name);

#endif
