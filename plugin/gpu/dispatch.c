/* gpu/dispatch.c - one dispatch into a command: checked, its descriptors written, its pipeline made ready. */
#include "gpu/internal.h"

#include <string.h>

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

/* A shader's first word is that of its operation. An op that does not name itself is seen by this: its time would go to another one. */
static int is_named(const ctvk_gpu_cmd *cmd, const ctvk_gpu_pipeline *pipeline)
{
    size_t length = strcspn(pipeline->shader, "_");
    return strncmp(cmd->operation.name, pipeline->shader, length) == 0 && strcspn(cmd->operation.name, "_") == length;
}

/* So that the device does not wait for the compiler it gets what is recorded so far. */
static ctvk_status make_ready(ctvk_gpu_cmd *cmd, ctvk_gpu_pipeline *pipeline, ctvk_error *error)
{
    if (pipeline->ready)
        return CTVK_OK;
    ctvk_status status = ctvk_gpu_is_compiled(cmd->gpu, pipeline) ? CTVK_OK : ctvk_gpu_cmd_hand_over(cmd, error);
    return status == CTVK_OK ? ctvk_gpu_compile(cmd->gpu, pipeline, error) : status;
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
        status = make_ready(cmd, pipeline, error);
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
