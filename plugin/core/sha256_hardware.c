/* SHA-256 with the instructions of x86 (Intel, "Intel SHA Extensions", 2013): five to ten times the speed of C, and a language model's file
 * has 0.1 to 4 GB. */
#include "core/sha256_compress.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define WITH_SHA __attribute__((target("sha,sse4.1")))

/* Four rounds. The instruction takes state and result as (f, e, b, a) and (h, g, d, c), the lowest word first. */
WITH_SHA static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i words, int round)
{
    __m128i sum = _mm_add_epi32(words, _mm_loadu_si128((const __m128i *)(const void *)(ctvk_sha256_constants + round)));
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* The next four words of the schedule; a: those of 16 words before, then b, c, d. */
WITH_SHA static inline __m128i next_words(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4)), d);
}

WITH_SHA static void compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *place = (__m128i *)(void *)state;
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(place), 0xb1), hgfe = _mm_shuffle_epi32(_mm_loadu_si128(place + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (; count; count--, blocks += 64) {
        __m128i w[4], abef_before = abef, cdgh_before = cdgh;
        for (int i = 0; i < 4; i++) {
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(blocks + 16 * i)), big_endian);
            four_rounds(&abef, &cdgh, w[i], 4 * i);
        }
        for (int round = 16; round < 64; round += 16)
            for (int i = 0; i < 4; i++) {
                w[i] = next_words(w[i], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
                four_rounds(&abef, &cdgh, w[i], round + 4 * i);
            }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i abfe = _mm_shuffle_epi32(abef, 0x1b), ghcd = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(place, _mm_blend_epi16(abfe, ghcd, 0xf0));
    _mm_storeu_si128(place + 1, _mm_alignr_epi8(ghcd, abfe, 8));
}

static int cpu_has_it(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* Asked once: in a virtual machine the question costs as much as some kilobytes. */
ctvk_sha256_compress_fn ctvk_sha256_compress_hardware(void)
{
    static atomic_int answer; /* 0: not asked yet, 1: no, 2: yes */
    int known = atomic_load(&answer);
    if (!known) {
        known = 1 + (cpu_has_it() != 0);
        atomic_store(&answer, known);
    }
    return known == 2 ? compress : NULL;
}
#else
ctvk_sha256_compress_fn ctvk_sha256_compress_hardware(void)
{
    return NULL;
}
#endif
