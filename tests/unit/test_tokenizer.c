/* Tokens of small vocabularies, checked by hand: order of merges, bytes, spaces, user-defined tokens, markup; and text that is none. */
#include "formats/unicode.h"
#include "support/check.h"
#include "support/small_vocabulary.h"

#define B(byte) (3 + (byte)) /* SentencePiece's byte tokens */
#define MOST 24
#define END (-2)

typedef struct answer {
    const char *text;
    int32_t ids[MOST]; /* up to END */
} answer;

static void check_ids(const ctvk_tokenizer *t, const char *text, size_t length, const int32_t *expected)
{
    char *copy = malloc(length + 1), line[512] = ""; /* of just its size, so that a byte read too many is seen */
    int32_t *ids;
    uint64_t count, wanted = 0;
    ctvk_error error = {0};
    copy = realloc(copy, length ? length : 1);
    memcpy(copy, text, length);
    while (expected[wanted] != END)
        wanted++;
    ctvk_status status = ctvk_tokenizer_encode(t, copy, length, &ids, &count, &error);
    free(copy);
    CHECK_MSG(status == CTVK_OK, "%s: %s", text, error.message);
    if (status != CTVK_OK)
        return;
    for (uint64_t i = 0; i < count && i < MOST; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " %d", ids[i]);
    CHECK_MSG(count == wanted && !memcmp(ids, expected, (size_t)count * sizeof *ids), "\"%s\" gives%s", text, line);
    ctvk_free(NULL, ids);
}

static ctvk_tokenizer *open_small(const small_vocabulary *v)
{
    ctvk_tokenizer *t;
    ctvk_error error = {0};
    CHECK_MSG(small_open(v, &t, &error) == CTVK_OK, "%s", error.message);
    return t;
}

static void check_answers(const small_vocabulary *v, const answer *answers, size_t count)
{
    ctvk_tokenizer *t = open_small(v);
    for (size_t i = 0; t && i < count; i++)
        check_ids(t, answers[i].text, strlen(answers[i].text), answers[i].ids);
    ctvk_tokenizer_destroy(&t);
}

/* 259 _, 260 a, 261 b, 262 c, 263 ab, 264 bc, 265 _a, 266 abc, 267 aa, 268 __, 269 e acute, 270 <, 271 s, 272 >, 273 two tabs,
 * 274 two tabs and x, 275 <|im_end|>, 276 cc, 277 ccc, 278 e with a combining acute, 279 de, 280 cde, 281 T], 282 [T], 283 s>. */
static void sentence_piece(void)
{
    static const answer answers[] = {
        {"", {END}},
        {"abc", {259, 266, END}}, /* ab (-1) before bc (-2) and _a (-3); then abc */
        {"aaa", {265, 267, END}}, /* _a (-3) before aa (-5) */
        {" ", {268, END}},        /* the prefix and the space */
        {"   ", {268, 268, END}}, /* of equal scores the leftmost */
        /* ccc and cc score -0 and 0, which is the same: after the leftmost cc, ccc stands further left than the other cc */
        {"cccc", {259, 277, 262, END}},
        {"cde", {259, 280, END}}, /* a pair that comes about at the left of the first one */
        {"d", {259, B('d'), END}},
        {"\u00e9\u00e8", {259, 269, B(0xc3), B(0xa8), END}},
        {"e\u0301e", {259, 278, B('e'), END}}, /* of two characters that are no tokens themselves */
        {"<s>", {259, 270, 283, END}},         /* never joined up to the control token */
        {"</s>", {259, 270, B('/'), 283, END}},
        {"<unk>", {259, 270, B('u'), B('n'), B('k'), 272, END}},
        {"<0x41>", {259, 270, B('0'), B('x'), B('4'), B('1'), 272, END}},
        {"a\t\tb", {265, 273, 259, 261, END}}, /* behind a user-defined token the prefix stands again */
        {"\t\tx\t\t", {274, 273, END}},        /* the longest first */
        {"\t\t\t\t a", {273, 273, 259, 265, END}},
        {"a[T]b", {265, B('['), 281, 261, END}}, /* user-defined, but markup: neither cut out nor joined up to */
        {"<|im_end|>", {259, 270, B('|'), B('i'), B('m'), B('_'), B('e'), B('n'), B('d'), B('|'), 272, END}},
        {"\n", {259, B('\n'), END}},
    };
    static const answer bare[] = {
        {"aaa", {267, 260, END}}, {"abc", {266, END}}, {" ", {259, END}}, {"a\t\tb", {260, 273, 261, END}}, {"", {END}}};
    static const int32_t with_zero[] = {265, B(0), 261, END};
    small_vocabulary v;
    small_spm(&v);
    check_answers(&v, answers, sizeof answers / sizeof *answers);
    ctvk_tokenizer *t = open_small(&v);
    check_ids(t, "a\0b", 3, with_zero);
    CHECK(ctvk_tokenizer_bos(t) == 1 && ctvk_tokenizer_size(t) == v.count);
    ctvk_tokenizer_destroy(&t);
    v.space_prefix = 0;
    v.pre = "anything"; /* SentencePiece asks for no pre-tokenizer */
    check_answers(&v, bare, sizeof bare / sizeof *bare);
}

