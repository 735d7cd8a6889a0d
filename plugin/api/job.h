/* api/job.h - a job's state and its stages. */
#ifndef CTVK_API_JOB_H
#define CTVK_API_JOB_H

#include "api/bundle.h"
#include "api/kept_windows.h"
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

/* What the network reads beside the image, and how it came about. */
typedef struct ctvk_job_text {
    const char *source;      /* "cache", "model", "embedding", "none" */
    ctvk_prompt_facts facts; /* where the source is "model" */
    float *embedding;        /* OWNED; NULL: vision only */
    char prompt_sha256[65];
} ctvk_job_text;

/* What the job's window holds of the next window already. Zeroed: nothing. */
typedef struct ctvk_read_ahead {
    int64_t window;
    int32_t planes; /* x planes from the first on */
} ctvk_read_ahead;

struct ctvk_job {
    ctvk_context *context;
    ctvk_bundle *bundle;
    ctvk_volume_view view;
    char image_sha256[65]; /* "" : not given */
    uint32_t want, keep;
    uint64_t memory_limit;
    char *device;          /* selector */
    ctvk_llmseg_desc desc; /* the bundle's, in the precision of this job */
    ctvk_job_text text;
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
    float *window_data;
    ctvk_read_ahead ahead;
    ctvk_sums sums;     /* of several windows */
    float *probability; /* a volume for each class on the preprocessed grid, where it is asked for or interpolated */
    uint8_t *classes;   /* labels there, where nothing is interpolated */
    ctvk_kept_windows kept;
    ctvk_result *result;
    ctvk_error error;
};

extern const char *const ctvk_stage_names[CTVK_STAGE_DONE];

/* Stores and hands on the progress of the stage under way; non-zero: stop. */
int32_t ctvk_job_report_progress(ctvk_job *job, double fraction);
/* The text of the run to come and a fresh result in place of what was there; on failure all stays as it was. prompt without data and no
 * embedding: none. (job_text.c) */
ctvk_status ctvk_job_set_text(ctvk_job *job, const ctvk_text *prompt, const float *embedding, uint64_t embedding_count, ctvk_error *error);
/* As the table's `again`. */
ctvk_status ctvk_job_again(ctvk_job *job, const char *prompt, uint64_t length, const float *embedding, uint64_t embedding_count);
/* Whether probabilities are needed: they are asked for, or interpolated. */
int ctvk_job_needs_probability(const ctvk_job *job);
/* Bytes of so many float32 volumes, or UINT64_MAX. */
uint64_t ctvk_job_float_bytes(const int64_t dim[3], uint64_t volumes);
/* One step of the stage under way: CTVK_PENDING where the stage has more, CTVK_OK when it is through. (job_stages.c, job_windows.c,
 * job_end.c) */
ctvk_status ctvk_job_open(ctvk_job *job);
ctvk_status ctvk_job_prepare(ctvk_job *job);
ctvk_status ctvk_job_upload(ctvk_job *job);
ctvk_status ctvk_job_window(ctvk_job *job);
ctvk_status ctvk_job_classify(ctvk_job *job);
ctvk_status ctvk_job_restore(ctvk_job *job);
/* After the end of a run: frees what another one makes anew, and everything where there will be none. The result stays. */
void ctvk_job_rest(ctvk_job *job);
/* Device, accumulators, preparer and what was kept; the result stays. */
void ctvk_job_release(ctvk_job *job);
/* Fills result->report and result->label_json (report.c). */
ctvk_status ctvk_job_write_report(ctvk_job *job);

#endif
