/* gpu/gpu.h - the door to the only room that calls Vulkan. Knows no operation.
 *
 * Life: ctvk_gpu_instance (our own, or of a host's device) -> devices -> ctvk_gpu (one logical device, one compute queue) -> buffers,
 * pipelines, commands. [one thread at a time] per ctvk_gpu; two ctvk_gpu side by side are independent. Destroyers accept NULL and
 * half-built objects. No Vulkan type appears here.
 */
#ifndef CTVK_GPU_GPU_H
#define CTVK_GPU_GPU_H

#include "core/host.h"

typedef struct ctvk_gpu_instance ctvk_gpu_instance;
typedef struct ctvk_gpu ctvk_gpu;
typedef struct ctvk_gpu_pipeline ctvk_gpu_pipeline; /* VIEW of the ctvk_gpu: kept until it is destroyed */
typedef struct ctvk_gpu_cmd ctvk_gpu_cmd;

enum { CTVK_GPU_DISCRETE = 1, CTVK_GPU_INTEGRATED = 2, CTVK_GPU_VIRTUAL = 3, CTVK_GPU_CPU = 4, CTVK_GPU_OTHER = 5 };

/* One Vulkan physical device as listed by `ctvk devices`. */
typedef struct ctvk_gpu_info {
    char name[256];
    char vendor[64];      /* "AMD", "NVIDIA", "Intel", "Mesa (software)", ... or "0x1234" */
    char driver[256];     /* driver name and version as the driver says it */
    char uuid[37];        /* device UUID, 8-4-4-4-12 */
    uint32_t index, type; /* CTVK_GPU_* */
    uint32_t vendor_id, device_id, driver_version, api_version;
    uint64_t memory_bytes; /* largest device-local heap */
    int32_t usable;        /* 0: the reason stands in `lacks` */
    char lacks[384];       /* required things that are missing, then optional ones, as one line */
    char mask[128];        /* what the instance's mask takes away, as ctvk_gpu_mask_parse reads it; "": nothing */
} ctvk_gpu_info;

/* The one place that knows what a device offers beyond the promised minimum. */
typedef struct ctvk_gpu_caps {
    uint64_t max_storage_range;  /* bytes of one storage binding */
    uint64_t max_uniform_range;  /* bytes of one uniform binding */
    uint64_t max_texel_elements; /* elements of one uniform texel buffer */
    uint64_t max_allocation;     /* bytes of one allocation */
    uint64_t heap_bytes;         /* largest device-local heap */
    uint64_t storage_alignment;  /* binding offsets: multiple of this (storage, uniform and texel alike), power of two */
    uint32_t max_invocations;    /* of one workgroup, in x as well */
    uint32_t max_shared_bytes;
    uint32_t max_groups;          /* per dimension, >= 65535 */
    uint32_t max_storage_buffers; /* storage bindings of one pipeline */
    uint32_t subgroup_size;
    uint32_t subgroup_operations; /* in compute shaders, Vulkan's bits; 0: none, not even the basic ones */
    uint32_t push_bytes;          /* >= 128 */
    uint8_t is_cpu;               /* software driver */
    uint8_t maps_device;          /* DEVICE buffers are mapped: no copy goes through staging */
    uint8_t buffer_address;       /* GL_EXT_buffer_reference usable (with int64 not required: uvec2 addresses) */
    uint8_t texel_rgba32f;        /* uniform texel buffers usable, RGBA32F and RG32UI: Vulkan promises both */
    uint8_t fp16, storage16, storage8, int64;
    uint8_t robust_access;
    uint8_t cooperative; /* CTVK_GPU_MATRIX_*: cooperative matrices of halves with sums in float32, four subgroups to a workgroup */
} ctvk_gpu_caps;
/* Rows x columns x depth of a product, the best one first. */
enum { CTVK_GPU_MATRIX_NONE = 0, CTVK_GPU_MATRIX_16X16X16 = 1, CTVK_GPU_MATRIX_8X16X16 = 2, CTVK_GPU_MATRIX_8X8X8 = 3 };

