/* gpu/reflect.c - reads from SPIR-V what a pipeline layout must know. Numbers of opcodes, decorations and capabilities are those of
 * the SPIR-V specification 1.3 (unified1). */
#include "gpu/internal.h"

#include <string.h>

enum {
    MAGIC = 0x07230203,
    HEADER_WORDS = 5,
    MAX_IDS = 1 << 20,
    MAX_DEPTH = 8,
    OP_EXECUTION_MODE = 16,
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_VECTOR = 23,
    OP_TYPE_MATRIX = 24,
    OP_TYPE_IMAGE = 25,
    OP_TYPE_SAMPLED_IMAGE = 27,
    OP_TYPE_ARRAY = 28,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_CONSTANT = 43,
    OP_SPEC_CONSTANT_TRUE = 48,
    OP_SPEC_CONSTANT = 50,
    OP_SPEC_CONSTANT_COMPOSITE = 51,
    OP_CONSTANT_COMPOSITE = 44,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,
    MODE_LOCAL_SIZE = 17,
    DECORATION_SPEC_ID = 1,
    DECORATION_BLOCK = 2,
    DECORATION_BUFFER_BLOCK = 3,
    DECORATION_ARRAY_STRIDE = 6,
    DECORATION_MATRIX_STRIDE = 7,
    DECORATION_BUILTIN = 11,
    DECORATION_BINDING = 33,
    DECORATION_SET = 34,
    DECORATION_OFFSET = 35,
    BUILTIN_WORKGROUP_SIZE = 25,
    CLASS_UNIFORM_CONSTANT = 0,
    CLASS_UNIFORM = 2,
    CLASS_PUSH = 9,
    CLASS_STORAGE = 12,
    DIM_BUFFER = 5
};

/* What is known of one result id. */
typedef struct id_info {
    uint32_t at; /* word index of the defining instruction, 0: not seen */
    int32_t binding, set, spec;
    uint32_t stride;
    uint8_t buffer_block, workgroup_size;
} id_info;

typedef struct module {
    const uint32_t *words;
    uint32_t count;
    uint32_t bound;
    id_info *ids;
    const uint32_t *constants; /* given specialisation */
    uint32_t given;
    ctvk_gpu_reflection *out;
    const char *wrong;
} module;

static uint32_t op_of(const module *m, uint32_t at)
{
    return m->words[at] & 0xFFFF;
}

static uint32_t length_of(const module *m, uint32_t at)
{
    return m->words[at] >> 16;
}

/* The word index of an id's definition when it is of this opcode and long enough, else 0. */
static uint32_t definition(const module *m, uint32_t id, uint32_t op, uint32_t words)
{
    if (id >= m->bound || m->ids[id].at == 0)
        return 0;
    uint32_t at = m->ids[id].at;
    return op_of(m, at) == op && length_of(m, at) >= words ? at : 0;
}

/* GroupNonUniform (61) to GroupNonUniformQuad (68): in the order of Vulkan's VkSubgroupFeatureFlagBits. */
enum { CAPABILITY_SUBGROUP = 61, CAPABILITY_SUBGROUP_LAST = 68 };

static void take_capability(ctvk_gpu_reflection *out, uint32_t capability)
{
    if (capability >= CAPABILITY_SUBGROUP && capability <= CAPABILITY_SUBGROUP_LAST) {
        out->subgroup |= 1u << (capability - CAPABILITY_SUBGROUP);
        return;
    }
    switch (capability) {
    case 0:    /* Matrix */
    case 1:    /* Shader */
    case 46:   /* SampledBuffer */
    case 50:   /* ImageQuery */
    case 4427: /* DeviceGroup */
        break;
    case 9:
        out->fp16 = 1;
        break;
    case 11:
        out->int64 = 1;
        break;
    case 22:
        out->int16 = 1;
        break;
    case 39:
        out->int8 = 1;
        break;
    case 4433:
        out->storage16 = 1;
        break;
    case 4448:
        out->storage8 = 1;
        break;
    case 5345: /* VulkanMemoryModel */
    case 6022: /* CooperativeMatrixKHR */
        out->cooperative = 1;
        break;
    case 5347:
        out->address = 1;
        break;
    default:
        out->unknown = 1;
        out->unknown_capability = capability;
    }
}

