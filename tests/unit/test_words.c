/* Where the four pre-tokenizers cut: answers of llama.cpp's own unicode_regex_split. */
#include "formats/unicode.h"
#include "formats/words.h"
#include "support/check.h"

#define MOST 32

/* The words of one text by each rule, in the rules' order; joined they are the text. */
static const char *const texts[][4][MOST] = {
    {{"N", "1", ",", " cT", "2", ",", " breast", " conserving", " surgery", ",", " left", " side"},
     {"N", "1", ",", " cT", "2", ",", " breast", " conserving", " surgery", ",", " left", " side"},
     {"N", "1", ",", " cT", "2", ",", " breast", " conserving", " surgery", ",", " left", " side"},
     {"N", "1", ",", " cT", "2", ",", " breast", " conserving", " surgery", ",", " left", " side"}},
    {{"it", "'s", " I", "'", "LL", " we", "'", "Re", " '", "tis", " don", "''", "t", " '"},
     {"it", "'s", " I", "'LL", " we", "'Re", " '", "tis", " don", "''", "t", " '"},
     {"it", "'s", " I", "'", "LL", " we", "'", "Re", " '", "tis", " don", "''", "t", " '"},
     {"it", "'", "s", " I", "'", "LL", " we", "'", "Re", " ", "'", "tis", " don", "''", "t", " ", "'"}},
    {{"cT", "2", "N", "12345", " 1\u00b21\u00b2345", " \u0663\u0664\u0665\u0666"},
     {"cT", "2", "N", "123", "45", " ", "1\u00b21", "\u00b234", "5", " ", "\u0663\u0664\u0665", "\u0666"},
     {"cT", "2",      "N", "1", "2", "3", "4",      "5",      " ",      "1",     "\u00b2",
      "1",  "\u00b2", "3", "4", "5", " ", "\u0663", "\u0664", "\u0665", "\u0666"},
     {"cT", "2", "N", "123", "45", " ", "1\u00b21\u00b2", "345", " ", "\u0663\u0664\u0665\u0666"}},
    {{" ", " a", "  ", " b", "\t", "\t", "c", " \n\n", " d", "\r\n"},
     {" ", " a", "  ", " b", "\t", "\tc", " \n\n", " d", "\r\n"},
     {" ", " a", "  ", " b", "\t", "\t", "c", " \n\n", " d", "\r\n"},
     {" ", " a", "  ", " b", "\t", "\t", "c", " \n\n", " d", "\r\n"}},
    {{"tail", "   "}, {"tail", "   "}, {"tail", "   "}, {"tail", "   "}},
    {{"\n \n", " x"}, {"\n \n", " x"}, {"\n \n", " x"}, {"\n \n", " x"}},
    {{"$", "5", "+", "3", "<=", "8", "^", "2", "~|`_"},
     {"$", "5", "+", "3", "<=", "8", "^", "2", "~|`_"},
     {"$", "5", "+", "3", "<=", "8", "^", "2", "~|`_"},
     {"$", "5", "+", "3", "<=", "8", "^", "2", "~|", "`", "_"}},
    {{"\u4e2d\u6587", "\uff0c", "\u6d4b\u8bd5", "\u3002", "123"},
     {"\u4e2d\u6587", "\uff0c\u6d4b\u8bd5", "\u3002", "123"},
     {"\u4e2d\u6587", "\uff0c", "\u6d4b\u8bd5", "\u3002", "1", "2", "3"},
     {"\u4e2d\u6587", "\uff0c", "\u6d4b\u8bd5", "\u3002", "123"}},
    {{"e", "\u0301", "\u00a0", "\u3000", "x", "\302\205", "y", "\u2028", "z"},
     {"e", "\u0301", "\u00a0", "\u3000x", "\302\205y", "\u2028z"},
     {"e", "\u0301", "\u00a0", "\u3000", "x", "\302\205", "y", "\u2028", "z"},
     {"e", "\u0301", "\u00a0", "\u3000", "x", "\302\205", "y", "\u2028", "z"}},
    {{"\U0001f600\U0001f600", " \u200d", "ok"},
     {"\U0001f600\U0001f600", " \u200d", "ok"},
     {"\U0001f600\U0001f600", " \u200d", "ok"},
     {"\U0001f600\U0001f600", " \u200d", "ok"}},
    {{"<", "s", ">", " <|", "im", "_", "start", "|>"},
     {"<s", ">", " <|", "im", "_start", "|>"},
     {"<", "s", ">", " <|", "im", "_", "start", "|>"},
     {"<", "s", ">", " ", "<|", "im", "_", "start", "|>"}},
    {{"((", "a", "))", " --", "b", " ?!", "\n", "\n", "c"},
     {"((", "a", "))", " --", "b", " ?!\n\n", "c"},
     {"((", "a", "))", " --", "b", " ?!", "\n", "\n", "c"},
     {"((", "a", "))", " ", "--", "b", " ", "?!", "\n", "\n", "c"}},
    {{"\u00bd", " \u2160\u2161", " 12\u00bd"},
     {"\u00bd", " ", "\u2160\u2161", " ", "12\u00bd"},
     {"\u00bd", " ", "\u2160", "\u2161", " ", "1", "2", "\u00bd"},
     {"\u00bd", " ", "\u2160\u2161", " ", "12\u00bd"}},
    {{"'s", "'s", "'", " S\u017f", "'", "\u017f"},
     {"'s", "'s", "'", " S\u017f", "'\u017f"},
     {"'s", "'s", "'", " S\u017f", "'", "\u017f"},
     {"'", "s", "'", "s", "'", " S\u017f", "'", "\u017f"}},
    {{"a", ".", "b", ",", "c", ";", "1", ".", "5", "e", "10"},
     {"a", ".b", ",c", ";", "1", ".", "5", "e", "10"},
     {"a", ".", "b", ",", "c", ";", "1", ".", "5", "e", "1", "0"},
     {"a", ".", "b", ",", "c", ";", "1", ".", "5", "e", "10"}},
    {{"\u0378\U000e0001\001", " \177"},
     {"\u0378\U000e0001\001", " \177"},
     {"\u0378\U000e0001\001", " \177"},
     {"\u0378\U000e0001\001", " \177"}},
    {{"\U00011f02", "\u31ef", " \u1c89"},
     {"\U00011f02", "\u31ef", " \u1c89"},
     {"\U00011f02", "\u31ef", " \u1c89"},
     {"\U00011f02", "\u31ef", " \u1c89"}},
    {{".", " .", " .", "\n"}, {".", " .", " .\n"}, {".", " .", " .", "\n"}, {".", " ", ".", " ", ".", "\n"}},
};

