/* ctvk/bundle.h - interface "ctvk.bundle": a model bundle (folder with manifest.json), what it holds and what it needs. */
#ifndef CTVK_BUNDLE_H
#define CTVK_BUNDLE_H

#include "ctvk/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_BUNDLE_NAME "ctvk.bundle"
#define CTVK_BUNDLE_VERSION 1

typedef struct ctvk_bundle ctvk_bundle;

/* Filled by the library; texts are VIEW of the bundle. */
typedef struct ctvk_bundle_info {
    uint32_t struct_size;
    int32_t has_text;                                                       /* 0: vision only, a prompt changes nothing */
    ctvk_text name, version, intended_use, license, citation, architecture; /* as the manifest has it */
    ctvk_text sha256;                                                      /* of manifest.json, which names the hashes of the other files */
    int32_t in_channels, out_channels, feature_size;                       /* of the network */
    int32_t text_dim, text_prompts;                                        /* an embedding is text_prompts x text_dim floats */
    int32_t has_encoder;                                                   /* the bundle names a language model */
    ctvk_text encoder_file;                                                /* its file's name; empty: none */
    ctvk_text text_template;                                               /* with {field} for each field; empty: none */
    uint32_t label_count, field_count, cached_prompt_count, warning_count; /* how many label, field, ... can be asked for */
    ctvk_text orientation;                                                 /* "RAS", ... */
    int32_t has_spacing;                                                   /* 0: images are taken at their own spacing */
    int32_t gaussian;                                                      /* window blending: 1 gaussian, 0 constant */
    double spacing_mm[3];                                                  /* of the grid that the network sees; 0 where has_spacing is 0 */
    double window_hu[2];                                                   /* Hounsfield units that become 0 and 1 */
    int32_t window[3];                                                     /* voxels of one network window */
    int32_t rotate90;                                      /* quarter turns in the plane of the first two axes before the network */
    double overlap, sigma_scale;                           /* of windows: shared part of a side; gaussian's sigma as part of a side */
    uint64_t weight_tensors, unused_tensors, weight_bytes; /* of the weights' file; unused: named by no layer */
} ctvk_bundle_info;
#define CTVK_BUNDLE_INFO_INIT                                                                                                              \
    {                                                                                                                                      \
        (uint32_t)sizeof(ctvk_bundle_info), 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT, CTVK_TEXT_INIT, CTVK_TEXT_INIT, CTVK_TEXT_INIT,             \
            CTVK_TEXT_INIT, CTVK_TEXT_INIT, 0, 0, 0, 0, 0, 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT, 0, 0, 0, 0, CTVK_TEXT_INIT, 0, 0, {0, 0, 0}, \
            {0, 0}, {0, 0, 0}, 0, 0, 0, 0, 0, 0                                                                                            \
    }

/* One label of the bundle; texts are VIEW of the bundle. */
typedef struct ctvk_label_info {
    uint32_t struct_size;
    int32_t value;   /* of its voxels in a label map */
    ctvk_text name;  /* for people */
    ctvk_text color; /* "#rrggbb" or empty */
} ctvk_label_info;
#define CTVK_LABEL_INFO_INIT                                                 \
    {                                                                        \
        (uint32_t)sizeof(ctvk_label_info), 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT \
    }

/* One field of the bundle's prompt template; texts are VIEW of the bundle. */
typedef struct ctvk_field_info {
    uint32_t struct_size;
    uint32_t value_count; /* how many field_value can be asked for */
    ctvk_text name;       /* as in the template */
} ctvk_field_info;
#define CTVK_FIELD_INFO_INIT                                 \
    {                                                        \
        (uint32_t)sizeof(ctvk_field_info), 0, CTVK_TEXT_INIT \
    }

/* One clinical fact: a field's name and one of its values. */
typedef struct ctvk_field_choice {
    ctvk_text name, value; /* one that the bundle has */
} ctvk_field_choice;

/* Device memory of one window, known before anything is allocated. */
typedef struct ctvk_memory_info {
    uint32_t struct_size;
    int32_t fits;                                             /* planned <= available */
    uint64_t weights_bytes, activations_bytes, staging_bytes; /* each part alone */
    uint64_t planned_bytes;                                   /* their sum */
    uint64_t available_bytes;                                 /* the device's largest heap, or the limit where one is set and smaller */
} ctvk_memory_info;
#define CTVK_MEMORY_INFO_INIT                                \
    {                                                        \
        (uint32_t)sizeof(ctvk_memory_info), 0, 0, 0, 0, 0, 0 \
    }

/* How to run a bundle's self-test. */
typedef struct ctvk_bundle_test_options {
    uint32_t struct_size;
    int32_t reserved;
    ctvk_text device;          /* selector as in ctvk.context's device_select; none: auto. Copied */
    uint64_t memory_limit;     /* bytes of device memory; 0: the device's own limit */
    ctvk_progress_fn progress; /* NULL: none. Non-zero cancels */
    void *progress_user;
} ctvk_bundle_test_options;
#define CTVK_BUNDLE_TEST_OPTIONS_INIT                                                \
    {                                                                                \
        (uint32_t)sizeof(ctvk_bundle_test_options), 0, CTVK_TEXT_INIT, 0, NULL, NULL \
    }

