#include "review.h"

#include <stdlib.h>
#include <string.h>

int review_pack_begin(review_packer *p, int strategy, size_t limit)
{
    memset(p, 0, sizeof *p);
    p->limit = limit;
    p->block.data = malloc(limit ? limit : 1); /* pages that are not written cost nothing */
    if (!p->block.data || deflateInit2(&p->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15, 9, strategy) != Z_OK) {
        review_block_free(&p->block);
        return REVIEW_NO_MEMORY;
    }
    p->stream.next_out = p->block.data;
    p->stream.avail_out = (uInt)limit;
    return REVIEW_PACKED;
}

int review_pack_add(review_packer *p, const uint8_t *bytes, size_t count)
{
    p->stream.next_in = bytes;
    p->stream.avail_in = (uInt)count;
    deflate(&p->stream, Z_NO_FLUSH);
    return p->stream.avail_in || !p->stream.avail_out ? REVIEW_TOO_LARGE : REVIEW_PACKED;
}

int review_pack_end(review_packer *p, int result, review_block *out)
{
    if (result == REVIEW_PACKED && deflate(&p->stream, Z_FINISH) != Z_STREAM_END)
        result = REVIEW_TOO_LARGE;
    p->block.size = p->stream.total_out;
    deflateEnd(&p->stream);
    if (result == REVIEW_PACKED)
        *out = p->block;
    else
        review_block_free(&p->block);
    return result;
}

void review_block_free(review_block *block)
{
    free(block->data);
    *block = (review_block){NULL, 0};
}

void review_write_base64(FILE *file, const review_block *block)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = block->data;
    for (size_t left = block->size; left; at += 3) {
        size_t n = left < 3 ? left : 3;
        uint32_t bits = (uint32_t)at[0] << 16 | (n > 1 ? (uint32_t)at[1] << 8 : 0) | (n > 2 ? at[2] : 0);
        char out[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=', n > 2 ? digits[bits & 63] : '='};
        fwrite(out, 1, 4, file);
        left -= n;
    }
}
