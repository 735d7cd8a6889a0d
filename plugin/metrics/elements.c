#include "metrics/elements.h"

#include <string.h>

ctvk_element_sums ctvk_elements_sum(const ctvk_elements *e)
{
    ctvk_element_sums sums = {0, 0, 0};
    for (uint64_t i = 0; i < e->count; i++) {
        double area = e->area[e->code[i]], distance = (double)e->distance[i];
        sums.area += area;
        sums.mean += area * distance;
        sums.max = distance > sums.max ? distance : sums.max;
    }
    sums.mean /= sums.area;
    return sums;
}

double ctvk_elements_within(const ctvk_elements *e, double tolerance)
{
    double area = 0, limit = tolerance * (1 + 1e-6);
    for (uint64_t i = 0; i < e->count; i++)
        if ((double)e->distance[i] <= limit)
            area += e->area[e->code[i]];
    return area;
}

double ctvk_elements_percentile(const ctvk_elements *e, double share)
{
    enum { DIGITS = 3, BINS = 1 << 11 }; /* 32 bits as 10 + 11 + 11; numbers that are not negative are in the order of their bits */
    static const int shift[DIGITS] = {22, 11, 0};
    double area[BINS], below = 0, wanted = share * ctvk_elements_sum(e).area * (1 - 1e-12);
    uint32_t found = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        uint32_t known = digit ? ~0u << shift[digit - 1] : 0, last = 0, bin = 0, bits;
        memset(area, 0, sizeof area);
        for (uint64_t i = 0; i < e->count; i++) {
            memcpy(&bits, &e->distance[i], sizeof bits);
            if ((bits & known) == found)
                area[bits >> shift[digit] & (BINS - 1)] += e->area[e->code[i]];
        }
        /* Where rounding keeps the sum below what is wanted, the last bin with an element in it. */
        for (uint32_t n = 0; n < BINS; n++)
            last = area[n] > 0 ? n : last;
        while (bin < last && below + area[bin] < wanted)
            below += area[bin++];
        while (!(area[bin] > 0))
            bin++;
        found |= bin << shift[digit];
    }
    float distance;
    memcpy(&distance, &found, sizeof distance);
    return (double)distance;
}
