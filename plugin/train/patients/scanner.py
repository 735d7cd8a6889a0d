"""What the scanner adds: the couch, blur, noise with its kernel's correlation, streaks where the body is wide, the field of view.

int16 HU come out. Noise grows with the way that the rays went through the body: the root of the photons that Beer's law takes."""
import numpy
from scipy import ndimage

WATER = 0.0193  # attenuation of water at 70 keV, 1 / mm
MODULATION = 0.55  # what is left of its effect where the tube current follows the patient


def lowest_skin(hu, grid, slope):
    """The largest y (mm) that a board of this slope (rise along z) may have under the middle third of the body."""
    third = grid.shape[0] // 3
    body = (hu[third:-third] > -500).any(axis=0)
    lowest = grid.axes[1][numpy.argmax(body, axis=0)]
    return float((lowest - slope * grid.axes[2])[body.any(axis=0)].min())


def add_couch(hu, grid, kind, random, tilt):
    """A couch under the patient, in place of air only, tilted (degrees) as the breast board is. -> mask of its voxels."""
    slope = float(numpy.tan(numpy.deg2rad(tilt)))
    x, y, z = numpy.meshgrid(*(axis.astype(numpy.float32) for axis in grid.axes), indexing="ij", sparse=True)
    top = lowest_skin(hu, grid, slope) + slope * z - random.uniform(0, 3)
    half = random.uniform(205, 225) if kind == "curved" else random.uniform(230, 262)
    rise = x**2 * random.uniform(0.0009, 0.0016) if kind == "curved" else 0 * x
    depth = top + rise - y
    thick = random.uniform(35, 60) if kind == "curved" else random.uniform(50, 75)
    inside = numpy.minimum(numpy.minimum(depth, thick - depth), half - numpy.abs(x))
    shell = random.uniform(1.5, 2.2) if kind == "flat" else random.uniform(2.2, 3.5)
    edge = grid.spacing[0]
    share = numpy.clip(0.5 + inside / edge, 0, 1)
    skin = share - numpy.clip(0.5 + (inside - shell) / edge, 0, 1)
    couch = -1000 + share * random.uniform(20, 90) + skin * (random.uniform(400, 800) if kind == "flat" else random.uniform(900, 1300))
    air = hu < -600
    free = air & (y < top + rise + 2)
    mask = free & numpy.broadcast_to(share > 0.5, hu.shape)
    hu[free] = numpy.maximum(hu, couch)[free]
    return mask


def path_lengths(hu, grid):
    """mm of water-like tissue that rays across the patient cross, [y, z], smoothed over a few slices."""
    water = numpy.clip((hu + 1000) * numpy.float32(0.001), 0, 2).sum(axis=0) * grid.spacing[0]
    return ndimage.gaussian_filter(water, (8 / grid.spacing[1], 2 / grid.spacing[2]))


def kernel_noise(random, grid, sharpness):
    """Noise of deviation 1 with a kernel's texture: soft ones are grainy, sharp ones fine and without low frequencies."""
    white = random.standard_normal(grid.shape, dtype=numpy.float32)
    fine = [(1.1 - 0.65 * sharpness) / s for s in grid.spacing[:2]] + [0]
    noise = ndimage.gaussian_filter(white, fine, truncate=3)
    if sharpness > 0.1:
        noise -= sharpness * ndimage.gaussian_filter(white, [2.2 / s for s in grid.spacing[:2]] + [0], truncate=3)
    return noise / noise.std()


def streaks(random, grid):
    """Noise of deviation 1 that is long across the patient: photons that ran short between the shoulders."""
    white = random.standard_normal((max(4, grid.shape[0] // 8), *grid.shape[1:]), dtype=numpy.float32)
    lines = ndimage.gaussian_filter(white, (60 / (8 * grid.spacing[0]), 0.8 / grid.spacing[1], 0.3), truncate=3)
    lines /= lines.std()
    at = numpy.linspace(0, lines.shape[0] - 1, grid.shape[0])
    below = numpy.minimum(at.astype(int), lines.shape[0] - 2)
    t = (at - below).astype(numpy.float32)[:, None, None]
    return lines[below] * (1 - t) + lines[below + 1] * t


def averaging(grid, sharpness):
    """The noise of a voxel relative to 1 x 1 x 3 mm: larger voxels average more of it."""
    grain = 2.4 - 1.2 * sharpness
    across = [min(1.0, grain / s) for s in grid.spacing[:2]]
    return float(numpy.sqrt(across[0] * across[1]) * min(1.3, numpy.sqrt(3 / grid.spacing[2])))


def expose(hu, grid, hospital, random):
    """Turns clean HU (float32) into a CT (int16); `hu` is used up."""
    sharpness, base = random.uniform(*hospital.sharpness), random.uniform(*hospital.noise)
    blur = random.uniform(*hospital.blur)
    if blur / grid.spacing[0] > 0.25:
        hu = ndimage.gaussian_filter(hu, [blur / s for s in grid.spacing[:2]] + [0], truncate=3)
    if sharpness > 0.3:
        # A sharp kernel overshoots at edges.
        hu += 0.35 * sharpness * (hu - ndimage.gaussian_filter(hu, [1.2 / s for s in grid.spacing[:2]] + [0], truncate=3))
    path = path_lengths(hu, grid)
    size = base * averaging(grid, sharpness)
    growth = numpy.exp(0.5 * MODULATION * WATER * (path - 300)).astype(numpy.float32)
    hu += (size * numpy.clip(0.35 + 0.65 * growth, 0.4, 3.0))[None] * kernel_noise(random, grid, sharpness)
    starved = numpy.clip((path - 330) / 100, 0, 1.6) * random.uniform(12, 40) * averaging(grid, sharpness)
    hu += starved.astype(numpy.float32)[None] * streaks(random, grid)
    # Beams harden between the shoulders: a dark band.
    hu -= (numpy.clip((path - 350) / 100, 0, 1.5) * random.uniform(0, 14))[None] * (hu > -500)
    hu += random.normal(0, hospital.calibration)
    hu[unseen(grid)] = -1024 if random.random() < 0.5 else -1000
    return numpy.rint(numpy.clip(hu, -1024, 3071)).astype(numpy.int16)


def unseen(grid):
    """[x, y] mask of what lies outside the round field of view."""
    return numpy.hypot(grid.axes[0][:, None], grid.axes[1][None, :] - grid.axes[1].mean()) > grid.radius


def outside_view(grid, *maps):
    for volume in maps:
        volume[unseen(grid)] = 0