typedef struct ctvk_gpu_options {
    uint64_t memory_limit;    /* bytes for all device allocations; 0: none but the heap's */
    const char *cache_folder; /* folder of the pipeline cache file, NULL: none. BORROWED */
    uint32_t disable;         /* CTVK_GPU_NO_* bits: use the device as if it lacked something; more than the instance's mask */
    int32_t validation;       /* non-zero: take the validation layer's messages into the log as errors, if the layer is there */
} ctvk_gpu_options;
/* What can be taken away from a device. Nothing can be added. */
enum {
    CTVK_GPU_NO_BUFFER_ADDRESS = 1,
    CTVK_GPU_NO_TEXEL = 2,
    CTVK_GPU_NO_FP16 = 4,
    CTVK_GPU_NO_16BIT = 8, /* storage and integers of 16 bit */
    CTVK_GPU_NO_8BIT = 16, /* storage and integers of 8 bit */
    CTVK_GPU_NO_INT64 = 32,
    CTVK_GPU_NO_MAPPING = 128 /* DEVICE buffers are not mapped, so that copies go through staging */,
    CTVK_GPU_STATISTICS = 256 /* not a lack: keep the compiler's figures, see ctvk_gpu_pipeline_figures */,
    CTVK_GPU_NO_SUBGROUP = 512 /* no subgroup operation, not even the basic ones */,
    CTVK_GPU_NO_LARGE_GROUPS = 1024 /* at most 256 invocations */,
    CTVK_GPU_NO_LARGE_PUSH = 2048 /* at most 128 bytes of push constants */,
    CTVK_GPU_NO_LARGE_BINDINGS = 4096 /* at most 128 MiB of a storage buffer */,
    CTVK_GPU_NO_LARGE_MEMORY = 8192 /* at most 2 GiB in all and 1 GiB in one allocation */,
    CTVK_GPU_NO_COOPERATIVE = 32768 /* no cooperative matrices */,
    /* The promised minimum of these four and of every other limit. */
    CTVK_GPU_MIN_LIMITS = 64 | CTVK_GPU_NO_LARGE_GROUPS | CTVK_GPU_NO_LARGE_PUSH | CTVK_GPU_NO_LARGE_BINDINGS | CTVK_GPU_NO_LARGE_MEMORY,
    /* The smallest device that is promised to do. */
    CTVK_GPU_NO_ALL = CTVK_GPU_NO_BUFFER_ADDRESS | CTVK_GPU_NO_TEXEL | CTVK_GPU_NO_FP16 | CTVK_GPU_NO_16BIT | CTVK_GPU_NO_8BIT |
                      CTVK_GPU_NO_INT64 | CTVK_GPU_NO_MAPPING | CTVK_GPU_NO_SUBGROUP | CTVK_GPU_NO_COOPERATIVE | CTVK_GPU_MIN_LIMITS,
    CTVK_GPU_NO_TIMESTAMPS = 16384 /* a trace has no times of the device; no part of the mask, it changes no result */
};
/* Names of the bits, for messages, help and tests: the n-th word and what it stands for; NULL behind the last one. "all" is the last. */
const char *ctvk_gpu_mask_word(uint32_t index, uint32_t *bits);
/* words: separated by commas, spaces aside; NULL and "" give 0. CTVK_ERROR_ARGUMENT names an unknown word and those that there are. */
ctvk_status ctvk_gpu_mask_parse(const char *words, uint32_t *bits, ctvk_error *error);