/* 256 ab, 257 abc, 258 _a, 259 bc, 260 aa, 261 's, 262 11, 263 111, 264 xyz, 265 __, 266 <|im_start|>, 267 two tabs, 268 [T],
 * 269 zz, a control token. */
static void byte_level(void)
{
    static const answer always[] = {
        {"", {END}},
        {"abc", {257, END}},
        {"aab", {'a', 256, END}},  /* a b is the first rule */
        {" abc", {' ', 257, END}}, /* before _ a */
        {" a", {258, END}},
        {"aaaa", {260, 260, END}},
        {"aaa", {260, 'a', END}},
        {"ab ab", {256, ' ', 256, END}},
        {"\n", {'\n', END}},
        {"\u00e9", {0xc3, 0xa9, END}},
        {"<|im_start|>", {'<', '|', 'i', 'm', '_', 's', 't', 'a', 'r', 't', '|', '>', END}},
        {"a\t\tbc", {'a', 267, 259, END}},
        {"a[T]bc", {'a', '[', 'T', ']', 259, END}},
        {"zz", {'z', 'z', END}}, /* nor is a control token found as a whole word */
    };
    static const answer gpt2[] = {{"it's", {'i', 't', 261, END}},
                                  {"1111", {262, 262, END}},
                                  {"xyz", {'x', 'y', 'z', END}},
                                  {"IT'S", {'I', 'T', '\'', 'S', END}}},
                        llama[] = {{"it's", {'i', 't', 261, END}},
                                   {"1111", {263, '1', END}},
                                   {"xyz", {264, END}},
                                   {" xyz", {' ', 'x', 'y', 'z', END}}},
                        smollm[] = {{"it's", {'i', 't', 261, END}}, {"1111", {'1', '1', '1', '1', END}}, {"xyz", {'x', 'y', 'z', END}}},
                        plain[] = {{"it's", {'i', 't', '\'', 's', END}}, {"1111", {263, '1', END}}, {"a   b", {'a', 265, ' ', 'b', END}}};
    static const int32_t with_zero[] = {'a', 0, 'b', END};
    static const struct {
        const char *pre;
        const answer *answers;
        size_t count;
    } rules[] = {{"gpt-2", gpt2, 4}, {"llama-bpe", llama, 4}, {"smollm", smollm, 3}, {"default", plain, 3}, {NULL, plain, 3}};
    small_vocabulary v;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        small_bpe(&v, rules[i].pre);
        check_answers(&v, always, sizeof always / sizeof *always);
        check_answers(&v, rules[i].answers, rules[i].count);
        ctvk_tokenizer *t = open_small(&v);
        check_ids(t, "a\0b", 3, with_zero);
        CHECK(ctvk_tokenizer_bos(t) == 11);
        ctvk_tokenizer_destroy(&t);
    }
}

/* Which user-defined tokens are markup: the token itself is what the text becomes, or it is not. */
static void markup(void)
{
    static const char *const plain[] = {"<s>",    "</s>",        "<pad>",     "<|user|>", "<tool|>", "<\uff5cend\u2581of\uff5c>",
                                        "_<EOT>", "\u2581<PRE>", "[control]", "<<SYS>>",  "[e~[",    "]~b]",
                                        "[/I]",   "|||NAME|||",  "a<b>c\n",   "<a> "};
    static const char *const token[] = {"    ", "\t", "\n\n", "<=",  "[[",     "<|",           "->",
                                        "[]",   "||", "->>",  "a<b", "\u4e2d", "\u2581\u2581", "@name"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain + sizeof token / sizeof *token; i++) {
        int cut = i >= sizeof plain / sizeof *plain;
        const char *text = cut ? token[i - sizeof plain / sizeof *plain] : plain[i];
        small_vocabulary v;
        ctvk_error error = {0};
        int32_t *ids;
        uint64_t count, found = 0;
        small_bpe(&v, "default");
        v.tokens[v.count - 2] = text;
        v.types[v.count - 2] = 4;
        ctvk_tokenizer *t = open_small(&v);
        if (!t)
            continue;
        CHECK_MSG(ctvk_tokenizer_encode(t, text, strlen(text), &ids, &count, &error) == CTVK_OK && count, "%s: %s", text, error.message);
        for (uint64_t k = 0; k < count; k++)
            found += ids[k] == (int32_t)v.count - 2;
        CHECK_MSG(found == (uint64_t)cut && (!cut || count == 1), "\"%s\" is %s", text, found ? "a token" : "plain text");
        ctvk_free(NULL, ids);
        ctvk_tokenizer_destroy(&t);
    }
}

