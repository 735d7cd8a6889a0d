/* gpu/pipeline.c - compute pipelines by shader name and specialisation, made on first use. */
#include "gpu/internal.h"

#include <string.h>

static void pipeline_destroy(ctvk_gpu *gpu, ctvk_gpu_pipeline *self)
{
    gpu->vk.DestroyPipeline(gpu->device, self->pipeline, NULL);
    gpu->vk.DestroyPipelineLayout(gpu->device, self->layout, NULL);
    gpu->vk.DestroyDescriptorSetLayout(gpu->device, self->set_layout, NULL);
    ctvk_free(&gpu->host, self->constants);
    ctvk_free(&gpu->host, self->words);
    ctvk_free(&gpu->host, self);
}

void ctvk_gpu_pipelines_destroy(ctvk_gpu *gpu)
{
    ctvk_gpu_compile_end(gpu);
    while (gpu->pipelines) {
        ctvk_gpu_pipeline *next = gpu->pipelines->next;
        pipeline_destroy(gpu, gpu->pipelines);
        gpu->pipelines = next;
    }
}

static const ctvk_shader *find_shader(const char *name)
{
    for (uint32_t i = 0; i < ctvk_shader_count; i++)
        if (strcmp(ctvk_shaders[i].name, name) == 0)
            return &ctvk_shaders[i];
    return NULL;
}

const char *ctvk_gpu_shader_lack(const ctvk_gpu *gpu, const ctvk_gpu_reflection *r)
{
    const ctvk_gpu_caps *caps = &gpu->caps;
    if (r->address && !caps->buffer_address)
        return "buffer addresses";
    if (r->texel && !caps->texel_rgba32f)
        return "texel buffers";
    if (r->fp16 && !caps->fp16)
        return "fp16";
    if (r->storage16 && !caps->storage16)
        return "16-bit storage";
    if (r->storage8 && !caps->storage8)
        return "8-bit storage";
    if (r->cooperative && (!r->matrix || r->matrix != caps->cooperative))
        return "cooperative matrices of its shape";
    if (r->int8 && !gpu->features.float16.shaderInt8)
        return "int8";
    if (r->int16 && !gpu->features.core.shaderInt16)
        return "int16";
    if (r->int64 && !caps->int64)
        return "int64";
    if (r->subgroup & ~caps->subgroup_operations)
        return "subgroup operations";
    if (r->storage > caps->max_storage_buffers)
        return "so many storage bindings";
    if (r->push_bytes > caps->push_bytes)
        return "so many push constants";
    if ((uint64_t)r->local_size[0] * r->local_size[1] * r->local_size[2] > caps->max_invocations)
        return "so large a workgroup";
    return NULL;
}

/* A shader may only ask for what this device was opened with. */
static ctvk_status check_fit(const ctvk_gpu *gpu, const ctvk_gpu_pipeline *self, ctvk_error *error)
{
    const ctvk_gpu_reflection *r = &self->reflection;
    const char *lack = ctvk_gpu_shader_lack(gpu, r);
    if (r->unknown)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: the shader asks for SPIR-V capability %u that is never switched on (report this)",
                         self->shader, r->unknown_capability);
    if (lack)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: the shader needs %s, which %s does not offer (report this)", self->shader, lack,
                         gpu->info.name);
    return CTVK_OK;
}

static ctvk_status make_layout(ctvk_gpu *gpu, ctvk_gpu_pipeline *self, ctvk_error *error)
{
    static const VkDescriptorType types[] = {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                                             VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER};
    ctvk_status status = CTVK_OK;
    const ctvk_gpu_reflection *r = &self->reflection;
    VkDescriptorSetLayoutBinding bindings[CTVK_GPU_MAX_BINDINGS];
    for (uint32_t i = 0; i < r->bindings; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i, .descriptorType = types[r->kinds[i]], .descriptorCount = 1, .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = r->bindings, .pBindings = bindings};
    CTVK_VK(gpu, gpu->vk.CreateDescriptorSetLayout(gpu->device, &set, NULL, &self->set_layout));
    VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = r->push_bytes};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .setLayoutCount = 1,
                                         .pSetLayouts = &self->set_layout,
                                         .pushConstantRangeCount = r->push_bytes ? 1 : 0,
                                         .pPushConstantRanges = &push};
    CTVK_VK(gpu, gpu->vk.CreatePipelineLayout(gpu->device, &layout, NULL, &self->layout));
error_exit:
    return status;
}

