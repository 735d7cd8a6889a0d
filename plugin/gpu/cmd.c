/* gpu/cmd.c - recording into pieces of bounded work, a few of them in flight. */
#include "core/trace.h"
#include "gpu/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double TARGET_SECONDS = 0.1;
static const double MIN_BUDGET = 1e8, MAX_BUDGET = 1e13;

ctvk_status ctvk_gpu_cmd_begin(ctvk_gpu *gpu, ctvk_gpu_check_fn check, void *user, ctvk_gpu_cmd **out, ctvk_error *error)
{
    *out = NULL;
    ctvk_status status = ctvk_gpu_alive(gpu, error);
    if (status != CTVK_OK)
        return status;
    ctvk_gpu_cmd *cmd = ctvk_calloc(&gpu->host, 1, sizeof *cmd);
    if (!cmd)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "commands: out of memory (free memory and run again)");
    cmd->gpu = gpu;
    cmd->check = check;
    cmd->user = user;
    ctvk_gpu_trace_name(gpu, &cmd->operation, "other", 0, 0);
    *out = cmd;
    return CTVK_OK;
}

ctvk_status ctvk_gpu_cmd_rehearse(ctvk_gpu *gpu, ctvk_gpu_cmd **out, ctvk_error *error)
{
    ctvk_status status = ctvk_gpu_cmd_begin(gpu, NULL, NULL, out, error);
    if (status == CTVK_OK)
        (*out)->rehearsal = 1;
    return status;
}

void ctvk_gpu_cmd_operation(ctvk_gpu_cmd *cmd, const char *name, double flop, double bytes, const char *format, ...)
{
    va_list arguments;
    cmd->operation.name = name;
    if (!cmd->gpu->host.trace || cmd->rehearsal)
        return;
    ctvk_gpu_trace_name(cmd->gpu, &cmd->operation, name, flop, bytes);
    va_start(arguments, format);
    vsnprintf(cmd->operation.detail, sizeof cmd->operation.detail, format, arguments);
    va_end(arguments);
}

double ctvk_gpu_cmd_work_limit(const ctvk_gpu_cmd *cmd)
{
    return cmd->gpu->budget / 2;
}

/* The time of a piece counts from its submission or from the end of the one before, whichever is later. It is exact only where the
 * host was already waiting when the piece ended; otherwise it is an upper bound, from which the budget may only grow. Where it would count
 * from an end that was not seen, it says nothing (land). */
static void adapt(ctvk_gpu *gpu, const ctvk_gpu_slot *slot, double seconds, int exact)
{
    if (slot->cost < gpu->budget * 0.1 || seconds <= 0)
        return;
    double wanted = slot->cost * TARGET_SECONDS / seconds;
    if (wanted > gpu->budget) {
        gpu->budget = wanted < gpu->budget * 2 ? wanted : gpu->budget * 2;
    } else if (exact && !slot->fresh) {
        gpu->budget = wanted > gpu->budget / 4 ? wanted : gpu->budget / 4;
    }
    if (gpu->budget < MIN_BUDGET)
        gpu->budget = MIN_BUDGET;
    if (gpu->budget > MAX_BUDGET)
        gpu->budget = MAX_BUDGET;
}

/* Waits for the oldest piece, then asks `check`. The slot leaves the flight in any case. */
static ctvk_status land(ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    ctvk_gpu *gpu = cmd->gpu;
    ctvk_gpu_slot *slot = cmd->flying[0];
    int exact = gpu->vk.GetFenceStatus(gpu->device, slot->fence) == VK_NOT_READY;
    ctvk_status status = ctvk_gpu_slot_wait(gpu, slot, error);
    double now = ctvk_now();
    double since = slot->submitted > cmd->last_done ? slot->submitted : cmd->last_done;
    int known = slot->submitted >= cmd->last_done || cmd->last_exact;
    cmd->last_done = now;
    cmd->last_exact = (uint8_t)exact;
    memmove(cmd->flying, cmd->flying + 1, sizeof cmd->flying[0] * (CTVK_GPU_IN_FLIGHT - 1));
    cmd->flying_count--;
    cmd->landed++;
    if (status == CTVK_OK) {
        if (known)
            adapt(gpu, slot, now - since, exact);
        cmd->work_done += slot->work;
        ctvk_gpu_trace_land(gpu, slot, since, now);
    }
    ctvk_gpu_slot_give(gpu, slot);
    if (status == CTVK_OK && cmd->check && cmd->check(cmd->user, cmd->work_done))
        status = ctvk_fail(error, CTVK_CANCELLED, "the work was cancelled");
    return status;
}

/* Submits the open piece; waits where too many are in flight. */
static ctvk_status flush(ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    ctvk_status status = CTVK_OK;
    if (cmd->flying_count == CTVK_GPU_IN_FLIGHT)
        status = land(cmd, error);
    if (status == CTVK_OK)
        status = ctvk_gpu_slot_submit(cmd->gpu, cmd->open, error);
    if (status != CTVK_OK)
        return status;
    cmd->flying[cmd->flying_count++] = cmd->open;
    cmd->submitted++;
    cmd->open = NULL;
    return CTVK_OK;
}

