/* selftest/tiny.h - small models from a seed, as files in memory: the formats' own readers check and open them. */
#ifndef CTVK_SELFTEST_TINY_H
#define CTVK_SELFTEST_TINY_H

#include "nets/llmseg.h"

/* The network's shape: all levels have more than one voxel, and both labels occur. */
enum { CTVK_TINY_TEXT = 64, CTVK_TINY_PROMPTS = 2, CTVK_TINY_TOKENS = 7 };
ctvk_llmseg_desc ctvk_tiny_network(void);

/* The language model: layers, heads of 16 channels, width CTVK_TINY_TEXT. */
enum { CTVK_TINY_LAYERS = 2, CTVK_TINY_HEADS = 4, CTVK_TINY_KV_HEADS = 2, CTVK_TINY_FEED = 128, CTVK_TINY_VOCABULARY = 32 };

/* A whole file in memory. bytes: OWNED (ctvk_free). */
typedef struct ctvk_tiny_file {
    uint8_t *bytes;
    size_t size;
} ctvk_tiny_file;
/* safetensors: every tensor of the network. CTVK_ERROR_HOST_MEMORY. [any thread] */
ctvk_status ctvk_tiny_weights(const ctvk_host *host, const ctvk_llmseg_desc *desc, ctvk_tiny_file *out, ctvk_error *error);
/* GGUF: metadata and float32 tensors. CTVK_ERROR_HOST_MEMORY. [any thread] */
ctvk_status ctvk_tiny_llama(const ctvk_host *host, ctvk_tiny_file *out, ctvk_error *error);

#endif
