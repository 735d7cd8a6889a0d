#include "formats/json_tree.h"

#include "formats/json_scan.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* The text was scanned: it is taken as sound here. */
typedef struct builder {
    const char *at;
    ctvk_json_node *node; /* the next free one */
    char *text;           /* the next free byte for texts */
} builder;

static void skip_space(builder *b)
{
    b->at += strspn(b->at, " \t\r\n");
}

/* Four hexadecimal digits. */
static uint32_t take_hex4(builder *b)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++, b->at++) {
        uint32_t c = (uint32_t)(unsigned char)*b->at;
        value = value * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

static void put_utf8(builder *b, uint32_t code)
{
    if (code < 0x80) {
        *b->text++ = (char)code;
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint32_t lead[4] = {0, 0xc0, 0xe0, 0xf0};
    *b->text++ = (char)(lead[more] | code >> (6 * more));
    while (more--)
        *b->text++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
}

/* After the backslash. */
static void take_escape(builder *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *b->at++;
    if (c != 'u') {
        *b->text++ = to[strchr(from, c) - from];
        return;
    }
    uint32_t code = take_hex4(b);
    if (code >= 0xd800 && code < 0xdc00) {
        b->at += 2; /* the backslash and u of the second half */
        code = 0x10000 + ((code - 0xd800) << 10) + (take_hex4(b) - 0xdc00);
    }
    put_utf8(b, code);
}

/* Between quotes. Never longer than what stands there. */
static const char *take_string(builder *b)
{
    const char *first = b->text;
    for (b->at++; *b->at != '"';) {
        char c = *b->at++;
        if (c == '\\')
            take_escape(b);
        else
            *b->text++ = c;
    }
    b->at++;
    *b->text++ = 0;
    return first;
}

/* strtod wants the point of the locale that is in force. */
static double take_number(builder *b)
{
    char digits[CTVK_JSON_MAX_NUMBER + 16];
    size_t length = strspn(b->at, "+-.0123456789eE");
    const char *number = b->at, *point = memchr(number, '.', length), *wanted = localeconv()->decimal_point;
    size_t before = point ? (size_t)(point - number) : length, wide = point ? strnlen(wanted, 8) : 0,
           after = point ? length - before - 1 : 0;
    memcpy(digits, number, before);
    memcpy(digits + before, wanted, wide);
    memcpy(digits + before + wide, number + length - after, after);
    digits[before + wide + after] = 0;
    b->at += length;
    return strtod(digits, NULL);
}

static void take_value(builder *b, ctvk_json_node *node);

static void take_values(builder *b, ctvk_json_node *node, char close)
{
    ctvk_json_node **link = &node->child;
    b->at++;
    for (skip_space(b); *b->at != close; skip_space(b)) {
        if (*b->at == ',') {
            b->at++;
            skip_space(b);
        }
        ctvk_json_node *value = b->node++;
        if (close == '}') {
            value->name = take_string(b);
            skip_space(b);
            b->at++; /* the colon */
        }
        take_value(b, value);
        *link = value;
        link = &value->next;
        node->count++;
    }
    b->at++;
}

static void take_value(builder *b, ctvk_json_node *node)
{
    skip_space(b);
    switch (*b->at) {
    case '{':
        node->type = CTVK_JSON_OBJECT;
        take_values(b, node, '}');
        break;
    case '[':
        node->type = CTVK_JSON_ARRAY;
        take_values(b, node, ']');
        break;
    case '"':
        node->type = CTVK_JSON_STRING;
        node->text = take_string(b);
        break;
    case 't':
        node->type = CTVK_JSON_TRUE;
        b->at += 4;
        break;
    case 'f':
        node->type = CTVK_JSON_FALSE;
        b->at += 5;
        break;
    case 'n':
        node->type = CTVK_JSON_NULL;
        b->at += 4;
        break;
    default:
        node->type = CTVK_JSON_NUMBER;
        node->number = take_number(b);
    }
}

const char *ctvk_json_read(const ctvk_host *host, const char *text, uint64_t length, uint64_t max_values, ctvk_json_node **out,
                           uint64_t *at)
{
    uint64_t values = 0;
    *out = NULL;
    const char *why = ctvk_json_scan(text, length, max_values, &values, at);
    if (why)
        return why;
    /* Nodes, then texts: each is shorter than its quotes and their content. Then the text itself, so that it ends with a zero byte. */
    size_t nodes = (size_t)values * sizeof **out, bytes = nodes + 2 * ((size_t)length + 1);
    char *memory = ctvk_alloc(host, bytes);
    if (!memory)
        return NULL;
    char *copy = memory + nodes + (size_t)length + 1;
    memset(memory, 0, nodes);
    memcpy(copy, text, (size_t)length);
    copy[length] = 0;
    builder b = {copy, (ctvk_json_node *)(void *)memory, memory + nodes};
    ctvk_json_node *root = b.node++;
    take_value(&b, root);
    *out = root;
    return NULL;
}

int ctvk_json_is(const ctvk_json_node *node, ctvk_json_type type)
{
    return node && node->type == type;
}

const ctvk_json_node *ctvk_json_get(const ctvk_json_node *node, const char *key)
{
    for (const ctvk_json_node *value = ctvk_json_is(node, CTVK_JSON_OBJECT) ? node->child : NULL; value; value = value->next)
        if (strcmp(value->name, key) == 0)
            return value;
    return NULL;
}

const ctvk_json_node *ctvk_json_first(const ctvk_json_node *node)
{
    return node ? node->child : NULL;
}
