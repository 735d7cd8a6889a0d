// exp(x) for x <= 0 to about 1 ulp: the built-in function may be off by 3 + 2 |x| ulp. Below -87 the result is 0.
// Reduction to |r| <= ln 2 / 2 with ln 2 in two parts (Cody and Waite), then the series up to r^7 / 7!.
float exp_down(float x)
{
    float k = round(max(x, -87.0) * 1.44269504);
    float r = fma(k, -0.693145751953125, max(x, -87.0)); // exact: the constant has few digits
    r = fma(k, -1.42860677e-6, r);
    float e = fma(r, 1.98412698e-4, 1.38888889e-3);
    e = fma(r, e, 8.33333333e-3);
    e = fma(r, e, 4.16666667e-2);
    e = fma(r, e, 1.66666667e-1);
    e = fma(r, e, 0.5);
    e = fma(r * r, e, r) + 1.0;
    return x < -87.0 ? 0.0 : e * uintBitsToFloat(uint(int(k) + 127) << 23);
}

vec4 exp_each(vec4 v)
{
    return vec4(exp_down(v.x), exp_down(v.y), exp_down(v.z), exp_down(v.w));
}
