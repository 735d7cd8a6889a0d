#include "scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double stored(const void *at, ctvk_scalar type)
{
    switch (type) {
    case CTVK_SCALAR_UINT8:
        return *(const uint8_t *)at;
    case CTVK_SCALAR_INT8:
        return *(const int8_t *)at;
    case CTVK_SCALAR_INT16:
        return *(const int16_t *)at;
    case CTVK_SCALAR_UINT16:
        return *(const uint16_t *)at;
    case CTVK_SCALAR_INT32:
        return *(const int32_t *)at;
    case CTVK_SCALAR_UINT32:
        return *(const uint32_t *)at;
    case CTVK_SCALAR_INT64:
        return (double)*(const int64_t *)at;
    case CTVK_SCALAR_UINT64:
        return (double)*(const uint64_t *)at;
    case CTVK_SCALAR_FLOAT32:
        return *(const float *)at;
    case CTVK_SCALAR_FLOAT64:
        return *(const double *)at;
    default:
        return NAN;
    }
}

static int64_t scalar_bytes(ctvk_scalar type)
{
    switch (type) {
    case CTVK_SCALAR_UINT8:
    case CTVK_SCALAR_INT8:
        return 1;
    case CTVK_SCALAR_INT16:
    case CTVK_SCALAR_UINT16:
        return 2;
    case CTVK_SCALAR_INT32:
    case CTVK_SCALAR_UINT32:
    case CTVK_SCALAR_FLOAT32:
        return 4;
    default:
        return 8;
    }
}

static double determinant(const double m[12])
{
    return m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) + m[2] * (m[4] * m[9] - m[5] * m[8]);
}

/* The library refuses singular affines. */
static void invert(const double m[12], double out[12])
{
    double d = determinant(m);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, e = (i + 2) % 3;
            out[i * 4 + j] = (m[a * 4 + c] * m[b * 4 + e] - m[a * 4 + e] * m[b * 4 + c]) / d;
        }
    for (int i = 0; i < 3; i++)
        out[i * 4 + 3] = -(out[i * 4] * m[3] + out[i * 4 + 1] * m[7] + out[i * 4 + 2] * m[11]);
}

