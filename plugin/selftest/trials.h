/* selftest/trials.h - the door to the self-test: does this device compute every operation as plain C in double precision does?
 *
 * An operation's trial runs it on shapes around its tile edges, in buffers that are NaN wherever nothing was put, and holds the outputs
 * against plugin/ref. Inputs come from a seed: nothing is stored. Variants are those that the device takes by itself or by what it was
 * tuned to.
 */
#ifndef CTVK_SELFTEST_TRIALS_H
#define CTVK_SELFTEST_TRIALS_H

#include "gpu/gpu.h"

typedef struct ctvk_trials ctvk_trials;

/* What one operation's trial found: its case that came nearest to its limit, or went furthest beyond. */
typedef struct ctvk_trial_result {
    const char *name; /* of the operation. Static */
    int32_t cases;
    double error, limit; /* error <= limit: right. Infinite where a number was missing, not finite or beside its place */
} ctvk_trial_result;

/* How many operations there are. [any thread] */
int32_t ctvk_trials_count(void);
/* full != 0: room for all shapes, else for the small ones. check is asked between submissions as in gpu/gpu.h; may be NULL.
 * The gpu outlives it; *out is OWNED: ctvk_trials_destroy. CTVK_ERROR_HOST_MEMORY, CTVK_ERROR_DEVICE_MEMORY. [one thread at a time] */
ctvk_status ctvk_trials_create(ctvk_gpu *gpu, int32_t full, ctvk_gpu_check_fn check, void *user, ctvk_trials **out, ctvk_error *error);
void ctvk_trials_destroy(ctvk_trials **trials);
/* Operation `index`, all its shapes. CTVK_ERROR_DEVICE names device, driver and operation where it is computed wrongly; *out is filled
 * then as well. CTVK_CANCELLED. Others as they came from the device. [one thread at a time] */
ctvk_status ctvk_trials_run(ctvk_trials *b, int32_t index, ctvk_trial_result *out, ctvk_error *error);
/* The operations by who needs them. */
enum {
    CTVK_TRIALS_NETWORK = 0,  /* a segmentation */
    CTVK_TRIALS_HALF = 1,     /* one with 16 bits a number, beside NETWORK */
    CTVK_TRIALS_LANGUAGE = 2, /* the language model */
    CTVK_TRIALS_PARTS = 3
};
/* Which one operation `index` is of. [any thread] */
int32_t ctvk_trials_part(int32_t index);
/* All operations of one part on the small shapes, up to the first that is wrong, whose name *wrong is (NULL: none). channels: of a
 * network's finest level, so that the shaders that are specialised by them are its own and are compiled for both; 0: of none, and 16 are
 * taken, as for channels that are no multiple of 16 or more than 64. As ctvk_trials_run. */
ctvk_status ctvk_trials_small(ctvk_gpu *gpu, int32_t part, int32_t channels, ctvk_gpu_check_fn check, void *user, const char **wrong,
                              ctvk_error *error);
/* The convolution on the small shapes with every variant that a tuning pass could choose on this device. As ctvk_trials_run. */
ctvk_status ctvk_trials_variants(ctvk_gpu *gpu, ctvk_gpu_check_fn check, void *user, ctvk_error *error);

#endif
