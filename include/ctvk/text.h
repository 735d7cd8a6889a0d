/* ctvk/text.h - interface "ctvk.text": language models (GGUF files), their tokens, and the encoding of prompts as a job of its own.
 *
 * A host that segments by prompt: `known` says whether a bundle has the prompt already; if not, open the model, create a text job, run
 * it. The encoded prompt then stays in the bundle's memory, so that any number of segmentation jobs (ctvk.job) may name the prompt.
 * Prompts may hold patient data: they reach no log, no file and no record but as a hash; embeddings reach a file only by the host. */
#ifndef CTVK_TEXT_H
#define CTVK_TEXT_H

#include "ctvk/bundle.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_TEXT_NAME "ctvk.text"
#define CTVK_TEXT_VERSION 1

typedef struct ctvk_text_model ctvk_text_model;
typedef struct ctvk_text_job ctvk_text_job;

/* Where a language model lies. */
typedef struct ctvk_text_model_desc {
    uint32_t struct_size;
    int32_t reserved;      /* 0 */
    ctvk_text path;        /* the file; none: the bundle's encoder_file is looked for in the bundle's folder, then in data_folder */
    ctvk_text data_folder; /* where this user's language models are kept; none: not looked at */
} ctvk_text_model_desc;
#define CTVK_TEXT_MODEL_DESC_INIT                                                 \
    {                                                                             \
        (uint32_t)sizeof(ctvk_text_model_desc), 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT \
    }

/* Filled by the library; texts are VIEW of the model. The numbers are 0 where the file holds a vocabulary only. */
typedef struct ctvk_text_model_info {
    uint32_t struct_size;
    int32_t layers, width, feed_forward, heads, kv_heads; /* of the transformer */
    int32_t vocabulary;                                   /* tokens */
    int32_t bos;                                          /* id of the token that begins every sequence; -1: none */
    uint64_t bytes;                                       /* of the file */
    ctvk_text file;                                       /* its name without the folder */
    ctvk_text path;                                       /* where it was found */
} ctvk_text_model_info;
#define CTVK_TEXT_MODEL_INFO_INIT                                                                      \
    {                                                                                                  \
        (uint32_t)sizeof(ctvk_text_model_info), 0, 0, 0, 0, 0, 0, 0, 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT \
    }

/* How to encode. */
typedef struct ctvk_text_options {
    uint32_t struct_size;
    int32_t reserved;          /* 0 */
    ctvk_text device;          /* selector as in ctvk.context's device_select; none: auto */
    uint64_t memory_limit;     /* bytes of device memory; 0: the device's own limit. Weights that do not fit are streamed from the file */
    ctvk_progress_fn progress; /* NULL: none. Called on the thread that runs or steps the job */
    void *progress_user;
} ctvk_text_options;
#define CTVK_TEXT_OPTIONS_INIT                                                \
    {                                                                         \
        (uint32_t)sizeof(ctvk_text_options), 0, CTVK_TEXT_INIT, 0, NULL, NULL \
    }

/* An encoded prompt. Texts and values are VIEW of the job. */
typedef struct ctvk_text_info {
    uint32_t struct_size;
    int32_t truncated;       /* the end of the prompt was not read: it is longer than the model's max_tokens */
    const float *values;     /* [prompts][dim] */
    uint32_t prompts, dim;   /* the shape of values */
    uint32_t tokens;         /* of the prompt as read, without BOS, soft prompt and <SEG>; 0: from the bundle's cache, not tokenised */
    int32_t streamed;        /* weights did not fit and went through the device layer by layer */
    ctvk_text source;        /* "cache": the bundle's; "model": the language model */
    ctvk_text prompt_sha256; /* of the prompt as read */
    ctvk_text device;        /* name; "" where none was needed */
    uint64_t planned_bytes, peak_bytes; /* of device memory */
    double seconds;                     /* spent in the job's steps */
} ctvk_text_info;
#define CTVK_TEXT_INFO_INIT                                                                                            \
    {                                                                                                                  \
        (uint32_t)sizeof(ctvk_text_info), 0, NULL, 0, 0, 0, 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT, CTVK_TEXT_INIT, 0, 0, 0 \
    }

typedef struct ctvk_text_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* Opens a GGUF file: header, metadata and vocabulary are checked, no weight is read, no device is touched. With a bundle, width
     * and layer count are held against the manifest (its hash: by the first text job, which can be cancelled). bundle NULL: any file, to
     * tokenise with. *out is OWNED: close. CTVK_ERROR_BUNDLE (with a bundle: not found anywhere, damaged, does not fit), CTVK_ERROR_INPUT
     * (without), CTVK_ERROR_HOST_MEMORY: message on the context. [one thread at a time] on the context */
    ctvk_status (*open)(ctvk_context *context, ctvk_bundle *bundle, const ctvk_text_model_desc *desc, ctvk_text_model **out);
    /* After the jobs that use it. */
    void (*close)(ctvk_text_model *model);
    ctvk_status (*last_error)(const ctvk_text_model *model, ctvk_text *message);
    /* [one thread at a time] on the model. */
    ctvk_status (*info)(ctvk_text_model *model, ctvk_text_model_info *out);
    /* Token ids of UTF-8 text, markup as plain text, no BOS and no <SEG>. *ids: VIEW until the next call on the model. Empty text has
     * none. CTVK_ERROR_PROMPT: not UTF-8. [one thread at a time] on the model; jobs do not count */
    ctvk_status (*tokenize)(ctvk_text_model *model, const char *text, uint64_t length, const int32_t **ids, uint64_t *count);

    /* *out = 1: the prompt is in the bundle's cache or was encoded before through this bundle handle, so that no language model is
     * needed. CTVK_ERROR_ARGUMENT. [any thread] */
    ctvk_status (*known)(ctvk_bundle *bundle, const char *prompt, uint64_t length, int32_t *out);

    /* A prompt to encode for a bundle. model may be NULL where the prompt is known. Options may be NULL, are copied, and so is the
     * prompt. bundle and model outlive the job. *out is OWNED: destroy. CTVK_ERROR_ARGUMENT, _PROMPT (empty, not UTF-8), _BUNDLE (needs a
     * model), _HOST_MEMORY: message on the context. [one thread at a time] on the context */
    ctvk_status (*create)(ctvk_context *context, ctvk_bundle *bundle, ctvk_text_model *model, const char *prompt, uint64_t length,
                          const ctvk_text_options *options, ctvk_text_job **out);
    /* Not while run or step is under way. */
    void (*destroy)(ctvk_text_job *job);
    ctvk_status (*job_error)(const ctvk_text_job *job, ctvk_text *message);
    /* As in ctvk.job. Steps: check the file's hash, open the device, load, encode. CTVK_ERROR_HASH, _NO_DEVICE, _DEVICE_MEMORY,
     * _HOST_MEMORY, _DEVICE, CTVK_CANCELLED. [one thread at a time] on the job */
    ctvk_status (*run)(ctvk_text_job *job);
    /* One of them: CTVK_PENDING while work is left, then as run. [one thread at a time] on the job */
    ctvk_status (*step)(ctvk_text_job *job);
    /* Takes effect within one submission to the device, or one MiB of hashing. [any thread] */
    void (*cancel)(ctvk_text_job *job);
    /* 0 to 1. [any thread] */
    double (*progress)(const ctvk_text_job *job);
    /* After run or step returned CTVK_OK; else CTVK_ERROR_ARGUMENT. */
    ctvk_status (*result)(ctvk_text_job *job, ctvk_text_info *out);
} ctvk_text_api;

#ifdef __cplusplus
}
#endif
#endif
