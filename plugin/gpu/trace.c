/* gpu/trace.c - what the device did and when, for a host that listens (core/trace.h). Where nobody does, no slot has stamps and no
 * timestamp is written.
 *
 * A timestamp stands before the first command of each operation and after the last of a submission, both at the bottom of the pipe: each
 * marks the end of everything before it. */
#include "core/trace.h"
#include "gpu/internal.h"

#include <math.h>

void ctvk_gpu_trace_open(ctvk_gpu *gpu)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = 32, bits = 0;
    if (!gpu->host.trace)
        return;
    gpu->instance->vk.GetPhysicalDeviceQueueFamilyProperties(gpu->physical, &count, families);
    if (gpu->features.family < count && !(gpu->disable & CTVK_GPU_NO_TIMESTAMPS))
        bits = families[gpu->features.family].timestampValidBits;
    gpu->trace.mask = bits == 0 ? 0 : UINT64_MAX >> (64 - bits);
    gpu->trace.period = 1e-9 * (double)gpu->features.properties.limits.timestampPeriod;
}

ctvk_status ctvk_gpu_stamps_create(ctvk_gpu *gpu, ctvk_gpu_slot *slot, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    if (!gpu->host.trace)
        return CTVK_OK;
    slot->stamps = ctvk_calloc(&gpu->host, 1, sizeof *slot->stamps);
    if (!slot->stamps)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "trace: out of memory (free memory and run again)");
    VkQueryPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, .queryType = VK_QUERY_TYPE_TIMESTAMP, .queryCount = CTVK_GPU_SLOT_STAMPS + 1};
    if (gpu->trace.mask)
        CTVK_VK(gpu, gpu->vk.CreateQueryPool(gpu->device, &pool, NULL, &slot->stamps->pool));
error_exit:
    return status;
}

void ctvk_gpu_stamps_destroy(ctvk_gpu *gpu, ctvk_gpu_slot *slot)
{
    if (slot->stamps)
        gpu->vk.DestroyQueryPool(gpu->device, slot->stamps->pool, NULL);
    ctvk_free(&gpu->host, slot->stamps);
}

static void stamp(ctvk_gpu *gpu, const ctvk_gpu_slot *slot)
{
    const ctvk_gpu_stamps *stamps = slot->stamps;
    if (!stamps->pool)
        return;
    if (stamps->count == 0)
        gpu->vk.CmdResetQueryPool(slot->buffer, stamps->pool, 0, CTVK_GPU_SLOT_STAMPS + 1);
    gpu->vk.CmdWriteTimestamp(slot->buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, stamps->pool, stamps->count);
}

void ctvk_gpu_trace_mark(ctvk_gpu *gpu, ctvk_gpu_slot *slot, const ctvk_gpu_operation *operation)
{
    ctvk_gpu_stamps *stamps = slot->stamps;
    if (stamps->count && stamps->of[stamps->count - 1].number == operation->number)
        return;
    stamp(gpu, slot);
    stamps->of[stamps->count++] = *operation;
}

void ctvk_gpu_trace_close(ctvk_gpu *gpu, ctvk_gpu_slot *slot)
{
    if (slot->stamps && slot->stamps->count)
        stamp(gpu, slot);
}

void ctvk_gpu_trace_name(ctvk_gpu *gpu, ctvk_gpu_operation *out, const char *name, double flop, double bytes)
{
    *out = (ctvk_gpu_operation){.number = gpu->trace.operations++, .name = name, .flop = flop, .bytes = bytes};
}

void ctvk_gpu_trace_operation_end(ctvk_gpu *gpu)
{
    ctvk_gpu_trace *t = &gpu->trace;
    if (!t->current.name)
        return;
    ctvk_trace_event event = {.kind = CTVK_TRACE_OPERATION,
                              .number = (int64_t)t->current.number,
                              .begin = t->begin,
                              .end = t->end,
                              .busy = t->busy,
                              .flop = t->current.flop,
                              .bytes = t->current.bytes};
    ctvk_trace(&gpu->host, &event, t->current.name, t->current.detail);
    t->current.name = NULL;
}

