/* GGUF files that are sound: every metadata type, every tensor type, versions, alignments, the golden files; and files that are none. */
#include "formats/gguf.h"
#include "ref/dequant.h"
#include "support/check.h"
#include "support/gguf_writer.h"
#include "support/quant_blocks.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void put_u8(gguf_writer *w, int value)
{
    uint8_t byte = (uint8_t)value;
    gguf_put(&w->metadata, &byte, 1);
}

static void put_u16(gguf_writer *w, int value)
{
    put_u8(w, value & 255);
    put_u8(w, value >> 8 & 255);
}

static void put_f64(gguf_writer *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    gguf_put_u64(&w->metadata, bits);
}

static void every_kind(gguf_writer *w)
{
    static const char *const texts[] = {"first", "", "\xe2\x96\x81third"};
    static const float scores[] = {-1.5f, 0, 3e38f};
    static const int32_t kinds[] = {-7, INT32_MAX, INT32_MIN};
    gguf_writer_string(w, "general.architecture", "llama");
    gguf_writer_key(w, "u8", CTVK_GGUF_UINT8);
    put_u8(w, 200);
    gguf_writer_key(w, "i8", CTVK_GGUF_INT8);
    put_u8(w, -100);
    gguf_writer_key(w, "u16", CTVK_GGUF_UINT16);
    put_u16(w, 60000);
    gguf_writer_key(w, "i16", CTVK_GGUF_INT16);
    put_u16(w, -30000);
    gguf_writer_u32(w, "u32", 4000000000u);
    gguf_writer_key(w, "i32", CTVK_GGUF_INT32);
    gguf_put_u32(&w->metadata, (uint32_t)-2000000000);
    gguf_writer_f32(w, "f32", 1e-5f);
    gguf_writer_f32(w, "f32.nan", NAN);
    gguf_writer_bool(w, "yes", 1);
    gguf_writer_bool(w, "no", 0);
    gguf_writer_string(w, "empty", "");
    gguf_writer_key(w, "u64", CTVK_GGUF_UINT64);
    gguf_put_u64(&w->metadata, UINT64_MAX);
    gguf_writer_key(w, "i64", CTVK_GGUF_INT64);
    gguf_put_u64(&w->metadata, (uint64_t)INT64_MIN);
    gguf_writer_key(w, "f64", CTVK_GGUF_FLOAT64);
    put_f64(w, 1e300);
    gguf_writer_key(w, "f64.inf", CTVK_GGUF_FLOAT64);
    put_f64(w, INFINITY);
    gguf_writer_strings(w, "texts", texts, 3);
    gguf_writer_strings(w, "texts.none", texts, 0);
    gguf_writer_f32s(w, "scores", scores, 3);
    gguf_writer_i32s(w, "kinds", kinds, 3);
    for (uint32_t type = 0; type <= 5; type++) { /* the integers that int_at reads, all bits set, and 1 */
        char key[] = "ints.0";
        static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4};
        key[5] = (char)('0' + type);
        gguf_writer_key(w, key, CTVK_GGUF_ARRAY);
        gguf_put_u32(&w->metadata, type);
        gguf_put_u64(&w->metadata, 2);
        for (int i = 0; i < 2 * bytes[type]; i++)
            put_u8(w, i < bytes[type] ? 255 : i == bytes[type]);
    }
    gguf_writer_key(w, "nested", CTVK_GGUF_ARRAY); /* [[1, 2], [], ["a"]] */
    gguf_put_u32(&w->metadata, CTVK_GGUF_ARRAY);
    gguf_put_u64(&w->metadata, 3);
    gguf_put_u32(&w->metadata, CTVK_GGUF_UINT8);
    gguf_put_u64(&w->metadata, 2);
    put_u16(w, 0x0201);
    gguf_put_u32(&w->metadata, CTVK_GGUF_FLOAT64);
    gguf_put_u64(&w->metadata, 0);
    gguf_put_u32(&w->metadata, CTVK_GGUF_STRING);
    gguf_put_u64(&w->metadata, 1);
    gguf_put_text(&w->metadata, "a", 1);
    gguf_writer_u32(w, "last", 17); /* found only if all before it was measured rightly */
}

