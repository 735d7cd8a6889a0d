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
        (*out)->rehearsal = gpu->rehearsing = 1;
    return status;
}

static ctvk_status finish_rehearsal(ctvk_gpu_cmd *cmd, ctvk_error *error)
{
    cmd->gpu->rehearsing = 0;
    cmd->status = ctvk_gpu_compile_begin(cmd->gpu, error);
    return cmd->status;
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

/* A shader's first word is that of its operation. An op that does not name itself is seen by this: its time would go to another one. */
static int is_named(const ctvk_gpu_cmd *cmd, const ctvk_gpu_pipeline *pipeline)
{
    size_t length = strcspn(pipeline->shader, "_");
    return strncmp(cmd->operation.name, pipeline->shader, length) == 0 && strcspn(cmd->operation.name, "_") == length;
}

double ctvk_gpu_cmd_work_limit(const ctvk_gpu_cmd *cmd)
{
    return cmd->gpu->budget / 2;
}

/* The time of a piece counts from its submission or from the end of the one before, whichever is later. It is exact only where the
 * host was already waiting when the piece ended; otherwise it is an upper bound, from which the budget may only grow. */
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
    cmd->last_done = now;
    memmove(cmd->flying, cmd->flying + 1, sizeof cmd->flying[0] * (CTVK_GPU_IN_FLIGHT - 1));
    cmd->flying_count--;
    cmd->landed++;
    if (status == CTVK_OK) {
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

/* Bytes of one element of the texel buffers of a dispatch. */
static uint64_t texel_bytes(uint32_t flags)
{
    return flags & CTVK_GPU_WORD_TEXELS ? 8 : 16;
}

static ctvk_status check_bind(const ctvk_gpu *gpu, const ctvk_gpu_pipeline *pipeline, uint32_t i, const ctvk_gpu_bind *bind, uint32_t flags,
                              ctvk_error *error)
{
    const ctvk_gpu_caps *caps = &gpu->caps;
    uint64_t limit = caps->max_storage_range;
    const char *kind = "storage";
    if (pipeline->reflection.kinds[i] == CTVK_GPU_BIND_UNIFORM)
        limit = caps->max_uniform_range, kind = "uniform";
    if (pipeline->reflection.kinds[i] == CTVK_GPU_BIND_TEXEL)
        limit = caps->max_texel_elements * texel_bytes(flags), kind = "texel";
    const char *wrong = NULL;
    if (!bind->buffer || bind->buffer->gpu != gpu)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: binding %u has no buffer of this device (report this)", pipeline->shader, i);
    if (bind->offset % caps->storage_alignment)
        wrong = "an offset that is not aligned";
    else if (bind->bytes == 0)
        wrong = "no bytes";
    else if (bind->offset > bind->buffer->bytes || bind->bytes > bind->buffer->bytes - bind->offset)
        wrong = "a range outside its buffer";
    else if (bind->bytes > limit)
        wrong = "a range above the device's limit";
    else if (pipeline->reflection.kinds[i] == CTVK_GPU_BIND_TEXEL && bind->bytes % texel_bytes(flags))
        wrong = flags & CTVK_GPU_WORD_TEXELS ? "a size that is no multiple of 8" : "a size that is no multiple of 16";
    if (wrong)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL,
                         "%s: %s binding %u has %s: %llu bytes at %llu of %llu, limit %llu, alignment %llu (report this)", pipeline->shader,
                         kind, i, wrong, (unsigned long long)bind->bytes, (unsigned long long)bind->offset,
                         (unsigned long long)bind->buffer->bytes, (unsigned long long)limit, (unsigned long long)caps->storage_alignment);
    return CTVK_OK;
}

static ctvk_status check_dispatch(const ctvk_gpu *gpu, const ctvk_gpu_pipeline *pipeline, const ctvk_gpu_bind *binds, uint32_t count,
                                  uint32_t push_bytes, const uint32_t groups[3], uint32_t flags, ctvk_error *error)
{
    const ctvk_gpu_reflection *wants = &pipeline->reflection;
    if (count != wants->bindings)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: %u bindings were given, the shader has %u (report this)", pipeline->shader, count,
                         wants->bindings);
    if (push_bytes != wants->push_bytes)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: %u bytes of push constants were given, the shader has %u (report this)",
                         pipeline->shader, push_bytes, wants->push_bytes);
    for (int i = 0; i < 3; i++)
        if (groups[i] == 0 || groups[i] > gpu->caps.max_groups)
            return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: %u x %u x %u workgroups are outside 1 to %u (report this)", pipeline->shader,
                             groups[0], groups[1], groups[2], gpu->caps.max_groups);
    for (uint32_t i = 0; i < count; i++) {
        ctvk_status status = check_bind(gpu, pipeline, i, &binds[i], flags, error);
        if (status != CTVK_OK)
            return status;
    }
    return CTVK_OK;
}

/* Lavapipe takes bits 8 to 15 of a view's size for a number of mipmap levels, and translates the shader anew for one whose are zero: such a
 * view is made longer, by what no shader reads. */
