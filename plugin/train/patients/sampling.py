"""From the working grid to the scanner's: position on the table, small deformations, voxels of the CT."""
import numpy
from scipy import ndimage

from .shapes import Field


def rotation(tilt, roll, yaw):
    """Angles in degrees about x (the board), y and z."""
    a, b, c = numpy.deg2rad([tilt, yaw, roll])
    about_x = numpy.array([[1, 0, 0], [0, numpy.cos(a), -numpy.sin(a)], [0, numpy.sin(a), numpy.cos(a)]])
    about_y = numpy.array([[numpy.cos(b), 0, numpy.sin(b)], [0, 1, 0], [-numpy.sin(b), 0, numpy.cos(b)]])
    about_z = numpy.array([[numpy.cos(c), -numpy.sin(c), 0], [numpy.sin(c), numpy.cos(c), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


class Position:
    """The patient on the table: room (mm, the CT's frame about its centre) to the body's own frame (Canvas), rigid plus elastic."""

    def __init__(self, random, hospital):
        self.tilt = random.uniform(*hospital.tilt)
        self.turn = rotation(-self.tilt, random.normal(*hospital.roll), random.normal(0, 1.2))
        self.stretch = 1 / random.uniform(0.95, 1.06)
        self.shift = numpy.array([random.normal(0, 6), random.normal(0, 6), 0])
        self.bend = [Field(random, 75, (-260, -210, -200), (260, 210, 200)) for _ in range(3)]
        self.amplitude = random.uniform(1.5, 4.0)

    def body_points(self, axes):
        """Body coordinates (mm) of a regular grid of the room: three arrays [x, y, z]."""
        room = numpy.meshgrid(*axes, indexing="ij", sparse=True)
        room = [r.astype(numpy.float32) - numpy.float32(s) for r, s in zip(room, self.shift)]
        points = []
        for axis in range(3):
            row = self.turn.T[axis].astype(numpy.float32)
            at = row[0] * room[0] + row[1] * room[1] + row[2] * room[2]
            points.append(at + numpy.float32(self.amplitude) * self.bend[axis](*axes))
        points[2] = points[2] * numpy.float32(self.stretch)
        return points


class Grid:
    """The CT's voxels. axes: mm in the room's frame; affine: voxel index to RAS mm, x grows to the patient's right."""

    def __init__(self, random, hospital, spacing):
        across, deep = (random.uniform(*pair) for pair in hospital.field_of_view)
        length = random.uniform(*hospital.length)
        self.spacing = tuple(float(s) for s in spacing)
        self.shape = tuple(int(round(mm / s)) for mm, s in zip((across, deep, length), self.spacing))
        top = random.uniform(140, 158)
        centre = (0, random.uniform(-6, 6) - 8, top - length / 2)
        self.axes = [c + (numpy.arange(n) - (n - 1) / 2) * s for c, n, s in zip(centre, self.shape, self.spacing)]
        self.radius = max(across, deep) / 2 * random.uniform(1.02, 1.25)
        # Where a scanner puts its origin says nothing about the patient.
        origin = numpy.array([axis[0] for axis in self.axes]) + random.uniform((-30, -200, -900), (30, 100, 300))
        self.affine = numpy.diag([*self.spacing, 1.0])
        self.affine[:3, 3] = numpy.round(origin, 2)


def sample(canvas, grid, position, volumes, slab=16):
    """volumes: [(array on the canvas, order 0 or 1, blurred to the CT's voxel first)] -> arrays on the CT's grid, slab by slab."""
    prepared = [blur_to(volume, canvas.spacing, grid.spacing) if blurred else volume for volume, _, blurred in volumes]
    out = [numpy.empty(grid.shape, volume.dtype) for volume, _, _ in volumes]
    low = [axis[0] for axis in canvas.axes]
    for first in range(0, grid.shape[2], slab):
        axes = grid.axes[:2] + [grid.axes[2][first:first + slab]]
        points = position.body_points(axes)
        index = numpy.stack([(p - a) / s for p, a, s in zip(points, low, canvas.spacing)])
        for source, target, (_, order, _) in zip(prepared, out, volumes):
            ndimage.map_coordinates(source, index, target[:, :, first:first + slab], order=order, mode="nearest", prefilter=False)
    return out


def blur_to(volume, have, want):
    """A Gaussian of the deviation that separates two box voxels (side / sqrt 12), so that a coarser CT averages and never skips."""
    sigma = [numpy.sqrt(max(0.0, w * w - h * h) / 12) / h for h, w in zip(have, want)]
    return ndimage.gaussian_filter(volume, sigma, truncate=2.5) if max(sigma) > 0.2 else volume
