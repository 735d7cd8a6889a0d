/* PNG (ISO/IEC 15948): signature, IHDR, one IDAT with zlib's deflate, IEND. */
#include "canvas.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Length, type, data, CRC of type and data. */
static int write_chunk(FILE *file, const char *type, const uint8_t *data, uint32_t length)
{
    uint8_t head[8], tail[4];
    put_u32(head, length);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (length)
        crc = crc32(crc, data, length);
    put_u32(tail, (uint32_t)crc);
    return fwrite(head, 1, 8, file) == 8 && fwrite(data, 1, length, file) == length && fwrite(tail, 1, 4, file) == 4 ? 0 : -1;
}

static int byte_sum(const uint8_t *row, size_t bytes)
{
    int sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += row[i] < 128 ? row[i] : 256 - row[i];
    return sum;
}

/* Filtered rows, packed: each row takes the filter (none, left, up) whose bytes are the smallest. NULL: memory exhausted. */
static uint8_t *pack(const canvas *c, uLong *packed)
{
    size_t row = (size_t)c->width * 3, total = (row + 1) * (size_t)c->height;
    uint8_t *raw = malloc(total), *trial = malloc(row * 3);
    *packed = compressBound(total);
    uint8_t *out = malloc(*packed);
    if (!raw || !trial || !out)
        goto fail;
    for (int y = 0; y < c->height; y++) {
        const uint8_t *now = c->rgb + (size_t)y * row, *above = y ? now - row : NULL;
        for (size_t i = 0; i < row; i++) {
            trial[i] = now[i];
            trial[row + i] = (uint8_t)(now[i] - (i >= 3 ? now[i - 3] : 0));
            trial[2 * row + i] = (uint8_t)(now[i] - (above ? above[i] : 0));
        }
        int best = 0;
        for (int f = 1; f < 3; f++)
            if (byte_sum(trial + (size_t)f * row, row) < byte_sum(trial + (size_t)best * row, row))
                best = f;
        uint8_t *to = raw + (size_t)y * (row + 1);
        to[0] = (uint8_t)best;
        memcpy(to + 1, trial + (size_t)best * row, row);
    }
    if (compress2(out, packed, raw, total, 9) != Z_OK)
        goto fail;
    free(raw);
    free(trial);
    return out;
fail:
    free(raw);
    free(trial);
    free(out);
    return NULL;
}

static int write_all(FILE *file, const canvas *c, const uint8_t *data, uLong length)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {0};
    put_u32(header, (uint32_t)c->width);
    put_u32(header + 4, (uint32_t)c->height);
    header[8] = 8; /* bits */
    header[9] = 2; /* RGB */
    return fwrite(signature, 1, 8, file) == 8 && write_chunk(file, "IHDR", header, 13) == 0 &&
                   write_chunk(file, "IDAT", data, (uint32_t)length) == 0 && write_chunk(file, "IEND", header, 0) == 0
               ? 0
               : -1;
}

int canvas_write_png(const canvas *c, const char *path)
{
    char name[4096];
    uLong length = 0;
    if (snprintf(name, sizeof name, "%s.%ld.part", path, (long)getpid()) >= (int)sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    uint8_t *data = pack(c, &length);
    if (!data) {
        errno = ENOMEM;
        return -1;
    }
    FILE *file = fopen(name, "wb");
    int good = file && write_all(file, c, data, length) == 0;
    if (file)
        good = fclose(file) == 0 && good;
    free(data);
    good = good && rename(name, path) == 0;
    if (!good && file) {
        int saved = errno;
        unlink(name);
        errno = saved;
    }
    return good ? 0 : -1;
}
