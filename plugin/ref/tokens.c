#include "ref/tokens.h"

#include <math.h>
#include <stddef.h>

void ref_linear(const double *in, const float *weight, const float *bias, int rows, int width, int outs, double *out)
{
    for (int row = 0; row < rows; row++) {
        for (int o = 0; o < outs; o++) {
            double sum = bias[o];
            for (int i = 0; i < width; i++)
                sum += in[row * width + i] * weight[o * width + i];
            out[row * outs + o] = sum;
        }
    }
}

void ref_relu(double *values, int count)
{
    for (int i = 0; i < count; i++)
        values[i] = values[i] > 0 ? values[i] : 0;
}

void ref_layer_norm(const double *in, const float *gamma, const float *beta, int rows, int width, double *out)
{
    for (int row = 0; row < rows; row++, in += width, out += width) {
        double mean = 0, variance = 0;
        for (int i = 0; i < width; i++)
            mean += in[i] / width;
        for (int i = 0; i < width; i++)
            variance += (in[i] - mean) * (in[i] - mean) / width;
        for (int i = 0; i < width; i++)
            out[i] = (in[i] - mean) / sqrt(variance + 1e-5) * gamma[i] + beta[i];
    }
}

static double score_of(const double *q, const double *k, int head)
{
    double score = 0;
    for (int d = 0; d < head; d++)
        score += q[d] * k[d] / sqrt(head);
    return score;
}

/* One head of one query. */
static void attend_head(const double *q, const double *k, const double *v, int keys, int width, int head, double *out)
{
    double most = -INFINITY, total = 0;
    for (int i = 0; i < keys; i++)
        most = fmax(most, score_of(q, k + (size_t)i * width, head));
    for (int d = 0; d < head; d++)
        out[d] = 0;
    for (int i = 0; i < keys; i++) {
        double weight = exp(score_of(q, k + (size_t)i * width, head) - most);
        total += weight;
        for (int d = 0; d < head; d++)
            out[d] += weight * v[(size_t)i * width + d];
    }
    for (int d = 0; d < head; d++)
        out[d] /= total;
}

void ref_attend(const double *q, const double *k, const double *v, int queries, int keys, int width, int heads, double *out)
{
    int head = width / heads;
    for (int i = 0; i < queries; i++)
        for (int first = 0; first < width; first += head)
            attend_head(q + (size_t)i * width + first, k + first, v + first, keys, width, head, out + (size_t)i * width + first);
}

void ref_fold(const double *in, const float *weight, const float *bias, int rows, int heads, int width, int columns, double scale,
              double *out, double *constants)
{
    int head = width / heads;
    for (int pair = 0; pair < heads * rows; pair++) {
        const double *from = in + pair % rows * width;
        for (int column = 0; column <= columns; column++) {
            double sum = 0;
            for (int d = pair / rows * head; d < (pair / rows + 1) * head; d++)
                sum += from[d] * (column < columns ? weight[d * columns + column] : bias[d]);
            *(column < columns ? &out[pair * columns + column] : &constants[pair]) = scale * sum;
        }
    }
}
