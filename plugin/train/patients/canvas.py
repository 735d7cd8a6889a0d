"""The working grid: HU and structures of one patient in the body's own frame, painted shape by shape.

Frame: mm, RAS: x grows to the patient's RIGHT, y to the front, z to the head; the midline is x = 0, z = 0 lies at the middle of the breastbone.
An edge is a ramp one voxel wide, so that a voxel holds the share of it that a shape fills, as a CT's does.
"""
import numpy

from .tissue import Structure

LOW, HIGH = (-235.0, -190.0, -185.0), (235.0, 200.0, 205.0)


class Canvas:
    """hu: float32 [x, y, z]; code: uint8 [x, y, z] (Structure)."""

    def __init__(self, spacing):
        """spacing: mm of the working grid."""
        self.spacing = numpy.asarray(spacing, float)
        self.axes = [numpy.arange(low, high + step / 2, step, dtype=numpy.float32) for low, high, step in zip(LOW, HIGH, spacing)]
        self.shape = tuple(len(axis) for axis in self.axes)
        self.edge = float(self.spacing[:2].mean())
        self.hu = numpy.full(self.shape, -1000.0, numpy.float32)
        self.code = numpy.zeros(self.shape, numpy.uint8)

    def box(self, low, high):
        """Slices of the voxels between two corners in mm."""
        found = []
        for axis, a, b in zip(self.axes, numpy.minimum(low, high), numpy.maximum(low, high)):
            found.append(slice(int(numpy.searchsorted(axis, a)), int(numpy.searchsorted(axis, b, "right"))))
        return tuple(found)

    def around(self, points, margin):
        points = numpy.atleast_2d(points)
        return self.box(points.min(axis=0) - margin, points.max(axis=0) + margin)

    def at(self, box=(slice(None),) * 3):
        """x, y, z of a box's voxels, ready to broadcast."""
        x, y, z = (axis[part] for axis, part in zip(self.axes, box))
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def field(self, field, box):
        return field(*(axis[part] for axis, part in zip(self.axes, box)))

    def share(self, distance):
        """The part of a voxel that lies inside, from its centre's distance (mm, positive inside)."""
        return numpy.clip(0.5 + distance * numpy.float32(1 / self.edge), 0, 1)

    def paint(self, box, distance, hu, code=None, over=None):
        """Paints a shape. distance: [box]; hu: number or [box]; over: only onto voxels of these structures."""
        share = self.share(distance)
        if over is not None:
            share = share * numpy.isin(self.code[box], [int(c) for c in over])
        self.blend(box, share, hu, code)

    def blend(self, box, share, hu, code=None):
        part = self.hu[box]
        part += share * (hu - part)
        if code is not None:
            numpy.copyto(self.code[box], numpy.uint8(code), where=numpy.broadcast_to(share > 0.5, part.shape))

    def tube(self, points, radius, hu, code, over=None):
        """A tube along the polyline `points`; radius: number, or one a point, mm."""
        from .shapes import capsule

        radii = numpy.broadcast_to(radius, len(points))
        for a, b, r, s in zip(points, points[1:], radii, radii[1:]):
            box = self.around([a, b], max(r, s) + self.edge)
            if all(part.stop > part.start for part in box):
                self.paint(box, capsule(*self.at(box), a, b, (r, s)), hu, code, over)

    def is_in(self, *codes):
        return numpy.isin(self.code, [int(c) for c in codes])


SOFT = (Structure.FAT, Structure.MUSCLE, Structure.MEDIASTINUM)
