/* Any bytes as a safetensors file: refused, or every tensor lies inside them, is found by its name and can be read whole. */
#include "formats/safetensors.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void read_tensor(const ctvk_safetensors *file, const ctvk_st_tensor *t, const uint8_t *data, size_t size)
{
    const uint8_t *first = t->data;
    uint64_t count = 1;
    for (int32_t i = 0; i < t->rank; i++)
        count *= t->shape[i];
    EXPECT(t->rank >= 0 && t->rank <= 8 && count == t->count);
    EXPECT(first >= data + 8 && first <= data + size && t->bytes <= (uint64_t)(data + size - first));
    EXPECT(ctvk_safetensors_find(file, t->name) == t);
    if (t->dtype == CTVK_DTYPE_OTHER || t->count == 0)
        return;
    float value[16];
    uint64_t n = t->count < 16 ? t->count : 16;
    ctvk_st_to_f32(t, 0, n, value);
    ctvk_st_to_f32(t, t->count - n, n, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ctvk_error error = {0};
    ctvk_safetensors *file = NULL;
    ctvk_status status = ctvk_safetensors_parse(NULL, data, size, "weights", CTVK_ERROR_BUNDLE, &file, &error);
    if (status != CTVK_OK) {
        EXPECT_REFUSAL(status, error);
        EXPECT(!file);
        return 0;
    }
    for (uint64_t i = 0; i < ctvk_safetensors_count(file); i++)
        read_tensor(file, ctvk_safetensors_at(file, i), data, size);
    EXPECT(!ctvk_safetensors_at(file, ctvk_safetensors_count(file)));
    ctvk_safetensors_close(&file);
    EXPECT(!file);
    return 0;
}
