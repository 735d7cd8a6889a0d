/* selftest/network.h - a small whole network with text, from a seed, on a device: language model, encoder, alignment, decoder, classes,
 * held against the same in double precision (answer.c). */
#ifndef CTVK_SELFTEST_NETWORK_H
#define CTVK_SELFTEST_NETWORK_H

#include "formats/gguf.h"
#include "selftest/tiny.h"
#include "selftest/trials.h"

typedef struct ctvk_network_trial {
    /* "llama", "llmseg", "llmseg f16" (its finest skip connection in 16 bits a number): relative L2 error of the embedding and of the
     * logits */
    ctvk_trial_result text, image, half;
    int64_t dim[3];  /* of labels, fastest first */
    uint8_t *labels; /* of "llmseg". OWNED: ctvk_free */
} ctvk_network_trial;

/* Both nets, the second one in both precisions. check as in gpu/gpu.h. *out is filled as far as it went; labels may be NULL.
 * CTVK_ERROR_DEVICE names what is computed wrongly; CTVK_CANCELLED, CTVK_ERROR_HOST_MEMORY, CTVK_ERROR_DEVICE_MEMORY. [one thread at a
 * time] on the gpu */
ctvk_status ctvk_network_trial_run(ctvk_gpu *gpu, ctvk_gpu_check_fn check, void *user, ctvk_network_trial *out, ctvk_error *error);

/* --- answer.c: the same in double --- */

/* rows: [prompts][tokens][text]; out: [prompts][text]. */
ctvk_status ctvk_answer_text(const ctvk_host *host, const ctvk_gguf *file, const float *rows, double *out, ctvk_error *error);
/* window: [x][y][z], text: [prompts][text]; logits: [classes][x][y][z]. check is asked between the levels. */
ctvk_status ctvk_answer_image(const ctvk_host *host, const ctvk_llmseg_desc *desc, const ctvk_safetensors *weights, const float *window,
                              const float *text, ctvk_gpu_check_fn check, void *user, double *logits, ctvk_error *error);

#endif
