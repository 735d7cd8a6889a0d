"""ctvk evaluate against DeepMind's surface-distance (PyPI): areas of all 256 surface elements, and every number on synthetic masks and on the
label maps of real CTs where they lie beside the repository. Run by environment.py."""
import os
import subprocess
import sys
import tempfile
import unittest
import warnings

import nibabel
import numpy
from scipy import ndimage

import maps

warnings.simplefilter("ignore", DeprecationWarning)  # of the referee, which calls scipy by old names
import surface_distance  # noqa: E402
from surface_distance import lookup_tables  # noqa: E402

CT = os.path.join(os.environ["CTVK_SOURCE"], "..", "shared", "data", "ct")
MM, SHARE = 1e-3, 1e-4  # they agree to float32: 1e-7 of a distance, 1e-7 in shares


def scores(reference, prediction, spacing, tolerances):
    """The referee's numbers. The mean surface distance is the mean of its two."""
    found = surface_distance.compute_surface_distances(reference, prediction, spacing)
    return {"hd_mm": surface_distance.compute_robust_hausdorff(found, 100), "hd95_mm": surface_distance.compute_robust_hausdorff(found, 95),
            "msd_mm": sum(surface_distance.compute_average_surface_distance(found)) / 2,
            "dice": surface_distance.compute_dice_coefficient(reference, prediction),
            "nsd": {f"{t:.9g}": surface_distance.compute_surface_dice_at_tolerance(found, t) for t in tolerances}}


