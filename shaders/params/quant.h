/* params/quant.h - tensor types of GGUF files that are read, with ggml's numbers (ggml.h, enum ggml_type); read by GLSL and by C. */
#ifndef CTVK_PARAMS_QUANT_H
#define CTVK_PARAMS_QUANT_H

#define CTVK_QUANT_F32 0
#define CTVK_QUANT_F16 1
#define CTVK_QUANT_Q4_0 2
#define CTVK_QUANT_Q4_1 3
#define CTVK_QUANT_Q5_0 6
#define CTVK_QUANT_Q5_1 7
#define CTVK_QUANT_Q8_0 8
#define CTVK_QUANT_Q4_K 12
#define CTVK_QUANT_Q5_K 13
#define CTVK_QUANT_Q6_K 14
#define CTVK_QUANT_BF16 30

#endif
