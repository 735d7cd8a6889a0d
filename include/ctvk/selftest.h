/* ctvk/selftest.h - interface "ctvk.selftest": whether a device computes rightly, operation by operation, before a host trusts it. */
#ifndef CTVK_SELFTEST_H
#define CTVK_SELFTEST_H

#include "ctvk/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_SELFTEST_NAME "ctvk.selftest"
#define CTVK_SELFTEST_VERSION 1

typedef struct ctvk_selftest ctvk_selftest;

/* What to try. */
typedef struct ctvk_selftest_options {
    uint32_t struct_size;
    int32_t small;             /* non-zero: what a job runs at the first use of a device; 0: all shapes and the small networks */
    ctvk_text device;          /* selector as in ctvk.context's device_select; none: auto */
    uint64_t memory_limit;     /* bytes of device memory; 0: the device's own limit */
    ctvk_progress_fn progress; /* NULL: none. Called on the thread that runs or steps the self-test */
    void *progress_user;
} ctvk_selftest_options;
#define CTVK_SELFTEST_OPTIONS_INIT                                                \
    {                                                                             \
        (uint32_t)sizeof(ctvk_selftest_options), 0, CTVK_TEXT_INIT, 0, NULL, NULL \
    }

/* What was found, of the device as a whole. */
typedef struct ctvk_selftest_info {
    uint32_t struct_size;
    uint32_t device_index;    /* as device_info takes it */
    uint32_t operation_count; /* that were tried so far; the last two of a whole self-test are networks */
    uint32_t wrong_count;     /* of them */
    ctvk_text capabilities;   /* which the shaders use, for people. VIEW of the self-test */
    double seconds;           /* of the self-test */
    uint64_t peak_bytes;      /* of device memory */
    /* The label map of the small segmentation network, uint8, i fastest, to be compared with another device's. VIEW of the self-test; NULL:
     * there is none. */
    const uint8_t *labels;
    int64_t dim[3]; /* of labels */
} ctvk_selftest_info;
#define CTVK_SELFTEST_INFO_INIT                                                    \
    {                                                                              \
        (uint32_t)sizeof(ctvk_selftest_info), 0, 0, 0, CTVK_TEXT_INIT, 0, 0, NULL, \
        {                                                                          \
            0, 0, 0                                                                \
        }                                                                          \
    }

/* One operation, or one small network. */
typedef struct ctvk_selftest_operation {
    uint32_t struct_size;
    int32_t wrong;      /* non-zero: worst_error is above limit */
    ctvk_text name;     /* "conv3d", ...; the networks "llama" and "llmseg". Static */
    uint64_t cases;     /* shapes that were tried */
    double worst_error; /* against double precision, of the case that was nearest to its limit; infinite: a value is missing or no number */
    double limit;       /* of that case */
    double seconds;     /* of all cases, with their answers in double */
} ctvk_selftest_operation;
#define CTVK_SELFTEST_OPERATION_INIT                                             \
    {                                                                            \
        (uint32_t)sizeof(ctvk_selftest_operation), 0, CTVK_TEXT_INIT, 0, 0, 0, 0 \
    }

typedef struct ctvk_selftest_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* options may be NULL; copied. Needs no device yet. *out is OWNED: destroy. CTVK_ERROR_ARGUMENT, CTVK_ERROR_HOST_MEMORY: message on the
     * context, which outlives it. [one thread at a time] on the context */
    ctvk_status (*create)(ctvk_context *context, const ctvk_selftest_options *options, ctvk_selftest **out);
    /* Not while run or step is under way. */
    void (*destroy)(ctvk_selftest *selftest);
    /* message: VIEW until the next call on the self-test; may be NULL. */
    ctvk_status (*last_error)(const ctvk_selftest *selftest, ctvk_text *message);
    /* All operations, also after one that is wrong. CTVK_ERROR_DEVICE: at least one is computed wrongly, and the message names the first;
     * info and operation tell all. CTVK_ERROR_NO_DEVICE, _DEVICE_MEMORY, _HOST_MEMORY, CTVK_CANCELLED. The answer is kept as a job keeps it
     * (ctvk.context). [one thread at a time] on the self-test */
    ctvk_status (*run)(ctvk_selftest *selftest);
    /* One operation: CTVK_PENDING while there are more, then as run. After the end it repeats its last answer. */
    ctvk_status (*step)(ctvk_selftest *selftest);
    /* Takes effect within one submission to the device. [any thread] */
    void (*cancel)(ctvk_selftest *selftest);
    /* 0 to 1. [any thread] */
    double (*progress)(const ctvk_selftest *selftest);
    /* As far as it went. CTVK_ERROR_ARGUMENT before the first step. */
    ctvk_status (*info)(ctvk_selftest *selftest, ctvk_selftest_info *out);
    /* index below info's operation_count: CTVK_ERROR_ARGUMENT otherwise. */
    ctvk_status (*operation)(ctvk_selftest *selftest, uint32_t index, ctvk_selftest_operation *out);
} ctvk_selftest_api;

#ifdef __cplusplus
}
#endif
#endif
