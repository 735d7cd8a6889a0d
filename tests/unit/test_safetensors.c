/* Numbers of a safetensors file as float32: every F16 and BF16 there is against the formula of IEEE 754, from any element on, at odd
 * places of the file; what is neither is refused where a weight is wanted (tests/cli). Headers that only a lax reader takes, or one
 * without limits, are refused. */
#include "formats/safetensors.h"
#include "support/check.h"

#include <math.h>

enum { ALL = 65536, ODD = 3, TENSORS = 4, HEADER = 400 };
static uint8_t bytes[8 + HEADER + ODD + 2 * 2 * ALL + 8];
static float out[ALL];

/* Sign, exponent and fraction of a number of 16 bits, of which `fraction_bits` are the fraction's. */
static double value_of(uint32_t bits, int fraction_bits)
{
    int exponent_bits = 15 - fraction_bits, largest = (1 << exponent_bits) - 1, bias = largest / 2;
    int exponent = (int)(bits >> fraction_bits) & largest;
    double fraction = bits & ((1u << fraction_bits) - 1), scale = ldexp(1, -fraction_bits), size;
    if (exponent == largest)
        size = fraction > 0 ? NAN : INFINITY;
    else
        size = ldexp(fraction * scale + (exponent > 0), (exponent > 0 ? exponent : 1) - bias);
    return bits & 0x8000 ? -size : size;
}

/* Both types with all their numbers and one of float32, behind a tensor of 3 bytes, so that none of them is aligned. */
static uint64_t write_file(const float *single)
{
    static const char entries[] = "{\"odd\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                                  "\"half\":{\"dtype\":\"F16\",\"shape\":[256,256],\"data_offsets\":[3,131075]},"
                                  "\"brain\":{\"dtype\":\"BF16\",\"shape\":[65536],\"data_offsets\":[131075,262147]},"
                                  "\"single\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[262147,262155]}}";
    char header[HEADER + 1];
    snprintf(header, sizeof header, "%-*s", HEADER, entries);
    uint8_t *at = bytes + 8 + HEADER;
    memset(bytes, 0, 8);
    bytes[0] = HEADER & 255;
    bytes[1] = HEADER >> 8;
    memcpy(bytes + 8, header, HEADER);
    memset(at, 0xa5, ODD);
    at += ODD;
    for (int turn = 0; turn < 2; turn++)
        for (uint32_t i = 0; i < ALL; i++) {
            *at++ = (uint8_t)i;
            *at++ = (uint8_t)(i >> 8);
        }
    memcpy(at, single, 8);
    return (uint64_t)(at + 8 - bytes);
}

/* Exact, the sign of zero too; a NaN is any. */
static void check_all(const ctvk_safetensors *file, const char *name, int fraction_bits)
{
    const ctvk_st_tensor *t = ctvk_safetensors_find(file, name);
    int wrong = 0;
    CHECK_MSG(t && t->count == ALL && t->bytes == 2 * ALL, "%s", name);
    if (!t)
        return;
    for (uint64_t first = 0; first < ALL; first += 40009) { /* from any element on, and nothing behind the last one */
        memset(out, 0xff, sizeof out);
        ctvk_st_to_f32(t, first, ALL - first, out);
        for (uint32_t i = 0; i < ALL; i++) {
            double want = first + i < ALL ? value_of((uint32_t)first + i, fraction_bits) : NAN;
            wrong += isnan(want) ? !isnan(out[i]) : out[i] != want || !signbit(out[i]) != !signbit(want);
        }
    }
    CHECK_MSG(wrong == 0, "%s: %d numbers are wrong", name, wrong);
}

static void check_refused(const char *header, size_t length, const char *why)
{
    ctvk_safetensors *file = NULL;
    ctvk_error error = {0};
    uint8_t *whole = malloc(8 + length);
    CHECK(whole != NULL);
    if (!whole)
        return;
    for (int i = 0; i < 8; i++)
        whole[i] = (uint8_t)((uint64_t)length >> 8 * i);
    memcpy(whole + 8, header, length);
    ctvk_status status = ctvk_safetensors_parse(NULL, whole, 8 + length, "w.safetensors", CTVK_ERROR_BUNDLE, &file, &error);
    CHECK_MSG(status == CTVK_ERROR_BUNDLE && !file && strstr(error.message, why), "%.40s: %d %s", header, status, error.message);
    free(whole);
}

/* What cJSON would take, in any form or amount. */
static void check_headers(void)
{
    enum { VALUES = 1700000 };
    static const char begin[] = "{\"__metadata__\": [0", end[] = "]}";
    check_refused("{\"a\": 01}", 9, "not valid JSON");
    check_refused("{\"a\": 1} x", 10, "not valid JSON");
    check_refused("{\"\xff\": 1}", 8, "not UTF-8");
    char *many = malloc(sizeof begin + sizeof end + 2 * VALUES);
    CHECK(many != NULL);
    if (!many)
        return;
    size_t length = sizeof begin - 1;
    memcpy(many, begin, length);
    for (int i = 0; i < VALUES; i++, length += 2)
        memcpy(many + length, ",0", 2);
    memcpy(many + length, end, sizeof end);
    check_refused(many, length + sizeof end - 1, "more values");
    free(many);
}

int main(void)
{
    static const float single[2] = {1e-42f, -3.4028235e38f};
    ctvk_safetensors *file = NULL;
    ctvk_error error = {0};
    uint64_t size = write_file(single);
    ctvk_status status = ctvk_safetensors_parse(NULL, bytes, size, "w.safetensors", CTVK_ERROR_BUNDLE, &file, &error);
    CHECK_MSG(status == CTVK_OK && ctvk_safetensors_count(file) == TENSORS, "%s", error.message);
    if (file) {
        const ctvk_st_tensor *t = ctvk_safetensors_find(file, "single");
        CHECK(t && t->count == 2);
        if (t && t->count == 2) {
            ctvk_st_to_f32(t, 0, 2, out);
            CHECK(memcmp(out, single, sizeof single) == 0);
            ctvk_st_to_f32(t, 1, 1, out);
            CHECK(memcmp(out, single + 1, sizeof *single) == 0);
        }
        check_all(file, "half", 10);
        check_all(file, "brain", 7);
        CHECK(!ctvk_safetensors_find(file, "hal") && !ctvk_safetensors_find(file, "halff"));
    }
    ctvk_safetensors_close(&file);
    check_headers();
    return check_done("safetensors");
}