static uint64_t view_bytes(const ctvk_gpu *gpu, const ctvk_gpu_bind *bind, uint32_t texel)
{
    uint64_t longer = bind->bytes + CTVK_GPU_VIEW_SLACK;
    return gpu->views_grow && (bind->bytes & 0xff00) == 0 && longer / texel <= gpu->caps.max_texel_elements ? longer : bind->bytes;
}

static ctvk_status write_set(ctvk_gpu *gpu, ctvk_gpu_slot *slot, const ctvk_gpu_pipeline *pipeline, const ctvk_gpu_bind *binds,
                             uint32_t flags, VkDescriptorSet *set, ctvk_error *error)
{
    static const VkDescriptorType types[] = {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                                             VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER};
    ctvk_status status = CTVK_OK;
    const ctvk_gpu_reflection *wants = &pipeline->reflection;
    VkDescriptorBufferInfo infos[CTVK_GPU_MAX_BINDINGS];
    VkWriteDescriptorSet writes[CTVK_GPU_MAX_BINDINGS];
    VkDescriptorSetAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                            .descriptorPool = slot->sets,
                                            .descriptorSetCount = 1,
                                            .pSetLayouts = &pipeline->set_layout};
    CTVK_VK(gpu, gpu->vk.AllocateDescriptorSets(gpu->device, &allocate, set));
    slot->used_sets++;
    slot->used_storage += wants->storage;
    slot->used_uniform += wants->uniform;
    slot->used_texel += wants->texel;
    for (uint32_t i = 0; i < wants->bindings; i++) {
        infos[i] = (VkDescriptorBufferInfo){binds[i].buffer->memory->buffer, binds[i].offset, binds[i].bytes};
        writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                           .dstSet = *set,
                                           .dstBinding = i,
                                           .descriptorCount = 1,
                                           .descriptorType = types[wants->kinds[i]],
                                           .pBufferInfo = &infos[i]};
        if (wants->kinds[i] != CTVK_GPU_BIND_TEXEL)
            continue;
        VkBufferViewCreateInfo view = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                       .buffer = binds[i].buffer->memory->buffer,
                                       .format = flags & CTVK_GPU_WORD_TEXELS ? VK_FORMAT_R32G32_UINT : VK_FORMAT_R32G32B32A32_SFLOAT,
                                       .offset = binds[i].offset,
                                       .range = view_bytes(gpu, &binds[i], flags & CTVK_GPU_WORD_TEXELS ? 8 : 16)};
        CTVK_VK(gpu, gpu->vk.CreateBufferView(gpu->device, &view, NULL, &slot->views[slot->view_count]));
        writes[i].pTexelBufferView = &slot->views[slot->view_count++];
    }
    gpu->vk.UpdateDescriptorSets(gpu->device, wants->bindings, writes, 0, NULL);
error_exit:
    return status;
}

ctvk_status ctvk_gpu_cmd_dispatch(ctvk_gpu_cmd *cmd, ctvk_gpu_pipeline *pipeline, const ctvk_gpu_bind *binds, uint32_t count,
                                  const void *push, uint32_t push_bytes, const uint32_t groups[3], double work, uint32_t flags,
                                  ctvk_error *error)
{
    ctvk_gpu *gpu = cmd->gpu;
    VkDescriptorSet set = VK_NULL_HANDLE;
    ctvk_status status = check_dispatch(gpu, pipeline, binds, count, push_bytes, groups, flags, error);
    if (status == CTVK_OK && cmd->rehearsal)
        return CTVK_OK;
    if (status == CTVK_OK)
        status = ctvk_gpu_cmd_prepare(cmd, work, &pipeline->reflection, !(flags & CTVK_GPU_NO_BARRIER), error);
    if (status == CTVK_OK && count)
        status = write_set(gpu, cmd->open, pipeline, binds, flags, &set, error);
    if (status != CTVK_OK) {
        cmd->status = status;
        return status;
    }
    VkCommandBuffer buffer = cmd->open->buffer;
    gpu->vk.CmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
    if (count)
        gpu->vk.CmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->layout, 0, 1, &set, 0, NULL);
    if (push_bytes)
        gpu->vk.CmdPushConstants(buffer, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes, push);
    gpu->vk.CmdDispatch(buffer, groups[0], groups[1], groups[2]);
    cmd->open->work += work;
    cmd->work_recorded += work;
    if (!is_named(cmd, pipeline))
        atomic_fetch_add(&gpu->instance->misnamed, 1);
    if (!pipeline->used)
        cmd->open->fresh = 1;
    pipeline->used = 1;
    return CTVK_OK;
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
        return finish_rehearsal(cmd, error);
    if (cmd->open)
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
    if (self->rehearsal)
        gpu->rehearsing = 0;
    ctvk_gpu_trace_operation_end(gpu);
    ctvk_free(&gpu->host, self);
    *cmd = NULL;
}
