/* The same CT as hosts have it in memory: any type, order, direction, padding and convention gives the label map of the NIfTI file, to the
 * bit. The voxels lie in pages that cannot be written, and end where forbidden memory begins. */
#include "abi/host.h"

#include <sys/mman.h>

typedef struct variant {
    const char *name;
    ctvk_scalar type;
    int32_t bytes;
    double slope, intercept; /* stored = (HU - intercept) / slope */
    int32_t order[3];        /* axes in memory, fastest first */
    int32_t flip[3];         /* non-zero: the axis runs backwards in memory */
    int64_t pad;             /* bytes after each run of the fastest axis */
    ctvk_convention convention;
} variant;

static const variant variants[] = {
    {"int16, as NumPy has [i][j][k]", CTVK_SCALAR_INT16, 2, 1, 0, {2, 1, 0}, {0, 0, 0}, 0, CTVK_RAS},
    {"int16, backwards along all axes, padded", CTVK_SCALAR_INT16, 2, 1, 0, {0, 1, 2}, {1, 1, 1}, 6, CTVK_LPS},
    {"uint16 with an intercept", CTVK_SCALAR_UINT16, 2, 1, -1024, {1, 2, 0}, {0, 1, 0}, 2, CTVK_RAS},
    {"float32, LPS", CTVK_SCALAR_FLOAT32, 4, 1, 0, {0, 1, 2}, {0, 0, 0}, 0, CTVK_LPS},
    {"float32 with a slope, odd strides", CTVK_SCALAR_FLOAT32, 4, 0.5, 100, {0, 2, 1}, {1, 0, 0}, 3, CTVK_RAS},
    {"int32", CTVK_SCALAR_INT32, 4, 1, 7, {2, 0, 1}, {0, 0, 1}, 0, CTVK_RAS},
    {"float64", CTVK_SCALAR_FLOAT64, 8, 2, 0, {1, 0, 2}, {0, 0, 0}, 1, CTVK_LPS},
};
/* Values that a byte can hold: HU = 8 u - 1024. */
static const variant coarse[] = {
    {"int16 of coarse values", CTVK_SCALAR_INT16, 2, 1, 0, {0, 1, 2}, {0, 0, 0}, 0, CTVK_RAS},
    {"uint8", CTVK_SCALAR_UINT8, 1, 8, -1024, {2, 1, 0}, {0, 1, 1}, 5, CTVK_LPS},
    {"uint8, packed", CTVK_SCALAR_UINT8, 1, 8, -1024, {0, 1, 2}, {0, 0, 0}, 0, CTVK_RAS},
};

typedef struct pages {
    unsigned char *base;
    size_t bytes;
} pages;

static void store(unsigned char *at, ctvk_scalar type, double value)
{
    const int16_t i16 = (int16_t)value;
    const uint16_t u16 = (uint16_t)(value < 0 ? 0 : value);
    const uint8_t u8 = (uint8_t)(value < 0 || value > 255 ? 0 : value);
    const int32_t i32 = (int32_t)value;
    const float f32 = (float)value;
    switch (type) {
    case CTVK_SCALAR_INT16:
        memcpy(at, &i16, sizeof i16);
        break;
    case CTVK_SCALAR_UINT16:
        memcpy(at, &u16, sizeof u16);
        break;
    case CTVK_SCALAR_UINT8:
        memcpy(at, &u8, sizeof u8);
        break;
    case CTVK_SCALAR_INT32:
        memcpy(at, &i32, sizeof i32);
        break;
    case CTVK_SCALAR_FLOAT32:
        memcpy(at, &f32, sizeof f32);
        break;
    default:
        memcpy(at, &value, sizeof value);
    }
}

