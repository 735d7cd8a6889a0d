/* gpu/internal.h - what the files of this room share. Nobody outside includes it.
 *
 * Lifetimes: the instance outlives its devices; a ctvk_gpu owns its pipelines, its idle submission slots and its staging
 * buffer; a command owns the slots it has taken until it gives them back; buffers belong to the caller.
 */
#ifndef CTVK_GPU_INTERNAL_H
#define CTVK_GPU_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "gpu/cooperative.h"
#include "gpu/functions.h"
#include "gpu/gpu.h"
#include "gpu/shader.h"

#define CTVK_GPU_STAGING_BYTES (16u << 20)
#define CTVK_GPU_MAX_BINDINGS 16
#define CTVK_GPU_VIEW_SLACK 256u      /* behind every buffer where views grow */
enum { CTVK_GPU_MAX_CONSTANTS = 32 }; /* of a specialisation */

struct ctvk_gpu_instance {
    ctvk_host host;
    VkInstance instance;
    ctvk_gpu_instance_functions vk;
    VkDebugUtilsMessengerEXT messenger; /* NULL without validation */
    atomic_uint validation_errors;
    atomic_uint misnamed;       /* dispatches that were recorded under the name of another operation: an op forgot ctvk_gpu_cmd_operation */
    uint32_t api_version;       /* what the instance was made for: no device offers more through it */
    ctvk_gpu_given given;       /* given.device NULL: the instance is our own, and so are its devices */
    pthread_mutex_t queue_lock; /* for the queue of a host that locks nothing itself; made where given.device is not NULL */
    uint32_t mask;              /* CTVK_GPU_NO_* bits that hold for every device of it */
    uint32_t count;
    VkPhysicalDevice *devices;
    ctvk_gpu_info *infos;
};

/* Everything asked of one physical device, asked once (caps.c). */
typedef struct ctvk_gpu_features {
    VkPhysicalDeviceProperties properties;
    uint32_t api_version; /* that can be used: the device's, or the instance's where that is lower */
    uint8_t pipeline_cache_uuid[VK_UUID_SIZE];
    uint32_t family;               /* queue family with compute; UINT32_MAX: none */
    VkPhysicalDeviceFeatures core; /* only what is switched on */
    VkPhysicalDevice16BitStorageFeatures storage16;
    VkPhysicalDevice8BitStorageFeaturesKHR storage8;
    VkPhysicalDeviceShaderFloat16Int8FeaturesKHR float16;
    VkPhysicalDeviceBufferDeviceAddressFeaturesKHR address;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable;
    VkPhysicalDeviceVulkanMemoryModelFeatures memory_model;
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR cooperative;
    const char *extensions[8];
    uint32_t extension_count;
} ctvk_gpu_features;

/* What a device must offer to be usable: the minimum of Vulkan 1.1, but 256 invocations and 32 KiB of shared memory, which the shaders
 * take. */
enum {
    CTVK_GPU_MIN_STORAGE_RANGE = 1 << 27,
    CTVK_GPU_MIN_UNIFORM_RANGE = 16384,
    CTVK_GPU_MIN_TEXEL = 65536,
    CTVK_GPU_MIN_INVOCATIONS = 256,
    CTVK_GPU_MIN_SHARED = 32768,
    CTVK_GPU_MIN_GROUPS = 65535,
    CTVK_GPU_MIN_STORAGE_BUFFERS = 4,
    CTVK_GPU_MIN_PUSH = 128,
    CTVK_GPU_MAX_ALIGNMENT = 256
};

typedef struct ctvk_gpu_crew ctvk_gpu_crew;

/* What was named by ctvk_gpu_cmd_operation. */
typedef struct ctvk_gpu_operation {
    uint64_t number;
    const char *name; /* a literal */
    double flop, bytes;
    char detail[88];
} ctvk_gpu_operation;

/* One submission in flight: its command buffer, fence, descriptor sets and the views made for it. */
typedef struct ctvk_gpu_slot {
    struct ctvk_gpu_slot *next; /* in the list of idle slots, or of those in flight */
    VkCommandPool pool;
    VkCommandBuffer buffer;
    VkFence fence;
    VkDescriptorPool sets;
    uint32_t used_sets, used_storage, used_uniform, used_texel;
    VkBufferView *views;
    uint32_t view_count;
    struct ctvk_gpu_stamps *stamps; /* NULL: nobody listens */
    double work, cost, submitted;
    uint8_t fresh; /* a pipeline is used for the first time: the driver may compile now, so the time says nothing */
} ctvk_gpu_slot;
enum { CTVK_GPU_SLOT_SETS = 256, CTVK_GPU_SLOT_STORAGE = 1024, CTVK_GPU_SLOT_UNIFORM = 256, CTVK_GPU_SLOT_TEXEL = 512 };
enum { CTVK_GPU_SLOT_STAMPS = CTVK_GPU_SLOT_SETS };