/* Instance: CTVK_ERROR_NO_DEVICE where there is no loader or driver. */
ctvk_status ctvk_gpu_instance_create(const ctvk_host *host, int32_t validation, ctvk_gpu_instance **out, ctvk_error *error);
/* A device that the host has made, as Vulkan's handles, and what it was made with. They outlive the instance that is made of them. */
typedef struct ctvk_gpu_given {
    void (*(*get_instance_proc_addr)(void *instance, const char *name))(void); /* vkGetInstanceProcAddr */
    void *instance, *physical_device, *device, *queue;
    uint32_t api_version; /* of the VkApplicationInfo that the instance was made with */
    uint32_t queue_family;
    uint32_t features;                               /* CTVK_GPU_GIVEN_* bits: nothing else is used */
    void (*lock)(void *user), (*unlock)(void *user); /* around every submission; both NULL: nobody else uses the queue meanwhile */
    void *lock_user;
} ctvk_gpu_given;
enum {
    CTVK_GPU_GIVEN_INT16 = 1,
    CTVK_GPU_GIVEN_INT64 = 2,
    CTVK_GPU_GIVEN_STORAGE16 = 4,
    CTVK_GPU_GIVEN_STORAGE8 = 8,
    CTVK_GPU_GIVEN_FP16 = 16,
    CTVK_GPU_GIVEN_INT8 = 32,
    CTVK_GPU_GIVEN_BUFFER_ADDRESS = 64
};
/* An instance that lists this one device. Every ctvk_gpu of it shares the device and its queue, from any threads; nothing of the host's is
 * destroyed or changed. CTVK_ERROR_ARGUMENT: a handle is missing or belongs elsewhere, CTVK_ERROR_NO_DEVICE: the device does not suffice,
 * CTVK_ERROR_HOST_MEMORY. */
ctvk_status ctvk_gpu_instance_adopt(const ctvk_host *host, const ctvk_gpu_given *given, ctvk_gpu_instance **out, ctvk_error *error);
/* Takes CTVK_GPU_NO_* bits away from every device of the instance, in what is told of them too. Before the first ctvk_gpu_create. */
void ctvk_gpu_instance_mask(ctvk_gpu_instance *instance, uint32_t bits);
void ctvk_gpu_instance_destroy(ctvk_gpu_instance **instance);
uint32_t ctvk_gpu_device_count(const ctvk_gpu_instance *instance);
const ctvk_gpu_info *ctvk_gpu_device_info(const ctvk_gpu_instance *instance, uint32_t index); /* VIEW */
/* selector: index, part of a name (case ignored), UUID, or NULL/""/"auto" (discrete, integrated, virtual, CPU). */
ctvk_status ctvk_gpu_select(const ctvk_gpu_instance *instance, const char *selector, uint32_t *index, ctvk_error *error);

/* The instance must outlive the device. options may be NULL. */
ctvk_status ctvk_gpu_create(ctvk_gpu_instance *instance, uint32_t index, const ctvk_gpu_options *options, ctvk_gpu **out,
                            ctvk_error *error);
void ctvk_gpu_destroy(ctvk_gpu **gpu); /* waits for the device; writes the pipeline cache */
const ctvk_gpu_caps *ctvk_gpu_get_caps(const ctvk_gpu *gpu);
const ctvk_gpu_info *ctvk_gpu_get_info(const ctvk_gpu *gpu);
const ctvk_host *ctvk_gpu_host(const ctvk_gpu *gpu);
uint64_t ctvk_gpu_memory_used(const ctvk_gpu *gpu);
uint64_t ctvk_gpu_memory_peak(const ctvk_gpu *gpu);
uint32_t ctvk_gpu_validation_errors(const ctvk_gpu *gpu);

/* What a tuning pass found out for this device: for a key that an op makes of a shape, the variant that was fastest. The table lies in the
 * cache folder, by device UUID and what else chooses variants (subgroup size, mask), and holds for one driver version and one version of
 * this library. It is read when the device is opened and does not change while it is open, so that everybody who asks is told the same. */
typedef struct ctvk_gpu_tuned {
    char key[64];   /* printable, no colon */
    char value[48]; /* printable; the variant's name is its first word */
} ctvk_gpu_tuned;
/* The value of a key, VIEW of the gpu; NULL: it was not tuned. */
const char *ctvk_gpu_tuned_find(const ctvk_gpu *gpu, const char *key);
/* SHA-256 of the table, in hexadecimal; NULL: there is none. The same table gives the same numbers. */
const char *ctvk_gpu_tuned_sha256(const ctvk_gpu *gpu);
/* Why a table that is there was ignored, as a sentence for people; NULL: it was not. Static. */
const char *ctvk_gpu_tuned_problem(const ctvk_gpu *gpu);
/* Puts lines in front of those of other keys, whole or not at all; for the next time that the device is opened. CTVK_ERROR_OUTPUT: there is
 * no cache folder, or it cannot be written. */
