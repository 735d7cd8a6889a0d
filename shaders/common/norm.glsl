// The instance norm's second step, with the leaky ReLU that follows it everywhere.
#ifndef NORM_GLSL
#define NORM_GLSL

vec4 activated(vec4 v)
{
    return max(v, 0.01 * v);
}

vec4 normalised(vec4 v, vec4 mean, vec4 scale)
{
    return activated((v - mean) * scale);
}

#endif