static void apply(const double m[12], const double in[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = m[i * 4] * in[0] + m[i * 4 + 1] * in[1] + m[i * 4 + 2] * in[2] + m[i * 4 + 3];
}

static void find_box(scan *s)
{
    for (int axis = 0; axis < 3; axis++) {
        s->low[axis] = INFINITY;
        s->high[axis] = -INFINITY;
    }
    for (int corner = 0; corner < 8; corner++) {
        double voxel[3], mm[3];
        for (int axis = 0; axis < 3; axis++)
            voxel[axis] = corner >> axis & 1 ? (double)s->dim[axis] - 0.5 : -0.5;
        apply(s->to_mm, voxel, mm);
        for (int axis = 0; axis < 3; axis++) {
            s->low[axis] = fmin(s->low[axis], mm[axis]);
            s->high[axis] = fmax(s->high[axis], mm[axis]);
        }
    }
}

static int copy_volume(const ctvk_volume *v, scan *s)
{
    int64_t bytes = scalar_bytes(v->type), stride[3] = {bytes, bytes * v->dim[0], bytes * v->dim[0] * v->dim[1]};
    double slope = v->slope != 0 ? v->slope : 1;
    if (v->stride[0] || v->stride[1] || v->stride[2])
        memcpy(stride, v->stride, sizeof stride);
    memcpy(s->dim, v->dim, sizeof s->dim);
    memcpy(s->to_mm, v->affine, sizeof s->to_mm);
    if (v->convention == CTVK_LPS)
        for (int i = 0; i < 8; i++)
            s->to_mm[i] = -s->to_mm[i];
    invert(s->to_mm, s->to_voxel);
    find_box(s);
    s->value = malloc((size_t)v->dim[0] * (size_t)v->dim[1] * (size_t)v->dim[2] * sizeof *s->value);
    if (!s->value)
        return -1;
    float *to = s->value;
    for (int64_t k = 0; k < v->dim[2]; k++)
        for (int64_t j = 0; j < v->dim[1]; j++) {
            const char *row = (const char *)v->data + j * stride[1] + k * stride[2];
            for (int64_t i = 0; i < v->dim[0]; i++)
                *to++ = (float)(slope * stored(row + i * stride[0], v->type) + v->intercept);
        }
    return 0;
}

ctvk_status scan_open(ctvk_context *context, const char *path, scan *out, char *message, size_t size)
{
    const ctvk_context_api *contexts = (const ctvk_context_api *)ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    const ctvk_image_api *images = (const ctvk_image_api *)ctvk_interface(CTVK_IMAGE_NAME, CTVK_IMAGE_VERSION);
    ctvk_image_file *file = NULL;
    ctvk_volume volume = CTVK_VOLUME_INIT;
    ctvk_text text = CTVK_TEXT_INIT;
    memset(out, 0, sizeof *out);
    ctvk_status status = images->open(context, path, strlen(path), &file);
    if (status != CTVK_OK)
        contexts->last_error(context, &text);
    else if ((status = images->volume(file, &volume)) != CTVK_OK)
        images->last_error(file, &text);
    if (status != CTVK_OK)
        snprintf(message, size, "%.*s", (int)text.length, text.length ? text.data : "");
    else if (copy_volume(&volume, out) != 0) {
        snprintf(message, size, "%s: memory exhausted (close other programs)", path);
        status = CTVK_ERROR_HOST_MEMORY;
    }
    images->destroy(file);
    return status;
}

void scan_close(scan *s)
{
    free(s->value);
    s->value = NULL;
}

double scan_at(const scan *s, const double mm[3], double outside)
{
    double p[3], sum = 0;
    int64_t first[3], step[3] = {1, s->dim[0], s->dim[0] * s->dim[1]};
    apply(s->to_voxel, mm, p);
    for (int axis = 0; axis < 3; axis++) {
        if (!(p[axis] >= -0.5 && p[axis] <= (double)s->dim[axis] - 0.5))
            return outside;
        p[axis] = fmin(fmax(p[axis], 0), (double)s->dim[axis] - 1);
        first[axis] = (int64_t)p[axis];
        if (first[axis] > 0 && first[axis] == s->dim[axis] - 1)
            first[axis]--;
        p[axis] -= (double)first[axis];
    }
    for (int corner = 0; corner < 8; corner++) {
        double weight = 1;
        int64_t at = 0;
        for (int axis = 0; axis < 3; axis++) {
            int up = corner >> axis & 1;
            weight *= up ? p[axis] : 1 - p[axis];
            at += (first[axis] + up) * step[axis];
        }
        if (weight > 0)
            sum += weight * s->value[at];
    }
    return sum;
}

int64_t scan_to_mask(scan *s, double centre[3])
{
    double sum[3] = {0, 0, 0};
    int64_t count = 0;
    float *v = s->value;
    for (int64_t k = 0; k < s->dim[2]; k++)
        for (int64_t j = 0; j < s->dim[1]; j++)
            for (int64_t i = 0; i < s->dim[0]; i++, v++) {
                *v = *v != 0;
                if (*v == 0)
                    continue;
                count++;
                sum[0] += (double)i;
                sum[1] += (double)j;
                sum[2] += (double)k;
            }
    if (count) {
        double mean[3] = {sum[0] / (double)count, sum[1] / (double)count, sum[2] / (double)count};
        apply(s->to_mm, mean, centre);
    }
    return count;
}

double scan_voxel_ml(const scan *s)
{
    return fabs(determinant(s->to_mm)) / 1000;
}

int scan_same_grid(const scan *a, const scan *b)
{
    for (int axis = 0; axis < 3; axis++)
        if (a->dim[axis] != b->dim[axis])
            return 0;
    for (int corner = 0; corner < 8; corner++) {
        double voxel[3], mm[3], back[3];
        for (int axis = 0; axis < 3; axis++)
            voxel[axis] = corner >> axis & 1 ? (double)(a->dim[axis] - 1) : 0;
        apply(a->to_mm, voxel, mm);
        apply(b->to_voxel, mm, back);
        for (int axis = 0; axis < 3; axis++)
            if (!(fabs(back[axis] - voxel[axis]) < 0.01))
                return 0;
    }
    return 1;
}