/* What a bundle's self-test found. */
typedef struct ctvk_bundle_test_info {
    uint32_t struct_size;
    int32_t present;   /* 0: the bundle has no self-test, nothing was run and what follows is 0 */
    double error;      /* relative L2 error of the logits against the bundle's own */
    double tolerance;  /* the largest that passes */
    uint64_t voxels;   /* of the case's label map that are not background */
    uint64_t expected; /* how many the bundle says; each label may differ by 2 %, or by 8 voxels where that is more */
} ctvk_bundle_test_info;
#define CTVK_BUNDLE_TEST_INFO_INIT                             \
    {                                                          \
        (uint32_t)sizeof(ctvk_bundle_test_info), 0, 0, 0, 0, 0 \
    }

typedef struct ctvk_bundle_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* Checks the manifest, paths, hashes, and every tensor's name and shape. No device is touched. *out is OWNED: destroy.
     * CTVK_ERROR_BUNDLE, CTVK_ERROR_HASH, CTVK_ERROR_HOST_MEMORY: message on the context. [one thread at a time] on the context */
    ctvk_status (*open)(ctvk_context *context, const char *folder, uint64_t length, ctvk_bundle **out);
    void (*destroy)(ctvk_bundle *bundle);
    ctvk_status (*last_error)(const ctvk_bundle *bundle, ctvk_text *message);

    /* The following are [one thread at a time] on the bundle; running jobs do not count. An index out of range is CTVK_ERROR_ARGUMENT. */
    ctvk_status (*info)(ctvk_bundle *bundle, ctvk_bundle_info *out);
    /* A label, background included. */
    ctvk_status (*label)(ctvk_bundle *bundle, uint32_t index, ctvk_label_info *out);
    /* A field of the template; then its values, by field and number. */
    ctvk_status (*field)(ctvk_bundle *bundle, uint32_t index, ctvk_field_info *out);
    /* *out: VIEW of the bundle. */
    ctvk_status (*field_value)(ctvk_bundle *bundle, uint32_t field, uint32_t value, ctvk_text *out);
    /* A prompt that needs no language model. *out: VIEW of the bundle. */
    ctvk_status (*cached_prompt)(ctvk_bundle *bundle, uint32_t index, ctvk_text *out);
    /* Unknown keys of the manifest and the like. */
    ctvk_status (*warning)(ctvk_bundle *bundle, uint32_t index, ctvk_text *out);

    /* Fills the template from one choice per field. Two different values of the field "side" make a bilateral case: two prompts joined
     * with "; ", where another field may have two values as well, in the order of the sides. *prompt: VIEW until the next call of
     * fill_template on this bundle. CTVK_ERROR_ARGUMENT names a field that is missing, unknown or doubled, and the allowed values. */
    ctvk_status (*fill_template)(ctvk_bundle *bundle, const ctvk_field_choice *choices, uint32_t count, ctvk_text *prompt);
    /* Reads `text_embedding` ([text_prompts, text_dim], finite) of a safetensors file. *values: VIEW until the next call of
     * read_embedding on this bundle. CTVK_ERROR_INPUT. */
    ctvk_status (*read_embedding)(ctvk_bundle *bundle, const char *path, uint64_t length, const float **values, uint64_t *count);
    /* What one window needs on a device; opens and closes the device. CTVK_ERROR_NO_DEVICE, CTVK_ERROR_DEVICE_MEMORY. */
    ctvk_status (*memory)(ctvk_bundle *bundle, uint32_t device, ctvk_memory_info *out);
    /* Everything that open checks, again and from the disk, and that no weight is NaN or infinite. progress may be NULL; non-zero cancels.
     */
    ctvk_status (*verify)(ctvk_bundle *bundle, ctvk_progress_fn progress, void *user);
    /* Runs the case that the bundle brings along (image, prompt from its cache, logits and label counts that must come out) on a device, as
     * a job would. options may be NULL. *out is filled where the case was run to its end, right or wrong. CTVK_ERROR_DEVICE: what came out
     * is wrong, so the bundle was changed or the device computes wrongly; CTVK_ERROR_BUNDLE: the case cannot be run as it stands; else as
     * ctvk.job's run. [one thread at a time] on the context too */
    ctvk_status (*self_test)(ctvk_bundle *bundle, const ctvk_bundle_test_options *options, ctvk_bundle_test_info *out);

    /* As open, for bundles that take long: progress (may be NULL) is called on this thread for every MiB that is hashed, with the stage
     * "hashes". Non-zero cancels: CTVK_CANCELLED, and nothing is left. */
    ctvk_status (*open_with_progress)(ctvk_context *context, const char *folder, uint64_t length, ctvk_progress_fn progress, void *user,
                                      ctvk_bundle **out);
} ctvk_bundle_api;

#ifdef __cplusplus
}
#endif
#endif