/* Of a rule that stands twice the first counts: a b still goes before a a. */
static void rule_twice(void)
{
    static const answer answers[] = {{"aab", {'a', 256, END}}};
    small_vocabulary v;
    small_bpe(&v, "gpt-2");
    v.merges[v.merge_count++] = "a b";
    check_answers(&v, answers, 1);
}

/* What llama.cpp does where a byte has no letter (as in SmolLM2): no token for it. */
static void without_a_letter(void)
{
    static const answer answers[] = {{"aza", {'a', 'a', END}}, {"z", {END}}, {"zab", {256, END}}};
    small_vocabulary v;
    small_bpe(&v, "gpt-2");
    v.tokens['z'] = "";
    check_answers(&v, answers, sizeof answers / sizeof *answers);
}

/* No token for the character, none for its bytes: refused, because nothing could stand for it. */
static void without_bytes(void)
{
    static const answer known[] = {{"abc", {259, 266, END}}, {"d", {259, B('d'), END}}};
    small_vocabulary v;
    int32_t *ids;
    uint64_t count;
    small_spm(&v);
    v.tokens[B(0xc3)] = "other";
    v.tokens[B('d')] = "d"; /* the byte itself as text */
    check_answers(&v, known, 2);
    ctvk_tokenizer *t = open_small(&v);
    ctvk_error error = {0};
    CHECK(ctvk_tokenizer_encode(t, "a\u00e8", 3, &ids, &count, &error) == CTVK_ERROR_BUNDLE && !ids && !count);
    CHECK_MSG(strstr(error.message, "small.gguf: tokenizer.ggml.tokens: ") && strchr(error.message, '('), "%s", error.message);
    ctvk_tokenizer_destroy(&t);
}

static void not_text(void)
{
    static const char *const wrong[] = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc3",
                                        "\xc3(",
                                        "\xe0\x80\x80",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xed\xbf\xbf",
                                        "\xe2\x82",
                                        "\xe2(\xa1",
                                        "\xe2\x82(",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf0\x90\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xf8\x88\x80\x80\x80",
                                        "\xfe",
                                        "\xff",
                                        "a\xff",
                                        "abc\xf0\x9f\x98"};
    static const char *const right[] = {"\xc2\x80",     "\xdf\xbf",     "\xe0\xa0\x80",     "\xed\x9f\xbf",
                                        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    for (int kind = 0; kind < 2; kind++) {
        small_vocabulary v;
        kind ? small_bpe(&v, "llama-bpe") : small_spm(&v);
        ctvk_tokenizer *t = open_small(&v);
        int32_t *ids;
        uint64_t count = 1;
        for (size_t i = 0; t && i < sizeof wrong / sizeof *wrong; i++) {
            ctvk_error error = {0};
            char *copy = malloc(strlen(wrong[i]));
            memcpy(copy, wrong[i], strlen(wrong[i]));
            CHECK_MSG(ctvk_tokenizer_encode(t, copy, strlen(wrong[i]), &ids, &count, &error) == CTVK_ERROR_PROMPT, "text %zu", i);
            CHECK(!ids && !count && strstr(error.message, "UTF-8") && strchr(error.message, '('));
            free(copy);
        }
        for (size_t i = 0; t && i < sizeof right / sizeof *right; i++) {
            ctvk_error error = {0};
            CHECK_MSG(ctvk_tokenizer_encode(t, right[i], strlen(right[i]), &ids, &count, &error) == CTVK_OK && count >= strlen(right[i]),
                      "text %zu: %s", i, error.message);
            ctvk_free(NULL, ids);
        }
        ctvk_error error = {0};
        CHECK(ctvk_tokenizer_encode(t, "a", (16 << 20) + 1, &ids, &count, &error) == CTVK_ERROR_PROMPT && strstr(error.message, "16 MiB"));
        CHECK(ctvk_tokenizer_encode(t, NULL, 0, &ids, &count, &error) == CTVK_OK && !count && ids);
        ctvk_free(NULL, ids);
        ctvk_tokenizer_destroy(&t);
        ctvk_tokenizer_destroy(&t); /* of NULL: nothing */
    }
}

int main(void)
{
    sentence_piece();
    byte_level();
    rule_twice();
    without_a_letter();
    without_bytes();
    markup();
    not_text();
    return check_done("tokenizer");
}
