/* api/job.h - a job's state and its stages. */
#ifndef CTVK_API_JOB_H
#define CTVK_API_JOB_H

#include "api/bundle.h"
#include "api/result.h"

#include <stdatomic.h>

/* In this order. OPEN comes first: a device that is missing or too small is said before minutes of work. */
typedef enum ctvk_stage {
    CTVK_STAGE_OPEN,
    CTVK_STAGE_PREPARE,
    CTVK_STAGE_UPLOAD,
    CTVK_STAGE_NETWORK,
    CTVK_STAGE_CLASSIFY,
    CTVK_STAGE_RESTORE,
    CTVK_STAGE_DONE
} ctvk_stage;

struct ctvk_job {
    ctvk_context *context;
    ctvk_bundle *bundle;
    ctvk_volume_view view;
    char image_sha256[65]; /* "" : not given */
    uint32_t want;
    uint64_t memory_limit;
    char *device;            /* selector */
    const char *source;      /* of the text: "cache", "model", "embedding", "none" */
    ctvk_prompt_facts facts; /* where the source is "model" */
    float *embedding;        /* NULL: vision only */
    char prompt_sha256[65];
    ctvk_progress_fn progress;
    void *progress_user;

    atomic_int cancelled;
    atomic_uint millionths; /* of the whole job that are done */
    ctvk_stage stage;
    ctvk_status status; /* CTVK_PENDING until the end */
    double seconds[CTVK_STAGE_DONE];

    ctvk_gpu *gpu;
    ctvk_llmseg *net;
    ctvk_memory_info memory; /* planned */
    uint64_t peak_bytes;
    ctvk_preparer *preparer;
    ctvk_geometry geometry; /* its, once the image is prepared */
    ctvk_windows windows;
    int64_t window, window_count;
    float *window_data, *sums;
    uint8_t *classes; /* labels on the preprocessed grid */
    ctvk_result *result;
    ctvk_error error;
};

extern const char *const ctvk_stage_names[CTVK_STAGE_DONE];

/* Stores and hands on the progress of the stage under way; non-zero: stop. */
int32_t ctvk_job_report_progress(ctvk_job *job, double fraction);
/* One step of the stage under way: CTVK_PENDING where the stage has more, CTVK_OK when it is through. (job_stages.c, job_end.c) */
ctvk_status ctvk_job_open(ctvk_job *job);
ctvk_status ctvk_job_prepare(ctvk_job *job);
ctvk_status ctvk_job_upload(ctvk_job *job);
ctvk_status ctvk_job_window(ctvk_job *job);
ctvk_status ctvk_job_classify(ctvk_job *job);
ctvk_status ctvk_job_restore(ctvk_job *job);
/* Device, accumulators and preparer; the result stays. */
void ctvk_job_release(ctvk_job *job);
/* Fills result->report and result->label_json (report.c). */
ctvk_status ctvk_job_write_report(ctvk_job *job);

#endif