ctvk_status ctvk_gpu_tuned_write(const ctvk_gpu *gpu, const ctvk_gpu_tuned *lines, uint32_t count, ctvk_error *error);

/* Buffers. DEVICE: device local, for shaders. UPLOAD / DOWNLOAD: host visible and coherent, `mapped` is set; both may be bound
 * to shaders as well. On a software driver DEVICE buffers may be mapped too (mapped != NULL). */
enum { CTVK_GPU_MEMORY_DEVICE = 1, CTVK_GPU_MEMORY_UPLOAD = 2, CTVK_GPU_MEMORY_DOWNLOAD = 3 };
typedef struct ctvk_gpu_buffer {
    ctvk_gpu *gpu;
    uint64_t bytes;
    uint64_t address; /* device address, 0 where buffer_address is not there */
    void *mapped;
    struct ctvk_gpu_memory *memory; /* the room's own */
} ctvk_gpu_buffer;
/* CTVK_ERROR_DEVICE_MEMORY names what is needed and what there is. A buffer larger than caps.max_allocation is refused. */
ctvk_status ctvk_gpu_buffer_create(ctvk_gpu *gpu, uint64_t bytes, int kind, const char *what, ctvk_gpu_buffer **out, ctvk_error *error);
void ctvk_gpu_buffer_destroy(ctvk_gpu_buffer **buffer);
/* Synchronous copies through a bounded staging buffer (at most 16 MiB at a time). For weights and tests. */
ctvk_status ctvk_gpu_upload(ctvk_gpu_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes, ctvk_error *error);
ctvk_status ctvk_gpu_download(ctvk_gpu_buffer *buffer, uint64_t offset, void *data, uint64_t bytes, ctvk_error *error);

/* Pipelines: by the shader's name (file name without .comp, or the variant's name, see shaders/CMakeLists.txt) and its
 * specialisation constants: ids 0..count-1, 32 bit each. Made when first asked for, then kept; compiled in the background after a
 * rehearsal, at the latest by the first dispatch, which then tells of the compiler's failure. The bindings, their kinds and the push
 * constant size are reflected from the SPIR-V. */
ctvk_status ctvk_gpu_pipeline_get(ctvk_gpu *gpu, const char *shader, const uint32_t *constants, uint32_t count, ctvk_gpu_pipeline **out,
                                  ctvk_error *error);
/* What the driver's compiler says about a pipeline (VGPRs, spills, scratch, ...), each figure handed to `take`; nothing where
 * CTVK_GPU_STATISTICS was not set or the driver has no such figures. Compiles it first where nobody has. For tests. */
typedef void (*ctvk_gpu_figure_fn)(void *user, const char *name, double value);
ctvk_status ctvk_gpu_pipeline_figures(ctvk_gpu *gpu, ctvk_gpu_pipeline *pipeline, ctvk_gpu_figure_fn take, void *user, ctvk_error *error);

/* One binding of a dispatch, in the order of the shader's binding numbers (set 0). offset must be a multiple of
 * caps.storage_alignment, bytes at most the range limit of the binding's kind (storage, uniform, uniform texel buffer). */
typedef struct ctvk_gpu_bind {
    ctvk_gpu_buffer *buffer;
    uint64_t offset, bytes;
} ctvk_gpu_bind;

/* Commands are recorded and submitted in pieces of bounded work: each record call adds its `work`; when the sum passes the
 * device's budget (adapted from measured times so that a submission takes about 0.1 s), the piece is submitted, and also before a pipeline
 * has to be compiled, where that makes nobody wait for the device. Between pieces, in any record call, `check` is asked; non-zero gives
 * CTVK_CANCELLED. Every dispatch sees the writes of all earlier ones (a barrier is put before each dispatch unless CTVK_GPU_NO_BARRIER says
 * that it neither reads nor overwrites what dispatches since the last barrier wrote, nor overwrites what they read). */
