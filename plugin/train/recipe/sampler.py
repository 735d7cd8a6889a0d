"""What a training step sees of a patient: a window, turned, stretched and shifted a little, with another scanner's intensities.

Everything is drawn from one numpy generator that the caller seeds by (seed, step, place in the batch): no state to keep, a step that is
repeated after a stop is the same step.
"""
import numpy
import torch
from torch.nn import functional

# Degrees about x, y and z; relative size; mm.
TURN, STRETCH, SHIFT = (3.0, 3.0, 8.0), 0.1, 16.0


def rotation(degrees):
    matrix = numpy.eye(3)
    for axis, angle in enumerate(numpy.deg2rad(degrees)):
        turn = numpy.eye(3)
        a, b = [i for i in range(3) if i != axis]
        turn[a, a] = turn[b, b] = numpy.cos(angle)
        turn[a, b], turn[b, a] = -numpy.sin(angle), numpy.sin(angle)
        matrix = matrix @ turn
    return matrix


def middle_of_window(label, window, random):
    """Centre of a window inside the volume, in voxels; where the window is smaller, it lies nearer to the target two times out of three."""
    centre = []
    hits = [numpy.flatnonzero(label.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    near = random.random() < 2 / 3 and hits[0].size
    for axis, want in enumerate(window):
        room = label.shape[axis] - want
        first = random.uniform(0, max(room, 0))
        if near and room > 0:
            middle = (hits[axis][0] + hits[axis][-1] + 1 - want) / 2
            first = float(numpy.clip(random.normal(middle, want / 8), 0, room))
        centre.append(numpy.floor(first) + (want - 1) / 2 if room > 0 else (label.shape[axis] - 1) / 2)
    return numpy.array(centre)


def placement(spacing, random, chance):
    """(matrix [3, 3] in voxels, shift [3] in voxels) from window to volume; the identity by 1 - chance."""
    drawn = random.uniform(-1, 1, 7)
    if random.random() >= chance:
        return numpy.eye(3), numpy.zeros(3)
    spacing = numpy.asarray(spacing)
    matrix = rotation(drawn[:3] * TURN) * (1 + STRETCH * drawn[3])
    return matrix * spacing / spacing[:, None], SHIFT * drawn[4:7] / spacing


def cut(image, label, centre, matrix, shift, window):
    """Trilinear window [x, y, z] of image and label around a centre. Beyond the volume is air, as the padding of preprocess.py. -> two tensors"""
    both = torch.from_numpy(numpy.stack([image.astype(numpy.float32), label.astype(numpy.float32)]))[None]
    size = numpy.array(label.shape, float)
    # grid_sample counts axes from the last, and from -1 to 1 between the outer faces of the first and the last voxel.
    scale = numpy.array(window, float)
    linear = matrix * scale / size[:, None]
    offset = (2 * (centre + shift) + 1) / size - 1
    theta = numpy.concatenate([linear[::-1, ::-1], offset[::-1, None]], axis=1)
    theta = torch.from_numpy(numpy.ascontiguousarray(theta, numpy.float32))[None]
    grid = functional.affine_grid(theta, [1, 2, *window], align_corners=False)
    got = functional.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    return got[0], got[1] >= 0.5


def intensities(image, random):
    """Another scanner: calibration, contrast, kernel, noise; the range stays [0, 1], air at 0 stays air."""
    drawn, kinds = random.uniform(-1, 1, 3), random.random(3)
    air = image <= 0
    if kinds[0] < 0.3:
        soft = torch.tensor([0.25, 0.5, 0.25]) * (0.5 + random.random()) / 1.5
        soft[1] = 1 - soft[0] - soft[2]
        for axis in range(3):
            shape = [3 if a == axis else 1 for a in range(3)]
            padding = [1 if a == axis else 0 for a in range(3)]
            image = functional.conv3d(image[None, None], soft.reshape(1, 1, *shape), padding=padding)[0, 0]
    image = image * (1 + 0.06 * drawn[0]) + 0.02 * drawn[1]
    if kinds[1] < 0.5:
        image = image.clamp(1e-4, 1) ** (1 + 0.15 * drawn[2])
    if kinds[2] < 0.5:
        image = image + random.uniform(0, 0.02) * torch.from_numpy(random.standard_normal(tuple(image.shape), dtype=numpy.float32))
    return torch.where(air, torch.zeros(()), image.clamp(0, 1))


def sample(image, label, config, random):
    """(input [1, 1, x, y, z], target bool [1, x, y, z], mirrored)"""
    window = config.grid.window
    centre = middle_of_window(label, window, random)
    x, y = cut(image, label, centre, *placement(config.grid.spacing_mm, random, config.affine), window)
    mirrored = bool(random.random() < config.mirror)
    if mirrored:
        x, y = x.flip(0), y.flip(0)
    return intensities(x, random)[None, None], y[None], mirrored
