/* Any bytes as a GGUF file: refused, or every key and tensor lies inside them, is found by its name and can be read whole. */
#include "formats/gguf.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void read_tensor(const ctvk_gguf *file, const ctvk_gguf_tensor *t, const uint8_t *data, size_t size)
{
    const uint8_t *first = t->data;
    uint64_t count = t->shape[0] * t->shape[1] * t->shape[2] * t->shape[3];
    uint32_t block = ctvk_gguf_block_elements(t->type);
    float value[256];
    EXPECT(t->rank >= 1 && t->rank <= 4 && count == t->count && count > 0 && block > 0 && t->shape[0] % block == 0);
    EXPECT(t->bytes == count / block * ctvk_gguf_block_bytes(t->type));
    EXPECT(first > data && first <= data + size && t->bytes <= (uint64_t)(data + size - first));
    EXPECT(strlen(t->name) >= 1 && strlen(t->name) <= 63 && ctvk_gguf_find(file, t->name) == t);
    ctvk_gguf_to_f32(t, 0, block, value);
    ctvk_gguf_to_f32(t, count - block, block, value);
}

/* The key as every type; an array to its last element. */
static void read_key(const ctvk_gguf *file, const char *key, const uint8_t *data, size_t size)
{
    const ctvk_gguf_value *value = ctvk_gguf_key(file, key), *array = NULL;
    int64_t integer = 0;
    double number;
    int32_t boolean = 0;
    ctvk_text text;
    if (!value) {
        EXPECT(ctvk_gguf_integer(file, key, INT64_MIN, INT64_MAX, &integer) == 1 && ctvk_gguf_string(file, key, &text) == 1);
        return;
    }
    EXPECT(value->type <= CTVK_GGUF_FLOAT64 && value->element <= CTVK_GGUF_FLOAT64);
    EXPECT(value->data > data && value->data <= data + size && value->bytes <= (uint64_t)(data + size - value->data));
    EXPECT(ctvk_gguf_integer(file, key, 1, 1000, &integer) || (integer >= 1 && integer <= 1000));
    EXPECT(ctvk_gguf_number(file, key, &number) || (number - number == 0));
    EXPECT(ctvk_gguf_boolean(file, key, &boolean) || boolean == 0 || boolean == 1);
    if (ctvk_gguf_string(file, key, &text) == 0)
        EXPECT(text.data + text.length <= (const char *)data + size);
    if (ctvk_gguf_array(file, key, CTVK_GGUF_STRING, &array) == 0) {
        const uint8_t *cursor = array->data;
        for (uint64_t i = 0; i < array->count; i++)
            ctvk_gguf_next_string(&cursor);
        EXPECT(cursor == array->data + array->bytes);
    }
    if (ctvk_gguf_array(file, key, CTVK_GGUF_FLOAT32, &array) == 0 && array->count)
        (void)ctvk_gguf_float_at(array, array->count - 1);
    for (uint32_t type = CTVK_GGUF_UINT8; type <= CTVK_GGUF_INT32; type++)
        if (ctvk_gguf_array(file, key, type, &array) == 0 && array->count)
            (void)ctvk_gguf_int_at(array, array->count - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"general.architecture", "general.alignment", "split.count", "a", "b", "c", "k", ""};
    ctvk_error error = {0};
    ctvk_gguf *file = NULL;
    ctvk_status status = ctvk_gguf_parse(NULL, data, size, "model.gguf", CTVK_ERROR_BUNDLE, &file, &error);
    if (status != CTVK_OK) {
        EXPECT_REFUSAL(status, error);
        EXPECT(!file && status == CTVK_ERROR_BUNDLE);
        return 0;
    }
    for (uint64_t i = 0; i < ctvk_gguf_tensor_count(file); i++)
        read_tensor(file, ctvk_gguf_tensor_at(file, i), data, size);
    EXPECT(!ctvk_gguf_tensor_at(file, ctvk_gguf_tensor_count(file)));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        read_key(file, keys[i], data, size);
    ctvk_gguf_close(&file);
    EXPECT(!file);
    return 0;
}
