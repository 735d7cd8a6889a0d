#include "formats/nifti_internal.h"

#include "core/checked.h"

#include <math.h>
#include <string.h>

typedef struct type_entry {
    int16_t code;
    ctvk_scalar scalar; /* 0: refused by name */
    uint32_t bytes;
    const char *name;
} type_entry;

static const type_entry types[] = {{DT_UINT8, CTVK_SCALAR_UINT8, 1, "uint8"},
                                   {DT_INT8, CTVK_SCALAR_INT8, 1, "int8"},
                                   {DT_INT16, CTVK_SCALAR_INT16, 2, "int16"},
                                   {DT_UINT16, CTVK_SCALAR_UINT16, 2, "uint16"},
                                   {DT_INT32, CTVK_SCALAR_INT32, 4, "int32"},
                                   {DT_UINT32, CTVK_SCALAR_UINT32, 4, "uint32"},
                                   {DT_INT64, CTVK_SCALAR_INT64, 8, "int64"},
                                   {DT_UINT64, CTVK_SCALAR_UINT64, 8, "uint64"},
                                   {DT_FLOAT32, CTVK_SCALAR_FLOAT32, 4, "float32"},
                                   {DT_FLOAT64, CTVK_SCALAR_FLOAT64, 8, "float64"},
                                   {DT_COMPLEX64, 0, 0, "complex64"},
                                   {DT_COMPLEX128, 0, 0, "complex128"},
                                   {DT_COMPLEX256, 0, 0, "complex256"},
                                   {DT_FLOAT128, 0, 0, "float128"},
                                   {DT_RGB24, 0, 0, "RGB"},
                                   {DT_RGBA32, 0, 0, "RGBA"},
                                   {DT_BINARY, 0, 0, "binary"}};

static ctvk_status refuse(const char *label, const char *why, const char *remedy, ctvk_error *error)
{
    return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: %s (%s)", label, why, remedy);
}

static ctvk_status check_kind(struct nifti_1_header *raw, const char *label, int *swapped, ctvk_error *error)
{
    int32_t size = raw->sizeof_hdr;
    *swapped = size == 0x5c010000;
    if (size == 540 || size == 0x1c020000)
        return refuse(label, "NIfTI-2", "convert it to NIfTI-1", error);
    if (size != CTVK_NIFTI1_BYTES && !*swapped)
        return refuse(label, "no NIfTI file", "give a CT as .nii or .nii.gz", error);
    if (!memcmp(raw->magic, "ni1", 4))
        return refuse(label, "a NIfTI header without its image", "convert the .hdr/.img pair to one .nii file", error);
    if (memcmp(raw->magic, "n+1", 4))
        return refuse(label, "an Analyze file, which does not say where left is", "convert it to .nii with the right orientation", error);
    if (*swapped)
        swap_nifti_header(raw, 1);
    return CTVK_OK;
}

static ctvk_status check_dims(const struct nifti_1_header *raw, const char *label, ctvk_image *image, ctvk_error *error)
{
    int n = raw->dim[0];
    if (n < 3 || n > 7)
        return refuse(label, "not a volume of 3 dimensions", "give a 3-D CT", error);
    for (int i = 1; i <= n; i++) {
        if (raw->dim[i] < 1)
            return refuse(label, "a dimension is zero or negative", "the file is damaged, export it again", error);
        if (i > 3 && raw->dim[i] > 1)
            return refuse(label, "holds more than one volume", "give one 3-D volume of it", error);
    }
    for (int i = 0; i < 3; i++)
        image->dim[i] = raw->dim[i + 1];
    return CTVK_OK;
}

static ctvk_status check_type(const struct nifti_1_header *raw, const char *label, ctvk_image *image, ctvk_error *error)
{
    const type_entry *type = NULL;
    uint64_t voxels;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == raw->datatype)
            type = &types[i];
    if (!type || !type->scalar)
        return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: voxels of type %s (code %d), a CT holds real numbers (export it as int16)", label,
                         type ? type->name : "unknown", raw->datatype);
    if (raw->bitpix != (int16_t)(8 * type->bytes))
        return refuse(label, "datatype and bits per voxel disagree", "the file is damaged, export it again", error);
    image->type = type->scalar;
    if (ctvk_mul_u64((uint64_t)image->dim[0] * (uint64_t)image->dim[1], (uint64_t)image->dim[2], &voxels) ||
        ctvk_mul_u64(voxels, type->bytes, &image->bytes))
        return refuse(label, "its size overflows", "the file is damaged, export it again", error);
    return CTVK_OK;
}

