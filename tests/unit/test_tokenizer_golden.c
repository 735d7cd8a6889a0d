/* llama.cpp's own answers for the strings of each vocabulary, and texts of 1 MB in linear time. */
#include "formats/tokenizer.h"
#include "support/check.h"
#include "support/small_vocabulary.h"

#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#define LINE (1 << 20)
#define STRINGS 9995 /* in each file: five fewer than the golden cases' README says */

static const char *at_hex(const char *at, uint32_t *code)
{
    char digits[5] = {at[0], at[1], at[2], at[3], 0};
    *code = (uint32_t)strtoul(digits, NULL, 16);
    return at + 4;
}

static char *put_utf8(char *to, uint32_t code)
{
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(leads[more] | code >> 6 * more);
    while (more--)
        *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

/* The JSON string whose first character is at `from`; returns what follows its quote. The file is our own, so damage ends the test. */
static const char *unescape(const char *from, char *text, uint64_t *length)
{
    static const char names[] = "nrtbf\"\\/", values[] = "\n\r\t\b\f\"\\/";
    char *to = text;
    while (*from != '"') {
        uint32_t code, low;
        const char *name;
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] == 'u') {
            from = at_hex(from + 2, &code);
            if (code >= 0xd800 && code < 0xdc00) {
                from = at_hex(from + 2, &low);
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
            to = put_utf8(to, code);
        } else if (from[1] && (name = strchr(names, from[1])) != NULL) {
            *to++ = values[name - names];
            from += 2;
        } else {
            fprintf(stderr, "a golden line is damaged\n");
            exit(1);
        }
    }
    *length = (uint64_t)(to - text);
    return from + 1;
}

/* One line {"text":"...","tokens":[...]}; 1 where the ids differ. */
static int differs(const ctvk_tokenizer *tokenizer, const char *line, char *text)
{
    uint64_t length, count, at = 0;
    int32_t *ids;
    ctvk_error error = {0};
    const char *from = strstr(line, "\"text\":\"");
    if (!from)
        return 1;
    from = strchr(unescape(from + 8, text, &length), '[');
    if (!from || ctvk_tokenizer_encode(tokenizer, text, length, &ids, &count, &error) != CTVK_OK) {
        fprintf(stderr, "%.200s: %s\n", line, error.message);
        return 1;
    }
    for (from++; *from != ']'; at++) {
        char *end;
        long id = strtol(from, &end, 10);
        if (end == from || at >= count || ids[at] != id)
            break;
        from = *end == ',' ? end + 1 : end;
    }
    int same = *from == ']' && at == count;
    ctvk_free(NULL, ids);
    return !same;
}

