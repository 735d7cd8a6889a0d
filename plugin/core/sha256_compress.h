/* core/sha256_compress.h - inside of SHA-256: one step over whole blocks, in C and with the CPU's own instructions. For sha256*.c and their
 * test. */
#ifndef CTVK_CORE_SHA256_COMPRESS_H
#define CTVK_CORE_SHA256_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* state: eight words; blocks: `count` times 64 bytes, in any alignment. [any thread] */
typedef void (*ctvk_sha256_compress_fn)(uint32_t state[8], const uint8_t *blocks, size_t count);
void ctvk_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count);
/* NULL where this CPU has no such instructions, or where it is not known how to use them. The answer never changes. */
ctvk_sha256_compress_fn ctvk_sha256_compress_hardware(void);

extern const uint32_t ctvk_sha256_constants[64];

#endif
