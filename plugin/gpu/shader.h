/* gpu/shader.h - SPIR-V that the build embedded (generated shaders.c). */
#ifndef CTVK_GPU_SHADER_H
#define CTVK_GPU_SHADER_H

#include <stdint.h>

typedef struct ctvk_shader {
    const char *name;
    const uint32_t *words;
    uint32_t bytes;
} ctvk_shader;

extern const ctvk_shader ctvk_shaders[];
extern const uint32_t ctvk_shader_count;

#endif
