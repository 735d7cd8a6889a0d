// The voxels of one chunk (params/chunk.h). A walker goes through them in strides of `step` voxels without a division per voxel.
#ifndef CHUNK_GLSL
#define CHUNK_GLSL

struct chunk_range {
    int origin; // vec4: voxel 0 of the run, channel group 0
    int begin;  // voxels of the run
    int end;
};

chunk_range chunk_of(ctvk_chunk_params c, int chunk)
{
    int run = chunk / c.parts;
    int part = chunk - run * c.parts;
    int planes = min(c.run_planes, c.planes - run * c.run_planes);
    chunk_range r;
    r.origin = c.base + run * c.run_planes * c.plane;
    r.begin = part * c.part_voxels;
    r.end = min(r.begin + c.part_voxels, planes * c.area);
    return r;
}

struct walker {
    int voxel;
    int rest; // voxel of its plane
    int at;   // vec4 from the run's origin, channel group 0
};

walker walk_from(int voxel, int area, int plane)
{
    int x = voxel / area;
    walker w;
    w.voxel = voxel;
    w.rest = voxel - x * area;
    w.at = x * plane + w.rest;
    return w;
}

// planes_of_step = step / area, rest_of_step = step % area, both found once.
void walk(inout walker w, int step, int planes_of_step, int rest_of_step, int area, int plane)
{
    w.voxel += step;
    w.rest += rest_of_step;
    w.at += planes_of_step * plane + rest_of_step;
    if (w.rest >= area) {
        w.rest -= area;
        w.at += plane - area;
    }
}

#endif