static ctvk_gguf *parse(const uint8_t *bytes, size_t size)
{
    ctvk_gguf *file = NULL;
    ctvk_error error = {0};
    CHECK_MSG(ctvk_gguf_parse(NULL, bytes, size, "m.gguf", CTVK_ERROR_BUNDLE, &file, &error) == CTVK_OK, "%s", error.message);
    if (!file)
        exit(check_done("gguf")); /* nothing else can be tested */
    return file;
}

static void integers(const ctvk_gguf *f)
{
    static const struct {
        const char *key;
        int64_t value;
    } cases[] = {{"u8", 200},          {"i8", -100},         {"u16", 60000},     {"i16", -30000},
                 {"u32", 4000000000u}, {"i32", -2000000000}, {"i64", INT64_MIN}, {"last", 17}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 1, c = cases[i].value;
        double d = 0;
        CHECK_MSG(ctvk_gguf_integer(f, cases[i].key, INT64_MIN, INT64_MAX, &v) == 0 && v == c, "%s", cases[i].key);
        CHECK(ctvk_gguf_integer(f, cases[i].key, c, c, &v) == 0 && ctvk_gguf_number(f, cases[i].key, &d) == 0 && d == (double)c);
        v = 5;
        CHECK_MSG(c == INT64_MIN || ctvk_gguf_integer(f, cases[i].key, INT64_MIN, c - 1, &v) == -1, "%s", cases[i].key);
        CHECK_MSG(ctvk_gguf_integer(f, cases[i].key, c + 1, INT64_MAX, &v) == -1 && v == 5, "%s", cases[i].key);
    }
    int64_t v = 5;
    CHECK(ctvk_gguf_integer(f, "u64", INT64_MIN, INT64_MAX, &v) == -1 && v == 5); /* 2^64 - 1 is no int64_t, and not -1 */
    CHECK(ctvk_gguf_integer(f, "yes", 0, 1, &v) == -1 && ctvk_gguf_integer(f, "f32", 0, 1, &v) == -1);
    CHECK(ctvk_gguf_integer(f, "kinds", -9, 9, &v) == -1 && ctvk_gguf_integer(f, "empty", 0, 9, &v) == -1);
    CHECK(ctvk_gguf_integer(f, "absent", 0, 9, &v) == 1 && v == 5);
}

static void others(const ctvk_gguf *f)
{
    double d = 5;
    int32_t b = 5;
    ctvk_text t = {NULL, 5};
    CHECK(ctvk_gguf_number(f, "f32", &d) == 0 && d == (double)1e-5f && ctvk_gguf_number(f, "f64", &d) == 0 && d == 1e300);
    CHECK(ctvk_gguf_number(f, "u64", &d) == 0 && d == 18446744073709551616.0);
    CHECK(ctvk_gguf_number(f, "f32.nan", &d) == -1 && ctvk_gguf_number(f, "f64.inf", &d) == -1 && ctvk_gguf_number(f, "no", &d) == -1);
    CHECK(ctvk_gguf_number(f, "scores", &d) == -1 && ctvk_gguf_number(f, "absent", &d) == 1 && d == 18446744073709551616.0);
    CHECK(ctvk_gguf_boolean(f, "yes", &b) == 0 && b == 1 && ctvk_gguf_boolean(f, "no", &b) == 0 && b == 0);
    b = 5;
    CHECK(ctvk_gguf_boolean(f, "u8", &b) == -1 && ctvk_gguf_boolean(f, "absent", &b) == 1 && b == 5);
    CHECK(ctvk_gguf_string(f, "u8", &t) == -1 && ctvk_gguf_string(f, "texts", &t) == -1 && ctvk_gguf_string(f, "absent", &t) == 1);
    CHECK(!t.data && t.length == 5);
    CHECK(ctvk_gguf_string(f, "general.architecture", &t) == 0 && t.length == 5 && !memcmp(t.data, "llama", 5));
    CHECK(ctvk_gguf_string(f, "empty", &t) == 0 && t.length == 0);
    CHECK(!ctvk_gguf_key(f, "") && !ctvk_gguf_key(f, "u") && !ctvk_gguf_key(f, "u88") && ctvk_gguf_key(f, "u8")->count == 1);
    CHECK(!strcmp(ctvk_gguf_label(f), "m.gguf") && ctvk_gguf_failure(f) == CTVK_ERROR_BUNDLE);
}