/* The operations of one submission, each from its timestamp to the next; one more timestamp ends the last. */
typedef struct ctvk_gpu_stamps {
    VkQueryPool pool; /* NULL: the queue has no timestamps */
    uint32_t count;
    ctvk_gpu_operation of[CTVK_GPU_SLOT_STAMPS];
} ctvk_gpu_stamps;

/* Of one device: its clock, and the operation that is not over yet. */
typedef struct ctvk_gpu_trace {
    uint64_t mask; /* valid bits of a timestamp, 0: there are none */
    double period; /* seconds of one tick */
    uint64_t ticks;
    double elapsed; /* device seconds at `ticks` since the first timestamp */
    double offset;  /* host clock - elapsed, 0: not known yet */
    double last;    /* end of the last submission on the host's clock */
    uint8_t known;  /* `ticks` is one */
    uint64_t submissions, operations;
    ctvk_gpu_operation current; /* name NULL: none */
    double begin, end, busy;
} ctvk_gpu_trace;

struct ctvk_gpu_memory {
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t bytes; /* of the allocation */
};

enum { CTVK_GPU_BIND_NONE = 0, CTVK_GPU_BIND_STORAGE = 1, CTVK_GPU_BIND_UNIFORM = 2, CTVK_GPU_BIND_TEXEL = 3 };

/* What a shader wants, read from its SPIR-V. */
typedef struct ctvk_gpu_reflection {
    uint8_t kinds[CTVK_GPU_MAX_BINDINGS]; /* CTVK_GPU_BIND_* of set 0, without holes */
    uint32_t bindings, storage, uniform, texel;
    uint32_t push_bytes;
    uint32_t constants;     /* highest specialisation id + 1 */
    uint32_t local_size[3]; /* with the given specialisation */
    uint32_t subgroup;      /* VkSubgroupFeatureFlags that it needs */
    uint8_t address, fp16, storage16, storage8, int8, int16, int64, unknown;
    uint8_t cooperative;         /* cooperative matrices, with them Vulkan's memory model */
    uint8_t matrix;              /* of which shape, CTVK_GPU_MATRIX_*; NONE: of one that is not known */
    uint32_t unknown_capability; /* one that is never switched on */
} ctvk_gpu_reflection;

struct ctvk_gpu_pipeline {
    ctvk_gpu_pipeline *next;
    const char *shader; /* VIEW of the shader table */
    const ctvk_shader *code;
    uint32_t *words; /* of a module that had to be completed, its size is code's; NULL: code's own are complete */
    uint32_t *constants;
    uint32_t count;
    ctvk_gpu_reflection reflection;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline; /* a worker may be writing it until it is ready */
    uint8_t ready;       /* compiled, as far as the thread that uses the gpu knows */
    uint8_t used;        /* dispatched before */
};

enum { CTVK_GPU_IN_FLIGHT = 2 };
struct ctvk_gpu_cmd {
    ctvk_gpu *gpu;
    ctvk_gpu_check_fn check;
    void *user;
    ctvk_gpu_slot *open;                       /* being recorded, or NULL */
    ctvk_gpu_slot *flying[CTVK_GPU_IN_FLIGHT]; /* oldest first */
    uint32_t flying_count;
    uint64_t submitted, landed; /* pieces so far */
    double work_recorded, work_done;
    double last_done;   /* when the last piece was seen to be done */
    uint8_t last_exact; /* and that is when it was */
    ctvk_status status; /* the first failure; everything after it is refused with it */
    uint8_t started;    /* a barrier has been put since begin */
    uint8_t rehearsal;  /* nothing is submitted */
    ctvk_gpu_operation operation;
};

/* What a tuning pass left for this device; not changed while it is open. */
typedef struct ctvk_gpu_tuned_table {
    char *path; /* NULL: no cache folder */
    ctvk_gpu_tuned *lines;
    uint32_t count;
    char sha256[65];
    const char *problem; /* why the file is ignored. Static; NULL: it is not */
} ctvk_gpu_tuned_table;

