// Mean and M2 of a set of vec4 values, and their union (Chan, Golub, LeVeque 1979). Include before the layout: it sets LANES.
#define LANES 64

struct moments {
    vec4 mean;
    vec4 m2;
    float count;
};

moments no_moments()
{
    return moments(vec4(0.0), vec4(0.0), 0.0);
}

moments merge_moments(moments a, moments b)
{
    float count = a.count + b.count;
    float share = b.count / max(count, 1.0);
    vec4 delta = b.mean - a.mean;
    return moments(fma(delta, vec4(share), a.mean), fma(delta * delta, vec4(a.count * share), a.m2 + b.m2), count);
}

shared vec4 shared_mean[LANES];
shared vec4 shared_m2[LANES];
shared float shared_count[LANES];

// The union of all lanes, right in lane 0. Every lane must come here.
moments merge_lanes(moments m, int lane)
{
    shared_mean[lane] = m.mean;
    shared_m2[lane] = m.m2;
    shared_count[lane] = m.count;
    barrier();
    for (int half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            int other = lane + half_lanes;
            m = merge_moments(m, moments(shared_mean[other], shared_m2[other], shared_count[other]));
            shared_mean[lane] = m.mean;
            shared_m2[lane] = m.m2;
            shared_count[lane] = m.count;
        }
        barrier();
    }
    return m;
}
