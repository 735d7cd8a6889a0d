/* api/result.h - what a result holds. */
#ifndef CTVK_API_RESULT_H
#define CTVK_API_RESULT_H

#include "api/api.h"

enum { CTVK_MAX_WARNINGS = 64 };

typedef struct ctvk_result_label {
    int32_t value;
    char name[64];
    uint64_t voxels;
    double volume_ml;
} ctvk_result_label;

struct ctvk_result {
    ctvk_host host;
    int32_t classes;
    int64_t dim[3], logits_dim[3], windows;
    uint8_t *labels;    /* [z][y][x] */
    float *probability; /* [class][z][y][x]; NULL: not asked for */
    float *logits;      /* [class][x][y][z]; NULL: not asked for */
    float *embedding;   /* NULL: none */
    int32_t prompts, text_dim;
    int32_t label_count;
    ctvk_result_label *label;
    int32_t warning_count;
    char warning[CTVK_MAX_WARNINGS][256];
    char *report, *label_json;
};

void ctvk_result_free(ctvk_result *result);
/* Logged too. Beyond CTVK_MAX_WARNINGS only logged. */
void ctvk_result_warn(ctvk_result *result, const char *format, ...) CTVK_PRINTF(2, 3);
/* Voxels and volumes of every label, and warnings about an empty or implausible label map. */
ctvk_status ctvk_result_measure(ctvk_result *result, const ctvk_manifest *manifest, double voxel_mm3, ctvk_error *error);

#endif
