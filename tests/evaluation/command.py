"""ctvk evaluate by itself: shapes whose answers are known, empty masks, names, several labels, grids, exit codes, time. Needs numpy."""
import os
import pty
import re
import signal
import struct
import subprocess
import tempfile
import unittest

import numpy

import maps

SHAPE, SPACING = (40, 30, 20), (1.0, 1.5, 2.5)
KEYS = ["value", "name", "dice", "iou", "hd_mm", "hd95_mm", "msd_mm", "nsd", "volume_reference_ml", "volume_prediction_ml"]


def box(first, last, value=1, shape=SHAPE):
    labels = numpy.zeros(shape, "uint8")
    labels[tuple(slice(a, b) for a, b in zip(first, last))] = value
    return labels


BOX = box((10, 8, 5), (20, 18, 12))


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        self.addCleanup(folder.cleanup)
        self.base = folder.name

    def save(self, name, labels, spacing=SPACING, **more):
        return maps.save(f"{self.base}/{name}", labels, maps.affine(spacing), **more)

    def pair(self, reference, prediction, *more, spacing=SPACING):
        return maps.evaluate(self.save("r.nii.gz", reference, spacing), self.save("p.nii", prediction, spacing), *more)

    def test_identical(self):
        for labels in (BOX, box((0, 0, 0), SHAPE), box((0, 0, 0), (1, 1, 1)), box((39, 29, 19), SHAPE), box((7, 7, 7), (8, 8, 8)), BOX * 200):
            found, error = self.pair(labels, labels)
            self.assertEqual(error, "")
            self.assertEqual(list(found), [int(labels.max())])
            one = found[int(labels.max())]
            self.assertEqual(list(one), KEYS)
            self.assertEqual((one["dice"], one["iou"], one["hd_mm"], one["hd95_mm"], one["msd_mm"], one["nsd"]), (1, 1, 0, 0, 0, {"3": 1}))
            volume = (labels > 0).sum() * 3.75 / 1000
            self.assertAlmostEqual(one["volume_reference_ml"], volume, places=6)
            self.assertEqual(one["volume_reference_ml"], one["volume_prediction_ml"])

    def test_shifted_boxes(self):
        """Along one axis the farthest surface is one shift away, and the end faces are all that far."""
        for axis, steps in ((0, 4), (1, -3), (2, 2)):
            moved = numpy.roll(BOX, steps, axis)
            mm = abs(steps) * SPACING[axis]
            one = self.pair(BOX, moved, "--tolerance", f"{mm:g}", "--tolerance=0", "--tolerance", f"{mm - 0.001:g}")[0][1]
            n = (10, 10, 7)[axis]
            self.assertAlmostEqual(one["dice"], (n - abs(steps)) / n, places=8)
            self.assertAlmostEqual(one["iou"], (n - abs(steps)) / (n + abs(steps)), places=8)
            self.assertEqual((one["hd_mm"], one["hd95_mm"]), (mm, mm))
            self.assertTrue(0 < one["msd_mm"] < mm)
            self.assertEqual(one["nsd"][f"{mm:g}"], 1)
            self.assertTrue(0 < one["nsd"]["0"] <= one["nsd"][f"{mm - 0.001:g}"] < 1)

    def test_far_boxes(self):
        """Two single voxels 3-4-12 apart: all elements but the nearest are at known places."""
        one = self.pair(box((2, 2, 2), (3, 3, 3)), box((5, 6, 14), (6, 7, 15)), "--tolerance", "13", spacing=(1, 1, 1))[0][1]
        self.assertEqual((one["dice"], one["iou"]), (0, 0))
        # The voxel's far corner (0, 0, 0) to the other voxel's near corner (3, 4, 12).
        self.assertAlmostEqual(one["hd_mm"], 13, places=5)
        self.assertEqual(one["nsd"]["13"], 1)
        distances = [numpy.linalg.norm([3 - a, 4 - b, 12 - c]) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
        self.assertAlmostEqual(one["msd_mm"], numpy.mean(distances), places=5)

    def test_empty(self):
        """As metrics-reloaded has it: null only with a word about it."""
        empty = numpy.zeros(SHAPE, "uint8")
        for reference, prediction, where in ((BOX, empty, "not in the prediction"), (empty, BOX, "not in the reference"),
                                             (box((0, 0, 0), SHAPE), empty, "not in the prediction")):
            found, error = self.pair(reference, prediction, "--tolerance", "1", "--tolerance", "2")
            one = found[1]
            self.assertEqual([one[key] for key in ("dice", "iou", "hd_mm", "hd95_mm", "msd_mm", "nsd")], [0, 0, None, None, None, {"1": 0, "2": 0}])
            self.assertRegex(error, rf"^ctvk: warning: label 1: {where}, .*undefined")
            self.assertEqual(error.count("\n"), 1)
        found, error = self.pair(empty, empty)
        self.assertEqual((found, error.count("\n")), ({}, 1))
        self.assertIn("nothing to compare", error)
        found, error = self.pair(empty, empty, "--label", "CTV=1")
        self.assertEqual([found[1][key] for key in KEYS], [1, "CTV", 1, None, 0, 0, 0, {"3": 1}, 0, 0])
        self.assertRegex(error, r"^ctvk: warning: label 1 \(CTV\): in neither label map, .*IoU is undefined")
        out, _ = maps.call("--reference", f"{self.base}/r.nii.gz", "--prediction", f"{self.base}/p.nii", "--label", "CTV=1")
        self.assertRegex(out, r"label 1: CTV\n *Dice +1\.0000\n *IoU +undefined\n")

    def test_several_labels(self):
        reference, prediction = BOX + box((30, 20, 2), (36, 26, 9), 7), BOX + box((0, 0, 0), (3, 3, 3), 2)
        found, error = self.pair(reference, prediction)
        self.assertEqual(list(found), [1, 2, 7])
        self.assertEqual([found[v]["dice"] for v in found], [1, 0, 0])
        self.assertEqual(error.count("ctvk: warning:"), 2)
        only, _ = self.pair((reference == 7).astype("int16") * 300, (reference == 7).astype("int16") * 300)
        self.assertEqual(list(only), [300])
        self.assertEqual(only[300]["volume_reference_ml"], found[7]["volume_reference_ml"])

    def test_types(self):
        """Every voxel type, scaled integers, floats: the same answer."""
        first = self.pair(BOX, numpy.roll(BOX, 2, 0))[0]
        for name in maps.CODES:
            p = self.save("t.nii", numpy.roll(BOX, 2, 0).astype(name))
            self.assertEqual(maps.evaluate(f"{self.base}/r.nii.gz", p)[0], first, name)
        p = self.save("t.nii", (numpy.roll(BOX, 2, 0) * 255).astype("uint8"), slope=1 / 255)
        self.assertEqual(maps.evaluate(f"{self.base}/r.nii.gz", p)[0], first, "scaled")

    def test_names(self):
        """From the extension of ctvk's own files, the prediction before the reference; damaged ones name nothing and harm nothing."""
        labels = BOX + box((0, 0, 0), (3, 3, 3), 2)
        cases = [
            (maps.extension(maps.names(CTV=1)), maps.extension(maps.names(tumour=1, heart=2)), ["CTV", "heart"], 1),
            (b"", maps.extension(maps.names(tumour=1)), ["tumour", ""], 0),
            (maps.extension(b"<xml/>", 4) + maps.extension(maps.names(CTV=1)), b"", ["CTV", ""], 0),
            (maps.extension("a remark"), maps.extension(maps.names(CTV=1)), ["CTV", ""], 0),
            (maps.extension('{"labels": [{"value": 1.5, "name": "no"}, {"value": 0, "name": "no"}, {"value": 2}, 5, {"value": 2, "name": "x\\"y"}]}'),
             b"", ["", 'x"y'], 0),
            (struct.pack("<2i", 1 << 30, 6) + b"x" * 8, maps.extension(maps.names(CTV=1)), ["CTV", ""], 0),
            (struct.pack("<2i", -16, 6) + b"x" * 8, b"", ["", ""], 0),
            (struct.pack("<2i", 0, 6) + b"x" * 8, b"", ["", ""], 0),
            (maps.extension('{"labels": "none"}'), maps.extension(b"\xff\xfe{"), ["", ""], 0),
        ]
        for ours, theirs, wanted, warnings in cases:
            p, r = self.save("p.nii.gz", labels, extensions=ours), self.save("r.nii", labels, extensions=theirs)
            found, error = maps.evaluate(r, p)
            self.assertEqual([label["name"] for label in found.values()], wanted)
            self.assertEqual(error.count("ctvk: warning:"), warnings, error)
        found, error = maps.evaluate(self.save("r.nii", labels), p, "--label", "a=b=1", "--label=Größe=2")
        self.assertEqual([label["name"] for label in found.values()], ["a=b", "Größe"])

    def test_grids(self):
        r = self.save("r.nii", BOX)
        near, far = maps.affine(SPACING), maps.affine(SPACING)
        near[0, 3] += 0.005
        far[2, 3] += 0.5
        self.assertEqual(maps.evaluate(r, maps.save(f"{self.base}/near.nii", BOX, near))[0][1]["dice"], 1)
        skew = maps.affine(SPACING)
        skew[0, 1] = 0.3
        cases = [("far.nii", BOX, far), ("shape.nii", BOX[:-1], maps.affine(SPACING)), ("spacing.nii", BOX, maps.affine((1, 1.5, 2.51))),
                 ("flip.nii", BOX, maps.affine(SPACING) * numpy.array([[-1, 1, 1, 1]] * 4)), ("turned.nii", BOX.transpose(1, 0, 2), maps.affine(SPACING))]
        for name, labels, matrix in cases:
            p = maps.save(f"{self.base}/{name}", labels, matrix)
            for a, b in ((r, p), (p, r)):
                out, error = maps.call("--reference", a, "--prediction", b, "--json", code=3)
                self.assertEqual(out, "")
                self.assertTrue(r in error and p in error and "different grids" in error, error)
        skewed = maps.save(f"{self.base}/skew.nii", BOX, skew)
        self.assertIn("right angles", maps.call("--reference", skewed, "--prediction", skewed, code=3)[1])

    def test_no_label_maps(self):
        r = self.save("r.nii", BOX)
        ct = numpy.full(SHAPE, -1000, "int16")
        many = (numpy.arange(ct.size) % 300).reshape(SHAPE).astype("uint16")
        half = BOX * numpy.float32(0.5)
        for name, voxels, word in (("ct.nii", ct, "voxel (0, 0, 0)"), ("many.nii", many, "different values"), ("half.nii", half, "voxel (10, 8, 5)")):
            p = self.save(name, voxels)
            for a, b in ((r, p), (p, r)):
                out, error = maps.call("--reference", a, "--prediction", b, code=3)
                self.assertTrue(out == "" and p in error and word in error, error)

    def test_text(self):
        r, p = self.save("r.nii", BOX), self.save("p.nii", numpy.roll(BOX, 2, 0))
        out, error = maps.call("--prediction", p, "--reference", r, "--label", "CTV=1", "--tolerance", "2", "--tolerance", "0.5")
        self.assertEqual(error, "")
        number = dict(re.findall(r"^  (.*?)  +(.*)$", out, re.MULTILINE))
        self.assertEqual(out.splitlines()[0], "label 1: CTV")
        self.assertEqual((number["Dice"], number["HD"], number["NSD at 2 mm"]), ("0.8000", "2.000 mm", "1.0000"))
        self.assertEqual(number["volume, reference"], "2.625 ml")
        self.assertIn("NSD at 0.5 mm", number)

    def test_command_lines(self):
        r = self.save("r.nii", BOX)
        both = ("--reference", r, "--prediction", r)
        for arguments, word in ((("--prediction", r), "--reference"), (("--reference", r), "--prediction"), (("--reference=", *both[2:]), "--reference"),
                                *(((*both, f"--tolerance={t}"), "--tolerance") for t in ("-1", "", "x", "nan", "inf", "1e999", "0x3", "3mm", " 3")),
                                ((*both, "--tolerance", "3", "--tolerance", "3.0"), "twice"),
                                *(((*both, f"--label={n}"), "--label") for n in ("", "CTV", "=1", "CTV=", "CTV=0", "CTV=-1", "CTV=65536", "CTV=1x", "CTV= 1")),
                                ((*both, "--label", "a=1", "--label", "b=1"), "--label"), ((*both, *["--tolerance=1"] * 40), "--tolerance"),
                                ((*both, "stray"), "stray"), ((*both, "--jsonn"), "--jsonn"), ((*both, "--json=1"), "--json"),
                                ((*both, "--json", "--json"), "--json")):
            out, error = maps.call(*arguments, code=2)
            self.assertTrue(out == "" and word in error, error)
        self.assertIn("--tolerance", maps.call("--help")[0])

    def test_full_disk(self):
        r = self.save("r.nii", BOX)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([maps.COMMAND, "evaluate", "--reference", r, "--prediction", r], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"standard output", done.stderr)

    def test_size_time_and_interrupt(self):
        """A whole body in 512 x 512 x 150 within 10 s of processor time, and Ctrl-C in the middle of it."""
        shape, spacing = (512, 512, 150), (0.9765625, 0.9765625, 3)
        x, y = numpy.ogrid[:512, :512]
        disc = ((x - 256) / 250) ** 2 + ((y - 256) / 180) ** 2 < 1
        body = numpy.repeat(disc[:, :, None], shape[2], axis=2).astype("uint8")
        r, p = self.save("r.nii.gz", body, spacing), self.save("p.nii.gz", numpy.roll(body, 3, 0), spacing)
        before = os.times().children_user
        one = maps.evaluate(r, p)[0][1]
        seconds = os.times().children_user - before
        self.assertLess(seconds, 10)
        self.assertAlmostEqual(one["hd_mm"], 3 * spacing[0], places=5)
        # On a terminal, so that the first sight of the bar says that the run has begun.
        control, terminal = pty.openpty()
        process = subprocess.Popen([maps.COMMAND, "evaluate", "--reference", r, "--prediction", p], stdout=subprocess.PIPE, stderr=terminal,
                                   env=dict(os.environ, TERM="xterm"))
        os.close(terminal)
        shown = b""
        while b"%" not in shown:
            shown += os.read(control, 4096)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
        shown += os.read(control, 4096)
        os.close(control)
        self.assertEqual((process.returncode, out), (7, b""))
        self.assertIn(b"cancelled", shown)


if __name__ == "__main__":
    unittest.main(verbosity=2)