/* Lays the CT out as the variant says, in memory that is then closed for writing. */
static ctvk_volume lay_out(const ctvk_volume *ct, const int16_t *hu, const variant *v, pages *memory)
{
    ctvk_volume out = *ct;
    int64_t span = v->bytes, first = 0;
    for (int n = 0; n < 3; n++) {
        int axis = v->order[n];
        out.stride[axis] = span;
        span = span * ct->dim[axis] + (n == 0 ? v->pad : 0);
    }
    memory->bytes = ((size_t)span + 4095) / 4096 * 4096 + 4096;
    memory->base = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory->base != MAP_FAILED);
    /* Padding after the very last run is no memory of the volume: it lies behind the end. */
    unsigned char *begin = memory->base + memory->bytes - 4096 - (size_t)(span - v->pad);
    for (int axis = 0; axis < 3; axis++)
        if (v->flip[axis]) {
            first += (ct->dim[axis] - 1) * out.stride[axis];
            out.stride[axis] = -out.stride[axis];
        }
    out.type = v->type;
    out.data = begin + first;
    out.slope = v->slope;
    out.intercept = v->intercept;
    out.convention = v->convention;
    for (int i = 0; v->convention == CTVK_LPS && i < 8; i++)
        out.affine[i] = -ct->affine[i];
    for (int64_t k = 0; k < ct->dim[2]; k++)
        for (int64_t j = 0; j < ct->dim[1]; j++)
            for (int64_t i = 0; i < ct->dim[0]; i++)
                store(begin + first + i * out.stride[0] + j * out.stride[1] + k * out.stride[2], v->type,
                      (*hu++ - v->intercept) / v->slope);
    REQUIRE(mprotect(memory->base, memory->bytes - 4096, PROT_READ) == 0);
    REQUIRE(mprotect(memory->base + memory->bytes - 4096, 4096, PROT_NONE) == 0);
    return out;
}

static uint8_t *keep_labels(const abi_host *h, const ctvk_result *result)
{
    size_t voxels = abi_voxels(&h->volume);
    uint8_t *copy = malloc(voxels);
    REQUIRE(copy != NULL);
    memcpy(copy, h->results->labels(result), voxels);
    return copy;
}

static void check_variants(const abi_host *h, const int16_t *hu, const variant *list, int count, const uint8_t *wanted)
{
    uint8_t *own = NULL;
    for (int n = 0; n < count; n++) {
        pages memory;
        ctvk_volume volume = lay_out(&h->volume, hu, &list[n], &memory);
        ctvk_result *result = abi_run(h, &volume, NULL);
        if (!wanted)
            wanted = own = keep_labels(h, result);
        CHECK_MSG(memcmp(h->results->labels(result), wanted, abi_voxels(&volume)) == 0, "%s: other labels", list[n].name);
        h->results->destroy(result);
        munmap(memory.base, memory.bytes);
    }
    free(own);
}

/* The axes themselves in another order, as ITK's z-y-x array seen from NumPy: the affine's columns go with them, and so do the labels. */
static void check_swapped_axes(const abi_host *h, const uint8_t *wanted)
{
    ctvk_volume swapped = h->volume;
    const int64_t *dim = h->volume.dim;
    const int64_t strides[3] = {2, 2 * dim[0], 2 * dim[0] * dim[1]};
    for (int axis = 0; axis < 3; axis++) {
        swapped.dim[axis] = dim[2 - axis];
        swapped.stride[axis] = strides[2 - axis];
        for (int row = 0; row < 3; row++)
            swapped.affine[row * 4 + axis] = h->volume.affine[row * 4 + 2 - axis];
    }
    ctvk_result *result = abi_run(h, &swapped, NULL);
    uint8_t *labels = malloc(abi_voxels(&swapped));
    const int64_t back[3] = {dim[0] * dim[1], dim[0], 1};
    REQUIRE(labels && h->results->copy_labels(result, labels, back) == CTVK_OK);
    CHECK(memcmp(labels, wanted, abi_voxels(&swapped)) == 0);
    free(labels);
    h->results->destroy(result);
}