static void add_part(ctvk_gpu *gpu, const ctvk_gpu_operation *operation, double begin, double end, double busy)
{
    ctvk_gpu_trace *t = &gpu->trace;
    if (!t->current.name || t->current.number != operation->number) {
        ctvk_gpu_trace_operation_end(gpu);
        t->current = *operation;
        t->begin = begin;
        t->busy = 0;
    }
    t->end = end;
    t->busy += busy;
}

/* Seconds since the device's first timestamp. Counters of few bits begin anew. */
static double device_seconds(ctvk_gpu_trace *t, uint64_t ticks)
{
    uint64_t passed = t->known ? (ticks - t->ticks) & t->mask : 0;
    if (passed <= t->mask / 2) /* else a step backwards */
        t->elapsed += (double)passed * t->period;
    t->ticks = ticks;
    t->known = 1;
    return t->elapsed;
}

/* at: count + 1 device times, which become the host's. A first submission begins on an idle queue when it is handed over; later ones
 * correct that, and a drift of the clocks, by as much as they contradict it. Beginning early, the device's times move on but never over
 * each other. */
static void to_host_clock(ctvk_gpu_trace *t, double *at, uint32_t count, double submitted, double landed)
{
    double earliest = submitted - at[0], latest = landed - at[count];
    t->offset = t->offset == 0 ? earliest : fmax(earliest, fmin(latest, t->offset));
    for (uint32_t i = 0; i <= count; i++) {
        at[i] = fmax(at[i] + t->offset, t->last);
        t->last = at[i];
    }
}

static void tell_submission(ctvk_gpu *gpu, const ctvk_gpu_slot *slot, double begin, double end)
{
    ctvk_trace_event event = {.kind = CTVK_TRACE_SUBMISSION, .number = (int64_t)gpu->trace.submissions++, .begin = begin, .end = end};
    ctvk_trace(&gpu->host, &event, "submission", slot->fresh ? "first dispatch of a shader" : NULL);
}

/* Without timestamps: operations have a place, but no length. */
static void land_untimed(ctvk_gpu *gpu, const ctvk_gpu_slot *slot, double since, double now)
{
    for (uint32_t i = 0; i < slot->stamps->count; i++)
        add_part(gpu, &slot->stamps->of[i], since, since, 0);
    tell_submission(gpu, slot, since, now);
}

void ctvk_gpu_trace_land(ctvk_gpu *gpu, const ctvk_gpu_slot *slot, double since, double now)
{
    const ctvk_gpu_stamps *stamps = slot->stamps;
    uint64_t ticks[CTVK_GPU_SLOT_STAMPS + 1];
    double at[CTVK_GPU_SLOT_STAMPS + 1], busy[CTVK_GPU_SLOT_STAMPS];
    if (!stamps || !stamps->count)
        return;
    uint32_t count = stamps->count;
    if (!stamps->pool || gpu->vk.GetQueryPoolResults(gpu->device, stamps->pool, 0, count + 1, (count + 1) * sizeof *ticks, ticks,
                                                     sizeof *ticks, VK_QUERY_RESULT_64_BIT) != VK_SUCCESS) {
        land_untimed(gpu, slot, since, now);
        return;
    }
    for (uint32_t i = 0; i <= count; i++)
        at[i] = device_seconds(&gpu->trace, ticks[i]);
    for (uint32_t i = 0; i < count; i++)
        busy[i] = at[i + 1] - at[i];
    to_host_clock(&gpu->trace, at, count, slot->submitted, now);
    for (uint32_t i = 0; i < count; i++) {
        ctvk_trace_event event = {
            .kind = CTVK_TRACE_PART, .number = (int64_t)stamps->of[i].number, .begin = at[i], .end = at[i + 1], .busy = busy[i]};
        ctvk_trace(&gpu->host, &event, stamps->of[i].name, stamps->of[i].detail);
        add_part(gpu, &stamps->of[i], at[i], at[i + 1], busy[i]);
    }
    tell_submission(gpu, slot, at[0], at[count]);
}
