/* Any bytes as manifest.json: refused, or within the limits that the other rooms rely on. */
#include "formats/manifest.h"
#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

static void check_ranges(const ctvk_manifest *m)
{
    EXPECT(m->feature_size >= 16 && m->feature_size <= 512 && m->feature_size % 16 == 0);
    EXPECT(m->in_channels == 1 && m->out_channels >= 2 && m->out_channels <= CTVK_MAX_CLASSES);
    EXPECT(m->label_count == m->out_channels);
    for (int32_t i = 0; i < m->label_count; i++)
        EXPECT(m->labels[i].value == i && m->labels[i].name[0]);
    for (int i = 0; i < 3; i++) {
        EXPECT(m->window[i] >= 32 && m->window[i] % 32 == 0);
        EXPECT((int)(m->window[i] * (1 - m->overlap)) >= 1);
        EXPECT(!m->has_spacing || (isfinite(m->spacing_mm[i]) && m->spacing_mm[i] > 0));
    }
    EXPECT(m->window_hu[0] < m->window_hu[1] && isfinite(m->window_hu[1] - m->window_hu[0]));
    EXPECT(m->range[0] < m->range[1] && isfinite(m->range[1] - m->range[0]));
    EXPECT(isfinite(m->sigma_scale) && m->sigma_scale > 0);
    EXPECT(strlen(m->orientation) == 3);
    EXPECT(m->weights[0] && m->weights[0] != '/');
    EXPECT(!m->has_text || (m->text_dim >= 1 && m->prompts >= 1));
    EXPECT(m->field_count >= 0 && m->field_count <= CTVK_MAX_FIELDS && m->file_count >= 0 && m->file_count <= CTVK_MAX_FILES);
    for (int32_t i = 0; i < m->file_count; i++)
        EXPECT(strlen(m->files[i].sha256) == 64 && m->files[i].bytes >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ctvk_manifest manifest; /* 140 KiB: too much for a stack that is watched */
    ctvk_error error = {0};
    ctvk_status status = ctvk_manifest_parse(NULL, (const char *)data, size, "manifest.json", &manifest, &error);
    if (status == CTVK_OK)
        check_ranges(&manifest);
    else
        EXPECT_REFUSAL(status, error);
    EXPECT(manifest.warning_count >= 0 && manifest.warning_count <= 32);
    return 0;
}
