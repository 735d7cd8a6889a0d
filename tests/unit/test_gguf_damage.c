/* Damaged heads and metadata of GGUF files: each is refused with the status asked for and one line that names the key, and nothing is
 * allocated for a count that the file only claims. */
#include "support/gguf_damage.h"

static void heads(void)
{
    static const struct {
        uint32_t version;
        const char *why;
    } versions[] = {{0, "version 0"},           {1, "version 1"},           {4, "version 4"},          {0x01000000, "big-endian"},
                    {0x02000000, "big-endian"}, {0x03000000, "big-endian"}, {0xffffffff, "4294967295"}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        gguf_writer w = begun();
        w.version = versions[i].version;
        refused(&w, "GGUF", versions[i].why);
    }
    refused_bytes((const uint8_t *)"", 0, "", "no GGUF file");
    refused_bytes((const uint8_t *)"GGU", 3, "", "no GGUF file");
    refused_bytes((const uint8_t *)"GGUF", 4, "", "first 24 bytes");
    refused_bytes((const uint8_t *)"ggjt\3\0\0\0abcdefghijklmnopqrstuvwxyz", 34, "", "no GGUF file");
    refused_bytes((const uint8_t *)"FUGG\3\0\0\0abcdefghijklmnopqrstuvwxyz", 34, "", "no GGUF file");
}

static void counts(void)
{
    static const uint64_t many[] = {6,
                                    1000,
                                    UINT32_MAX,
                                    (uint64_t)1 << 32,
                                    INT64_MAX,
                                    (uint64_t)1 << 63,
                                    UINT64_MAX,
                                    UINT64_MAX / 56 + 2,
                                    UINT64_MAX / 64 + 2,
                                    UINT64_MAX / 14 + 1};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        gguf_writer w = begun();
        w.keys = many[i];
        refused(&w, "key", "do not fit into the");
        w = begun();
        size_t size;
        uint8_t *bytes = gguf_writer_bytes(&w, &size);
        for (int k = 0; k < 8; k++)
            bytes[8 + k] = (uint8_t)(many[i] >> 8 * k);
        refused_bytes(bytes, size, "tensor", "do not fit into the");
        free(bytes);
        gguf_writer_free(&w);
    }
    /* More than any model has, and really there. */
    gguf_writer w = begun();
    for (int i = 0; i < 100000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        gguf_writer_u32(&w, key, 1);
    }
    refused(&w, "100001 keys", "more than 100000");
}

static void texts(void)
{
    static const uint64_t lengths[] = {100, (uint64_t)1 << 31, (uint64_t)1 << 32, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 100};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        gguf_writer w = begun();
        gguf_put_u64(&w.metadata, lengths[i]); /* a key's own length */
        w.keys++;
        refused(&w, "key number 2", "bytes of a string");
        w = begun();
        gguf_writer_key(&w, "my.text", CTVK_GGUF_STRING);
        gguf_put_u64(&w.metadata, lengths[i]);
        refused(&w, "key my.text", "bytes of a string");
        w = begun();
        gguf_writer_key(&w, "my.texts", CTVK_GGUF_ARRAY);
        gguf_put_u32(&w.metadata, CTVK_GGUF_STRING);
        gguf_put_u64(&w.metadata, 2);
        gguf_put_text(&w.metadata, "a", 1);
        gguf_put_u64(&w.metadata, lengths[i]);
        refused(&w, "key my.texts", "bytes of a string");
        w = begun();
        gguf_put_u64(&w.entries, lengths[i]); /* a tensor's name */
        w.list = calloc(1, sizeof *w.list);
        w.tensors = 1;
        gguf_writer_u32(&w, "room", 0); /* so that the count fits */
        refused(&w, "tensor number 1", "bytes of a string");
    }
}

static void keys(void)
{
    static char longest[65536];
    memset(longest, 'k', sizeof longest - 1);
    gguf_writer w = begun();
    gguf_writer_u32(&w, longest, 1);
    allowed(&w);
    w = begun();
    gguf_put_text(&w.metadata, longest, sizeof longest); /* one more, its zero */
    w.keys++;
    refused(&w, "key number 2", "longer than 65535");
    w = begun();
    gguf_writer_u32(&w, "", 1);
    refused(&w, "key number 2", "empty");
    w = begun();
    gguf_put_text(&w.metadata, "a\0b", 3);
    gguf_put_u32(&w.metadata, CTVK_GGUF_UINT8);
    gguf_put(&w.metadata, "x", 1);
    w.keys++;
    refused(&w, "key number 2", "zero byte");
    w = begun();
    gguf_writer_u32(&w, "twice", 1);
    gguf_writer_u32(&w, "twic", 1);
    gguf_writer_u32(&w, "twice", 1);
    refused(&w, "key twice", "stands twice");
    w = begun();
    gguf_writer_u32(&w, "bad\n\xff name", 1);
    gguf_writer_u32(&w, "bad\n\xff name", 1);
    refused(&w, "key bad ", "stands twice"); /* shown on one line, as text */
}