static void arrays(const ctvk_gguf *f)
{
    static const char *const texts[] = {"first", "", "\xe2\x96\x81third"};
    static const int32_t all_bits[] = {255, -1, 65535, -1, INT32_MAX, -1};
    const ctvk_gguf_value *a = NULL;
    CHECK(ctvk_gguf_array(f, "texts", CTVK_GGUF_FLOAT32, &a) == -1 && ctvk_gguf_array(f, "u8", CTVK_GGUF_UINT8, &a) == -1);
    CHECK(ctvk_gguf_array(f, "absent", CTVK_GGUF_STRING, &a) == 1 && !a);
    CHECK(ctvk_gguf_array(f, "texts.none", CTVK_GGUF_STRING, &a) == 0 && a->count == 0 && a->bytes == 0);
    CHECK(ctvk_gguf_array(f, "texts", CTVK_GGUF_STRING, &a) == 0 && a->count == 3);
    const uint8_t *cursor = a->data;
    for (int i = 0; i < 3; i++) {
        ctvk_text t = ctvk_gguf_next_string(&cursor);
        CHECK(t.length == strlen(texts[i]) && !memcmp(t.data, texts[i], t.length));
    }
    CHECK(cursor == a->data + a->bytes);
    CHECK(ctvk_gguf_array(f, "scores", CTVK_GGUF_FLOAT32, &a) == 0 && a->count == 3 && a->bytes == 12);
    CHECK(ctvk_gguf_float_at(a, 0) == -1.5f && ctvk_gguf_float_at(a, 2) == 3e38f);
    CHECK(ctvk_gguf_array(f, "kinds", CTVK_GGUF_INT32, &a) == 0 && ctvk_gguf_int_at(a, 0) == -7 && ctvk_gguf_int_at(a, 2) == INT32_MIN);
    for (uint32_t type = 0; type <= 5; type++) {
        char key[] = "ints.0";
        key[5] = (char)('0' + type);
        CHECK(ctvk_gguf_array(f, key, type, &a) == 0 && a->count == 2);
        CHECK_MSG(ctvk_gguf_int_at(a, 0) == all_bits[type] && ctvk_gguf_int_at(a, 1) == 1, "%s", key);
    }
    CHECK(ctvk_gguf_array(f, "nested", CTVK_GGUF_ARRAY, &a) == 0 && a->count == 3 && a->bytes == 12 + 2 + 12 + 12 + 9);
}