/* Whether the command may go on. */
static ctvk_status proceed(const ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    if (cmd->status != CTVK_OK)
        return ctvk_fail(error, cmd->status, "commands: an earlier command failed or was cancelled");
    return ctvk_gpu_alive(cmd->gpu, error);
}

ctvk_status ctvk_gpu_cmd_prepare(ctvk_gpu_cmd *cmd, double cost, const ctvk_gpu_reflection *needs, int barrier, ctvk_error *error)
{
    ctvk_status status = proceed(cmd, error);
    if (status != CTVK_OK)
        return status;
    ctvk_gpu_slot *slot = cmd->open;
    if (slot &&
        (slot->used_sets == CTVK_GPU_SLOT_SETS || (slot->stamps && slot->stamps->count == CTVK_GPU_SLOT_STAMPS) ||
         (slot->cost > 0 && slot->cost + cost > cmd->gpu->budget) ||
         (needs && (slot->used_storage + needs->storage > CTVK_GPU_SLOT_STORAGE ||
                    slot->used_uniform + needs->uniform > CTVK_GPU_SLOT_UNIFORM || slot->used_texel + needs->texel > CTVK_GPU_SLOT_TEXEL))))
        status = flush(cmd, error);
    if (status == CTVK_OK && !cmd->open)
        status = ctvk_gpu_slot_take(cmd->gpu, &cmd->open, error);
    if (status != CTVK_OK)
        return status;
    if (barrier || !cmd->started)
        ctvk_gpu_slot_barrier(cmd->gpu, cmd->open, 0);
    cmd->started = 1;
    cmd->open->cost += cost;
    if (cmd->open->stamps)
        ctvk_gpu_trace_mark(cmd->gpu, cmd->open, &cmd->operation);
    return CTVK_OK;
}

/* A lost device is never done here: the next submission, or who waits, tells of it. */
static int is_done(const ctvk_gpu *gpu, const ctvk_gpu_slot *slot)
{
    return gpu->vk.GetFenceStatus(gpu->device, slot->fence) == VK_SUCCESS;
}

ctvk_status ctvk_gpu_cmd_hand_over(ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    ctvk_status status = proceed(cmd, error);
    if (status == CTVK_OK && cmd->open && cmd->flying_count == CTVK_GPU_IN_FLIGHT && is_done(cmd->gpu, cmd->flying[0]))
        status = land(cmd, error);
    if (status == CTVK_OK && cmd->open && cmd->flying_count < CTVK_GPU_IN_FLIGHT)
        status = flush(cmd, error);
    return status;
}

double ctvk_gpu_cmd_work(const ctvk_gpu_cmd *cmd)
{
    return cmd->work_recorded;
}

ctvk_status ctvk_gpu_cmd_submit(ctvk_gpu_cmd *cmd, uint64_t *mark, ctvk_error *error)
{
    ctvk_status status = proceed(cmd, error);
    if (status != CTVK_OK)
        return status;
    if (cmd->open)
        status = flush(cmd, error);
    *mark = cmd->submitted;
    cmd->status = status;
    return status;
}

ctvk_status ctvk_gpu_cmd_wait(ctvk_gpu_cmd *cmd, uint64_t mark, ctvk_error *error)
{
    ctvk_status status = proceed(cmd, error);
    if (status != CTVK_OK)
        return status;
    if (mark > cmd->submitted)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "commands: waiting for what was not submitted (report this)");
    while (status == CTVK_OK && cmd->landed < mark)
        status = land(cmd, error);
    cmd->status = status;
    return status;
}

ctvk_status ctvk_gpu_cmd_finish(ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    ctvk_status status = proceed(cmd, error);
    if (status != CTVK_OK)
        return status;
    if (cmd->rehearsal)
        status = ctvk_gpu_compile_begin(cmd->gpu, error);
    if (status == CTVK_OK && cmd->open)
        status = flush(cmd, error);
    while (status == CTVK_OK && cmd->flying_count)
        status = land(cmd, error);
    cmd->status = status;
    return status;
}

void ctvk_gpu_cmd_destroy(ctvk_gpu_cmd **cmd)
{
    if (!cmd || !*cmd)
        return;
    ctvk_gpu_cmd *self = *cmd;
    ctvk_gpu *gpu = self->gpu;
    for (uint32_t i = 0; i < self->flying_count; i++) {
        (void)ctvk_gpu_slot_wait(gpu, self->flying[i], NULL);
        ctvk_gpu_slot_give(gpu, self->flying[i]);
    }
    if (self->open)
        ctvk_gpu_slot_give(gpu, self->open);
    ctvk_gpu_trace_operation_end(gpu);
    ctvk_free(&gpu->host, self);
    *cmd = NULL;
}
