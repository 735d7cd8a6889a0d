#include "selftest/seeded.h"

#include <math.h>
#include <string.h>

/* FNV-1a, 64 bit. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return hash;
}

float ctvk_seeded_number(uint64_t seed, uint64_t index)
{
    uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (float)((int32_t)(x >> 40) - (1 << 23)) * 0x1p-23f;
}

static uint64_t fan_in(const char *name, int32_t rank, const uint64_t *shape)
{
    if (strstr(name, "transp_conv")) /* no overlap: one tap of each input channel reaches a voxel */
        return shape[0];
    return rank == 5 ? shape[1] * shape[2] * shape[3] * shape[4] : shape[1];
}

float ctvk_seeded_weight(const char *name, int32_t rank, const uint64_t *shape, uint64_t index)
{
    float uniform = ctvk_seeded_number(hash_name(name), index);
    if (rank == 1) {
        size_t length = strlen(name);
        int scale = strstr(name, "norm") && length > 7 && strcmp(name + length - 7, ".weight") == 0;
        return scale ? 1.0f + 0.25f * uniform : 0.25f * uniform;
    }
    float bound = (float)sqrt(3.0 / (double)fan_in(name, rank, shape));
    return bound * uniform;
}
