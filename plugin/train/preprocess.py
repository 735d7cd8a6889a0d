"""Everything around the network, with numpy: from a CT to network windows and back to a label map on the CT's own grid.

The steps are numbered as in the documentation of the volume room: 1 reorient, 2 resample, 3 window, 4 crop, 5 pad, 6 rotate,
7 sliding windows, 8 blend, 9 classify and undo. Arrays are [x, y, z] or [classes, x, y, z].
"""
import numpy


def axis_codes(affine):
    """For each input axis the patient axis that it is nearest to and its sign; greedy on the largest cosine, as oblique scans need."""
    matrix = numpy.asarray(affine, float)[:3, :3]
    cosines = matrix / numpy.linalg.norm(matrix, axis=0)
    left, result = numpy.abs(cosines), [None] * 3
    for _ in range(3):
        patient, axis = numpy.unravel_index(numpy.argmax(left), left.shape)
        result[axis] = (int(patient), 1 if cosines[patient, axis] > 0 else -1)
        left[patient, :] = left[:, axis] = -1
    return result


def wanted_codes(orientation):
    letters = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    return [letters[letter] for letter in orientation]


def reorient(data, affine, orientation):
    """(view of data, [(input axis, flipped)]); "RAS" means that index 0 grows towards the right, and so on."""
    have, plan = axis_codes(affine), []
    for patient, sign in wanted_codes(orientation):
        axis = [code[0] for code in have].index(patient)
        plan.append((axis, have[axis][1] != sign))
    return apply_plan(data, plan), plan


def apply_plan(data, plan):
    data = data.transpose([axis for axis, _ in plan])
    return data[tuple(slice(None, None, -1 if flip else 1) for _, flip in plan)]


def undo_plan(data, plan):
    data = data[tuple(slice(None, None, -1 if flip else 1) for _, flip in plan)]
    return data.transpose(numpy.argsort([axis for axis, _ in plan]))


def resample_matrix(size, spacing, new_size, new_spacing, antialias):
    """Weights [new_size, size] of step 2 along one axis."""
    ratio = new_spacing / spacing
    centre = numpy.arange(new_size) * ratio
    width = ratio if antialias and ratio > 1 else 1.0
    if width == 1.0:
        centre = numpy.minimum(centre, size - 1)
    weights = numpy.maximum(0.0, 1.0 - numpy.abs(numpy.arange(size) - centre[:, None]) / width)
    total = weights.sum(axis=1, keepdims=True)
    beyond = total[:, 0] == 0
    weights[beyond, -1] = total[beyond] = 1.0
    return weights / total


def resampled_size(size, spacing, new_spacing):
    return int(numpy.floor((size - 1) * spacing / new_spacing + 0.5)) + 1


def resample(data, spacing, new_spacing, new_size, antialias):
    """One axis after another; linear kernels are separable."""
    out = numpy.asarray(data, numpy.float64)
    for axis in range(3):
        if spacing[axis] == new_spacing[axis] and data.shape[axis] == new_size[axis]:
            continue
        weights = resample_matrix(data.shape[axis], spacing[axis], new_size[axis], new_spacing[axis], antialias)
        out = numpy.moveaxis(numpy.tensordot(weights, out, (1, axis)), 0, axis)
    return out