typedef int32_t (*ctvk_gpu_check_fn)(void *user, double work_done);
enum {
    CTVK_GPU_NO_BARRIER = 1,
    CTVK_GPU_WORD_TEXELS = 2 /* texel buffers of this dispatch hold RG32UI, else RGBA32F */
};
ctvk_status ctvk_gpu_cmd_begin(ctvk_gpu *gpu, ctvk_gpu_check_fn check, void *user, ctvk_gpu_cmd **out, ctvk_error *error);
/* A rehearsal: what is recorded is checked, but nothing of it is submitted. Its ctvk_gpu_cmd_finish hands all pipelines that were asked for
 * and are not compiled yet to threads of the library's own, one less than there are processors, and does not wait (none for a host that
 * brings an allocator). What is dispatched afterwards compiles what it needs, or others until that is there, and is told of its failure;
 * the device gets what is recorded before that. */
ctvk_status ctvk_gpu_cmd_rehearse(ctvk_gpu *gpu, ctvk_gpu_cmd **out, ctvk_error *error);
/* What is recorded from here on belongs to this operation, until the next one is named: for the trace (core/trace.h), nothing else depends
 * on it. Every op names itself when it begins to record; its shaders begin with the same word (to the first _). name: a
 * literal. flop: additions and multiplications of the plain algorithm; bytes: every operand once, read or written. The format gives shapes
 * and variants. */
void ctvk_gpu_cmd_operation(ctvk_gpu_cmd *cmd, const char *name, double flop, double bytes, const char *format, ...) CTVK_PRINTF(5, 6);
/* groups: workgroups in x, y, z. work: estimated cost in multiply-adds (or 4 x float4 loads), for bounding. push_bytes must equal the
 * shader's push constant block (reflected, checked). count of binds must equal the shader's. */
ctvk_status ctvk_gpu_cmd_dispatch(ctvk_gpu_cmd *cmd, ctvk_gpu_pipeline *pipeline, const ctvk_gpu_bind *binds, uint32_t count,
                                  const void *push, uint32_t push_bytes, const uint32_t groups[3], double work, uint32_t flags,
                                  ctvk_error *error);
ctvk_status ctvk_gpu_cmd_copy(ctvk_gpu_cmd *cmd, ctvk_gpu_buffer *from, uint64_t from_offset, ctvk_gpu_buffer *to, uint64_t to_offset,
                              uint64_t bytes, ctvk_error *error);
/* Fills with a repeated 32-bit word; offset and bytes multiples of 4. */
ctvk_status ctvk_gpu_cmd_fill(ctvk_gpu_cmd *cmd, ctvk_gpu_buffer *to, uint64_t offset, uint64_t bytes, uint32_t word, ctvk_error *error);
/* The most `work` that one dispatch should carry; an op splits larger ones (along x planes). */
double ctvk_gpu_cmd_work_limit(const ctvk_gpu_cmd *cmd);
/* Work recorded since begin; `check` is told how much of it is done. */
double ctvk_gpu_cmd_work(const ctvk_gpu_cmd *cmd);
/* Submits what is recorded without waiting for it (only for the oldest of those that fly, where there are too many). *mark stands for
 * everything up to here. For a host that has something else to do meanwhile: what it writes into mapped memory is seen by the
 * dispatches that are recorded afterwards. */
ctvk_status ctvk_gpu_cmd_submit(ctvk_gpu_cmd *cmd, uint64_t *mark, ctvk_error *error);
/* Waits for everything up to this mark; mark 0 is always done. `check` may cancel as ever. */
ctvk_status ctvk_gpu_cmd_wait(ctvk_gpu_cmd *cmd, uint64_t mark, ctvk_error *error);
/* Submits what is left and waits for all of it. Results in DOWNLOAD buffers are then visible to the host. */
ctvk_status ctvk_gpu_cmd_finish(ctvk_gpu_cmd *cmd, ctvk_error *error);
/* Waits and frees; also after an error or a cancel, and with work recorded but not submitted (dropped). */
void ctvk_gpu_cmd_destroy(ctvk_gpu_cmd **cmd);

#endif
