/* Step 1: all 48 codes against all 48 ways a volume may lie, oblique affines, and what has no geometry. */
#include "support/check.h"
#include "volume/orient.h"
#include "volume/random_volume.h"

static int world_of(char c)
{
    return c == 'R' || c == 'L' ? 0 : c == 'A' || c == 'P' ? 1 : 2;
}

/* Walking along the oriented axis i moves in the patient towards letter i, more than along any other patient axis. */
static void towards_letters(const double affine[3][4], const char *code, const double spacing_in[3])
{
    int32_t axis[3], flip[3];
    double spacing[3];
    CHECK(ctvk_orient(affine, code, axis, flip, spacing, NULL) == CTVK_OK);
    CHECK(axis[0] != axis[1] && axis[1] != axis[2] && axis[0] != axis[2]);
    for (int i = 0; i < 3; i++) {
        double sense = code[i] == 'R' || code[i] == 'A' || code[i] == 'S' ? 1 : -1,
               step = affine[world_of(code[i])][axis[i]] * (flip[i] ? -1 : 1);
        CHECK_MSG(sense * step > 0.5 * spacing[i], "%s axis %d", code, i);
        CHECK(fabs(spacing[i] - spacing_in[axis[i]]) < 1e-9);
    }
}

static void all_codes(void)
{
    static const char orders[6][4] = {"RAS", "RSA", "ARS", "ASR", "SRA", "SAR"};
    uint64_t state = 7;
    for (int way = 0; way < 48; way++) {
        char code[4];
        memcpy(code, orders[way % 6], 4);
        for (int i = 0; i < 3; i++)
            if (way / 6 >> i & 1)
                code[i] = code[i] == 'R' ? 'L' : code[i] == 'A' ? 'P' : 'I';
        for (int n = 0; n < 200; n++) {
            double spacing[3], affine[3][4];
            for (int i = 0; i < 3; i++)
                spacing[i] = random_real(&state, 0.3, 8);
            random_affine(&state, n % 4 ? random_real(&state, 0, 0.75) : 0, spacing, affine); /* to 43 degrees */
            towards_letters((const double(*)[4])affine, code, spacing);
        }
    }
}

/* Two voxel axes whose nearest patient axis is the same one: a choice per axis would use it twice. */
static void one_to_one(void)
{
    const double affine[3][4] = {{0.80, 0.75, 0, 0}, {0.60, -0.66, 0, 0}, {0, 0, 2, 0}};
    int32_t axis[3], flip[3];
    double spacing[3];
    CHECK(ctvk_orient(affine, "RAS", axis, flip, spacing, NULL) == CTVK_OK);
    CHECK(axis[0] == 0 && axis[1] == 1 && axis[2] == 2 && !flip[0] && flip[1] && !flip[2]);
    /* A turn by exactly 45 degrees keeps the order, whatever the last bit of the cosine says. */
    for (int n = -1; n <= 1; n++) {
        double c = sqrt(0.5) * (1 + n * 1e-15);
        const double turned[3][4] = {{c, -sqrt(0.5), 0, 0}, {sqrt(0.5), c, 0, 0}, {0, 0, 1, 0}};
        CHECK(ctvk_orient(turned, "RAS", axis, flip, spacing, NULL) == CTVK_OK);
        CHECK(axis[0] == 0 && axis[1] == 1);
    }
}

static void wrong_codes(void)
{
    const double affine[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    static const char codes[][4] = {"", "R", "RA", "RRS", "RLS", "RAX", "ras", "SSS", {'R', 'A', 'S', 'S'}};
    int32_t axis[3], flip[3];
    double spacing[3];
    ctvk_error error;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        CHECK(ctvk_orient(affine, codes[i], axis, flip, spacing, &error) == CTVK_ERROR_BUNDLE && strstr(error.message, "orientation"));
}

int main(void)
{
    all_codes();
    one_to_one();
    wrong_codes();
    return check_done("orient");
}
