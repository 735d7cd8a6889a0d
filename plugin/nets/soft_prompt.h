/* nets/soft_prompt.h - the input rows of the language model (model.md, "Text encoder"): [BOS] [p_1 .. p_L] [prompt] [<SEG>], once for
 * each of the P soft prompts. */
#ifndef CTVK_NETS_SOFT_PROMPT_H
#define CTVK_NETS_SOFT_PROMPT_H

#include "formats/safetensors.h"
#include "nets/llama.h"

/* A bundle's learned vectors: contexts [P][L][D], segment [D] or [1][D]. VIEW of its weights file. */
typedef struct ctvk_soft_prompt {
    const ctvk_st_tensor *contexts, *segment;
    int32_t prompts, length, width; /* P, L, D */
} ctvk_soft_prompt;

/* Finds both by name and checks shape, type and values. CTVK_ERROR_BUNDLE names tensor, expectation and finding. */
ctvk_status ctvk_soft_prompt_find(const ctvk_safetensors *weights, const char *contexts, const char *segment, int32_t prompts,
                                  int32_t width, ctvk_soft_prompt *out, ctvk_error *error);
/* Rows of one sequence of `count` prompt tokens. */
int32_t ctvk_soft_prompt_rows(const ctvk_soft_prompt *soft, int32_t count);
/* out: [P][rows][D]. The model's width must be D. */
ctvk_status ctvk_soft_prompt_fill(const ctvk_soft_prompt *soft, const ctvk_gguf *file, const ctvk_llama_desc *desc, int32_t bos,
                                  const int32_t *ids, int32_t count, float *out, ctvk_error *error);

#endif
