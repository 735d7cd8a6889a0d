#include "api/self_test.h"

#include "core/record.h"
#include "core/sha256.h"
#include "core/trace.h"
#include "selftest/trials.h"

#include <stdio.h>
#include <string.h>

_Static_assert(CTVK_TRIALS_PARTS == sizeof((ctvk_context *)0)->tried / sizeof *((ctvk_context *)0)->tried, "a word for each part");

/* What an answer holds for: the device, its driver, this library, and what chooses the shaders: what the device was opened with and tuned
 * to. */
static void write_key(const ctvk_gpu *gpu, int32_t part, char key[66])
{
    static const char *const suffix[CTVK_TRIALS_PARTS] = {"", " f16", " language"};
    const ctvk_gpu_info *info = ctvk_gpu_get_info(gpu);
    const ctvk_gpu_caps *caps = ctvk_gpu_get_caps(gpu);
    const char *tuned = ctvk_gpu_tuned_sha256(gpu);
    char text[1024];
    int length = snprintf(text, sizeof text, "%s %u %s %u.%u.%u %u %u %d%d%d%d%d%d%d%d%d%d %llu %llu %llu %u %u%s%s%s", info->uuid,
                          info->driver_version, info->driver, CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH, info->api_version,
                          caps->subgroup_size, caps->is_cpu, caps->maps_device, caps->buffer_address, caps->texel_rgba32f, caps->fp16,
                          caps->storage16, caps->storage8, caps->int64, caps->robust_access, caps->cooperative,
                          (unsigned long long)caps->max_storage_range, (unsigned long long)caps->max_uniform_range,
                          (unsigned long long)caps->max_texel_elements, caps->max_invocations, caps->max_shared_bytes, tuned ? " " : "",
                          tuned ? tuned : "", suffix[part]);
    ctvk_sha256_of(text, (uint64_t)length, key);
    key[64] = ' ';
    key[65] = 0;
}

/* "right HASH" or "wrong HASH", the hash over key and word: a line that was damaged says nothing. */
static void write_answer(const char *key, const char *word, char answer[80])
{
    char text[80], digest[65];
    int length = snprintf(text, sizeof text, "%s%s", key, word);
    ctvk_sha256_of(text, (uint64_t)length, digest);
    snprintf(answer, 80, "%s %s", word, digest);
}

static ctvk_record record_of(const ctvk_context *context)
{
    return (ctvk_record){context->cache_folder, "self-tests", "ctvk-self-tests/1\n"};
}

static int32_t is_remembered(const ctvk_context *context, const char *key)
{
    const ctvk_record record = record_of(context);
    char wanted[80], found[80];
    write_answer(key, "right", wanted);
    return ctvk_record_find(&context->host, &record, key, found, sizeof found) && strcmp(found, wanted) == 0;
}

/* One bit a device of this context, in the word of each part. */
static uint64_t bit_of(const ctvk_gpu *gpu)
{
    uint32_t index = ctvk_gpu_get_info(gpu)->index;
    return index < 64 ? UINT64_C(1) << index : 0;
}

static int32_t was_tried(ctvk_context *context, int32_t part, uint64_t bit)
{
    pthread_mutex_lock(&context->lock);
    int32_t tried = (context->tried[part] & bit) != 0;
    pthread_mutex_unlock(&context->lock);
    return tried;
}

static void set_tried(ctvk_context *context, int32_t part, uint64_t bit, int32_t right)
{
    pthread_mutex_lock(&context->lock);
    context->tried[part] = right ? context->tried[part] | bit : context->tried[part] & ~bit;
    pthread_mutex_unlock(&context->lock);
}

void ctvk_context_keep_answer(ctvk_context *context, const ctvk_gpu *gpu, int32_t part, int32_t right)
{
    const ctvk_record record = record_of(context);
    char key[66], answer[80];
    write_key(gpu, part, key);
    write_answer(key, right ? "right" : "wrong", answer);
    ctvk_record_add(&context->host, &record, key, answer);
    set_tried(context, part, bit_of(gpu), right);
}

static ctvk_status try_part(ctvk_context *context, ctvk_gpu *gpu, int32_t part, int32_t channels, ctvk_gpu_check_fn check, void *user,
                            ctvk_error *error)
{
    static const char *const what[CTVK_TRIALS_PARTS] = {"", " in f16", " with a language model"};
    char key[66];
    const char *wrong = NULL;
    uint64_t bit = bit_of(gpu);
    if (context->self_test == CTVK_SELF_TEST_SKIP || was_tried(context, part, bit))
        return CTVK_OK;
    write_key(gpu, part, key);
    if (context->self_test == CTVK_SELF_TEST_AUTO && is_remembered(context, key)) {
        set_tried(context, part, bit, 1);
        return CTVK_OK;
    }
    ctvk_log(&context->host, CTVK_LOG_INFO, "device %s: tried before its first use%s", ctvk_gpu_get_info(gpu)->name, what[part]);
    double begin = ctvk_now();
    ctvk_status status = ctvk_trials_small(gpu, part, channels, check, user, &wrong, error);
    ctvk_trace_stage(&context->host, "self-test", -1, begin);
    if (status == CTVK_OK || wrong)
        ctvk_context_keep_answer(context, gpu, part, !wrong);
    return status;
}

ctvk_status ctvk_context_try_device(ctvk_context *context, ctvk_gpu *gpu, uint32_t parts, int32_t channels, ctvk_gpu_check_fn check,
                                    void *user, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    for (int32_t part = 0; part < CTVK_TRIALS_PARTS && status == CTVK_OK; part++)
        if (parts & 1u << part)
            status = try_part(context, gpu, part, channels, check, user, error);
    return status;
}
