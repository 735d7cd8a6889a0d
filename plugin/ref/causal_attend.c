#include "ref/causal_attend.h"

#include <math.h>

static double dot(const double *a, const double *b, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void attend(const double *q, const double *k, const double *v, int keys, int stride, int head_dim, double *out)
{
    double most = -INFINITY, total = 0;
    for (int t = 0; t < keys; t++)
        most = fmax(most, dot(q, k + (long)t * stride, head_dim) / sqrt(head_dim));
    for (int i = 0; i < head_dim; i++)
        out[i] = 0;
    for (int t = 0; t < keys; t++) {
        double weight = exp(dot(q, k + (long)t * stride, head_dim) / sqrt(head_dim) - most);
        total += weight;
        for (int i = 0; i < head_dim; i++)
            out[i] += weight * v[(long)t * stride + i];
    }
    for (int i = 0; i < head_dim; i++)
        out[i] /= total;
}

void ref_causal_attend(const double *q, const double *k, const double *v, int tokens, int q_tokens, int heads, int kv_heads, int head_dim,
                       double *out)
{
    for (int t = 0; t < q_tokens; t++)
        for (int h = 0; h < heads; h++) {
            long at = ((long)t * heads + h) * head_dim, shared = (long)(h / (heads / kv_heads)) * head_dim;
            attend(q + at, k + shared, v + shared, tokens - q_tokens + t + 1, kv_heads * head_dim, head_dim, out + at);
        }
}
