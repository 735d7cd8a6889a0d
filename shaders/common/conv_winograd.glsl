// Winograd F(4, 3): one-dimensional transforms of Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016), points
// 0, 1, -1, 2, -2, infinity.

// B^T d: six inputs to six points.
#define WINOGRAD_IN(d0, d1, d2, d3, d4, d5, t0, t1, t2, t3, t4, t5) \
    {                                                               \
        vec4 even = d4 - 4.0 * d2, odd = d3 - 4.0 * d1;             \
        vec4 even2 = d4 - d2, odd2 = 2.0 * (d3 - d1);               \
        vec4 first = 4.0 * d0 - 5.0 * d2 + d4;                      \
        vec4 last = 4.0 * d1 - 5.0 * d3 + d5;                       \
        t0 = first;                                                 \
        t1 = even + odd;                                            \
        t2 = even - odd;                                            \
        t3 = even2 + odd2;                                          \
        t4 = even2 - odd2;                                          \
        t5 = last;                                                  \
    }

// A^T m: six points to four outputs.
#define WINOGRAD_OUT(m0, m1, m2, m3, m4, m5, o0, o1, o2, o3) \
    {                                                        \
        vec4 sum = m1 + m2, difference = m1 - m2;            \
        vec4 sum2 = m3 + m4, difference2 = m3 - m4;          \
        o0 = m0 + sum + sum2;                                \
        o1 = difference + 2.0 * difference2;                 \
        o2 = sum + 4.0 * sum2;                               \
        o3 = difference + 8.0 * difference2 + m5;            \
    }
