/* formats/json_tree: values, texts with every escape, numbers against strtod, limits, and memory that runs out. */
#include "formats/json_tree.h"

#include "support/check.h"

#include <locale.h>
#include <math.h>

static uint64_t fault_at;

/* The tree of a zero-terminated text; NULL with the reason in *why. OWNED: free. */
static ctvk_json_node *read_text(const char *text, uint64_t max_values, const char **why)
{
    ctvk_json_node *root = (ctvk_json_node *)1;
    size_t length = strlen(text);
    char *exact = malloc(length ? length : 1); /* without a zero byte behind it, for the sanitizers */
    memcpy(exact, text, length);
    *why = ctvk_json_read(NULL, exact, length, max_values, &root, &fault_at);
    memset(exact, 'x', length); /* the tree does not refer to it */
    free(exact);
    CHECK(*why ? root == NULL : root != NULL);
    return root;
}

static void test_shapes(void)
{
    const char *why;
    ctvk_json_node *root = read_text(" { \"a\" : [ 1 , true,false,null , \"t\" ],\"b\":{} ,\"c\":[],\"a\":2} ", 100, &why);
    CHECK(root && ctvk_json_is(root, CTVK_JSON_OBJECT) && root->count == 4 && !root->name && !root->next);
    const ctvk_json_node *a = ctvk_json_get(root, "a"), *first = ctvk_json_first(a);
    static const ctvk_json_type types[] = {CTVK_JSON_NUMBER, CTVK_JSON_TRUE, CTVK_JSON_FALSE, CTVK_JSON_NULL, CTVK_JSON_STRING};
    CHECK(a && a == root->child && ctvk_json_is(a, CTVK_JSON_ARRAY) && a->count == 5 && strcmp(a->name, "a") == 0);
    for (int i = 0; i < 5; i++, first = first->next) {
        CHECK_MSG(first && ctvk_json_is(first, types[i]) && !first->name && !first->child && (first->text != NULL) == (i == 4), "item %d",
                  i);
        if (!first)
            return;
    }
    CHECK(first == NULL);
    CHECK(ctvk_json_get(root, "b")->count == 0 && ctvk_json_is(ctvk_json_get(root, "b"), CTVK_JSON_OBJECT) &&
          !ctvk_json_get(root, "b")->child);
    CHECK(ctvk_json_is(ctvk_json_get(root, "c"), CTVK_JSON_ARRAY) && !ctvk_json_first(ctvk_json_get(root, "c")));
    CHECK(root->child->next->next->next->number == 2); /* the second "a" */
    CHECK(!ctvk_json_get(root, "d") && !ctvk_json_get(a, "a") && !ctvk_json_get(NULL, "a") && !ctvk_json_first(NULL));
    CHECK(!ctvk_json_is(NULL, CTVK_JSON_NULL));
    free(root);
    root = read_text("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 100, &why);
    CHECK(root != NULL);
    free(root);
    CHECK(!read_text("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 100, &why) && strstr(why, "deeper"));
}

static void test_texts(void)
{
    static const struct {
        const char *json, *text;
    } table[] = {{"\"\"", ""},
                 {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t"},
                 {"\"\\u0041\\u00e4\\u20AC\\uffFF\"", "A\xc3\xa4\xe2\x82\xac\xef\xbf\xbf"},
                 {"\"\\ud83d\\ude00\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x9f\x98\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
                 {"\"\xc3\xa4, \xf0\x9f\x98\x80\"", "\xc3\xa4, \xf0\x9f\x98\x80"},
                 {"\"\\u0001\\u007f\\u0080\\u07ff\\u0800\"", "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"}};
    const char *why;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ctvk_json_node *root = read_text(table[i].json, 1, &why);
        CHECK_MSG(root && ctvk_json_is(root, CTVK_JSON_STRING) && strcmp(root->text, table[i].text) == 0, "%s", table[i].json);
        free(root);
        char object[128];
        snprintf(object, sizeof object, "{%s:%s}", table[i].json, table[i].json);
        root = read_text(object, 2, &why);
        CHECK_MSG(root && strcmp(root->child->name, table[i].text) == 0 && strcmp(root->child->text, table[i].text) == 0, "%s", object);
        free(root);
    }
    CHECK(!read_text("\"\\u0000\"", 9, &why) && strstr(why, "zero"));
    CHECK(!read_text("\"\\ud800\"", 9, &why) && !read_text("\"\\udc00\"", 9, &why) && !read_text("\"\xff\"", 9, &why));
}

static void check_numbers(void)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "7",
                                          "-12",
                                          "0.25",
                                          "-0.5e1",
                                          "1E3",
                                          "1e+2",
                                          "12345678901234567890",
                                          "0.1",
                                          "3.141592653589793",
                                          "2.2250738585072014e-308",
                                          "5e-324",
                                          "1e-400",
                                          "1e400",
                                          "-1e400",
                                          "9007199254740993",
                                          "1.7976931348623157e308",
                                          "0.000000000000000000000000000000000000000000000000000000000001"};
    const char *why;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char list[256], *own = setlocale(LC_NUMERIC, NULL), kept[64];
        snprintf(kept, sizeof kept, "%s", own);
        setlocale(LC_NUMERIC, "C");
        double wanted = strtod(numbers[i], NULL);
        setlocale(LC_NUMERIC, kept);
        snprintf(list, sizeof list, "[%s,%s, 1.5]", numbers[i], numbers[i]);
        ctvk_json_node *root = read_text(list, 4, &why);
        CHECK_MSG(root && root->child->number == wanted && root->child->next->number == wanted && root->child->next->next->number == 1.5 &&
                      signbit(root->child->number) == signbit(wanted),
                  "%s: %.17g", numbers[i], root ? root->child->number : NAN);
        free(root);
    }
}

static void test_limits(void)
{
    const char *why;
    char text[600];
    ctvk_json_node *root = read_text("[1,[2],{\"a\":3}]", 6, &why);
    CHECK(root != NULL);
    free(root);
    CHECK(!read_text("[1,[2],{\"a\":3}]", 5, &why) && strstr(why, "more values"));
    memset(text, '1', sizeof text);
    text[256] = 0;
    root = read_text(text, 1, &why);
    CHECK(root && root->number > 1e254);
    free(root);
    memcpy(text + 256, "1", 2);
    CHECK(!read_text(text, 1, &why) && strstr(why, "256"));
    CHECK(!read_text("", 1, &why) && !read_text(" ", 1, &why) && !read_text("[1,]", 9, &why) && !read_text("01", 1, &why));
    CHECK(!read_text("[1 x]", 9, &why) && (fault_at == 3 || fault_at == 4));
}

static void *no_memory(void *user, size_t bytes)
{
    *(size_t *)user = bytes;
    return NULL;
}

static void free_nothing(void *user, void *memory)
{
    (void)user;
    CHECK(memory == NULL);
}

static void test_no_memory(void)
{
    size_t asked = 0;
    ctvk_json_node *root = (ctvk_json_node *)1;
    const ctvk_host host = {.alloc = no_memory, .free = free_nothing, .alloc_user = &asked};
    CHECK(ctvk_json_read(&host, "[1]", 3, 9, &root, &fault_at) == NULL && root == NULL && asked > 0);
}

int main(void)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8"};
    test_shapes();
    test_texts();
    for (int i = 0; i < 3; i++)
        if (setlocale(LC_NUMERIC, locales[i]))
            check_numbers();
    setlocale(LC_NUMERIC, "C");
    test_limits();
    test_no_memory();
    return check_done("json_tree");
}