static void take_decoration(module *m, uint32_t at)
{
    const uint32_t *w = m->words + at;
    uint32_t length = length_of(m, at);
    if (length < 3 || w[1] >= m->bound)
        return;
    id_info *id = &m->ids[w[1]];
    uint32_t value = length > 3 ? w[3] : 0;
    switch (w[2]) {
    case DECORATION_SPEC_ID:
        id->spec = (int32_t)(value & 0xFFFF);
        if (m->out->constants < value + 1)
            m->out->constants = value + 1;
        break;
    case DECORATION_BUFFER_BLOCK:
        id->buffer_block = 1;
        break;
    case DECORATION_ARRAY_STRIDE:
        id->stride = value;
        break;
    case DECORATION_BUILTIN:
        id->workgroup_size = value == BUILTIN_WORKGROUP_SIZE;
        break;
    case DECORATION_BINDING:
        id->binding = value < CTVK_GPU_MAX_BINDINGS ? (int32_t)value : CTVK_GPU_MAX_BINDINGS;
        break;
    case DECORATION_SET:
        id->set = value == 0 ? 0 : 1;
        break;
    default:
        break;
    }
}

/* Position of the result id in the instructions that are looked up later; 0: not one of them. */
static uint32_t result_position(uint32_t op)
{
    switch (op) {
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
    case OP_TYPE_VECTOR:
    case OP_TYPE_MATRIX:
    case OP_TYPE_IMAGE:
    case OP_TYPE_SAMPLED_IMAGE:
    case OP_TYPE_ARRAY:
    case OP_TYPE_STRUCT:
    case OP_TYPE_POINTER:
        return 1;
    case OP_CONSTANT:
    case OP_CONSTANT_COMPOSITE:
    case OP_SPEC_CONSTANT_TRUE:
    case OP_SPEC_CONSTANT_TRUE + 1:
    case OP_SPEC_CONSTANT:
    case OP_SPEC_CONSTANT_COMPOSITE:
    case OP_VARIABLE:
        return 2;
    default:
        return 0;
    }
}

static void scan(module *m)
{
    for (uint32_t at = HEADER_WORDS; at < m->count;) {
        uint32_t op = op_of(m, at), length = length_of(m, at);
        if (length == 0 || length > m->count - at) {
            m->wrong = "an instruction runs past the end";
            return;
        }
        uint32_t result = result_position(op);
        if (result && length > result && m->words[at + result] < m->bound)
            m->ids[m->words[at + result]].at = at;
        if (op == OP_CAPABILITY && length == 2)
            take_capability(m->out, m->words[at + 1]);
        if (op == OP_DECORATE)
            take_decoration(m, at);
        if (op == OP_EXECUTION_MODE && length == 6 && m->words[at + 2] == MODE_LOCAL_SIZE)
            memcpy(m->out->local_size, m->words + at + 3, 3 * sizeof(uint32_t));
        at += length;
    }
}

/* Value of a 32-bit constant under the given specialisation. */
static uint32_t constant_value(const module *m, uint32_t id)
{
    uint32_t at = definition(m, id, OP_CONSTANT, 4);
    if (at)
        return m->words[at + 3];
    at = definition(m, id, OP_SPEC_CONSTANT, 4);
    if (!at)
        return 0;
    int32_t spec = m->ids[id].spec;
    return spec >= 0 && (uint32_t)spec < m->given ? m->constants[spec] : m->words[at + 3];
}

static uint32_t member_decoration(const module *m, uint32_t type, uint32_t member, uint32_t decoration)
{
    for (uint32_t at = HEADER_WORDS; at < m->count; at += length_of(m, at)) {
        const uint32_t *w = m->words + at;
        if (op_of(m, at) == OP_MEMBER_DECORATE && length_of(m, at) == 5 && w[1] == type && w[2] == member && w[3] == decoration)
            return w[4];
    }
    return 0;
}

