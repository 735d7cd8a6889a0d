/* api/self_test.h - the trial of a device at its first use, and what is remembered of it. */
#ifndef CTVK_API_SELF_TEST_H
#define CTVK_API_SELF_TEST_H

#include "api/api.h"
#include "selftest/trials.h"

/* Tries a device that this context has not tried yet, as the context's self_test says. parts: bits 1 << CTVK_TRIALS_*, each remembered by
 * itself; channels as of ctvk_trials_small. AUTO: unless the record in the cache folder has it right already. check as in gpu/gpu.h.
 * CTVK_ERROR_DEVICE names the operation that is computed wrongly, and the record then says so: the next context tries again, because the
 * fault may have lain in a layer or an overclocked card. CTVK_CANCELLED. [any thread] */
ctvk_status ctvk_context_try_device(ctvk_context *context, ctvk_gpu *gpu, uint32_t parts, int32_t channels, ctvk_gpu_check_fn check,
                                    void *user, ctvk_error *error);

/* What a whole self-test found of one part, CTVK_TRIALS_*, for the jobs after it. [any thread] */
void ctvk_context_keep_answer(ctvk_context *context, const ctvk_gpu *gpu, int32_t part, int32_t right);

extern const ctvk_selftest_api ctvk_selftest_table;

#endif