def blob(rng, shape, spacing, roughness):
    """Smoothed noise above a quantile: holes, islands, thin bridges and parts cut by the image's border."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), roughness / numpy.asarray(spacing))
    return noise > numpy.quantile(noise, rng.uniform(0.5, 0.98))


class Referee(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        self.addCleanup(self.folder.cleanup)
        self.compared = 0

    def compare(self, reference, prediction, matrix, tolerances, name):
        r = maps.save(f"{self.folder.name}/r.nii", reference, matrix)
        p = maps.save(f"{self.folder.name}/p.nii.gz", prediction, matrix)
        ours, _ = maps.evaluate(r, p, *(word for t in tolerances for word in ("--tolerance", f"{t:.9g}")))
        spacing = [float(s) for s in numpy.linalg.norm(matrix[:3, :3].astype(numpy.float32).astype(float), axis=0)]
        self.assertEqual(sorted(ours), sorted((set(numpy.unique(reference)) | set(numpy.unique(prediction))) - {0}), name)
        for value, label in ours.items():
            a, b = reference == value, prediction == value
            if not a.any() or not b.any():
                continue
            wanted = scores(a, b, spacing, tolerances)
            where = f"{name}, label {value}: {label} against {wanted}"
            for key in ("hd_mm", "hd95_mm", "msd_mm"):
                self.assertLess(abs(label[key] - wanted[key]), MM, f"{key}: {where}")
            self.assertLess(abs(label["dice"] - wanted["dice"]), SHARE, where)
            self.assertLess(abs(label["iou"] - (a & b).sum() / (a | b).sum()), SHARE, where)
            self.assertEqual(sorted(label["nsd"]), sorted(wanted["nsd"]), where)
            for key, share in wanted["nsd"].items():
                self.assertLess(abs(label["nsd"][key] - share), SHARE, f"NSD at {key}: {where}")
            voxel = numpy.prod(spacing) / 1000
            for mask, key in ((a, "volume_reference_ml"), (b, "volume_prediction_ml")):
                self.assertLess(abs(label[key] - mask.sum() * voxel), 1e-6 * (1 + label[key]), where)
            self.compared += 1

    def test_areas(self):
        for spacing in ((1, 1, 1), (1, 2, 3.7), (0.9765625, 0.9765625, 3), (4.1, 0.3, 1.7), (0.05, 12, 0.6)):
            out = subprocess.run([os.environ["CTVK_SURFACE_AREAS"], *map(repr, spacing)], check=True, capture_output=True, text=True).stdout
            ours = numpy.array([float(line) for line in out.split()])
            self.assertEqual(ours.shape, (256,))
            # Their codes count the eight voxels from the other end.
            reverse = [int(f"{code:08b}"[::-1], 2) for code in range(256)]
            theirs = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)[reverse]
            self.assertLess(numpy.abs(ours - theirs).max(), 1e-12 * theirs.max(), spacing)

    def test_random_masks(self):
        rng = numpy.random.default_rng(20240229)
        for number in range(60):
            shape = tuple(int(n) for n in rng.integers(1 if number % 5 == 0 else 6, 33, 3))
            spacing = rng.uniform(0.4, 5, 3)
            roughness = rng.choice([0, 0.7, 2.5])
            reference = blob(rng, shape, spacing, roughness)
            prediction = ndimage.shift(reference, rng.integers(-2, 3, 3), order=0) ^ (rng.random(shape) < rng.choice([0, 0.002, 0.05]))
            if number % 3 == 0:
                prediction = blob(rng, shape, spacing, roughness)
            labels = numpy.array([0, 1, 2, 300], "uint16")
            second = blob(rng, shape, spacing, 2.5)
            reference, prediction = (labels[m + (second & ~m) * 2 + (second & m & (numpy.arange(shape[2]) % 3 > 0)) * 2] for m in
                                     (reference, prediction))
            tolerances = sorted({0.0, 3.0, round(float(spacing.min()) * 1.5, 3), round(float(rng.uniform(0, 20)), 2)})
            self.compare(reference, prediction, maps.affine(spacing), tolerances, f"random {number}, {shape}")
        self.assertGreater(self.compared, 90)

    def test_hard_shapes(self):
        base = numpy.zeros((23, 19, 17), "uint8")
        box, voxel, corner, thin = (base.copy() for _ in range(4))
        box[5:16, 4:13, 3:11] = 1
        voxel[11, 8, 6] = 1
        corner[0, 0, 0] = corner[22, 18, 16] = 1
        thin[:, 9, :] = 1
        full = base + 1
        shapes = {"box": box, "voxel": voxel, "corners": corner, "plane": thin, "full": full, "shifted box": numpy.roll(box, (3, 2, 1), (0, 1, 2)),
                  "checks": (numpy.indices(base.shape).sum(axis=0) % 2).astype("uint8")}
        for spacing in ((1, 1, 1), (0.9765625, 0.9765625, 3), (2.5, 0.5, 1.25)):
            for first, a in shapes.items():
                for second, b in shapes.items():
                    self.compare(a, b, maps.affine(spacing), (0, 1, 3, 10), f"{first} and {second}")
        self.assertEqual(self.compared, 3 * len(shapes) ** 2)

    def test_oblique_grid(self):
        rng = numpy.random.default_rng(5)
        shape, spacing = (21, 18, 13), (1.1, 0.8, 2.7)
        turn = numpy.linalg.qr(rng.standard_normal((3, 3)))[0]
        matrix = maps.affine(spacing)
        matrix[:3, :3] = turn * spacing
        self.compare(blob(rng, shape, spacing, 2).astype("uint8"), blob(rng, shape, spacing, 2).astype("uint8"), matrix, (1, 3), "oblique")
        self.assertEqual(self.compared, 1)

    def test_real_labels(self):
        """Every label of the real CTs against itself, eroded or shifted."""
        if not os.path.isdir(CT):
            print("label maps of real CTs: not here; synthetic masks are compared", file=sys.stderr)
            return
        found = sorted(name for name in os.listdir(CT) if name.endswith("_label.nii.gz"))
        self.assertTrue(found)
        for name in found:
            image = nibabel.load(f"{CT}/{name}")
            labels = numpy.asarray(image.dataobj).astype("uint16")
            values = numpy.unique(labels[labels > 0])
            shifted = numpy.roll(labels, (2, -3, 1), (0, 1, 2))
            inner = numpy.zeros_like(labels)
            for value in values[:6]:
                inner[ndimage.binary_erosion(labels == value) | ((shifted == value) & (numpy.indices(labels.shape, sparse=True)[2] % 7 == 0))] = value
            reference = numpy.where(numpy.isin(labels, values[:6]), labels, 0).astype("uint16")
            self.compare(reference, inner, image.affine, (1, 3, 5), name)
        self.assertGreaterEqual(self.compared, len(found))


if __name__ == "__main__":
    unittest.main(verbosity=2)
