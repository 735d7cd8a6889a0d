#include "formats/json_scan.h"

#include <string.h>

typedef struct scan {
    const uint8_t *text;
    uint64_t length, at;
    const char *why; /* the first fault */
} scan;

static const char not_json[] = "not valid JSON";

/* The byte at the place, 0 at the end: a zero byte itself is valid nowhere in JSON. */
static int peek(const scan *s)
{
    return s->at < s->length ? s->text[s->at] : 0;
}

static int fail(scan *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return -1;
}

static int digits(scan *s)
{
    uint64_t first = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > first ? 0 : fail(s, not_json);
}

static int number(scan *s)
{
    s->at += peek(s) == '-';
    if (peek(s) == '0')
        s->at++;
    else if (digits(s))
        return -1;
    if (peek(s) == '.') {
        s->at++;
        if (digits(s))
            return -1;
    }
    if (peek(s) != 'e' && peek(s) != 'E')
        return 0;
    s->at++;
    s->at += peek(s) == '+' || peek(s) == '-';
    return digits(s);
}

/* Four hexadecimal digits; -1 where they are none. */
static int32_t hex4(scan *s)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        int c = peek(s), lower = c | 32;
        if (c >= '0' && c <= '9')
            value = value * 16 + c - '0';
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + lower - 'a' + 10;
        else
            return -1;
    }
    return value;
}

/* After the backslash. Halves of surrogate pairs alone are no characters. */
static int escape(scan *s)
{
    int c = peek(s);
    s->at++;
    if (c != 'u')
        return c && strchr("\"\\/bfnrt", c) ? 0 : fail(s, not_json);
    int32_t code = hex4(s);
    if (code == 0)
        return fail(s, "holds an escaped zero character");
    if (code < 0 || (code >= 0xdc00 && code < 0xe000))
        return fail(s, not_json);
    if (code < 0xd800 || code >= 0xe000)
        return 0;
    if (peek(s) != '\\')
        return fail(s, not_json);
    s->at++;
    if (peek(s) != 'u')
        return fail(s, not_json);
    s->at++;
    code = hex4(s);
    return code >= 0xdc00 && code < 0xe000 ? 0 : fail(s, not_json);
}

/* One character of two to four bytes; overlong forms and surrogates are refused (RFC 3629). */
static int utf8(scan *s)
{
    int lead = peek(s), more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint32_t code = (uint32_t)lead & (0x3fu >> more);
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    s->at++;
    if (lead < 0xc2 || lead > 0xf4)
        return fail(s, "holds text that is not UTF-8");
    for (int i = 0; i < more; i++, s->at++) {
        if ((peek(s) & 0xc0) != 0x80)
            return fail(s, "holds text that is not UTF-8");
        code = code << 6 | ((uint32_t)peek(s) & 0x3f);
    }
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return fail(s, "holds text that is not UTF-8");
    return 0;
}

static int string(scan *s)
{
    if (peek(s) != '"')
        return fail(s, not_json);
    for (s->at++;;) {
        int c = peek(s);
        if (c < 0x20)
            return fail(s, not_json);
        if (c >= 0x80) {
            if (utf8(s))
                return -1;
            continue;
        }
        s->at++;
        if (c == '"')
            return 0;
        if (c == '\\' && escape(s))
            return -1;
    }
}

static int word(scan *s, const char *text)
{
    size_t n = strlen(text);
    if (s->length - s->at < n || memcmp(s->text + s->at, text, n) != 0)
        return fail(s, not_json);
    s->at += n;
    return 0;
}

static int scalar(scan *s)
{
    switch (peek(s)) {
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

static void space(scan *s)
{
    while (peek(s) && strchr(" \t\r\n", peek(s)))
        s->at++;
}

static int key(scan *s)
{
    space(s);
    if (string(s))
        return -1;
    space(s);
    return word(s, ":");
}

/* After a value: closes what ends here; 1 where another value follows, 0 at the end of all. */
static int after_value(scan *s, char *open, int *depth)
{
    for (; *depth; (*depth)--) {
        space(s);
        int c = peek(s);
        s->at++;
        if (c == ',')
            return open[*depth - 1] == '{' && key(s) ? -1 : 1;
        if (c != open[*depth - 1] + 2) /* '[' + 2 is ']', '{' + 2 is '}' */
            return fail(s, not_json);
    }
    return 0;
}

static int document(scan *s, uint64_t max_values)
{
    char open[CTVK_JSON_MAX_DEPTH];
    int depth = 0, more = 1;
    for (uint64_t values = 0; more > 0; values++) {
        space(s);
        int c = peek(s);
        if (values >= max_values)
            return fail(s, "holds more values than any real file");
        if (c != '{' && c != '[') {
            if (scalar(s))
                return -1;
        } else {
            if (depth == CTVK_JSON_MAX_DEPTH)
                return fail(s, "nests deeper than 16");
            open[depth++] = (char)c;
            s->at++;
            space(s);
            if (peek(s) != c + 2) {
                if (c == '{' && key(s))
                    return -1;
                continue;
            }
            s->at++;
            depth--;
        }
        more = after_value(s, open, &depth);
    }
    return more;
}

const char *ctvk_json_scan(const char *text, uint64_t length, uint64_t max_values, uint64_t *at)
{
    scan s = {(const uint8_t *)text, length, 0, NULL};
    int failed = document(&s, max_values);
    space(&s);
    if (!failed && s.at != length)
        s.why = not_json;
    *at = s.at < length ? s.at : length;
    return s.why;
}
