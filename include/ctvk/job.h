/* ctvk/job.h - interface "ctvk.job": one segmentation, run on the caller's thread or step by step. */
#ifndef CTVK_JOB_H
#define CTVK_JOB_H

#include "ctvk/bundle.h"
#include "ctvk/result.h"
#include "ctvk/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_JOB_NAME "ctvk.job"
#define CTVK_JOB_VERSION 1

typedef struct ctvk_job ctvk_job;

/* What a result holds beyond the label map. */
enum { CTVK_WANT_PROBABILITY = 1, CTVK_WANT_LOGITS = 2 };

/* What a job keeps after a run, for `again`: the encoder's outputs of every window, which no text has touched. */
enum { CTVK_KEEP_ENCODER = 1 };

/* How to segment. */
typedef struct ctvk_job_options {
    uint32_t struct_size;
    uint32_t want;            /* CTVK_WANT_* */
    ctvk_precision precision; /* CTVK_PRECISION_* */
    int32_t reserved;
    uint64_t memory_limit; /* bytes of device memory; 0: the device's own limit */
    ctvk_text device;      /* selector as in ctvk.context's device_select; none: auto */
    /* A bundle with text needs a prompt from its cache, or an embedding. Both copied. */
    ctvk_text prompt;
    const float *embedding;    /* text_prompts x text_dim floats; NULL: none */
    uint64_t embedding_count;  /* floats */
    ctvk_progress_fn progress; /* NULL: none. Called on the thread that runs or steps the job */
    void *progress_user;
    uint32_t keep;     /* CTVK_KEEP_*: another text will follow on the same volume (`again`) */
    int32_t reserved2; /* 0 */
} ctvk_job_options;
#define CTVK_JOB_OPTIONS_INIT                                                                                     \
    {                                                                                                             \
        (uint32_t)sizeof(ctvk_job_options), 0, 0, 0, 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT, NULL, 0, NULL, NULL, 0, 0 \
    }

typedef struct ctvk_job_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* Checks all that can be checked without a device. volume's data is BORROWED until the job is done or destroyed, with `keep` until it
     * is destroyed; its description and the options (may be NULL) are copied. The bundle outlives the job. *out is OWNED: destroy.
     * CTVK_ERROR_ARGUMENT, _PROMPT, _INPUT, _BUNDLE (a prompt that is not cached), _HOST_MEMORY: message on the context.
     * [one thread at a time] on the context */
    ctvk_status (*create)(ctvk_context *context, ctvk_bundle *bundle, const ctvk_volume *volume, const ctvk_job_options *options,
                          ctvk_job **out);
    /* Not while run or step is under way. */
    void (*destroy)(ctvk_job *job);
    ctvk_status (*last_error)(const ctvk_job *job, ctvk_text *message);

    /* All steps; returns when done, failed or cancelled. Jobs of one context may run side by side on different threads.
     * CTVK_ERROR_NO_DEVICE, _DEVICE_MEMORY and _HOST_MEMORY (both say what is needed, what there is and what would fit), _INPUT, _DEVICE,
     * CTVK_CANCELLED. [one thread at a time] on the job */
    ctvk_status (*run)(ctvk_job *job);
    /* One step (open the device, prepare, upload, one window, classify, restore): CTVK_PENDING while work is left, then as run.
     * After the end it repeats its last answer. [one thread at a time] on the job */
    ctvk_status (*step)(ctvk_job *job);
    /* Takes effect within one submission to the device. [any thread] */
    void (*cancel)(ctvk_job *job);
    /* 0 to 1. [any thread] */
    double (*progress)(const ctvk_job *job);
    /* What is planned on the device; CTVK_ERROR_ARGUMENT before the first step. */
    ctvk_status (*memory)(ctvk_job *job, ctvk_memory_info *out);
    /* Hands out the result, once, after run or step returned CTVK_OK: OWNED by the caller, valid without the job.
     * CTVK_ERROR_ARGUMENT otherwise. */
    ctvk_status (*take_result)(ctvk_job *job, ctvk_result **out);

    /* Another text on the same volume, for a job that was created with CTVK_KEEP_ENCODER and has ended with CTVK_OK or CTVK_CANCELLED: run
     * or step then begin at the windows, with their encoder's outputs as they were kept, and give bit for bit what a new job would. The
     * text is as in the options, prompt or embedding, copied; everything else stays as created. A result that was not taken is gone.
     * Between the runs the job holds device, network and kept outputs. These lie on the device as far as memory_limit and heap go, else in
     * host memory where copying is faster than computing; the windows left over are computed again: the record's "encoder" counts them.
     * Prompts for a language model are best encoded before the first run, when its memory is free.
     * CTVK_ERROR_ARGUMENT (also after a failure: create another job), _PROMPT, _INPUT, _BUNDLE, _HOST_MEMORY: message on the job, which
     * stays as it was. [one thread at a time] on the job */
    ctvk_status (*again)(ctvk_job *job, const char *prompt, uint64_t length, const float *embedding, uint64_t embedding_count);
} ctvk_job_api;

#ifdef __cplusplus
}
#endif
#endif
