/* ctvk/result.h - interface "ctvk.result": what a job found. Everything is VIEW of the result and never changes: [any thread]. */
#ifndef CTVK_RESULT_H
#define CTVK_RESULT_H

#include "ctvk/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_RESULT_NAME "ctvk.result"
#define CTVK_RESULT_VERSION 1

typedef struct ctvk_result ctvk_result;

/* Shapes and counts of a result. */
typedef struct ctvk_result_info {
    uint32_t struct_size;
    uint32_t classes;                          /* of the network, background included */
    int64_t dim[3];                            /* the input's grid */
    int64_t logits_dim[3];                     /* the preprocessed grid x, y, z */
    uint32_t label_count, warning_count;       /* how many label_volume and warning can be asked for */
    uint32_t embedding_prompts, embedding_dim; /* 0: no text was used */
    int64_t windows;                           /* of the network that were run */
} ctvk_result_info;
#define CTVK_RESULT_INFO_INIT                                                      \
    {                                                                              \
        (uint32_t)sizeof(ctvk_result_info), 0, {0, 0, 0}, {0, 0, 0}, 0, 0, 0, 0, 0 \
    }

/* How much of a label there is. */
typedef struct ctvk_label_volume {
    uint32_t struct_size;
    int32_t value;    /* of its voxels in the label map */
    ctvk_text name;   /* VIEW of the result */
    uint64_t voxels;  /* how many hold the value */
    double volume_ml; /* of those voxels */
} ctvk_label_volume;
#define CTVK_LABEL_VOLUME_INIT                                       \
    {                                                                \
        (uint32_t)sizeof(ctvk_label_volume), 0, CTVK_TEXT_INIT, 0, 0 \
    }

typedef struct ctvk_result_api {
    uint32_t struct_size;
    uint32_t reserved;

    void (*destroy)(ctvk_result *result);
    /* The same result from two threads is fine; out's struct_size is set by the host. */
    ctvk_status (*info)(const ctvk_result *result, ctvk_result_info *out);
    /* uint8 on the input's grid, packed, i fastest. Never NULL. */
    const uint8_t *(*labels)(const ctvk_result *result);
    /* The same, written with strides in bytes of the host's choice (any sign). */
    ctvk_status (*copy_labels)(const ctvk_result *result, uint8_t *out, const int64_t stride[3]);
    /* float32 on the input's grid, i fastest, one volume per class; NULL where it was not asked for. */
    const float *(*probability)(const ctvk_result *result);
    /* float32 [classes][x][y][z] (z fastest) on the preprocessed grid; NULL where it was not asked for. */
    const float *(*logits)(const ctvk_result *result);
    /* The text embedding that was used, [embedding_prompts][embedding_dim]; NULL: none. */
    const float *(*embedding)(const ctvk_result *result);
    /* CTVK_ERROR_ARGUMENT: no such index. */
    ctvk_status (*label_volume)(const ctvk_result *result, uint32_t index, ctvk_label_volume *out);
    /* An empty or implausible result, a prompt that was not used, ...; one line each. */
    ctvk_status (*warning)(const ctvk_result *result, uint32_t index, ctvk_text *out);
    /* The provenance record, JSON: bundle, library, device, precision, hashes, memory, seconds, labels, warnings. Neither the prompt
     * nor any path is in it. */
    ctvk_status (*report)(const ctvk_result *result, ctvk_text *out);
    /* {"labels": [{"value", "name", "color"}]}, for a NIfTI extension or a side-car file. */
    ctvk_status (*label_json)(const ctvk_result *result, ctvk_text *out);
} ctvk_result_api;

#ifdef __cplusplus
}
#endif
#endif