static void values(void)
{
    static const uint32_t types[] = {13, 14, 255, 256, INT32_MAX, 0x80000000u, UINT32_MAX};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char number[32];
        snprintf(number, sizeof number, "unknown type %u", types[i]);
        gguf_writer w = begun();
        gguf_writer_key(&w, "my.key", types[i]);
        gguf_put_u64(&w.metadata, 0);
        refused(&w, "key my.key", number);
        w = begun();
        gguf_writer_key(&w, "my.list", CTVK_GGUF_ARRAY);
        gguf_put_u32(&w.metadata, types[i]);
        gguf_put_u64(&w.metadata, 0); /* even of an empty array */
        refused(&w, "key my.list", number);
    }
    gguf_writer w = begun();
    gguf_writer_key(&w, "my.switch", CTVK_GGUF_BOOL);
    gguf_put(&w.metadata, "\2", 1);
    refused(&w, "key my.switch", "truth value is 2");
    w = begun();
    gguf_writer_key(&w, "my.switches", CTVK_GGUF_ARRAY);
    gguf_put_u32(&w.metadata, CTVK_GGUF_BOOL);
    gguf_put_u64(&w.metadata, 3);
    gguf_put(&w.metadata, "\0\1\377", 3);
    refused(&w, "key my.switches", "truth value is 255");
    w = begun();
    gguf_writer_u32(&w, "split.count", 3);
    refused(&w, "key split.count", "3 parts");
    w = begun();
    gguf_writer_u32(&w, "split.count", 1);
    allowed(&w);
}

static void array_of(uint32_t element, uint64_t count)
{
    gguf_writer w = begun();
    gguf_writer_key(&w, "my.list", CTVK_GGUF_ARRAY);
    gguf_put_u32(&w.metadata, element);
    gguf_put_u64(&w.metadata, count);
    refused(&w, "key my.list", "values do not fit");
}

/* Arrays in arrays, `depth` of them; the innermost holds one byte. */
static gguf_writer nested(int depth)
{
    gguf_writer w = begun();
    gguf_writer_key(&w, "deep", CTVK_GGUF_ARRAY);
    for (int i = 1; i < depth; i++) {
        gguf_put_u32(&w.metadata, CTVK_GGUF_ARRAY);
        gguf_put_u64(&w.metadata, 1);
    }
    gguf_put_u32(&w.metadata, CTVK_GGUF_UINT8);
    gguf_put_u64(&w.metadata, 1);
    gguf_put(&w.metadata, "x", 1);
    return w;
}

static void arrays(void)
{
    static const uint64_t many[] = {100, UINT32_MAX, (uint64_t)1 << 61, ((uint64_t)1 << 61) + 1, (uint64_t)1 << 62, INT64_MAX, UINT64_MAX};
    for (uint32_t element = 0; element <= CTVK_GGUF_FLOAT64; element++)
        for (size_t i = 0; i < sizeof many / sizeof *many; i++)
            array_of(element, many[i]); /* times 8 bytes, some wrap round to little */
    for (int depth = 1; depth <= 4; depth++) {
        gguf_writer w = nested(depth);
        allowed(&w);
    }
    gguf_writer w = nested(5);
    refused(&w, "key deep", "more than 4 deep");
    w = nested(20000); /* a recursion without a bound would end here */
    refused(&w, "key deep", "more than 4 deep");
}

static void alignments(void)
{
    static const uint32_t wrong[] = {0, 1, 2, 4, 7, 12, 24, 33, 48, 0x7fffffff, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char why[40];
        snprintf(why, sizeof why, "%u is no power of two", wrong[i]);
        gguf_writer w = begun();
        gguf_writer_u32(&w, "general.alignment", wrong[i]);
        gguf_writer_tensor(&w, "t", 0, 1, row, NULL);
        refused(&w, "key general.alignment", why);
    }
    gguf_writer w = begun();
    gguf_writer_key(&w, "general.alignment", CTVK_GGUF_UINT64);
    gguf_put_u64(&w.metadata, 32);
    refused(&w, "key general.alignment", "type 10 instead of UINT32");
    w = begun();
    gguf_writer_u32(&w, "general.alignment", 0x80000000u); /* the data would begin behind the file's end */
    gguf_writer_tensor(&w, "t", 0, 1, row, NULL);
    refused(&w, "tensor t", "beyond the end");
}

int main(void)
{
    heads();
    counts();
    texts();
    keys();
    values();
    arrays();
    alignments();
    return check_done("gguf_damage");
}