static ctvk_status check_scale(const struct nifti_1_header *raw, const char *label, ctvk_image *image, ctvk_error *error)
{
    image->slope = raw->scl_slope;
    image->intercept = raw->scl_inter;
    if (isinf(image->slope) || isinf(image->intercept))
        return refuse(label, "slope or intercept is infinite", "the file is damaged, export it again", error);
    if (!(image->slope != 0) || isnan(image->slope)) { /* the standard: slope 0 means none */
        image->slope = 1;
        image->intercept = 0;
    }
    if (isnan(image->intercept))
        image->intercept = 0;
    return CTVK_OK;
}

/* sform before qform before spacing, as the standard's methods 3, 2, 1. */
static void choose_affine(const struct nifti_1_header *raw, ctvk_image *image)
{
    const float *rows[3] = {raw->srow_x, raw->srow_y, raw->srow_z};
    memset(image->affine, 0, sizeof image->affine);
    if (raw->sform_code > 0) {
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 4; k++)
                image->affine[i][k] = rows[i][k];
    } else if (raw->qform_code > 0) {
        mat44 m = nifti_quatern_to_mat44(raw->quatern_b, raw->quatern_c, raw->quatern_d, raw->qoffset_x, raw->qoffset_y, raw->qoffset_z,
                                         raw->pixdim[1], raw->pixdim[2], raw->pixdim[3], raw->pixdim[0] < 0 ? -1.f : 1.f);
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 4; k++)
                image->affine[i][k] = m.m[i][k];
    } else {
        for (int i = 0; i < 3; i++)
            image->affine[i][i] = raw->pixdim[i + 1];
    }
}

static ctvk_status check_affine(const struct nifti_1_header *raw, const char *label, ctvk_image *image, ctvk_error *error)
{
    static const char *const remedy = "its orientation is unknown; export it again with a right affine";
    const double(*a)[4] = (const double(*)[4])image->affine;
    double product = 1;
    int units = XYZT_TO_SPACE(raw->xyzt_units);
    if (units == NIFTI_UNITS_METER || units == NIFTI_UNITS_MICRON)
        return refuse(label, "spacing in metres or micrometres", "convert it to millimetres", error);
    for (int i = 1; raw->sform_code <= 0 && i <= 3; i++)
        if (!(raw->pixdim[i] > 0) || !isfinite(raw->pixdim[i]))
            return refuse(label, "spacing is zero, negative or no number", remedy, error);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++)
            if (!isfinite(a[i][k]) || fabs(a[i][k]) > 1e7)
                return refuse(label, "the affine holds NaN, infinity or beyond 10 km", remedy, error);
    for (int k = 0; k < 3; k++) {
        image->spacing[k] = sqrt(a[0][k] * a[0][k] + a[1][k] * a[1][k] + a[2][k] * a[2][k]);
        if (!(image->spacing[k] > 1e-4) || image->spacing[k] > 1e4)
            return refuse(label, "spacing is zero, below 0.0001 mm or above 10 m", remedy, error);
        product *= image->spacing[k];
    }
    double det = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                 a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    if (!(fabs(det) > 1e-3 * product)) /* the sine of the smallest angle between the axes, roughly */
        return refuse(label, "the affine is singular", remedy, error);
    return CTVK_OK;
}

ctvk_status ctvk_nifti_check_header(const uint8_t bytes[CTVK_NIFTI1_BYTES], const char *label, ctvk_image *image,
                                    struct nifti_1_header *raw, int *swapped, uint64_t *data_offset, ctvk_error *error)
{
    memcpy(raw, bytes, CTVK_NIFTI1_BYTES);
    ctvk_status status = check_kind(raw, label, swapped, error);
    if (status == CTVK_OK)
        status = check_dims(raw, label, image, error);
    if (status == CTVK_OK)
        status = check_type(raw, label, image, error);
    if (status == CTVK_OK)
        status = check_scale(raw, label, image, error);
    if (status != CTVK_OK)
        return status;
    choose_affine(raw, image);
    status = check_affine(raw, label, image, error);
    if (status != CTVK_OK)
        return status;
    if (!(raw->vox_offset >= CTVK_NIFTI1_BYTES) || raw->vox_offset > 64e6f)
        return refuse(label, "the place where its voxels begin is impossible", "the file is damaged, export it again", error);
    *data_offset = (uint64_t)raw->vox_offset;
    return CTVK_OK;
}
