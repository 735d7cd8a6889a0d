/* gpu/mask.c - what may be taken away from a device: for tests of portability, and to work around a driver. */
#include "gpu/internal.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    uint32_t bits;
} table[] = {
    {"address", CTVK_GPU_NO_BUFFER_ADDRESS},
    {"texel", CTVK_GPU_NO_TEXEL},
    {"fp16", CTVK_GPU_NO_FP16},
    {"storage16", CTVK_GPU_NO_16BIT},
    {"storage8", CTVK_GPU_NO_8BIT},
    {"int64", CTVK_GPU_NO_INT64},
    {"subgroup", CTVK_GPU_NO_SUBGROUP},
    {"cooperative", CTVK_GPU_NO_COOPERATIVE},
    {"mapping", CTVK_GPU_NO_MAPPING},
    {"groups", CTVK_GPU_NO_LARGE_GROUPS},
    {"push", CTVK_GPU_NO_LARGE_PUSH},
    {"bindings", CTVK_GPU_NO_LARGE_BINDINGS},
    {"memory", CTVK_GPU_NO_LARGE_MEMORY},
    {"limits", CTVK_GPU_MIN_LIMITS},
    {"all", CTVK_GPU_NO_ALL},
};
enum { WORDS = sizeof table / sizeof *table };

const char *ctvk_gpu_mask_word(uint32_t index, uint32_t *bits)
{
    *bits = index < WORDS ? table[index].bits : 0;
    return index < WORDS ? table[index].word : NULL;
}

static ctvk_status refuse(const char *word, size_t length, ctvk_error *error)
{
    char known[176] = "";
    for (int i = 0; i < WORDS; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", table[i].word);
    return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "device mask: \"%.*s\" cannot be taken away (what can: %s)",
                     length < 40 ? (int)length : 40, word, known);
}

ctvk_status ctvk_gpu_mask_parse(const char *words, uint32_t *bits, ctvk_error *error)
{
    *bits = 0;
    for (words = words ? words : ""; *(words += strspn(words, ", "));) {
        size_t length = strcspn(words, ", ");
        uint32_t found = 0;
        for (int i = 0; i < WORDS; i++)
            if (strlen(table[i].word) == length && memcmp(table[i].word, words, length) == 0)
                found = table[i].bits;
        if (!found)
            return refuse(words, length, error);
        *bits |= found;
        words += length;
    }
    return CTVK_OK;
}

static void at_most_u64(uint64_t *value, uint64_t most)
{
    if (*value > most)
        *value = most;
}

static void at_most(uint32_t *value, uint32_t most)
{
    if (*value > most)
        *value = most;
}

static void mask_limits(uint32_t disable, ctvk_gpu_caps *caps)
{
    if (disable & CTVK_GPU_NO_LARGE_GROUPS)
        at_most(&caps->max_invocations, CTVK_GPU_MIN_INVOCATIONS);
    if (disable & CTVK_GPU_NO_LARGE_PUSH)
        at_most(&caps->push_bytes, CTVK_GPU_MIN_PUSH);
    if (disable & CTVK_GPU_NO_LARGE_BINDINGS)
        at_most_u64(&caps->max_storage_range, CTVK_GPU_MIN_STORAGE_RANGE);
    if (disable & CTVK_GPU_NO_LARGE_MEMORY) {
        at_most_u64(&caps->heap_bytes, UINT64_C(2) << 30);
        at_most_u64(&caps->max_allocation, UINT64_C(1) << 30);
    }
    if ((disable & CTVK_GPU_MIN_LIMITS) != CTVK_GPU_MIN_LIMITS)
        return;
    at_most_u64(&caps->max_uniform_range, CTVK_GPU_MIN_UNIFORM_RANGE);
    at_most_u64(&caps->max_texel_elements, CTVK_GPU_MIN_TEXEL);
    at_most(&caps->max_shared_bytes, CTVK_GPU_MIN_SHARED);
    at_most(&caps->max_groups, CTVK_GPU_MIN_GROUPS);
    at_most(&caps->max_storage_buffers, CTVK_GPU_MIN_STORAGE_BUFFERS);
    if (caps->storage_alignment < CTVK_GPU_MAX_ALIGNMENT)
        caps->storage_alignment = CTVK_GPU_MAX_ALIGNMENT;
}

void ctvk_gpu_caps_mask(uint32_t disable, ctvk_gpu_features *features, ctvk_gpu_caps *caps)
{
    if (disable & CTVK_GPU_NO_BUFFER_ADDRESS)
        caps->buffer_address = 0, features->address.bufferDeviceAddress = 0;
    if (disable & CTVK_GPU_NO_TEXEL)
        caps->texel_rgba32f = 0;
    if (disable & CTVK_GPU_NO_FP16)
        caps->fp16 = 0, features->float16.shaderFloat16 = 0;
    if (disable & CTVK_GPU_NO_16BIT)
        caps->storage16 = 0, features->storage16.storageBuffer16BitAccess = features->core.shaderInt16 = 0;
    if (disable & CTVK_GPU_NO_8BIT)
        caps->storage8 = 0, features->storage8.storageBuffer8BitAccess = features->float16.shaderInt8 = 0;
    if (disable & CTVK_GPU_NO_INT64)
        caps->int64 = 0, features->core.shaderInt64 = 0;
    if (disable & CTVK_GPU_NO_SUBGROUP)
        caps->subgroup_operations = 0;
    if (disable & CTVK_GPU_NO_MAPPING)
        caps->maps_device = 0;
    mask_limits(disable, caps);
    /* They are made of halves and computed by subgroups, four to a workgroup. */
    if ((disable & (CTVK_GPU_NO_COOPERATIVE | CTVK_GPU_NO_FP16 | CTVK_GPU_NO_SUBGROUP)) || !caps->cooperative ||
        4 * caps->subgroup_size > caps->max_invocations)
        caps->cooperative = 0, features->cooperative.cooperativeMatrix = 0;
}

/* From the end of the table, so that a word of several bits stands for all of its own. */
static void write_words(uint32_t bits, char *text, size_t size)
{
    for (int i = WORDS; i-- > 0;) {
        if ((bits & table[i].bits) != table[i].bits)
            continue;
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", used ? "," : "", table[i].word);
        bits &= ~table[i].bits;
    }
}

void ctvk_gpu_instance_mask(ctvk_gpu_instance *instance, uint32_t bits)
{
    instance->mask = bits;
    for (uint32_t i = 0; bits && i < instance->count; i++) {
        ctvk_gpu_info_query(instance, instance->devices[i], i, &instance->infos[i]);
        write_words(bits, instance->infos[i].mask, sizeof instance->infos[i].mask);
    }
}
