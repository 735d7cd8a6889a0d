#include "formats/nifti_internal.h"

#include <string.h>

static uint32_t word(const uint8_t *at, int swapped)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

char *ctvk_nifti_comment(const ctvk_host *host, const uint8_t *bytes, uint64_t size, int swapped)
{
    uint64_t at = 4;
    if (size < at || !bytes[0])
        return NULL;
    while (size - at >= 8) {
        uint64_t length = word(bytes + at, swapped);
        if (length < 8 || length > size - at)
            return NULL; /* what follows cannot be found; an extension is no reason to refuse an image */
        if (word(bytes + at + 4, swapped) == NIFTI_ECODE_COMMENT) {
            const char *text = (const char *)bytes + at + 8;
            return ctvk_strndup(host, text, strnlen(text, length - 8));
        }
        at += length;
    }
    return NULL;
}