static ctvk_status complete(ctvk_gpu *gpu, ctvk_gpu_pipeline *self, ctvk_error *error)
{
    if (!self->reflection.cooperative)
        return CTVK_OK;
    self->words = ctvk_alloc(&gpu->host, self->code->bytes);
    if (!self->words)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: out of memory (free memory and run again)", self->shader);
    memcpy(self->words, self->code->words, self->code->bytes);
    if (!ctvk_gpu_matrix_complete(self->words, self->code->bytes / 4))
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: its matrices are of no number that it has (report this)", self->shader);
    return CTVK_OK;
}

static ctvk_status make(ctvk_gpu *gpu, const ctvk_shader *shader, const uint32_t *constants, uint32_t count, ctvk_gpu_pipeline **out,
                        ctvk_error *error)
{
    ctvk_gpu_pipeline *self = ctvk_calloc(&gpu->host, 1, sizeof *self);
    uint32_t *copy = ctvk_calloc(&gpu->host, count + 1, sizeof *copy);
    if (!self || !copy) {
        ctvk_free(&gpu->host, self);
        ctvk_free(&gpu->host, copy);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: out of memory (free memory and run again)", shader->name);
    }
    if (count)
        memcpy(copy, constants, count * sizeof *copy);
    self->shader = shader->name;
    self->code = shader;
    self->constants = copy;
    self->count = count;
    ctvk_status status = ctvk_gpu_reflect(&gpu->host, shader, constants, count, &self->reflection, error);
    if (status == CTVK_OK)
        status = check_fit(gpu, self, error);
    if (status == CTVK_OK)
        status = complete(gpu, self, error);
    if (status == CTVK_OK)
        status = make_layout(gpu, self, error);
    if (status != CTVK_OK) {
        pipeline_destroy(gpu, self);
        return status;
    }
    *out = self;
    return CTVK_OK;
}

ctvk_status ctvk_gpu_pipeline_of(ctvk_gpu *gpu, const ctvk_shader *shader, const uint32_t *constants, uint32_t count,
                                 ctvk_gpu_pipeline **out, ctvk_error *error)
{
    *out = NULL;
    for (ctvk_gpu_pipeline *p = gpu->pipelines; p; p = p->next) {
        if (p->count == count && strcmp(p->shader, shader->name) == 0 && (count == 0 || memcmp(p->constants, constants, count * 4) == 0)) {
            *out = p;
            return CTVK_OK;
        }
    }
    ctvk_status status = ctvk_gpu_alive(gpu, error);
    if (status != CTVK_OK)
        return status;
    if (count > CTVK_GPU_MAX_CONSTANTS)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: more than %d specialisation constants (report this)", shader->name,
                         CTVK_GPU_MAX_CONSTANTS);
    status = make(gpu, shader, constants, count, out, error);
    if (status != CTVK_OK)
        return status;
    (*out)->next = gpu->pipelines;
    gpu->pipelines = *out;
    return CTVK_OK;
}

ctvk_status ctvk_gpu_pipeline_get(ctvk_gpu *gpu, const char *shader, const uint32_t *constants, uint32_t count, ctvk_gpu_pipeline **out,
                                  ctvk_error *error)
{
    *out = NULL;
    const ctvk_shader *found = find_shader(shader);
    if (!found)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: there is no shader of this name (report this)", shader);
    return ctvk_gpu_pipeline_of(gpu, found, constants, count, out, error);
}

static double figure_value(const VkPipelineExecutableStatisticKHR *figure)
{
    switch (figure->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return figure->value.b32;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        return (double)figure->value.i64;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        return (double)figure->value.u64;
    default:
        return figure->value.f64;
    }
}

ctvk_status ctvk_gpu_pipeline_figures(ctvk_gpu *gpu, ctvk_gpu_pipeline *pipeline, ctvk_gpu_figure_fn take, void *user, ctvk_error *error)
{
    if (!gpu->get_executables || !gpu->get_statistics)
        return CTVK_OK;
    ctvk_status status = ctvk_gpu_compile(gpu, pipeline, error);
    if (status != CTVK_OK)
        return status;
    VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline->pipeline};
    uint32_t executables = 0;
    CTVK_VK(gpu, gpu->get_executables(gpu->device, &info, &executables, NULL));
    for (uint32_t i = 0; i < executables; i++) {
        VkPipelineExecutableStatisticKHR figures[64];
        uint32_t count = 64;
        VkPipelineExecutableInfoKHR executable = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline->pipeline, .executableIndex = i};
        for (uint32_t j = 0; j < count; j++)
            figures[j] = (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
        CTVK_VK(gpu, gpu->get_statistics(gpu->device, &executable, &count, figures));
        for (uint32_t j = 0; j < count; j++)
            take(user, figures[j].name, figure_value(&figures[j]));
    }
error_exit:
    return status;
}
