/* The seeded generator against numbers that plugin/train/seeded_weights.py gave: the golden cases' weights are the same in both. */
#include "selftest/seeded.h"

#include "support/check.h"

static const struct {
    const char *name;
    int32_t rank;
    uint64_t shape[8], index;
    float want;
} rows[] = {
    {"encoder1.layer.conv1.conv.weight", 5, {16, 1, 3, 3, 3}, 0, 0x1.40f8p-4f},
    {"encoder1.layer.conv1.conv.weight", 5, {16, 1, 3, 3, 3}, 431, -0x1.ec485p-3f},
    {"decoder4.transp_conv.conv.weight", 5, {128, 64, 2, 2, 2}, 12345, -0x1.77a76ep-5f},
    {"txt2vis.2.weight", 2, {32, 24}, 700, -0x1.dbf74ap-3f},
    {"txt2vis.2.bias", 1, {32}, 31, 0x1.278bacp-3f},
    {"attn_transformer.3.layers.1.norm4.weight", 1, {64}, 5, 0x1.2b0bb6p+0f},
    {"attn_transformer.3.layers.1.norm4.bias", 1, {64}, 5, 0x1.2cc388p-4f},
};

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float have = ctvk_seeded_weight(rows[i].name, rows[i].rank, rows[i].shape, rows[i].index);
        CHECK_MSG(have == rows[i].want, "%s[%llu]: %a, not %a", rows[i].name, (unsigned long long)rows[i].index, (double)have,
                  (double)rows[i].want);
    }
    return check_done("seeded weights");
}
