/* ctvk/draft/tune.h - interface "ctvk.tune": measures which variant of each convolution is fastest on a device, and keeps the answer for
 * the jobs after it. A draft: it may change until it leaves this folder.
 *
 * Nobody has to tune: without it variants are chosen by device class and, on software drivers, by a model of their cost. The answer lies in
 * the context's cache folder, for this device (UUID), driver version and version of the library; a file that is damaged or of another
 * driver is ignored, and results say so in a warning. Results of tuned and untuned runs agree within the product's tolerance, not bit for
 * bit; the same file gives the same bits. A job's report holds the file's hash (device.tuned_sha256).
 */
#ifndef CTVK_DRAFT_TUNE_H
#define CTVK_DRAFT_TUNE_H

#include "ctvk/bundle.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_TUNE_NAME "ctvk.tune"
#define CTVK_TUNE_VERSION 1

typedef struct ctvk_tune ctvk_tune;

/* Which device, and who is told. */
typedef struct ctvk_tune_options {
    uint32_t struct_size;
    uint32_t reserved;
    ctvk_text device;          /* selector as in ctvk.context's device_select; none: auto */
    uint64_t memory_limit;     /* bytes of device memory; 0: the device's own limit */
    ctvk_progress_fn progress; /* NULL: none. Called on the thread that runs or steps */
    void *progress_user;
} ctvk_tune_options;
#define CTVK_TUNE_OPTIONS_INIT                                                \
    {                                                                         \
        (uint32_t)sizeof(ctvk_tune_options), 0, CTVK_TEXT_INIT, 0, NULL, NULL \
    }

/* How far it is. */
typedef struct ctvk_tune_info {
    uint32_t struct_size;
    uint32_t device_index;      /* as device_info takes it */
    uint32_t convolution_count; /* of the network, each shape once */
    uint32_t measured_count;    /* of them, so far */
    int32_t kept;               /* non-zero: the answer lies in the cache folder */
    uint32_t reserved;
    int32_t window[4];   /* of the network: x, y, z; 0 */
    double seconds;      /* so far */
    uint64_t peak_bytes; /* of device memory */
} ctvk_tune_info;
#define CTVK_TUNE_INFO_INIT                                                 \
    {                                                                       \
        (uint32_t)sizeof(ctvk_tune_info), 0, 0, 0, 0, 0, {0, 0, 0, 0}, 0, 0 \
    }

/* One shape of convolution. Indices are of its candidates. */
typedef struct ctvk_tune_convolution {
    uint32_t struct_size;
    uint32_t candidate_count; /* how many ways to compute it there are: candidate */
    uint32_t chosen;          /* the fastest; the untuned one where none is faster by more than a few percent */
    uint32_t untuned;         /* what would be taken without tuning */
    uint32_t times;           /* how often the network has this shape */
    uint32_t reserved;
    double flop;     /* of one: additions and multiplications of the plain algorithm */
    ctvk_text shape; /* kernel, stride, channels, extents of the output, for people. VIEW of the handle */
} ctvk_tune_convolution;
#define CTVK_TUNE_CONVOLUTION_INIT                                                \
    {                                                                             \
        (uint32_t)sizeof(ctvk_tune_convolution), 0, 0, 0, 0, 0, 0, CTVK_TEXT_INIT \
    }

/* One way to compute it, and what that takes. */
typedef struct ctvk_tune_candidate {
    uint32_t struct_size;
    uint32_t reserved;
    ctvk_text name;      /* "portable", "tiled", "address", "winograd", "gemm". Static */
    double milliseconds; /* of one convolution; infinite: it does not fit the device */
} ctvk_tune_candidate;
#define CTVK_TUNE_CANDIDATE_INIT                                    \
    {                                                               \
        (uint32_t)sizeof(ctvk_tune_candidate), 0, CTVK_TEXT_INIT, 0 \
    }

typedef struct ctvk_tune_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* bundle: whose network and window are meant; NULL: the published network of 48 features with its window of 384 x 384 x 128. options
     * may be NULL; copied. Needs no device yet. *out is OWNED: destroy. CTVK_ERROR_ARGUMENT, CTVK_ERROR_HOST_MEMORY: message on the
     * context, which outlives it; the bundle need not. [one thread at a time] on the context */
    ctvk_status (*create)(ctvk_context *context, ctvk_bundle *bundle, const ctvk_tune_options *options, ctvk_tune **out);
    /* Not while run or step is under way. */
    void (*destroy)(ctvk_tune *tune);
    /* message: VIEW until the next call on the handle; may be NULL. */
    ctvk_status (*last_error)(const ctvk_tune *tune, ctvk_text *message);
    /* Tries the device as a job does, then every variant that could be chosen, then measures. CTVK_ERROR_DEVICE: something is computed
     * wrongly; CTVK_ERROR_OUTPUT: the answer cannot be kept (said before anything is measured where the context has no cache folder);
     * CTVK_ERROR_NO_DEVICE, _DEVICE_MEMORY, _HOST_MEMORY, CTVK_CANCELLED: what was kept before stays. [one thread at a time] on the handle
     */
    ctvk_status (*run)(ctvk_tune *tune);
    /* One convolution: CTVK_PENDING while there are more, then as run. After the end it repeats its last answer. */
    ctvk_status (*step)(ctvk_tune *tune);
    /* Takes effect within one submission to the device. [any thread] */
    void (*cancel)(ctvk_tune *tune);
    /* 0 to 1. [any thread] */
    double (*progress)(const ctvk_tune *tune);
    /* As far as it went. CTVK_ERROR_ARGUMENT before the first step. */
    ctvk_status (*info)(ctvk_tune *tune, ctvk_tune_info *out);
    /* index below info's measured_count: CTVK_ERROR_ARGUMENT otherwise. */
    ctvk_status (*convolution)(ctvk_tune *tune, uint32_t index, ctvk_tune_convolution *out);
    /* One of a convolution's candidates, index below their number: CTVK_ERROR_ARGUMENT otherwise. */
    ctvk_status (*candidate)(ctvk_tune *tune, uint32_t convolution, uint32_t index, ctvk_tune_candidate *out);
} ctvk_tune_api;

#ifdef __cplusplus
}
#endif
#endif
