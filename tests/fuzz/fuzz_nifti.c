/* Any bytes as .nii or .nii.gz: refused, or a volume whose numbers agree with each other. */
#include "formats/nifti.h"
#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

static uint64_t scalar_bytes(ctvk_scalar type)
{
    static const uint8_t bytes[11] = {0, 1, 2, 2, 4, 1, 4, 4, 8, 8, 8}; /* by the numbers in ctvk/types.h */
    return type >= 1 && type <= 10 ? bytes[type] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ctvk_error error = {0};
    ctvk_image image;
    ctvk_status status = ctvk_image_parse(NULL, data, size, "image.nii", NULL, NULL, &image, &error);
    if (status != CTVK_OK) {
        EXPECT_REFUSAL(status, error);
        EXPECT(!image.data && !image.header && !image.comment);
        return 0;
    }
    EXPECT(image.dim[0] > 0 && image.dim[1] > 0 && image.dim[2] > 0);
    EXPECT(image.bytes == (uint64_t)(image.dim[0] * image.dim[1] * image.dim[2]) * scalar_bytes(image.type) && image.bytes > 0);
    EXPECT(isfinite(image.slope) && image.slope != 0 && isfinite(image.intercept));
    for (int i = 0; i < 3; i++) {
        EXPECT(image.spacing[i] > 0 && isfinite(image.spacing[i]));
        for (int k = 0; k < 4; k++)
            EXPECT(isfinite(image.affine[i][k]));
    }
    EXPECT(strlen(image.sha256) == 64);
    EXPECT(!image.comment || strlen(image.comment) < (4u << 20)); /* what is looked at of the extensions */
    volatile uint8_t last = ((const uint8_t *)image.data)[image.bytes - 1];
    (void)last;
    ctvk_image_free(NULL, &image);
    return 0;
}
