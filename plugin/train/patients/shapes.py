"""Implicit shapes: functions of coordinates in mm, positive inside, near a true distance close to the surface.

x, y, z are arrays that broadcast together. Smooth unions as in Inigo Quilez' polynomial minimum (iquilezles.org/articles/smin).
"""
import numpy


def ellipsoid(x, y, z, centre, radii):
    """First-order distance f / |grad f| of f = 1 - r; radii in mm."""
    u, v, w = (x - centre[0]) / radii[0], (y - centre[1]) / radii[1], (z - centre[2]) / radii[2]
    r = numpy.sqrt(u * u + v * v + w * w) + 1e-3
    slope = numpy.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2 + (w / radii[2]) ** 2) / r + 1e-6
    return (1 - r) / slope


def capsule(x, y, z, start, end, radius, flat=None):
    """A round bar from `start` to `end`; radius one number, or (at the start, at the end).

    flat = (direction, factor): distances along that direction count `factor` times, which makes a ribbon; `radius` is then the half width."""
    start, along = numpy.asarray(start, float), numpy.subtract(end, start).astype(float)
    dx, dy, dz = x - start[0], y - start[1], z - start[2]
    t = numpy.clip((dx * along[0] + dy * along[1] + dz * along[2]) / (along @ along + 1e-9), 0, 1)
    r0, r1 = numpy.broadcast_to(radius, 2)
    dx, dy, dz = dx - t * along[0], dy - t * along[1], dz - t * along[2]
    square = dx * dx + dy * dy + dz * dz
    if flat is None:
        return r0 + t * (r1 - r0) - numpy.sqrt(square)
    n = numpy.asarray(flat[0], float) / numpy.linalg.norm(flat[0])
    across = (dx * n[0] + dy * n[1] + dz * n[2]) ** 2
    gauge = numpy.sqrt(square + (flat[1] ** 2 - 1) * across) + 1e-6
    slope = numpy.sqrt(square + (flat[1] ** 4 - 1) * across) / gauge + 1e-6
    return (r0 + t * (r1 - r0) - gauge) / slope


def curve(points, steps=6):
    """Catmull-Rom spline through `points` [n, 3]: [(n - 1) * steps + 1, 3]."""
    p = numpy.asarray(points, float)
    p = numpy.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    t = numpy.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:]):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return numpy.concatenate(parts + [p[-2:-1]])


def join(f, g, k):
    """Smooth union over about k mm."""
    return numpy.maximum(f, g) + numpy.square(numpy.maximum(k - numpy.abs(f - g), 0)) / (4 * k)


def meet(f, g, k):
    """Smooth intersection: edges are rounded over about k mm."""
    return numpy.minimum(f, g) - numpy.square(numpy.maximum(k - numpy.abs(f - g), 0)) / (4 * k)


def ramp(x, low, high):
    """0 below `low`, 1 above `high`, smooth between."""
    t = numpy.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x, low, high, soft):
    """1 between `low` and `high`, 0 outside, smooth over `soft`."""
    return ramp(x, low - soft / 2, low + soft / 2) * (1 - ramp(x, high - soft / 2, high + soft / 2))


def line(x, at, values):
    """Linear interpolation in float32: half the time of double on a whole grid."""
    return numpy.interp(x, at, values).astype(numpy.float32)


def profile(z, table):
    """Smooth interpolation (monotone cubic) of the rows (z, value) at z."""
    from scipy.interpolate import PchipInterpolator

    at, value = numpy.array(sorted(table), float).T
    return PchipInterpolator(at, value)(numpy.clip(z, at[0], at[-1])).astype(numpy.float32)


class Field:
    """A smooth random function of space, mean 0 and deviation 1: cubic B-splines on a lattice of `scale` mm. The same at every grid."""

    def __init__(self, random, scale, low, high):
        """low, high: corners in mm of the region where it will be asked for."""
        self.scale = numpy.broadcast_to(numpy.asarray(scale, float), 3)
        self.low = numpy.asarray(low, float) - 2 * self.scale
        size = numpy.ceil((numpy.asarray(high, float) - low) / self.scale).astype(int) + 5
        self.lattice = random.standard_normal(size, dtype=numpy.float32)

    def weights(self, at, axis):
        """[points, lattice]; at: coordinates in mm."""
        t = (numpy.ravel(at)[:, None] - self.low[axis]) / self.scale[axis] - numpy.arange(self.lattice.shape[axis])
        t = numpy.abs(t)
        inner, outer = 2 / 3 - t**2 + t**3 / 2, numpy.maximum(2 - t, 0) ** 3 / 6
        return numpy.where(t < 1, inner, outer).astype(numpy.float32)

    def __call__(self, x, y, z):
        """x, y, z: coordinates along three axes of a grid -> [x, y, z]."""
        out = self.lattice
        for axis, at in enumerate((x, y, z)):
            out = numpy.moveaxis(numpy.tensordot(self.weights(at, axis), out, (1, axis)), 0, axis)
        # 0.479 is the mean of a cubic B-spline's squared weights along one axis.
        return out / 0.479**1.5