/* Bytes of a type as laid out in a block. matrix_stride: of the member that holds it. */
static uint64_t size_of(const module *m, uint32_t type, uint32_t matrix_stride, int depth)
{
    uint32_t at;
    if (depth > MAX_DEPTH)
        return 0;
    if ((at = definition(m, type, OP_TYPE_INT, 3)) || (at = definition(m, type, OP_TYPE_FLOAT, 3)))
        return m->words[at + 2] / 8;
    if ((at = definition(m, type, OP_TYPE_VECTOR, 4)))
        return m->words[at + 3] * size_of(m, m->words[at + 2], 0, depth + 1);
    if ((at = definition(m, type, OP_TYPE_MATRIX, 4)))
        return (uint64_t)m->words[at + 3] * matrix_stride;
    if ((at = definition(m, type, OP_TYPE_ARRAY, 4)))
        return (uint64_t)constant_value(m, m->words[at + 3]) * m->ids[type].stride;
    if (definition(m, type, OP_TYPE_POINTER, 4))
        return 8; /* a physical address */
    at = definition(m, type, OP_TYPE_STRUCT, 2);
    uint64_t end = 0;
    for (uint32_t i = 0; at && i + 2 < length_of(m, at); i++) {
        uint64_t offset = member_decoration(m, type, i, DECORATION_OFFSET);
        uint64_t last = offset + size_of(m, m->words[at + 2 + i], member_decoration(m, type, i, DECORATION_MATRIX_STRIDE), depth + 1);
        end = last > end ? last : end;
    }
    return end;
}

static int kind_of(const module *m, uint32_t storage, uint32_t type)
{
    if (storage == CLASS_STORAGE)
        return definition(m, type, OP_TYPE_STRUCT, 2) ? CTVK_GPU_BIND_STORAGE : CTVK_GPU_BIND_NONE;
    if (storage == CLASS_UNIFORM)
        return !definition(m, type, OP_TYPE_STRUCT, 2) ? CTVK_GPU_BIND_NONE
               : m->ids[type].buffer_block             ? CTVK_GPU_BIND_STORAGE
                                                       : CTVK_GPU_BIND_UNIFORM;
    uint32_t at = definition(m, type, OP_TYPE_SAMPLED_IMAGE, 3);
    if (at)
        type = m->words[at + 2];
    at = definition(m, type, OP_TYPE_IMAGE, 9);
    return at && m->words[at + 3] == DIM_BUFFER && m->words[at + 7] == 1 ? CTVK_GPU_BIND_TEXEL : CTVK_GPU_BIND_NONE;
}

static void take_variable(module *m, uint32_t at)
{
    const uint32_t *w = m->words + at;
    ctvk_gpu_reflection *out = m->out;
    uint32_t storage = w[3];
    uint32_t pointer = definition(m, w[1], OP_TYPE_POINTER, 4);
    if (!pointer || w[2] >= m->bound)
        return;
    uint32_t type = m->words[pointer + 3];
    if (storage == CLASS_PUSH) {
        uint64_t bytes = size_of(m, type, 0, 0);
        if (bytes > 4096)
            m->wrong = "its push constants are too large";
        /* Vulkan wants ranges in multiples of 4. */
        out->push_bytes = (uint32_t)((bytes + 3) & ~UINT64_C(3));
    }
    if (storage != CLASS_STORAGE && storage != CLASS_UNIFORM && storage != CLASS_UNIFORM_CONSTANT)
        return;
    const id_info *id = &m->ids[w[2]];
    int kind = kind_of(m, storage, type);
    if (id->set != 0 || id->binding < 0 || id->binding >= CTVK_GPU_MAX_BINDINGS)
        m->wrong = "a binding is not in set 0 or its number is too high";
    else if (kind == CTVK_GPU_BIND_NONE)
        m->wrong = "a binding is neither a storage, a uniform nor a uniform texel buffer";
    else if (out->kinds[id->binding] != CTVK_GPU_BIND_NONE && out->kinds[id->binding] != kind)
        m->wrong = "two bindings of different kind share a number";
    else
        out->kinds[id->binding] = (uint8_t)kind;
}

