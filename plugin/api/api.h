/* api/api.h - what the handles hold. Inside of this room only. */
#ifndef CTVK_API_API_H
#define CTVK_API_API_H

#include "core/host.h"
#include "ctvk/ctvk.h"
#include "ctvk/draft/trace.h"
#include "ctvk/draft/tune.h"
#include "formats/bundle.h"
#include "formats/nifti.h"
#include "gpu/gpu.h"
#include "nets/llmseg.h"
#include "volume/volume.h"

#include <pthread.h>

struct ctvk_context {
    ctvk_host host;
    char *cache_folder; /* NULL: none */
    char *device_mask;  /* "": nothing is taken away */
    int32_t validation;
    ctvk_self_test self_test;
    /* Guards instance, tried, and the making and closing of devices: jobs of one context run on several threads. */
    pthread_mutex_t lock;
    ctvk_gpu_instance *instance; /* NULL until the first call that needs a device */
    uint64_t tried[3];           /* devices whose self-test this context need not run, one bit each by index, of each part: CTVK_TRIALS_* */
    ctvk_error error;
};

/* How an embedding was made, for the record. */
typedef struct ctvk_prompt_facts {
    uint32_t tokens;
    int32_t truncated;
    char encoder_sha256[65]; /* of the language model's file */
} ctvk_prompt_facts;
typedef struct ctvk_kept_prompt ctvk_kept_prompt; /* kept_prompts.c */

struct ctvk_image_file {
    ctvk_context *context;
    ctvk_image image;
    ctvk_progress_fn writing; /* NULL: nobody is asked */
    void *writing_user;
    ctvk_error error;
};

struct ctvk_bundle {
    ctvk_context *context;
    char *folder; /* as given */
    ctvk_bundle_files *files;
    ctvk_llmseg_desc desc;
    uint64_t weight_bytes;
    char *prompt;           /* last fill_template */
    float *embedding;       /* last read_embedding */
    pthread_mutex_t lock;   /* guards kept: text jobs and segmentation jobs run on several threads */
    ctvk_kept_prompt *kept; /* encoded through this handle */
    ctvk_error error;
};

extern const ctvk_context_api ctvk_context_table;
extern const ctvk_image_api ctvk_image_table;
extern const ctvk_bundle_api ctvk_bundle_table;
extern const ctvk_job_api ctvk_job_table;
extern const ctvk_result_api ctvk_result_table;
extern const ctvk_plugin_api ctvk_plugin_table;
extern const ctvk_vulkan_api ctvk_vulkan_table;
extern const ctvk_trace_api ctvk_trace_table;
extern const ctvk_tune_api ctvk_tune_table;

/* --- structs that grow (structs.c) --- */

/* Size of a struct whose last member was `member`: what its first release had. */
#define CTVK_UP_TO(type, member) ((uint32_t)(offsetof(type, member) + sizeof(((type *)0)->member)))

/* Copies what the host's struct covers into `mine` (size bytes, defaults already in it). theirs NULL or zeroed: defaults.
 * first: size of the struct in its first release. CTVK_ERROR_ARGUMENT names `what`. */
ctvk_status ctvk_take_struct(void *mine, uint32_t size, const void *theirs, uint32_t first, const char *what, ctvk_error *error);
/* Copies `filled` into the host's struct as far as its struct_size goes, which is kept. */
ctvk_status ctvk_give_struct(void *theirs, const void *filled, uint32_t size, uint32_t first, const char *what, ctvk_error *error);
ctvk_text ctvk_view(const char *text);
ctvk_status ctvk_give_error(const ctvk_error *error, ctvk_text *message);

/* --- text that comes in (text.c) --- */

enum { CTVK_MAX_PATH = 4096, CTVK_MAX_PROMPT = 65536 };
/* OWNED zero-terminated copy, "" where nothing was given. Refuses zero bytes inside and more than limit bytes. */
ctvk_status ctvk_copy_text(const ctvk_host *host, const char *data, uint64_t length, uint64_t limit, const char *what, char **out,
                           ctvk_error *error);
/* As above, and nothing is an error. */
ctvk_status ctvk_copy_path(const ctvk_host *host, const char *data, uint64_t length, const char *what, char **out, ctvk_error *error);
int32_t ctvk_is_utf8(const char *text);
/* Cuts in place what model.md cuts from a prompt: one trailing <SEG>, then trailing white space. Returns the length that is left. */
uint64_t ctvk_trim_prompt(char *prompt);

/* --- devices (context.c) --- */

/* By index, or by the host's selector as ctvk_gpu_select takes it; load Vulkan where that has not happened. *out is OWNED, NULL on failure:
 * ctvk_context_close_device. [any thread] */
ctvk_status ctvk_context_open_device(ctvk_context *context, uint32_t index, uint64_t memory_limit, ctvk_gpu **out, ctvk_error *error);
ctvk_status ctvk_context_open_selected(ctvk_context *context, const char *selector, uint64_t memory_limit, ctvk_gpu **out,
                                       ctvk_error *error);
void ctvk_context_close_device(ctvk_context *context, ctvk_gpu **gpu);

/* --- volumes (volume_view.c) --- */

/* Checks the host's description: CTVK_ERROR_ARGUMENT for one that cannot be, CTVK_ERROR_INPUT for a geometry that is none. */
ctvk_status ctvk_view_volume(const ctvk_volume *volume, ctvk_volume_view *out, ctvk_error *error);
double ctvk_view_voxel_mm3(const ctvk_volume_view *view);
void ctvk_view_spacing(const ctvk_volume_view *view, double out[3]);
/* Range of HU of some hundred thousand voxels, evenly spread. */
void ctvk_view_sample_range(const ctvk_volume_view *view, double range[2]);

/* --- memory (memory.c) --- */

/* The plan for a window, against the heap and the limit (0: none). CTVK_ERROR_DEVICE_MEMORY where the device allocates too little at once,
 * with what would fit. */
ctvk_status ctvk_plan_memory(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint64_t limit, ctvk_memory_info *out, ctvk_error *error);
/* CTVK_ERROR_DEVICE_MEMORY with need, have and what would fit, unless the plan fits. */
ctvk_status ctvk_require_memory(const ctvk_gpu *gpu, const ctvk_llmseg_desc *desc, uint64_t limit, const ctvk_memory_info *plan,
                                ctvk_error *error);
/* Bytes that the system has left; UINT64_MAX where it does not say, or where the host brings its own allocator. */
uint64_t ctvk_spare_host_memory(const ctvk_host *host);
/* CTVK_ERROR_HOST_MEMORY unless the system has `need` bytes left (where it says). remedy: what would need less. */
ctvk_status ctvk_require_host_memory(const ctvk_host *host, uint64_t need, const char *what, const char *remedy, ctvk_error *error);

#endif
