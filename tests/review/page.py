"""The page of ctvk review as a file: whole by itself, small, without names or paths; what is refused, and that nothing is left behind."""
import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
import zlib

import nibabel
import numpy

import case

LIMIT = 15_000_000
SECRETS = {"descrip": b"DOE^JANE 1950", "aux_file": b"doe_jane.nii", "intent_name": b"Jane Doe", "db_name": b"DoeJane"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def facts(text):
    return json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', text)[1])


def block(text, name):
    return zlib.decompress(base64.b64decode(re.search(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]*)</script>', text)[1], validate=True))


def undo_prediction(coming, shape):
    """Codes of a CT, [deep][down][across], by the median predictor's definition (ITU-T T.87, A.4.2)."""
    coming = numpy.frombuffer(coming, "uint8").reshape(shape).astype(int)
    codes = numpy.zeros((shape[0], shape[1] + 1, shape[2] + 1), int)
    for j in range(1, shape[1] + 1):
        for i in range(1, shape[2] + 1):
            a, b, c = codes[:, j, i - 1], codes[:, j - 1, i], codes[:, j - 1, i - 1]
            guess = numpy.where(c >= numpy.maximum(a, b), numpy.minimum(a, b), numpy.where(c <= numpy.minimum(a, b), numpy.maximum(a, b), a + b - c))
            codes[:, j, i] = (coming[:, j - 1, i - 1] + guess) & 255
    return codes[:, 1:, 1:]


def allowed(hu):
    """The largest error of a kept value."""
    return numpy.select([hu < -960, hu < -256, hu < 256, hu < 1536], [64, 8, 2, 10], 64)


class File(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"], prefix="DoeJane")
        self.addCleanup(folder.cleanup)
        self.base = folder.name

    def left_behind(self):
        return [name for name in os.listdir(self.base) if name.startswith(".")]

    def check_alone(self, text):
        """No address, and no element or rule that would fetch one."""
        told = re.sub(r'(?<=id=")(ct|map\d)">[^<]*', "", text)
        fetching = (r"https?:|//[a-z0-9-]+\.[a-z]|file:|\bsrc\s*=|\bhref\b|<link|<iframe|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|"
                    r"import\(")
        self.assertIsNone(re.search(fetching, told))
        self.assertIn("default-src 'none'", text)
        self.assertLessEqual(len(text.encode()), LIMIT)
        self.assertEqual(self.left_behind(), [])

    def test_alone(self):
        text = read(case.make(self.base, value=case.report(case.SHAPE)))
        self.check_alone(text)
        self.assertIn("Unreviewed", text)
        self.assertIn("not for clinical use", text)
        self.assertLess(len(text), 300_000)
        self.assertEqual(text, read(case.make(self.base, value=case.report(case.SHAPE), name="again.html")), "the same input is the same page")

    def test_no_name_and_no_path(self):
        for axes in ("LPS", "RAS"):
            ct = case.save(f"{self.base}/DOE_JANE.nii.gz", case.ct(), axes, **SECRETS)
            label = case.save(f"{self.base}/JaneDoe.nii.gz", case.labels(), axes, comment=case.label_comment(patient="Doe Jane"), **SECRETS)
            value = case.report(case.SHAPE, patient={"name": "Jane Doe"}, path=ct)
            value["image"]["file"] = value["bundle"]["folder"] = f"{self.base}/JaneDoe"
            with open(f"{self.base}/report.json", "w", encoding="utf-8") as file:
                json.dump(value, file)
            output = f"{self.base}/Doe.html"
            case.call("--image", ct, "--label", label, "--label2", label, "--report", f"{self.base}/report.json", "--output", output)
            text = read(output)
            told = re.sub(r'(?<=id=")(ct|map\d)">[^<]*', "", text).lower()
            for secret in ("doe^", "doe_", "doej", "jane", "1950", "/review", self.base.lower()):
                self.assertFalse(secret in told, secret)
            for name in ("ct", "map0", "map1"):
                self.assertNotIn(b"Doe", block(text, name))

    def test_voxels(self):
        """Every voxel of the label map is kept, and of the CT within the steps that the page tells; the names, colours and volumes are the file's."""
        wide = numpy.linspace(-1200, 4000, numpy.prod(case.SHAPE)).reshape(case.SHAPE)
        for hu, matrix, slope in ((case.ct(), None, 1), (wide.astype("float32"), None, 1), (numpy.round(wide / 2).astype("int16"), None, 2)):
            image = nibabel.Nifti1Image(hu, case.affine())
            image.header.set_slope_inter(slope, 0)
            if slope != 1:  # nibabel would divide
                image = nibabel.Nifti1Image((hu * 2).astype("float64"), case.affine())
                image.set_data_dtype("int16")
            nibabel.save(image, f"{self.base}/ct.nii.gz")
            case.save(f"{self.base}/l.nii", case.labels().astype("int16"), "PSR", comment=case.label_comment())
            case.save(f"{self.base}/ct2.nii", numpy.asarray(nibabel.load(f"{self.base}/ct.nii.gz").get_fdata(), "float32"), "PSR")
            case.call("--image", f"{self.base}/ct2.nii", "--label", f"{self.base}/l.nii", "--output", f"{self.base}/v.html")
            text = read(f"{self.base}/v.html")
            known = facts(text)
            self.assertEqual((known["grid"]["dim"], known["ct"]["dim"], known["grid"]["spacing"]), ([*case.SHAPE], [*case.SHAPE], [*case.SPACING]))
            numpy.testing.assert_allclose(numpy.reshape(known["grid"]["ras"], (3, 4)), case.affine()[:3], atol=1e-4)
            labels = numpy.frombuffer(block(text, "map0"), "uint8").reshape(case.SHAPE[::-1]).T
            self.assertTrue((labels == case.labels()).all())
            found = numpy.array(known["ct"]["levels"])[undo_prediction(block(text, "ct"), case.SHAPE[::-1])].T
            truth = numpy.clip(nibabel.load(f"{self.base}/ct.nii.gz").get_fdata(), -1040, 3072)
            self.assertTrue((numpy.abs(found - truth) <= allowed(truth) + 0.01).all())
            for value, s in zip((1, 2), known["maps"][0]["structures"]):
                inside = case.labels() == value
                self.assertEqual((s["value"], s["name"], s["color"], s["voxels"]), (value, case.NAMES[value], case.COLORS[value], int(inside.sum())))
                self.assertAlmostEqual(s["ml"], inside.sum() * 1.25 * 1.5 * 4 / 1000, places=4)
                corners = numpy.nonzero(inside)
                self.assertEqual((s["low"], s["high"]), ([int(c.min()) for c in corners], [int(c.max()) for c in corners]))

    def test_large(self):
        """512 x 512 x 150 with the noise of a sharp kernel: the page keeps its limit, says what it took away, and shows the mean of it."""
        shape, spacing = (512, 512, 150), (0.9, 0.9, 3.0)
        x, y = numpy.meshgrid(numpy.arange(512.0), numpy.arange(512.0), indexing="ij")
        body = (((x - 240) / 230) ** 2 + ((y - 270) / 170) ** 2 < 1)
        smooth = numpy.where(body, 40 + 0.5 * (x - 240) - 0.3 * (y - 270), -1000)
        noise = numpy.random.default_rng(5).normal(0, 25, (512, 512, 15))
        hu = numpy.concatenate([smooth[..., None] + noise + k for k in range(10)], axis=2).astype("int16")
        labels = numpy.zeros(shape, "uint8")
        labels[200:300, 200:310, 40:100] = 1
        ct = case.save(f"{self.base}/ct.nii", hu, spacing=spacing)
        label = case.save(f"{self.base}/l.nii", labels, spacing=spacing)
        output = f"{self.base}/large.html"
        case.call("--image", ct, "--label", label, "--output", output)
        text = read(output)
        self.check_alone(text)
        self.assertGreater(len(text), 0.6 * LIMIT, "no more is taken away than need be")
        known = facts(text)
        dim = known["ct"]["dim"]
        self.assertTrue(256 <= dim[0] < 512 and dim[0] == dim[1] and dim[2] == 150, dim)
        kept = 512 * 0.9 / dim[0]
        self.assertTrue(any(f"{kept:.2f} x {kept:.2f} x 3.00 mm; the file has 0.90 x 0.90 x 3.00 mm" in note for note in known["notes"]), known["notes"])
        self.assertEqual(block(text, "map0"), labels.tobytes(order="F"))
        codes = undo_prediction(block(text, "ct")[:2 * dim[0] * dim[1]], (2, dim[1], dim[0]))
        found = numpy.array(known["ct"]["levels"])[codes][0].T
        self.check_mean(found, hu[..., 0].astype(float))
        self.interrupt(ct, label)

    def check_mean(self, found, hu):
        """Against the integral of the slice, taken at the corners of the kept voxels."""
        n = len(found)
        sums = numpy.zeros((513, 513))
        sums[1:, 1:] = hu.cumsum(0).cumsum(1)
        at = numpy.arange(n + 1) * 512 / n
        corner = lambda s: numpy.apply_along_axis(lambda line: numpy.interp(at, numpy.arange(513), line), 0, s)
        whole = corner(corner(sums).T).T
        mean = numpy.diff(numpy.diff(whole, axis=0), axis=1) * (n / 512) ** 2
        self.assertTrue((numpy.abs(found - mean) <= allowed(mean - 0.01) + 0.01).mean() > 0.999)

    def interrupt(self, ct, label):
        output = f"{self.base}/never.html"
        process = subprocess.Popen([case.COMMAND, "review", "--image", ct, "--label", label, "--output", output], stderr=subprocess.PIPE)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1].decode()
        self.assertEqual((process.returncode, error.count("\n")), (7, 1), error)
        self.assertFalse(os.path.exists(output))
        self.assertEqual(self.left_behind(), [])

    def test_alerts(self):
        value = case.report(case.SHAPE, warnings=["no voxel of heart"])
        value["image"]["sha256"] = "ef" * 32
        value["labels"].append({"value": 3, "name": "heart", "voxels": 0, "volume_ml": 0})
        known = facts(read(case.make(self.base, value=value)))
        self.assertEqual(len([line for line in known["alerts"] if "not the one that the report names" in line]), 1)
        self.assertIn("no voxel of heart", known["alerts"])
        self.assertIn("The label map holds no voxel of heart.", known["alerts"])
        case.save(f"{self.base}/labels.nii", numpy.zeros(case.SHAPE, "uint8"))
        case.call("--image", f"{self.base}/ct.nii", "--label", f"{self.base}/labels.nii", "--output", f"{self.base}/e.html")
        self.assertTrue(any("is empty" in line for line in facts(read(f"{self.base}/e.html"))["alerts"]))
        matrix = case.affine()
        matrix[0, 1] = 0.2
        for name, volume in (("ct.nii", case.ct()), ("labels.nii", case.labels())):
            nibabel.save(nibabel.Nifti1Image(volume, matrix), f"{self.base}/{name}")
        case.call("--image", f"{self.base}/ct.nii", "--label", f"{self.base}/labels.nii", "--output", f"{self.base}/e.html")
        known = facts(read(f"{self.base}/e.html"))
        self.assertTrue(any("right angles" in line for line in known["alerts"]), known["alerts"])
        self.assertEqual([(s["name"], s["value"]) for s in known["maps"][0]["structures"]], [("", 1), ("", 2)], "a map without names")

    def test_help(self):
        for words in (["--help"], ["review", "--help"]):
            done = subprocess.run([case.COMMAND, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("ctvk review --image CT.nii.gz --label L.nii.gz", done.stdout)

    def test_words_are_refused(self):
        """Words without a report, of a run that read none, given twice, or that are no text."""
        case.make(self.base, value=case.report(case.SHAPE, prompt_sha256=None))
        inputs = ["--image", f"{self.base}/ct.nii", "--label", f"{self.base}/labels.nii", "--output", f"{self.base}/w.html"]
        report = ["--report", f"{self.base}/report.json"]
        with open(f"{self.base}/zero.txt", "wb") as file:
            file.write(b"left\0side")
        for code, says, more in ((2, "--report: missing", ["--prompt", "left"]), (3, "read no prompt", [*report, "--prompt", "left"]), (2, "empty", [*report, "--prompt", ""]),
                                 (2, "given already", [*report, "--prompt", "left", "--prompt-file", "x"]), (3, "none.txt", [*report, "--prompt-file", "none.txt"]),
                                 (3, "zero bytes", [*report, "--prompt-file", f"{self.base}/zero.txt"])):
            self.assertIn(says, case.call(*inputs, *more, code=code))
        self.assertFalse(os.path.exists(f"{self.base}/w.html"))
        self.assertEqual(self.left_behind(), [])

    def facts_page(self, *fields, code=0, model=None, **more):
        """The page of a run by facts, or the error line; the report is of the demo bundle, and of the words that its template makes."""
        words = "N1, cT2, breast conserving surgery, left side"
        with open(f"{case.DEMO}/manifest.json", "rb") as file:
            bundle = {"name": "demo", "version": "1", "sha256": hashlib.sha256(file.read()).hexdigest()}
        own = dict(bundle=bundle, prompt_sha256=hashlib.sha256(words.encode()).hexdigest(), facts=["not=believed"])
        value = case.report(case.SHAPE, **{**own, **more})
        case.make(self.base, value=value)
        error = case.call("--image", f"{self.base}/ct.nii", "--label", f"{self.base}/labels.nii", "--report", f"{self.base}/report.json",
                          *(["--model", model or case.DEMO] if fields else []), *(word for field in fields for word in ("--field", field)),
                          "--output", f"{self.base}/f.html", code=code)
        return error if code else facts(read(f"{self.base}/f.html"))["report"]

    FACTS = ("surgery=breast conserving surgery", "n_stage=N1", "t_stage=cT2", "side=left")

    def test_facts(self):
        """The facts as they were given, and the words that the run read: by the bundle's template. Facts that a report holds are not believed."""
        found = self.facts_page(*self.FACTS)
        self.assertEqual((found["facts"], found["prompt"]), ([*self.FACTS], "N1, cT2, breast conserving surgery, left side"))
        found = self.facts_page()
        self.assertEqual((found.get("facts"), found.get("prompt")), (None, None))
        found = self.facts_page(*self.FACTS[:3], "side=right")
        self.assertEqual(found["prompt"], "N1, cT2, breast conserving surgery, right side")
        self.assertNotEqual(hashlib.sha256(found["prompt"].encode()).hexdigest(), found["prompt_sha256"])

    def test_facts_are_refused(self):
        """Of another model, of a run that read no prompt, incomplete, without a model or a report, or beside words."""
        for says, code, fields, more in (("left", 2, [*self.FACTS[:3], "side=up"], {}), ("t_stage", 2, [self.FACTS[0], *self.FACTS[3:], "n_stage=N1"], {}),
                                         ("not of the form", 2, ["left"], {}), ("not the model of the report", 3, self.FACTS, {"model": f"{case.DEMO}-vision"}),
                                         ("read no prompt", 3, self.FACTS, {"prompt_sha256": None}), ("none", 4, self.FACTS, {"model": f"{self.base}/none"})):
            with self.subTest(says):
                self.assertIn(says, self.facts_page(*fields, code=code, **more))
        inputs = ["--image", f"{self.base}/ct.nii", "--label", f"{self.base}/labels.nii", "--output", f"{self.base}/w.html"]
        report = ["--report", f"{self.base}/report.json"]
        for says, more in (("--report: missing", ["--model", case.DEMO, "--field", "side=left"]), ("--model: missing", [*report, "--field", "side=left"]),
                           ("of no use", [*report, "--model", case.DEMO]), ("given already", [*report, "--model", case.DEMO, "--field", "side=left", "--prompt", "left"])):
            self.assertIn(says, case.call(*inputs, *more, code=2))
        self.assertFalse(os.path.exists(f"{self.base}/w.html"))
        self.assertEqual(self.left_behind(), [])

    def test_many_labels(self):
        """255 of them, in no order, up to the largest value: their codes are told, and each has its voxels."""
        values = numpy.concatenate([numpy.arange(254, 0, -1) * 200, [65535]])
        labels = numpy.zeros(case.SHAPE, "int32")
        labels.reshape(-1)[numpy.arange(255) * 7 + 11] = values
        case.save(f"{self.base}/ct.nii", case.ct())
        case.call("--image", f"{self.base}/ct.nii", "--label", case.save(f"{self.base}/l.nii", labels, "RSA"), "--output", f"{self.base}/m.html")
        text = read(f"{self.base}/m.html")
        structures = facts(text)["maps"][0]["structures"]
        self.assertEqual([s["value"] for s in structures], sorted(values))
        value_of = numpy.zeros(256, int)
        for s in structures:
            value_of[s["code"]] = s["value"]
        found = value_of[numpy.frombuffer(block(text, "map0"), "uint8")].reshape(case.SHAPE[::-1]).T
        self.assertTrue((found == labels).all())

    def test_grids(self):
        """Forms as other programs round them are one grid; another place, spacing, size or direction is none, and says which files."""
        ct = case.save(f"{self.base}/ct.nii", case.ct())
        near, far = case.affine(), case.affine()
        near[0, 3] += 0.005
        far[2, 3] += 0.5
        output = f"{self.base}/out.html"
        case.call("--image", ct, "--label", case.save(f"{self.base}/near.nii", case.labels(), matrix=near), "--output", output)
        old = read(output)
        cases = [(case.labels(), dict(matrix=far)), (case.labels()[:-1], {}), (case.labels(), dict(spacing=(1.25, 1.5, 4.05))),
                 (case.labels().transpose(1, 0, 2).copy(), {}), (case.labels(), dict(matrix=case.affine() * [[-1, 1, 1, 1]] * 1))]
        for number, (labels, more) in enumerate(cases):
            label = case.save(f"{self.base}/{number}.nii", labels, **more)
            for arguments in (["--label", label], ["--label", f"{self.base}/near.nii", "--label2", label]):
                error = case.call("--image", ct, *arguments, "--output", output, code=3)
                self.assertTrue("different grids" in error and ct in error and label in error, error)
        self.assertEqual(read(output), old, "a page that was there stays")
        self.assertEqual(self.left_behind(), [])


if __name__ == "__main__":
    unittest.main()