static void strings(const ctvk_tokenizer *tokenizer, const char *name, const char *path)
{
    static char line[LINE], text[LINE];
    gzFile file = gzopen(path, "rb");
    long count = 0, different = 0;
    CHECK_MSG(file != NULL, "%s cannot be read", path);
    while (file && gzgets(file, line, sizeof line)) {
        int bad = differs(tokenizer, line, text);
        if (bad && ++different <= 10)
            fprintf(stderr, "%s: differs: %.300s\n", name, line);
        count++;
    }
    if (file)
        gzclose(file);
    printf("%s: %ld strings, %ld differ\n", name, count, different);
    CHECK(count >= STRINGS && different == 0); /* a file that has lost lines tests less than it says */
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* of this process alone: other work on the machine must not fail the test */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Two seconds a megabyte is the requirement; it takes 0.01 to 0.8. */
static void long_texts(const ctvk_tokenizer *tokenizer, const char *name)
{
    static const char *const units[] = {"a",          " ",       "\n",
                                        "1",          "-",       "'",
                                        "ab",         " a",      "\u4e2d\u6587\u3042\ud55c\uff0c\x31",
                                        "\U0001f600", "\u0301",  "it's 12 o'clock\n",
                                        "<s>",        "\xc2\xa0"};
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    for (size_t i = 0; text && i < sizeof units / sizeof *units; i++) {
        size_t unit = strlen(units[i]), size = SIZE / unit * unit;
        for (size_t at = 0; at < size; at++)
            text[at] = units[i][at % unit];
        int32_t *ids;
        uint64_t count = 0;
        ctvk_error error = {0};
        double start = seconds();
        ctvk_status status = ctvk_tokenizer_encode(tokenizer, text, size, &ids, &count, &error);
        double took = seconds() - start;
        CHECK_MSG(status == CTVK_OK && count > 0, "%s: %s", units[i], error.message);
        CHECK_MSG(took < 2, "%s: 1 MB of \"%s\" took %.2f s", name, units[i], took);
        if (getenv("CTVK_VERBOSE"))
            printf("%s: 1 MB of \"%s\": %.3f s, %llu ids\n", name, units[i], took, (unsigned long long)count);
        if (status == CTVK_OK)
            ctvk_free(NULL, ids);
    }
    CHECK(text != NULL);
    free(text);
}

static void vocabulary(const char *golden, const char *name, const char *gguf, int32_t bos, uint32_t size)
{
    char path[2048];
    ctvk_gguf *file = NULL;
    ctvk_tokenizer *tokenizer = NULL;
    ctvk_error error = {0};
    CHECK_MSG(ctvk_gguf_open(NULL, gguf, CTVK_ERROR_INPUT, &file, &error) == CTVK_OK, "%s", error.message);
    if (!file)
        return;
    CHECK_MSG(ctvk_tokenizer_create(NULL, file, &tokenizer, &error) == CTVK_OK, "%s", error.message);
    ctvk_gguf_close(&file);
    if (!tokenizer)
        return;
    CHECK(ctvk_tokenizer_bos(tokenizer) == bos && ctvk_tokenizer_size(tokenizer) == size);
    snprintf(path, sizeof path, "%s/tokens/%s.jsonl.gz", golden, name);
    strings(tokenizer, name, path);
    long_texts(tokenizer, name);
    ctvk_tokenizer_destroy(&tokenizer);
    CHECK(!tokenizer);
}

/* SmolLM2's vocabulary is in its model file: CTVK_SMOLLM2, or where ctvk keeps the user's models. */
static const char *smollm2(char *path, size_t room)
{
    static const char name[] = "SmolLM2-135M-Instruct.Q4_1.gguf";
    const char *given = getenv("CTVK_SMOLLM2"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (given && *given)
        snprintf(path, room, "%s", given);
    else if (data && *data)
        snprintf(path, room, "%s/ctvk/%s", data, name);
    else
        snprintf(path, room, "%s/.local/share/ctvk/%s", home ? home : "", name);
    return path;
}

static void small(void)
{
    static const char *const rules[] = {NULL, "gpt-2", "llama-bpe", "smollm", "default"};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        small_vocabulary v;
        ctvk_tokenizer *tokenizer;
        ctvk_error error = {0};
        rules[i] ? small_bpe(&v, rules[i]) : small_spm(&v);
        CHECK_MSG(small_open(&v, &tokenizer, &error) == CTVK_OK, "%s", error.message);
        if (tokenizer)
            long_texts(tokenizer, rules[i] ? rules[i] : "SentencePiece");
        ctvk_tokenizer_destroy(&tokenizer);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        int32_t bos;
        uint32_t size;
    } cases[] = {{"llama-spm", 1, 32000}, {"llama-bpe", 128000, 128256}, {"gpt-2", 50256, 50257}};
    const char *golden = getenv("CTVK_GOLDEN");
    char path[2048];
    small();
    if (!golden || !*golden) {
        printf("llama.cpp's own answers are not here: long texts in small vocabularies are all that is tested\n");
        return check_done("tokenizer_golden");
    }
    printf("llama.cpp's own answers: %s/tokens\n", golden);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, "%s/tokens/ggml-vocab-%s.gguf", golden, cases[i].name);
        vocabulary(golden, cases[i].name, path, cases[i].bos, cases[i].size);
    }
    struct stat info;
    CHECK_MSG(stat(smollm2(path, sizeof path), &info) == 0, "%s is not there (./run fetches it, or name it in CTVK_SMOLLM2)", path);
    if (stat(path, &info) == 0)
        vocabulary(golden, "smollm2", path, 1, 49152);
    return check_done("tokenizer_golden");
}