def pad_to(data, size):
    """Step 5: floor(n / 2) zeros before, the rest after. (padded, zeros before)."""
    missing = [max(0, want - have) for want, have in zip(size, data.shape)]
    before = [n // 2 for n in missing]
    return numpy.pad(data, [(b, n - b) for b, n in zip(before, missing)]), before


class Prepared:
    """Steps 1 to 6 of one CT, and how to undo them. data: float32 [x, y, z]."""

    def __init__(self, hu, affine, manifest):
        """hu: array in Hounsfield units on the input's grid."""
        pre, window = manifest["preprocess"], manifest["inference"]["window"]
        self.input_shape = hu.shape
        x, self.plan = reorient(numpy.asarray(hu), affine, pre["orientation"])
        self.oriented = x.shape
        lengths = numpy.linalg.norm(numpy.asarray(affine, float)[:3, :3], axis=0)
        self.spacing = [float(lengths[axis]) for axis, _ in self.plan]
        self.new_spacing, self.antialias = pre.get("spacing_mm"), pre.get("antialias", False)
        if self.new_spacing:
            size = [resampled_size(n, s, t) for n, s, t in zip(x.shape, self.spacing, self.new_spacing)]
            # Rounded as the library holds it: weights that sum to 1 but for 1e-16 would lift air above 0, and the crop with it.
            x = resample(x, self.spacing, self.new_spacing, size, self.antialias).astype(numpy.float32)
        self.resampled = x.shape
        (low, high), (bottom, top) = pre["intensity"]["window"], pre["intensity"]["range"]
        x = (x.astype(numpy.float64) - low) / (high - low) * (top - bottom) + bottom
        if pre["intensity"].get("clip", True):
            x = numpy.clip(x, bottom, top)
        x = x.astype(numpy.float32)
        self.crop = [(0, n) for n in x.shape]
        if pre.get("crop_foreground", False):
            self.crop = bounding_box(x > 0)
            x = x[tuple(slice(a, b) for a, b in self.crop)]
        self.cropped = x.shape
        self.before = [0, 0, 0]
        if pre.get("pad_to_window", False):
            x, self.before = pad_to(x, window)
        self.turns = pre.get("rotate90", 0)
        self.data = numpy.ascontiguousarray(numpy.rot90(x, self.turns, axes=(0, 1)))

    def undo_to_resampled(self, volume, outside):
        """Steps 6, 5 and 4 undone for one [x, y, z] volume; `outside` fills what the crop cut away."""
        x = numpy.rot90(volume, -self.turns, axes=(0, 1))
        x = x[tuple(slice(b, b + n) for b, n in zip(self.before, self.cropped))]
        full = numpy.full(self.resampled, outside, volume.dtype)
        full[tuple(slice(a, b) for a, b in self.crop)] = x
        return full

    def restore(self, logits):
        """Step 9: label map (uint8) on the input's grid from blended logits [classes, x, y, z]."""
        if not self.new_spacing:
            label = self.undo_to_resampled(numpy.argmax(logits, axis=0).astype(numpy.uint8), 0)
            return numpy.ascontiguousarray(undo_plan(label, self.plan))
        # The way back is plain trilinear interpolation, also where the way there was antialiased.
        best = label = None
        for index, probability in enumerate(softmax(logits)):
            p = self.undo_to_resampled(probability, 1.0 if index == 0 else 0.0)
            p = resample(p, self.new_spacing, self.spacing, self.oriented, False)
            if index == 0:
                best, label = p, numpy.zeros(p.shape, numpy.uint8)
            else:
                label[p > best] = index
                best = numpy.maximum(best, p)
        return numpy.ascontiguousarray(undo_plan(label, self.plan))


def bounding_box(mask):
    """[(first, end)] per axis; the whole volume where nothing is set."""
    box = []
    for axis in range(3):
        hit = numpy.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append((int(hit[0]), int(hit[-1]) + 1) if hit.size else (0, mask.shape[axis]))
    return box


def softmax(logits):
    e = numpy.exp(logits.astype(numpy.float64) - logits.max(axis=0))
    return e / e.sum(axis=0)


def starts(size, window, overlap):
    """Step 7 along one axis that is at least as long as the window."""
    if size == window:
        return [0]
    step = max(1, int(window * (1 - overlap)))
    count = -(-(size - window) // step) + 1
    return [min(i * step, size - window) for i in range(count)]


def blend_weights(window, sigma_scale):
    """Step 8: product over axes of exp(-t^2 / (2 s^2)), never below max(its smallest value, 1e-3)."""
    weights = numpy.ones((1, 1, 1))
    for axis, n in enumerate(window):
        t = numpy.arange(n) - (n - 1) / 2
        profile = numpy.exp(-(t**2) / (2 * (sigma_scale * n) ** 2))
        weights = weights * profile.reshape([-1 if a == axis else 1 for a in range(3)])
    return numpy.maximum(weights, max(weights.min(), 1e-3))


def sliding(data, manifest, network):
    """Steps 7 and 8: blended logits [classes, x, y, z]. network(window [x, y, z]) -> logits of that window."""
    inference = manifest["inference"]
    window, shape = inference["window"], data.shape
    data, before = pad_to(data, window)
    weights = blend_weights(window, inference.get("sigma_scale", 0.125))
    if inference.get("blend", "gaussian") != "gaussian":
        weights = numpy.ones(window)
    total, norm = None, numpy.zeros(data.shape)
    for x in starts(data.shape[0], window[0], inference["overlap"]):
        for y in starts(data.shape[1], window[1], inference["overlap"]):
            for z in starts(data.shape[2], window[2], inference["overlap"]):
                part = tuple(slice(a, a + n) for a, n in zip((x, y, z), window))
                logits = network(data[part])
                if total is None:
                    total = numpy.zeros((logits.shape[0],) + data.shape)
                total[(slice(None),) + part] += weights * logits
                norm[part] += weights
    result = (total / norm).astype(numpy.float32)
    return result[(slice(None),) + tuple(slice(b, b + n) for b, n in zip(before, shape))]