static void take_variables(module *m)
{
    ctvk_gpu_reflection *out = m->out;
    for (uint32_t at = HEADER_WORDS; at < m->count && !m->wrong; at += length_of(m, at))
        if (op_of(m, at) == OP_VARIABLE && length_of(m, at) >= 4)
            take_variable(m, at);
    for (uint32_t i = 0; i < CTVK_GPU_MAX_BINDINGS; i++) {
        if (out->kinds[i] == CTVK_GPU_BIND_NONE)
            continue;
        if (out->bindings != i)
            m->wrong = "its binding numbers have a hole";
        out->bindings = i + 1;
        out->storage += out->kinds[i] == CTVK_GPU_BIND_STORAGE;
        out->uniform += out->kinds[i] == CTVK_GPU_BIND_UNIFORM;
        out->texel += out->kinds[i] == CTVK_GPU_BIND_TEXEL;
    }
}

/* Rows and depth of the first factors' type, columns of the sums'. */
static void take_matrix(module *m)
{
    enum { USE_A = 0, USE_SUM = 2 };
    uint32_t rows = 0, columns = 0, depth = 0;
    for (uint32_t at = HEADER_WORDS; at < m->count; at += length_of(m, at)) {
        const uint32_t *w = m->words + at;
        if (op_of(m, at) != CTVK_GPU_OP_TYPE_COOPERATIVE_MATRIX || length_of(m, at) != 7)
            continue;
        if (constant_value(m, w[6]) == USE_A)
            rows = constant_value(m, w[4]), depth = constant_value(m, w[5]);
        else if (constant_value(m, w[6]) == USE_SUM)
            columns = constant_value(m, w[5]);
    }
    m->out->matrix = (uint8_t)ctvk_gpu_matrix_of(rows, columns, depth);
}

/* The constant decorated WorkgroupSize wins over the execution mode. */
static void take_local_size(module *m)
{
    for (uint32_t id = 0; id < m->bound; id++) {
        uint32_t at = m->ids[id].workgroup_size ? m->ids[id].at : 0;
        if (at == 0 || length_of(m, at) < 6)
            continue;
        for (int i = 0; i < 3; i++)
            m->out->local_size[i] = constant_value(m, m->words[at + 3 + i]);
    }
    if (m->out->local_size[0] == 0 || m->out->local_size[1] == 0 || m->out->local_size[2] == 0)
        m->wrong = "its workgroup has no size";
}

ctvk_status ctvk_gpu_reflect(const ctvk_host *host, const ctvk_shader *shader, const uint32_t *constants, uint32_t count,
                             ctvk_gpu_reflection *out, ctvk_error *error)
{
    module m = {.words = shader->words, .count = shader->bytes / 4, .constants = constants, .given = count, .out = out};
    memset(out, 0, sizeof *out);
    if (m.count <= HEADER_WORDS || m.words[0] != MAGIC || m.words[3] > MAX_IDS)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: this is no SPIR-V (report this)", shader->name);
    m.bound = m.words[3];
    m.ids = ctvk_calloc(host, m.bound, sizeof *m.ids);
    if (!m.ids)
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "%s: out of memory (free memory and run again)", shader->name);
    for (uint32_t i = 0; i < m.bound; i++)
        m.ids[i].binding = m.ids[i].set = m.ids[i].spec = -1;
    scan(&m);
    if (!m.wrong)
        take_variables(&m);
    if (!m.wrong)
        take_local_size(&m);
    if (!m.wrong && out->cooperative)
        take_matrix(&m);
    if (!m.wrong && count > out->constants)
        m.wrong = "more specialisation constants were given than it has";
    ctvk_free(host, m.ids);
    if (m.wrong)
        return ctvk_fail(error, CTVK_ERROR_INTERNAL, "%s: %s (report this)", shader->name, m.wrong);
    return CTVK_OK;
}
