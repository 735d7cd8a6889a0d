/* core/sha256.h - SHA-256 (FIPS 180-4). */
#ifndef CTVK_CORE_SHA256_H
#define CTVK_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct ctvk_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} ctvk_sha256;

void ctvk_sha256_begin(ctvk_sha256 *hash);
void ctvk_sha256_add(ctvk_sha256 *hash, const void *data, size_t bytes);
void ctvk_sha256_end(ctvk_sha256 *hash, uint8_t digest[32]);
/* Lower-case hexadecimal with terminator. */
void ctvk_sha256_hex(const uint8_t digest[32], char text[65]);
/* All of it at once: the hash of `bytes` bytes, in hexadecimal. */
void ctvk_sha256_of(const void *data, size_t bytes, char text[65]);

#endif
