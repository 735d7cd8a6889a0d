/* Damaged GGUF files: each is refused with the status asked for and one line that names the key or tensor, and nothing is allocated for a
 * count that the file only claims. */
#include "formats/gguf.h"
#include "ref/dequant.h"
#include "support/check.h"
#include "support/gguf_writer.h"

static const uint64_t row[4] = {256, 1, 1, 1};

/* The allocator of all parses here: counts what lives, remembers the largest, fails the nth. */
static struct {
    long live, calls, fail_at;
    size_t largest;
} heap;

static void *heap_alloc(void *user, size_t bytes)
{
    (void)user;
    if (bytes > heap.largest)
        heap.largest = bytes;
    if (++heap.calls == heap.fail_at)
        return NULL;
    heap.live++;
    return malloc(bytes);
}

static void heap_free(void *user, void *memory)
{
    (void)user;
    heap.live -= memory != NULL;
    free(memory);
}

static const ctvk_host host = {.alloc = heap_alloc, .free = heap_free};

/* Parses a copy of just this size, so that a byte read too many is seen by the address sanitizer. */
static ctvk_status parse(const uint8_t *bytes, size_t size, ctvk_error *error)
{
    ctvk_gguf *file = (ctvk_gguf *)&file;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    if (size)
        memcpy(copy, bytes, size);
    memset(error, 0, sizeof *error);
    heap.largest = 0;
    ctvk_status status = ctvk_gguf_parse(&host, copy, size, "m.gguf", CTVK_ERROR_INPUT, &file, error);
    CHECK((status == CTVK_OK) == (file != NULL));
    ctvk_gguf_close(&file);
    CHECK(heap.live == 0);
    free(copy);
    return status;
}

static void refused_bytes(const uint8_t *bytes, size_t size, const char *names, const char *why)
{
    ctvk_error error;
    ctvk_status status = parse(bytes, size, &error);
    CHECK_MSG(status == CTVK_ERROR_INPUT && error.status == status, "%s, %s: status %d", names, why, status);
    CHECK_MSG(!strncmp(error.message, "m.gguf: ", 8) && strstr(error.message, names) && strstr(error.message, why) &&
                  strchr(error.message, '(') && !strchr(error.message, '\n'),
              "no \"%s\" or \"%s\" in: %s", names, why, error.message);
    CHECK_MSG(heap.largest <= 64 * size + 4096, "%zu bytes allocated for a file of %zu", heap.largest, size);
}

/* Makes the file of w, expects a refusal, frees w. */
static void refused(gguf_writer *w, const char *names, const char *why)
{
    size_t size;
    uint8_t *bytes = gguf_writer_bytes(w, &size);
    refused_bytes(bytes, size, names, why);
    free(bytes);
    gguf_writer_free(w);
}

static void allowed(gguf_writer *w)
{
    size_t size;
    ctvk_error error;
    uint8_t *bytes = gguf_writer_bytes(w, &size);
    CHECK_MSG(parse(bytes, size, &error) == CTVK_OK, "%s", error.message);
    free(bytes);
    gguf_writer_free(w);
}

static gguf_writer begun(void)
{
    gguf_writer w;
    gguf_writer_begin(&w);
    gguf_writer_string(&w, "general.architecture", "llama");
    return w;
}

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

static void names(void)
{
    static const char sixty_four[] = "0123456789012345678901234567890123456789012345678901234567890123";
    gguf_writer w = begun();
    gguf_writer_tensor(&w, sixty_four + 1, 0, 1, row, NULL); /* 63: ggml's longest */
    allowed(&w);
    w = begun();
    gguf_writer_tensor(&w, "first", 0, 1, row, NULL);
    gguf_writer_tensor(&w, sixty_four, 0, 1, row, NULL);
    refused(&w, "tensor number 2", "longer than 63");
    w = begun();
    gguf_writer_tensor(&w, "", 0, 1, row, NULL);
    refused(&w, "tensor number 1", "empty");
    w = begun();
    gguf_writer_entry(&w, "a\0b", 3, 1, row, 0, 0);
    refused(&w, "tensor number 1", "zero byte");
    w = begun();
    gguf_writer_tensor(&w, "twice", 0, 1, row, NULL);
    gguf_writer_tensor(&w, "other", 0, 1, row, NULL);
    gguf_writer_tensor(&w, "twice", 0, 1, row, NULL);
    refused(&w, "tensor twice", "stands twice");
}

