/* formats/manifest.h - ctvk-bundle/1 manifests (contract.md). cJSON is called only in this room. */
#ifndef CTVK_FORMATS_MANIFEST_H
#define CTVK_FORMATS_MANIFEST_H

#include "core/host.h"

#define CTVK_MAX_CLASSES 256
#define CTVK_MAX_FIELDS 16
#define CTVK_MAX_FIELD_VALUES 64
#define CTVK_MAX_FILES 64

typedef struct ctvk_label_def {
    int32_t value;
    char name[64];
    char color[8]; /* "#rrggbb" or "" */
} ctvk_label_def;

typedef struct ctvk_field_def {
    char name[64];
    int32_t count;
    char values[CTVK_MAX_FIELD_VALUES][128];
} ctvk_field_def;

typedef struct ctvk_file_def {
    char name[256];
    char sha256[65];
    int64_t bytes; /* -1: not said */
} ctvk_file_def;

/* A case that the bundle brings along: this image and prompt must give these logits and label counts on every device. */
typedef struct ctvk_selftest_def {
    int32_t present;
    char image[256], expected[256]; /* files of the bundle that `files` lists */
    char prompt[256];               /* cached in the bundle; "" for a vision-only model */
    int32_t stride;                 /* expected holds every stride-th voxel of each axis, the first at stride / 2 */
    double tolerance;               /* largest relative L2 error of the logits */
    int64_t voxels[CTVK_MAX_CLASSES];
} ctvk_selftest_def;

typedef struct ctvk_manifest {
    char name[128], version[64], intended_use[512], license[256], citation[1024];
    /* network */
    char weights[256];
    int32_t in_channels, out_channels, feature_size;
    int32_t has_text, text_dim, prompts;
    int32_t has_encoder;
    char encoder_type[32], encoder_file[256], encoder_sha256[65], soft_prompt[128], segment_token[128];
    int32_t max_tokens;
    int32_t encoder_layers;  /* 0: not said */
    char cache[256];         /* "" : none */
    char text_template[512]; /* "" : none */
    int32_t field_count;
    ctvk_field_def fields[CTVK_MAX_FIELDS];
    /* preprocess */
    char orientation[4]; /* "RAS", "LPS", ... any of the 48 */
    int32_t has_spacing, antialias;
    double spacing_mm[3];
    double window_hu[2], range[2];
    int32_t clip, crop_foreground, pad_to_window, rotate90;
    /* inference */
    int32_t window[3]; /* multiples of 32 */
    double overlap, sigma_scale;
    int32_t gaussian; /* blend: 1 gaussian, 0 constant */
    int32_t label_count;
    ctvk_label_def labels[CTVK_MAX_CLASSES];
    int32_t file_count;
    ctvk_file_def files[CTVK_MAX_FILES];
    ctvk_selftest_def selftest;
    /* unknown keys and other doubts, one line each */
    int32_t warning_count;
    char warnings[32][160];
} ctvk_manifest;

/* json: length bytes, no terminator needed. label: what errors call it ("manifest.json"). Errors name the key's path:
 * "manifest.json: network.feature_size: expected a multiple of 16 from 16 to 512, found \"x\" (...)". CTVK_ERROR_BUNDLE. */
ctvk_status ctvk_manifest_parse(const ctvk_host *host, const char *json, uint64_t length, const char *label, ctvk_manifest *out,
                                ctvk_error *error);

#endif