static void check_text(const char *const *expected, ctvk_words_rule rule)
{
    char text[256] = "";
    const char *word;
    uint64_t bytes;
    ctvk_words words;
    int count = 0;
    for (int i = 0; i < MOST && expected[i]; i++)
        strcat(text, expected[i]);
    ctvk_words_begin(&words, rule, text, strlen(text));
    while ((bytes = ctvk_words_next(&words, &word)) != 0 && count < MOST && expected[count]) {
        CHECK_MSG(bytes == strlen(expected[count]) && !memcmp(word, expected[count], (size_t)bytes), "rule %d, \"%s\": word %d is \"%.*s\"",
                  rule, text, count, (int)bytes, word);
        count++;
    }
    CHECK_MSG(!bytes && (count == MOST || !expected[count]), "rule %d, \"%s\": %d words", rule, text, count);
    CHECK(ctvk_words_next(&words, &word) == 0);
}

/* One character of each class, and the ends of the table. */
static void classes(void)
{
    static const struct {
        uint32_t code;
        int32_t class;
    } characters[] = {{0, CTVK_CHARACTER_OTHER},
                      {'A', CTVK_CHARACTER_LETTER},
                      {'0', CTVK_CHARACTER_NUMBER},
                      {'!', CTVK_CHARACTER_PUNCTUATION},
                      {'$', CTVK_CHARACTER_OTHER},
                      {' ', CTVK_CHARACTER_SPACE},
                      {'\n', CTVK_CHARACTER_SPACE},
                      {0x1c, CTVK_CHARACTER_OTHER},
                      {0x85, CTVK_CHARACTER_SPACE},
                      {0xa0, CTVK_CHARACTER_SPACE},
                      {0x200b, CTVK_CHARACTER_OTHER},
                      {0x3000, CTVK_CHARACTER_SPACE},
                      {0x301, CTVK_CHARACTER_OTHER},
                      {0x4e00, CTVK_CHARACTER_LETTER},
                      {0x9fff, CTVK_CHARACTER_LETTER},
                      {0x2161, CTVK_CHARACTER_NUMBER},
                      {0x2019, CTVK_CHARACTER_PUNCTUATION},
                      {0x1f600, CTVK_CHARACTER_OTHER},
                      {0x11f02, CTVK_CHARACTER_LETTER} /* Unicode 15.0 */,
                      {0x2ebf0, CTVK_CHARACTER_LETTER} /* 15.1 */,
                      {0x1c89, CTVK_CHARACTER_OTHER} /* a letter since 16.0 */,
                      {0x323af, CTVK_CHARACTER_LETTER},
                      {0x323b0, CTVK_CHARACTER_OTHER},
                      {0x10ffff, CTVK_CHARACTER_OTHER}};
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++)
        CHECK_MSG(ctvk_character_class(characters[i].code) == characters[i].class, "U+%04X", characters[i].code);
}

/* Written as UTF-8 and read back; every character but surrogates is valid, cut short it is not. */
static void every_character(void)
{
    static const uint32_t leads[4] = {0, 0xc0, 0xe0, 0xf0};
    for (uint32_t code = 0x80; code < 0x110000; code += code < 0x3000 ? 1 : 97) {
        char text[4];
        uint32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3, bytes;
        text[0] = (char)(leads[more] | code >> 6 * more);
        for (uint32_t i = 1; i <= more; i++)
            text[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
        int surrogate = code >= 0xd800 && code < 0xe000;
        CHECK_MSG(ctvk_utf8_valid(text, more + 1) == (surrogate ? 0 : more + 1) && ctvk_utf8_valid(text, more) == 0, "U+%04X", code);
        CHECK_MSG(surrogate || (ctvk_utf8_read(text, &bytes) == code && bytes == more + 1), "U+%04X", code);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int rule = CTVK_WORDS_GPT2; rule <= CTVK_WORDS_DEFAULT; rule++)
            check_text(texts[i][rule], (ctvk_words_rule)rule);
    classes();
    every_character();
    return check_done("words");
}