static void shapes(void)
{
    static const struct {
        uint32_t rank, type;
        uint64_t shape[4];
        const char *why;
    } wrong[] = {
        {0, 0, {0}, "0 dimensions"},
        {1, 0, {0}, "dimension 0 is 0"},
        {2, 0, {256, 0}, "dimension 1 is 0"},
        {4, 0, {256, 1, 1, 0}, "dimension 3 is 0"},
        {1, 0, {(uint64_t)1 << 63}, "2^63"},
        {1, 0, {UINT64_MAX}, "2^63"},
        {2, 0, {(uint64_t)1 << 32, (uint64_t)1 << 31}, "2^63"},
        {2, 0, {(uint64_t)1 << 32, (uint64_t)1 << 32}, "2^63"}, /* 0 in 64 bits */
        {4, 0, {65536, 65536, 65536, 65536}, "2^63"},
        {3, 0, {3, 0x5555555555555556u, 1}, "2^63"}, /* 2 in 64 bits */
        {1, 0, {INT64_MAX}, "overflows"},
        {1, 1, {INT64_MAX}, "beyond the end"},
        {1, 0, {(uint64_t)1 << 62}, "overflows"}, /* 4 bytes each: 0 in 64 bits */
        {2, 0, {257, 1}, "beyond the end"},
        {2, 2, {48, 2}, "48 elements are no whole blocks of type Q4_0"},
        {2, 8, {1, 256}, "no whole blocks of type Q8_0"},
        {2, 12, {128, 2}, "no whole blocks of type Q4_K"},
        {1, 14, {288}, "no whole blocks of type Q6_K"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gguf_writer w = begun();
        gguf_writer_tensor(&w, "first", 0, 1, row, NULL);
        gguf_writer_entry(&w, "my.weight", 9, wrong[i].rank, wrong[i].shape, wrong[i].type, 0);
        refused(&w, "tensor my.weight", wrong[i].why);
    }
    for (uint32_t rank = 5; rank; rank = rank == 5 ? UINT32_MAX : 0) {
        gguf_writer w = begun();
        gguf_put_text(&w.entries, "my.weight", 9);
        gguf_put_u32(&w.entries, rank);
        for (int i = 0; i < 9; i++)
            gguf_put_u64(&w.entries, 1);
        w.list = calloc(1, sizeof *w.list);
        w.tensors = 1;
        refused(&w, "tensor my.weight", "dimensions instead of 1 to 4");
    }
}

/* All of ggml's types that are not read, and numbers that are none. */
static void types(void)
{
    int refusals = 0;
    for (int32_t type = 0; type < 50; type++) {
        char why[64];
        gguf_writer w = begun();
        if (ref_dequant_elements(type)) {
            gguf_writer_free(&w);
            continue;
        }
        snprintf(why, sizeof why, "its type %s (number %d)", ctvk_gguf_type_name(type), type);
        gguf_writer_entry(&w, "my.weight", 9, 1, row, (uint32_t)type, 0);
        refused(&w, "tensor my.weight", why);
        refusals++;
    }
    CHECK(refusals == 50 - REF_DEQUANT_TYPES);
    static const struct {
        uint32_t type;
        const char *why;
    } some[] = {{16, "IQ2_XXS"},           {10, "Q2_K"}, {34, "TQ1_0"}, {39, "MXFP4"}, {27, "I64"}, {0x80000000u, "2147483648"},
                {UINT32_MAX, "4294967295"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        gguf_writer w = begun();
        gguf_writer_entry(&w, "my.weight", 9, 1, row, some[i].type, 0);
        refused(&w, "tensor my.weight", some[i].why);
    }
}

static void offsets(void)
{
    static const struct {
        uint64_t offset;
        const char *why;
    } wrong[] = {
        {1, "no multiple of the alignment 32"},
        {1024 + 16, "no multiple of the alignment 32"},
        {UINT64_MAX, "no multiple of the alignment 32"},
        {0, "overlap"},
        {32, "overlap"},
        {1024 - 32, "overlap"},
        {1024 + 32, "beyond the end"},
        {2048, "beyond the end"},
        {2048 + 32, "beyond the end"},
        {(uint64_t)1 << 32, "beyond the end"},
        {(uint64_t)1 << 63, "beyond the end"},
        {UINT64_MAX - 31, "beyond the end"},
        {UINT64_MAX - 1023, "beyond the end"}, /* + 1024 bytes: 0 in 64 bits */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gguf_writer w = begun();
        gguf_writer_tensor(&w, "my.first", 0, 1, row, NULL);
        gguf_writer_entry(&w, "my.second", 9, 1, row, 0, wrong[i].offset);
        w.data_bytes += 1024;
        refused(&w, "tensor my.", wrong[i].why);
    }
    gguf_writer w = begun(); /* in another order than their data */
    gguf_writer_entry(&w, "my.second", 9, 1, row, 0, 1024);
    gguf_writer_tensor(&w, "my.first", 0, 1, row, NULL);
    w.data_bytes += 1024;
    allowed(&w);
    w = begun();
    w.alignment = 64;
    gguf_writer_u32(&w, "general.alignment", 64);
    gguf_writer_entry(&w, "my.weight", 9, 1, row, 0, 32);
    w.data_bytes = 2048;
    refused(&w, "tensor my.weight", "no multiple of the alignment 64");
}

static gguf_writer whole(void)
{
    static const char *const list[] = {"a", "bc"};
    gguf_writer w = begun();
    gguf_writer_u32(&w, "llama.block_count", 1);
    gguf_writer_strings(&w, "tokens", list, 2);
    gguf_writer_bool(&w, "flag", 1);
    gguf_writer_tensor(&w, "a", 0, 1, row, NULL);
    gguf_writer_tensor(&w, "b", 12, 1, row, NULL);
    return w;
}

static void cut_short(void)
{
    gguf_writer w = whole();
    ctvk_error error;
    size_t size;
    uint8_t *bytes = gguf_writer_bytes(&w, &size);
    CHECK(parse(bytes, size, &error) == CTVK_OK);
    size_t needed = size - (32 - 144 % 32) % 32; /* the last tensor's padding may lack */
    for (size_t length = 0; length <= size; length++)
        CHECK_MSG(parse(bytes, length, &error) == (length < needed ? CTVK_ERROR_INPUT : CTVK_OK), "%zu of %zu bytes", length, size);
    /* Each byte of the head set to its limits: never more than a refusal. */
    for (size_t i = 0; i < size - 1024 - 160; i++)
        for (int k = 0; k < 3; k++) {
            static const uint8_t set[] = {0, 0x7f, 0xff};
            uint8_t old = bytes[i];
            bytes[i] = set[k];
            ctvk_status status = parse(bytes, size, &error);
            CHECK_MSG(status == CTVK_OK || status == CTVK_ERROR_INPUT, "byte %zu", i);
            bytes[i] = old;
        }
    free(bytes);
    gguf_writer_free(&w);
}

/* Every allocation in turn fails. */
static void no_memory(void)
{
    gguf_writer w = whole();
    ctvk_error error;
    size_t size;
    uint8_t *bytes = gguf_writer_bytes(&w, &size);
    heap.calls = 0;
    CHECK(parse(bytes, size, &error) == CTVK_OK && heap.calls >= 5);
    long calls = heap.calls;
    for (long i = 1; i <= calls; i++) {
        heap.calls = 0;
        heap.fail_at = i;
        CHECK(parse(bytes, size, &error) == CTVK_ERROR_HOST_MEMORY && !strncmp(error.message, "m.gguf: no host memory", 22));
    }
    heap.fail_at = 0;
    free(bytes);
    gguf_writer_free(&w);
}

/* Metadata without end: 256 MiB of it are the limit, said as such. */
static void too_long(void)
{
    gguf_writer w = begun();
    size_t size;
    gguf_writer_key(&w, "my.blob", CTVK_GGUF_ARRAY);
    gguf_put_u32(&w.metadata, CTVK_GGUF_UINT8);
    gguf_put_u64(&w.metadata, (uint64_t)300 << 20);
    uint8_t *head = gguf_writer_bytes(&w, &size), *bytes = calloc(1, (size_t)301 << 20);
    CHECK(bytes != NULL);
    if (bytes) {
        ctvk_gguf *file;
        ctvk_error error = {0};
        memcpy(bytes, head, size);
        CHECK(ctvk_gguf_parse(&host, bytes, (uint64_t)301 << 20, "m.gguf", CTVK_ERROR_BUNDLE, &file, &error) == CTVK_ERROR_BUNDLE);
        CHECK_MSG(strstr(error.message, "key my.blob: what stands before the data is longer than 256 MiB"), "%s", error.message);
    }
    free(bytes);
    free(head);
    gguf_writer_free(&w);
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
    names();
    shapes();
    types();
    offsets();
    cut_short();
    no_memory();
    too_long();
    return check_done("gguf_damage");
}