/* One tensor of each type; read back, they are the bytes that went in. */
static void every_type(uint32_t version, uint32_t alignment)
{
    static uint8_t blocks[REF_DEQUANT_TYPES][3 * 512 * 4];
    static double want[1536];
    static float got[1536];
    gguf_writer w;
    size_t size;
    gguf_writer_begin(&w);
    w.version = version;
    w.alignment = alignment;
    if (alignment != 32)
        gguf_writer_u32(&w, "general.alignment", alignment);
    every_kind(&w);
    for (int i = 0; i < REF_DEQUANT_TYPES; i++) {
        const uint64_t shape[4] = {512, 3, 1, 1};
        char name[64];
        snprintf(name, sizeof name, "blk.%d.weight", REF_DEQUANT_TYPES - i);
        quant_blocks_random(ref_dequant_types[i], 1536, QUANT_BLOCKS_PLAIN, 3, blocks[i]);
        gguf_writer_tensor(&w, name, ref_dequant_types[i], 2 + (uint32_t)i % 3, shape, blocks[i]);
    }
    uint8_t *bytes = gguf_writer_bytes(&w, &size);
    ctvk_gguf *f = parse(bytes, size);
    integers(f);
    others(f);
    arrays(f);
    CHECK(ctvk_gguf_tensor_count(f) == REF_DEQUANT_TYPES && !ctvk_gguf_tensor_at(f, REF_DEQUANT_TYPES));
    CHECK(!ctvk_gguf_find(f, "blk.0.weight") && !ctvk_gguf_find(f, "") && !ctvk_gguf_find(f, "blk.1.weigh"));
    for (int i = 0; i < REF_DEQUANT_TYPES; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.weight", REF_DEQUANT_TYPES - i);
        const ctvk_gguf_tensor *t = ctvk_gguf_find(f, name);
        CHECK_MSG(t && !strcmp(t->name, name) && t->type == ref_dequant_types[i] && t->rank == 2 + i % 3, "%s", name);
        if (!t)
            continue;
        CHECK(t->count == 1536 && t->shape[0] == 512 && t->shape[1] == 3 && t->shape[2] == 1 && t->shape[3] == 1);
        CHECK(!memcmp(t->data, blocks[i], t->bytes) && ((const uint8_t *)t->data - bytes) % alignment == 0);
        ref_dequant(t->type, blocks[i], 1536, want);
        ctvk_gguf_to_f32(t, 0, 1536, got);
        for (int k = 0; k < 1536; k++)
            CHECK(got[k] == (float)want[k]);
    }
    ctvk_gguf_close(&f);
    CHECK(!f);
    ctvk_gguf_close(&f);
    ctvk_gguf_close(NULL);
    free(bytes);
    gguf_writer_free(&w);
}

/* A vocabulary without tensors, whose end is not padded. */
static void no_tensors(void)
{
    gguf_writer w;
    size_t size;
    int64_t v;
    gguf_writer_begin(&w);
    w.alignment = 1;
    gguf_writer_u32(&w, "n", 3);
    uint8_t *bytes = gguf_writer_bytes(&w, &size);
    ctvk_gguf *f = parse(bytes, size);
    CHECK(ctvk_gguf_tensor_count(f) == 0 && !ctvk_gguf_find(f, "x") && ctvk_gguf_integer(f, "n", 0, 9, &v) == 0 && v == 3);
    ctvk_gguf_close(&f);
    free(bytes);
    gguf_writer_free(&w);
}

static void refused(const char *path, ctvk_status failure, const char *why)
{
    ctvk_gguf *file = (ctvk_gguf *)&file;
    ctvk_error error = {0};
    CHECK(ctvk_gguf_open(NULL, path, failure, &file, &error) == failure && error.status == failure && !file);
    /* What cannot be opened is named by its path, what is in a file by the file's name. */
    CHECK_MSG(strstr(error.message, strstr(why, "GGUF") ? strrchr(path, '/') + 1 : path) && strstr(error.message, why) &&
                  strchr(error.message, '('),
              "%s", error.message);
}