/* Labels into a host's array, backwards and padded: every voxel in its place, no byte beside one. */
static void check_copy(const abi_host *h, const ctvk_result *result, const uint8_t *wanted)
{
    const int64_t *dim = h->volume.dim, stride[3] = {-3, 3 * dim[0] + 5, (3 * dim[0] + 5) * dim[1]};
    size_t bytes = (size_t)(stride[2] * dim[2]), touched = 0, wrong = 0;
    uint8_t *out = malloc(bytes);
    REQUIRE(out != NULL);
    memset(out, 0xa5, bytes);
    CHECK(h->results->copy_labels(result, out + 3 * (dim[0] - 1), stride) == CTVK_OK);
    for (int64_t k = 0; k < dim[2]; k++)
        for (int64_t j = 0; j < dim[1]; j++)
            for (int64_t i = 0; i < dim[0]; i++)
                wrong += out[3 * (dim[0] - 1) + i * stride[0] + j * stride[1] + k * stride[2]] != *wanted++;
    for (size_t i = 0; i < bytes; i++)
        touched += out[i] != 0xa5;
    CHECK(wrong == 0 && touched == abi_voxels(&h->volume));
    CHECK(h->results->copy_labels(result, NULL, stride) == CTVK_ERROR_ARGUMENT);
    CHECK(h->results->copy_labels(result, out, NULL) == CTVK_ERROR_ARGUMENT);
    free(out);
}

/* At least 99.99 % of what the reference implementation found, and not a map of one label. */
static void check_expected(const abi_host *h, const char *name, const uint8_t *labels)
{
    ctvk_image_file *image = NULL;
    ctvk_volume expected = CTVK_VOLUME_INIT;
    REQUIRE(h->images->open(h->context, abi_path(name, "expected_label.nii.gz"), CTVK_STRLEN, &image) == CTVK_OK);
    REQUIRE(h->images->volume(image, &expected) == CTVK_OK && expected.type == CTVK_SCALAR_UINT8);
    REQUIRE(abi_voxels(&expected) == abi_voxels(&h->volume));
    size_t differ = 0, set = 0, voxels = abi_voxels(&expected);
    for (size_t i = 0; i < voxels; i++) {
        differ += ((const uint8_t *)expected.data)[i] != labels[i];
        set += labels[i] != 0;
    }
    CHECK_MSG((double)differ <= 1e-4 * (double)voxels, "%s: %zu of %zu voxels differ", name, differ, voxels);
    CHECK_MSG(set > voxels / 1000 && set < voxels, "%s: %zu of %zu voxels are labelled", name, set, voxels);
    h->images->destroy(image);
}

static void check_case(const char *name, const variant *list, int count, int more)
{
    abi_host h;
    abi_open(&h, NULL, name);
    REQUIRE(h.volume.type == CTVK_SCALAR_INT16 && h.volume.slope == 1 && h.volume.intercept == 0);
    REQUIRE(h.volume.convention == CTVK_RAS && !h.volume.stride[0] && !h.volume.stride[1] && !h.volume.stride[2]);
    ctvk_result *result = abi_run(&h, NULL, NULL);
    uint8_t *labels = keep_labels(&h, result);
    check_expected(&h, name, labels);
    check_variants(&h, h.volume.data, list, count, labels);
    if (more) {
        check_copy(&h, result, labels);
        check_swapped_axes(&h, labels);
        size_t voxels = abi_voxels(&h.volume);
        int16_t *hu = malloc(voxels * sizeof *hu);
        REQUIRE(hu != NULL);
        memcpy(hu, h.volume.data, voxels * sizeof *hu);
        for (size_t i = 0; i < voxels; i++) {
            int value = (hu[i] < -1024 ? -1024 : hu[i] > 1016 ? 1016 : hu[i]) + 1024;
            hu[i] = (int16_t)(value / 8 * 8 - 1024);
        }
        check_variants(&h, hu, coarse, 3, NULL);
        free(hu);
    }
    free(labels);
    h.results->destroy(result);
    abi_close(&h);
}

int main(void)
{
    check_case("one-window", variants, sizeof variants / sizeof *variants, 1);
    check_case("sliding-LPS", variants + 1, 1, 0);
    check_case("spacing", variants + 4, 1, 0);
    check_case("vision-only", variants, 1, 0);
    return check_done("volumes");
}
