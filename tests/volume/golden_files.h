/* Readers for the golden cases' files, as small as these cases allow (uint8 or int16 NIfTI-1, float32 or float16 safetensors). They share
 * no code with plugin/formats, so that a fault there does not hide one here. Every function returns NULL where the file is not there. */
#ifndef CTVK_TESTS_GOLDEN_FILES_H
#define CTVK_TESTS_GOLDEN_FILES_H

#include "volume/volume.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The whole file, unpacked, with a terminator. free() it. */
static inline unsigned char *golden_bytes(const char *folder, const char *name, size_t *size)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, "rb");
    unsigned char *bytes = NULL;
    size_t used = 0, room = 0;
    int got = 1;
    while (file && got > 0) {
        if (room - used < 1 << 20)
            bytes = realloc(bytes, (room += 4 << 20) + 1);
        got = gzread(file, bytes + used, 1 << 20);
        used += got > 0 ? (size_t)got : 0;
    }
    if (!file)
        return NULL;
    gzclose(file);
    bytes[used] = 0;
    *size = used;
    return bytes;
}

/* NIfTI-1 with an sform; view->data lies in the returned memory. */
static inline unsigned char *golden_image(const char *folder, const char *name, ctvk_volume_view *view)
{
    size_t size;
    unsigned char *bytes = golden_bytes(folder, name, &size);
    int16_t dim[8], type;
    float srow[12], place, scale[2];
    if (!bytes)
        return NULL;
    memset(view, 0, sizeof *view);
    memcpy(dim, bytes + 40, sizeof dim);
    memcpy(&type, bytes + 70, sizeof type);
    memcpy(&place, bytes + 108, sizeof place);
    memcpy(scale, bytes + 112, sizeof scale);
    memcpy(srow, bytes + 280, sizeof srow);
    view->data = bytes + (size_t)place;
    view->type = type == 4 ? CTVK_SCALAR_INT16 : type == 2 ? CTVK_SCALAR_UINT8 : 0;
    view->slope = scale[0] != 0 && !isnan(scale[0]) ? (double)scale[0] : 1;
    view->intercept = scale[0] != 0 && !isnan(scale[0]) ? (double)scale[1] : 0;
    int64_t stride = type == 4 ? 2 : 1;
    for (int i = 0; i < 3; i++) {
        view->dim[i] = dim[i + 1];
        view->stride[i] = stride;
        stride *= dim[i + 1];
        for (int k = 0; k < 4; k++)
            view->affine[i][k] = (double)srow[4 * i + k];
    }
    return bytes;
}

/* A finite number of 16 bits. */
static inline float golden_half(uint16_t half)
{
    int exponent = half >> 10 & 31, digits = half & 1023;
    double value = exponent ? ldexp(1024 + digits, exponent - 25) : ldexp(digits, -24);
    return (float)(half >> 15 ? -value : value);
}

/* A tensor of rank 4 (F32, or F16 widened) in a safetensors file's bytes. free() it. */
static inline float *golden_tensor(const unsigned char *bytes, const char *name, int64_t shape[4])
{
    char key[80];
    uint64_t header;
    long long s[4], begin, bits;
    memcpy(&header, bytes, 8);
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr((const char *)bytes + 8, key), *type = at ? strstr(at, "\"dtype\":") : NULL,
               *dims = at ? strstr(at, "\"shape\":") : NULL, *offsets = at ? strstr(at, "\"data_offsets\":") : NULL;
    if (!type || !dims || !offsets || sscanf(type, "\"dtype\":%*[ \"]F%lld\"", &bits) != 1 || (bits != 32 && bits != 16) ||
        sscanf(dims, "\"shape\":%*[ [] %lld , %lld , %lld , %lld", &s[0], &s[1], &s[2], &s[3]) != 4 ||
        sscanf(offsets, "\"data_offsets\":%*[ [] %lld", &begin) != 1)
        return NULL;
    size_t count = 1;
    for (int i = 0; i < 4; i++)
        count *= (size_t)(shape[i] = s[i]);
    const unsigned char *from = bytes + 8 + header + begin;
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; values && bits == 16 && i < count; i++) {
        uint16_t half;
        memcpy(&half, from + 2 * i, sizeof half);
        values[i] = golden_half(half);
    }
    if (values && bits == 32)
        memcpy(values, from, count * sizeof *values);
    return values;
}

/* The numbers after a key of the manifest: how many were there (null: 0). */
static inline int golden_numbers(const char *json, const char *key, double *out, int count)
{
    const char *at = strstr(json, key);
    int n = 0;
    at = at ? strchr(at, ':') : NULL;
    for (at = at ? at + 1 : NULL; at && n < count; n++) {
        at += strspn(at, " \r\n\t[,");
        char *end;
        out[n] = strtod(at, &end);
        if (end == at)
            break;
        at = end;
    }
    return n;
}

/* 1: true follows the key. */
static inline int golden_flag(const char *json, const char *key)
{
    const char *at = strstr(json, key);
    return at && strstr(at, "true") && strstr(at, "true") < at + strlen(key) + 4;
}

/* The preprocessing that every golden manifest asks for, with its own window, spacing and crop. 0: not understood. */
static inline int golden_desc(const char *folder, ctvk_prep_desc *desc, double *overlap)
{
    size_t size;
    char *json = (char *)golden_bytes(folder, "manifest.json", &size);
    double window[3], turns;
    memset(desc, 0, sizeof *desc);
    const char *inference = json ? strstr(json, "\"inference\"") : NULL;
    int fine = inference && strstr(json, "\"RAS\"") && golden_numbers(inference, "\"window\"", window, 3) == 3 &&
               golden_numbers(json, "\"rotate90\"", &turns, 1) == 1 && golden_numbers(inference, "\"overlap\"", overlap, 1) == 1 &&
               golden_numbers(json, "\"window\"", desc->window_hu, 2) == 2 && golden_numbers(json, "\"range\"", desc->range, 2) == 2;
    if (fine) {
        memcpy(desc->orientation, "RAS", 4);
        desc->has_spacing = golden_numbers(json, "\"spacing_mm\"", desc->spacing_mm, 3) == 3;
        desc->antialias = golden_flag(json, "\"antialias\"");
        desc->crop_foreground = golden_flag(json, "\"crop_foreground\"");
        desc->clip = desc->pad_to_window = 1;
        desc->rotate90 = (int32_t)turns;
        for (int i = 0; i < 3; i++)
            desc->window[i] = (int32_t)window[i];
    }
    free(json);
    return fine;
}

#endif
