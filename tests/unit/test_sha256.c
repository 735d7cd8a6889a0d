/* SHA-256 against the examples of FIPS 180-4, against itself in pieces of every length around the block size, and the CPU's instructions
 * against the code in C. */
#include "core/sha256.h"
#include "core/sha256_compress.h"
#include "support/check.h"

static void known_answers(void)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char text[65];
    ctvk_sha256_of("", 0, text);
    CHECK(!strcmp(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    ctvk_sha256_of("abc", 3, text);
    CHECK(!strcmp(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    ctvk_sha256_of(two_blocks, sizeof two_blocks - 1, text);
    CHECK(!strcmp(text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    char *million = malloc(1000000);
    CHECK(million != NULL);
    if (!million)
        return;
    memset(million, 'a', 1000000);
    ctvk_sha256_of(million, 1000000, text);
    CHECK(!strcmp(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
    free(million);
}

static void pieces(void)
{
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + 3);
    for (size_t length = 0; length <= sizeof data; length++) {
        char whole[65], cut[65];
        ctvk_sha256_of(data, length, whole);
        for (size_t piece = 1; piece < 70; piece += 9) {
            ctvk_sha256 hash;
            uint8_t digest[32];
            ctvk_sha256_begin(&hash);
            for (size_t at = 0; at < length; at += piece)
                ctvk_sha256_add(&hash, data + at, length - at < piece ? length - at : piece);
            ctvk_sha256_end(&hash, digest);
            ctvk_sha256_hex(digest, cut);
            CHECK_MSG(!strcmp(whole, cut), "length %zu in pieces of %zu", length, piece);
        }
    }
}

/* Whether the kernel lists the CPU's SHA instructions. */
static int kernel_lists_sha(void)
{
    char line[16384];
    int found = 0;
    FILE *file = fopen("/proc/cpuinfo", "r");
    CHECK(file != NULL);
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "flags", 5) == 0 && strstr(line, " sha_ni") != NULL;
    if (file)
        fclose(file);
    return found;
}

static void hardware(void)
{
    enum { MOST = 9 };
    uint8_t bytes[MOST * 64 + 1];
    uint32_t number = 1;
    ctvk_sha256_compress_fn other = ctvk_sha256_compress_hardware();
    CHECK((other != NULL) == kernel_lists_sha());
    for (int round = 0; round < 500 && other; round++) {
        uint32_t a[8], b[8];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)((number = number * 1664525 + 1013904223) >> 24);
        for (int i = 0; i < 8; i++)
            a[i] = b[i] = number = number * 1664525 + 1013904223;
        size_t count = (size_t)round % (MOST + 1);
        ctvk_sha256_compress(a, bytes + round % 2, count);
        other(b, bytes + round % 2, count);
        CHECK_MSG(!memcmp(a, b, sizeof a), "%zu blocks, round %d", count, round);
    }
}

int main(void)
{
    known_answers();
    pieces();
    hardware();
    return check_done("sha256");
}
