/* Damaged tensors of GGUF files, files cut short, memory that runs out: refused as in test_gguf_damage.c, with the tensor named. */
#include "ref/dequant.h"
#include "support/gguf_damage.h"

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
    names();
    shapes();
    types();
    offsets();
    cut_short();
    no_memory();
    too_long();
    return check_done("gguf_damage_tensors");
}