static void no_files(const char *tmp)
{
    char path[600];
    snprintf(path, sizeof path, "%s/gguf-%d", tmp, (int)getpid());
    refused(path, CTVK_ERROR_INPUT, "No such file");
    refused(tmp, CTVK_ERROR_BUNDLE, "a folder");
    CHECK(mkfifo(path, 0600) == 0);
    refused(path, CTVK_ERROR_INPUT, "no regular file");
    unlink(path);
    FILE *file = fopen(path, "wb");
    CHECK(file && fclose(file) == 0);
    refused(path, CTVK_ERROR_BUNDLE, "empty");
    CHECK((file = fopen(path, "wb")) && fputs("a text, for example", file) >= 0 && fclose(file) == 0);
    refused(path, CTVK_ERROR_BUNDLE, "no GGUF file");
    unlink(path);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill_ones(void *user, uint64_t tensor, int32_t type, uint64_t first, uint64_t count, void *out)
{
    (void)user, (void)tensor, (void)type, (void)first;
    memset(out, 1, 4 * count);
}

/* 4 GiB of weights, of which nothing lies on the disk: opening reads the header alone. 0.25 s are far above what that takes (below 1 ms)
 * and far below what reading the file would. */
static void large_file(const char *tmp)
{
    char path[600];
    const uint64_t small[] = {40, 1}, large[] = {65536, 16384};
    gguf_writer w;
    ctvk_error error = {0};
    ctvk_gguf *f = NULL;
    snprintf(path, sizeof path, "%s/large-%d.gguf", tmp, (int)getpid());
    gguf_writer_begin(&w);
    gguf_writer_string(&w, "general.architecture", "llama");
    gguf_writer_tensor(&w, "first", CTVK_GGML_F32, 2, small, NULL);
    gguf_writer_entry(&w, "large", 5, 2, large, CTVK_GGML_F32, w.data_bytes);
    CHECK(gguf_writer_save(&w, path, fill_ones, NULL) == 0);
    CHECK(truncate(path, 4096 + (off_t)4 * 65536 * 16384) == 0);
    double start = seconds();
    CHECK_MSG(ctvk_gguf_open(NULL, path, CTVK_ERROR_INPUT, &f, &error) == CTVK_OK, "%s", error.message);
    double opened = seconds() - start;
    CHECK_MSG(opened < 0.25, "%.3f s", opened);
    const ctvk_gguf_tensor *t = f ? ctvk_gguf_find(f, "large") : NULL;
    CHECK(t && t->bytes == (uint64_t)4 * 65536 * 16384);
    if (t) {
        float value = 1;
        ctvk_gguf_to_f32(t, t->count - 1, 1, &value);
        CHECK(value == 0 && !strncmp(ctvk_gguf_label(f), "large-", 6));
        ctvk_gguf_to_f32(ctvk_gguf_find(f, "first"), 39, 1, &value);
        CHECK(value > 2.3e-38f && value < 2.4e-38f); /* 0x01010101 */
    }
    ctvk_gguf_close(&f);
    unlink(path);
    gguf_writer_free(&w);
}

static ctvk_gguf *open_golden(const char *name)
{
    char path[600];
    const char *shared = getenv("CTVK_GOLDEN");
    ctvk_gguf *f = NULL;
    ctvk_error error = {0};
    if (!shared || !*shared)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", shared, name);
    CHECK_MSG(ctvk_gguf_open(NULL, path, CTVK_ERROR_INPUT, &f, &error) == CTVK_OK, "%s", error.message);
    printf("%s: %s\n", path, f ? "read" : "not read");
    return f;
}

static void golden(void)
{
    static const struct {
        const char *name;
        uint64_t tokens;
    } vocabularies[] = {
        {"tokens/ggml-vocab-gpt-2.gguf", 50257}, {"tokens/ggml-vocab-llama-bpe.gguf", 128256}, {"tokens/ggml-vocab-llama-spm.gguf", 32000}};
    for (int i = 0; i < 3; i++) {
        const ctvk_gguf_value *tokens = NULL;
        ctvk_gguf *f = open_golden(vocabularies[i].name);
        if (f)
            CHECK(ctvk_gguf_array(f, "tokenizer.ggml.tokens", CTVK_GGUF_STRING, &tokens) == 0 && tokens->count == vocabularies[i].tokens);
        ctvk_gguf_close(&f);
    }
    ctvk_gguf *f = open_golden("text-tiny-spm/tiny-mixed.gguf");
    if (!f)
        return;
    int seen[31] = {0}, types = 0;
    int64_t width = 0;
    for (uint64_t i = 0; i < ctvk_gguf_tensor_count(f); i++)
        types += !seen[ctvk_gguf_tensor_at(f, i)->type]++;
    CHECK(types == REF_DEQUANT_TYPES && ctvk_gguf_integer(f, "llama.embedding_length", 1, 1 << 20, &width) == 0 && width == 256);
    const ctvk_gguf_tensor *t = ctvk_gguf_find(f, "token_embd.weight");
    CHECK(t && t->rank == 2 && t->shape[0] == 256 && t->shape[1] == 32000);
    ctvk_gguf_close(&f);
}

int main(void)
{
    const char *tmp = getenv("CTVK_TEST_TMP");
    every_type(3, 32);
    every_type(2, 32);
    every_type(3, 8);
    every_type(3, 4096);
    no_tensors();
    no_files(tmp ? tmp : "/tmp");
    large_file(tmp ? tmp : "/tmp");
    golden();
    return check_done("gguf");
}