struct ctvk_gpu {
    ctvk_host host;
    ctvk_gpu_instance *instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    ctvk_gpu_functions vk;
    ctvk_gpu_info info;
    ctvk_gpu_caps caps;
    ctvk_gpu_features features;
    uint32_t disable;
    VkPhysicalDeviceMemoryProperties memory;
    uint64_t memory_limit, memory_used, memory_peak;
    PFN_vkGetBufferDeviceAddressKHR get_address;
    PFN_vkGetPipelineExecutablePropertiesKHR get_executables;
    PFN_vkGetPipelineExecutableStatisticsKHR get_statistics;
    VkPipelineCache cache;
    char *cache_path;     /* NULL: none */
    uint8_t cache_dirty;  /* a pipeline was compiled */
    uint8_t cache_loaded; /* the file was good and holds cache_digest */
    uint8_t cache_digest[32];
    ctvk_gpu_tuned_table tuned;
    uint8_t lost;
    uint8_t views_grow;         /* a software driver with texel buffers, whose views may be longer than what is bound (dispatch.c) */
    struct ctvk_gpu_crew *crew; /* NULL: nobody compiles in the background */
    ctvk_gpu_pipeline *pipelines;
    ctvk_gpu_slot *idle;
    ctvk_gpu_slot *in_flight; /* submitted and not waited for */
    ctvk_gpu_buffer *staging;
    double budget; /* cost that one submission should carry */
    ctvk_gpu_trace trace;
};

/* Runs a Vulkan call; on failure writes the named result into `error`, sets `status` and goes to `error_exit`. */
#define CTVK_VK(gpu_, call)                                              \
    do {                                                                 \
        VkResult vk_result_ = (call);                                    \
        if (vk_result_ < 0) {                                            \
            status = ctvk_gpu_vk_fail((gpu_), vk_result_, #call, error); \
            goto error_exit;                                             \
        }                                                                \
    } while (0)

/* result.c */
const char *ctvk_gpu_result_text(VkResult result);
/* gpu may be NULL; a lost device is remembered in it. `call` is the text of the call. */
ctvk_status ctvk_gpu_vk_fail(ctvk_gpu *gpu, VkResult result, const char *call, ctvk_error *error);
#if defined(__clang_analyzer__)
/* As for ctvk_fail: never CTVK_OK. */
#define ctvk_gpu_vk_fail(gpu, result, call, error) ((void)ctvk_gpu_vk_fail(gpu, result, call, error), CTVK_ERROR_DEVICE)
#endif
/* CTVK_ERROR_DEVICE once the device was lost, else CTVK_OK. */
ctvk_status ctvk_gpu_alive(const ctvk_gpu *gpu, ctvk_error *error);

/* caps.c */
void ctvk_gpu_features_query(const ctvk_gpu_instance *instance, VkPhysicalDevice device, ctvk_gpu_features *out, ctvk_gpu_caps *caps);
/* Fills name, driver, lacks, ... of one device. */
void ctvk_gpu_info_query(const ctvk_gpu_instance *instance, VkPhysicalDevice device, uint32_t index, ctvk_gpu_info *info);
/* Chains the structures of the features that are on; the result lives as long as `features`. */
void *ctvk_gpu_features_chain(ctvk_gpu_features *features, int statistics);

/* cooperative.c */
/* CTVK_GPU_MATRIX_* of this shape. */
uint32_t ctvk_gpu_matrix_of(uint32_t rows, uint32_t columns, uint32_t depth);
/* The best one that a device with the extension has. */
uint32_t ctvk_gpu_matrix_query(const ctvk_gpu_instance *instance, VkPhysicalDevice device);
enum { CTVK_GPU_OP_TYPE_COOPERATIVE_MATRIX = 4456 }; /* in SPIR-V */
/* Whole instructions of a module that uses cooperative matrices: where a type of theirs names the width of its components, as
 * shaders/common/cooperative.glsl has to, their type is put. 0: the module has none of that width before. */
int ctvk_gpu_matrix_complete(uint32_t *words, uint32_t count);

/* mask.c: switches off in both what the CTVK_GPU_NO_* bits name. Nothing is ever added. */
void ctvk_gpu_caps_mask(uint32_t disable, ctvk_gpu_features *features, ctvk_gpu_caps *caps);

/* reflect.c: CTVK_ERROR_INTERNAL where the module is damaged or uses what the binding rules do not allow. */
ctvk_status ctvk_gpu_reflect(const ctvk_host *host, const ctvk_shader *shader, const uint32_t *constants, uint32_t count,
                             ctvk_gpu_reflection *out, ctvk_error *error);

/* pipeline.c */
/* Like ctvk_gpu_pipeline_get for a shader that need not be in the table; `shader` must live as long as the gpu. */
ctvk_status ctvk_gpu_pipeline_of(ctvk_gpu *gpu, const ctvk_shader *shader, const uint32_t *constants, uint32_t count,
                                 ctvk_gpu_pipeline **out, ctvk_error *error);
/* What a shader wants that this device was not opened with, or NULL. */
const char *ctvk_gpu_shader_lack(const ctvk_gpu *gpu, const ctvk_gpu_reflection *reflection);
void ctvk_gpu_pipelines_destroy(ctvk_gpu *gpu);

/* compile.c */
/* Every pipeline that is not ready goes to workers, one less than there are processors; none where there is one. */
ctvk_status ctvk_gpu_compile_begin(ctvk_gpu *gpu, ctvk_error *error);
/* This one is ready when it returns; whoever compiled it, its failure is told here, and the next call tries again. */
ctvk_status ctvk_gpu_compile(ctvk_gpu *gpu, ctvk_gpu_pipeline *pipeline, ctvk_error *error);
/* Whether ctvk_gpu_compile would return at once. */
int ctvk_gpu_is_compiled(const ctvk_gpu *gpu, const ctvk_gpu_pipeline *pipeline);
/* Waits for what workers have begun; the rest stays as it is. */
void ctvk_gpu_compile_end(ctvk_gpu *gpu);

/* cmd.c: makes room for one more command of this cost with these descriptors; puts the barrier. */
ctvk_status ctvk_gpu_cmd_prepare(ctvk_gpu_cmd *cmd, double cost, const ctvk_gpu_reflection *needs, int barrier, ctvk_error *error);
/* Submits what is recorded, where that waits for nobody: before the host does something that takes long. */
ctvk_status ctvk_gpu_cmd_hand_over(ctvk_gpu_cmd *cmd, ctvk_error *error);

/* cache.c: neither fails; a cache that cannot be read or written is not there. */
void ctvk_gpu_cache_open(ctvk_gpu *gpu, const char *folder);
void ctvk_gpu_cache_close(ctvk_gpu *gpu);
/* A whole regular file of at most `most` bytes, no link; NULL: there is none. OWNED (ctvk_free). */
uint8_t *ctvk_gpu_cache_read(const ctvk_gpu *gpu, const char *path, size_t most, size_t *bytes);
/* The first word of the driver's name, letters and digits of it, for names of files. */
void ctvk_gpu_driver_word(const ctvk_gpu *gpu, char word[24]);

/* tuned.c: never fails; a table that cannot be read is not there. */
void ctvk_gpu_tuned_open(ctvk_gpu *gpu, const char *folder);
void ctvk_gpu_tuned_close(ctvk_gpu *gpu);

/* slot.c */
ctvk_status ctvk_gpu_slot_take(ctvk_gpu *gpu, ctvk_gpu_slot **out, ctvk_error *error); /* recording has begun */
void ctvk_gpu_slot_give(ctvk_gpu *gpu, ctvk_gpu_slot *slot);                           /* not in flight any more; resets it and keeps it */
ctvk_status ctvk_gpu_slot_submit(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error);
ctvk_status ctvk_gpu_slot_wait(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error);
/* Waits for everything in flight, by its fences: the queue may be a host's, who has work of his own on it. */
ctvk_status ctvk_gpu_wait_idle(ctvk_gpu *gpu, ctvk_error *error);
void ctvk_gpu_slots_destroy(ctvk_gpu *gpu);
/* Memory barrier between everything recorded before and after; host: towards reads of the host instead. */
void ctvk_gpu_slot_barrier(ctvk_gpu *gpu, ctvk_gpu_slot *slot, int to_host);

/* trace.c: all of it does nothing where nobody listens. */
void ctvk_gpu_trace_open(ctvk_gpu *gpu);
ctvk_status ctvk_gpu_stamps_create(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error);
void ctvk_gpu_stamps_destroy(ctvk_gpu *gpu, ctvk_gpu_slot *slot);
void ctvk_gpu_trace_name(ctvk_gpu *gpu, ctvk_gpu_operation *out, const char *name, double flop, double bytes);
/* The next command of a slot with stamps is of this operation; there must be room for one more. */
void ctvk_gpu_trace_mark(ctvk_gpu *gpu, ctvk_gpu_slot *slot, const ctvk_gpu_operation *operation);
/* The slot's last timestamp, before it is submitted. */
void ctvk_gpu_trace_close(ctvk_gpu *gpu, ctvk_gpu_slot *slot);
/* Tells of a submission that is done; since, now: its time as the host saw it. */
void ctvk_gpu_trace_land(ctvk_gpu *gpu, const ctvk_gpu_slot *slot, double since, double now);
/* Tells of the operation under way. */
void ctvk_gpu_trace_operation_end(ctvk_gpu *gpu);

#endif
