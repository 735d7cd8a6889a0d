"""The Python package against the command, the same library behind both: volumes as other libraries hold them, errors, cancel, doctests."""
import ctypes
import doctest
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from _ctypes import FUNCFLAG_PYTHONAPI
from unittest import mock

import nibabel
import numpy

ROOT = os.environ["CTVK_SOURCE"]
sys.path.insert(0, os.path.join(ROOT, "plugin", "python"))
sys.path.insert(0, os.path.join(ROOT, "tests", "cli"))
import ctvk  # noqa: E402
import ctvk._abi  # noqa: E402
import ctvk._context  # noqa: E402
import files  # noqa: E402
import gguf  # noqa: E402

COMMAND = os.environ["CTVK_COMMAND"]
DEMO = os.path.join(ROOT, "manifest", "demo")
CT = os.path.join(ROOT, "tests", "data", "ct", "lidc-idri-0314_small.nii.gz")


class Images(unittest.TestCase):
    """One CT in many forms gives one label map."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        base = cls.scratch.name
        files.make_bundle(f"{base}/bundle")
        files.write(f"{base}/ct.nii.gz", files.gz(files.nifti()))
        subprocess.run([COMMAND, "segment", "--model", f"{base}/bundle", "--image", f"{base}/ct.nii.gz", "--prompt", "N0, left side", "--output",
                        f"{base}/label.nii.gz", "--quiet"], check=True)
        image = nibabel.load(f"{base}/ct.nii.gz")
        cls.affine, cls.hu = image.affine, numpy.asarray(image.dataobj).astype(numpy.int16)
        cls.want = numpy.asarray(nibabel.load(f"{base}/label.nii.gz").dataobj)
        cls.model = ctvk.Model(f"{base}/bundle")

    @classmethod
    def tearDownClass(cls):
        cls.model.close()
        cls.scratch.cleanup()

    def same(self, array, affine=None, **more):
        before = numpy.array(array, copy=True)
        labels, record = self.model.segment(array, self.affine if affine is None else affine, prompt="N0, left side", **more)
        self.assertEqual(labels.dtype, numpy.uint8)
        self.assertTrue(numpy.array_equal(labels, self.want), "another label map than the command's")
        self.assertTrue(numpy.array_equal(array, before), "the input was written")
        return labels, record

    def test_the_test_can_fail(self):
        self.assertEqual(set(numpy.unique(self.want)), {0, 1})
        labels, _ = self.model.segment(self.hu, self.affine, prompt="N0, right side")
        self.assertFalse(numpy.array_equal(labels, self.want))

    def test_types(self):
        for kind in ("int16", "int32", "int64", "float32", "float64", ">i2", ">f4"):
            with self.subTest(kind):
                self.same(self.hu.astype(kind))
        for kind in (">f8", ">i8"):  # -32768.0 and such: more digits than float32 has would be lost
            with self.subTest(kind):
                self.same(self.hu.astype(kind))
        for kind in ("complex64", "object", "U1", "longdouble"):
            with self.subTest(kind), self.assertRaises(ValueError):
                self.model.segment(self.hu.astype(kind), self.affine, prompt="N0, left side")
        self.same((self.hu.astype(numpy.int32) + 1024).astype(numpy.uint16), intercept=-1024)
        self.same((self.hu.astype(numpy.float32) + 1000) / 2, slope=2, intercept=-1000)

    def test_strides(self):
        self.same(numpy.asfortranarray(self.hu))
        self.same(numpy.ascontiguousarray(self.hu))
        zyx = numpy.ascontiguousarray(self.hu.transpose(2, 1, 0))
        labels, _ = self.same(zyx.transpose(2, 1, 0))
        self.assertEqual(labels.transpose(2, 1, 0).flags["C_CONTIGUOUS"], True)
        padded = numpy.full([n + 3 for n in self.hu.shape], 7777, dtype=numpy.int16)
        padded[1:-2, 1:-2, 1:-2] = self.hu
        self.same(padded[1:-2, 1:-2, 1:-2])
        self.same(self.hu[::-1, :, ::-1][::-1, :, ::-1])
        frozen = self.hu.copy()
        frozen.flags.writeable = False
        self.same(frozen)

    def test_flipped_axes(self):
        flip = numpy.diag([-1.0, 1, 1, 1])
        flip[0, 3] = self.hu.shape[0] - 1
        labels, _ = self.model.segment(self.hu[::-1], self.affine @ flip, prompt="N0, left side")
        self.assertTrue(numpy.array_equal(labels[::-1], self.want))

    def test_conventions(self):
        lps = numpy.diag([-1.0, -1, 1, 1]) @ self.affine
        self.same(self.hu, lps, convention="LPS")
        self.same(self.hu, lps[:3], convention="LPS")
        spacing = numpy.linalg.norm(lps[:3, :3], axis=0)
        self.assertTrue(numpy.allclose(ctvk.itk_affine(spacing, lps[:3, 3], (lps[:3, :3] / spacing).ravel()), lps))

    def test_more_results(self):
        result = self.model.segment(self.hu, self.affine, prompt="N0, left side", probability=True, logits=True)
        self.assertTrue(numpy.allclose(result.probability.sum(0), 1, atol=1e-5))
        self.assertTrue(numpy.array_equal(result.probability.argmax(0), result.labels))
        self.assertEqual(result.logits.shape[0], 2)
        self.assertEqual(result.embedding.shape, (2, files.TEXT_DIM))
        self.assertAlmostEqual(result.volume_ml("CTV"), result.labels.sum() * 2.0 / 1000, places=6)
        self.assertEqual(result.record["bundle"]["name"], "tiny")
        again = self.model.segment(self.hu, self.affine, embedding=result.embedding)
        self.assertTrue(numpy.array_equal(again.labels, self.want))

    def test_several_texts(self):
        """One after the other on one CT, each as a run of its own."""
        other = self.model.embed("N0, left side") * -3
        wanted = [self.model.segment(self.hu, self.affine, embedding=other, logits=True),
                  self.model.segment(self.hu, self.affine, prompt="N0, left side", logits=True)]
        self.assertFalse(numpy.array_equal(wanted[0].logits, wanted[1].logits))
        found = list(self.model.segment_each(self.hu, self.affine, [other, "N0, left side", other], logits=True))
        self.assertEqual([result.record["encoder"]["windows_reused"] for result in found], [0, found[0].record["windows"], found[0].record["windows"]])
        for result, want in zip(found, [*wanted, wanted[0]]):
            self.assertTrue(numpy.array_equal(result.labels, want.labels) and numpy.array_equal(result.logits, want.logits))
        with ctvk.Model(f"{self.scratch.name}/bundle") as model:
            runs = model.segment_each(self.hu, self.affine, ["N0, left side", "not cached"])
            with self.assertRaises(ctvk.Error):  # before anything is computed
                next(runs)
            runs = model.segment_each(self.hu, self.affine, ["N0, left side", other])
            self.assertTrue(numpy.array_equal(next(runs).labels, self.want))
        self.assertEqual(list(runs), [])  # it went with the model
        for alone in ("N0, left side", {"side": "left"}, numpy.zeros((2, 8), numpy.float32)):
            with self.assertRaises(ValueError):
                self.model.segment_each(self.hu, self.affine, alone)

    def test_errors(self):
        cases = [(ValueError, dict(array=self.hu[0], affine=self.affine)), (ValueError, dict(array=self.hu, affine=numpy.eye(3))),
                 (ValueError, dict(array=self.hu, affine=self.affine, convention="RPI")),
                 (ValueError, dict(array=self.hu, affine=self.affine, prompt="x", embedding=[0])),
                 (21, dict(array=self.hu, affine=self.affine)), (21, dict(array=self.hu, affine=self.affine, prompt=" ")),
                 (40, dict(array=self.hu, affine=self.affine, prompt="not cached")), (20, dict(array=self.hu, affine=self.affine, fields={"side": "up"})),
                 (30, dict(array=self.hu, affine=self.affine, embedding=[1.0])), (30, dict(array=self.hu, affine=self.affine, embedding=[numpy.nan] * 32)),
                 (30, dict(array=self.hu, affine=numpy.zeros((4, 4)) + numpy.diag([0, 0, 0, 1]), prompt="N0, left side"))]
        for want, given in cases:
            with self.subTest(str(sorted(given.items(), key=str))[:80]):
                with self.assertRaises(want if isinstance(want, type) else ctvk.Error) as caught:
                    self.model.segment(**given)
                if not isinstance(want, type):
                    self.assertEqual(caught.exception.status, want)
                    self.assertRegex(str(caught.exception), r".+: .+ \(.+\)")
        with self.assertRaises(ctvk.Error) as caught:
            ctvk.Model(f"{self.scratch.name}/none")
        self.assertEqual((caught.exception.status, caught.exception.name), (40, "CTVK_ERROR_BUNDLE"))
        with self.assertRaises(ctvk.Error) as caught:
            ctvk.Model(f"{self.scratch.name}/bundle", device="no such device").segment(self.hu, self.affine, prompt="N0, left side")
        self.assertEqual(caught.exception.name, "CTVK_ERROR_NO_DEVICE")
        with self.assertRaises(ctvk.Error) as caught:
            ctvk.Model(f"{self.scratch.name}/bundle", memory_limit=1 << 20).segment(self.hu, self.affine, prompt="N0, left side")
        self.assertEqual(caught.exception.name, "CTVK_ERROR_DEVICE_MEMORY")
        closed = ctvk.Model(f"{self.scratch.name}/bundle")
        closed.close()
        closed.close()
        with self.assertRaises(ValueError):
            closed.segment(self.hu, self.affine, prompt="N0, left side")

    def test_precision(self):
        """f16 takes less of the device for labels that are the same but for a few; f32 and auto are one."""
        run = dict(array=self.hu, affine=self.affine, prompt="N0, left side", logits=True)
        plain = self.model.segment(**run)
        for precision in ("f32", "f16"):
            with ctvk.Model(f"{self.scratch.name}/bundle", precision=precision) as model:
                found, again = model.segment(**run), model.segment(**run)
            self.assertEqual(found.record["precision"], precision)
            self.assertTrue(numpy.array_equal(found.logits, again.logits))
            self.assertEqual(numpy.array_equal(found.logits, plain.logits), precision == "f32")
            self.assertLessEqual(numpy.mean(found.labels != plain.labels), 1e-3)
        self.assertLess(found.record["memory"]["planned_bytes"], plain.record["memory"]["planned_bytes"])
        for wrong in ("F16", "half", "", None, 2):
            with self.assertRaises(ValueError):
                ctvk.Model(f"{self.scratch.name}/bundle", precision=wrong)

    def test_progress_and_cancel(self):
        seen = []
        self.model.segment(self.hu, self.affine, prompt="N0, left side", on_progress=lambda fraction, stage: seen.append((fraction, stage)))
        fractions = [fraction for fraction, _ in seen]
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual(fractions[-1], 1)
        with self.assertRaises(ctvk.Cancelled):
            self.model.segment(self.hu, self.affine, prompt="N0, left side", on_progress=lambda fraction, stage: fraction > 0.1)

        def fails(_fraction, _stage):
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            self.model.segment(self.hu, self.affine, prompt="N0, left side", on_progress=fails)
        self.same(self.hu)

    def test_interrupt(self):
        """Ctrl-C cancels, and the model works on."""
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            for _ in range(100):
                self.model.segment(self.hu, self.affine, prompt="N0, left side")
        timer.join()
        self.same(self.hu)

    def test_interrupt_while_a_bundle_is_opened(self):
        """Ctrl-C ends the hashing of a large file at its next report."""
        folder = f"{self.scratch.name}/large"
        files.make_bundle(folder)
        with open(f"{folder}/zeros.bin", "wb") as file:
            file.truncate(64 << 20)
        manifest = files.manifest()
        manifest["files"] = {"zeros.bin": {"sha256": "0" * 64}}  # wrong, so that the end of it would be seen
        files.write(f"{folder}/manifest.json", manifest)
        seen, put = [], ctvk._context.Watch.put

        def interrupted_put(watch, user, fraction, stage):
            seen.append(fraction)
            if len(seen) == 3:
                os.kill(os.getpid(), signal.SIGINT)
                end = time.monotonic() + 30
                while not watch.stopped and time.monotonic() < end:
                    time.sleep(0.01)
            return put(watch, user, fraction, stage)

        with mock.patch.object(ctvk._context.Watch, "put", interrupted_put):
            with self.assertRaises(KeyboardInterrupt):
                ctvk.Model(folder)
            self.assertEqual(len(seen), 3)
            with self.assertRaises(ctvk.Error) as caught:
                ctvk.Model(folder)
        self.assertEqual(caught.exception.name, "CTVK_ERROR_HASH")
        self.assertGreater(len(seen), 60)
        self.same(self.hu)

    def test_threads_run_side_by_side(self):
        """Two models on two threads."""
        results = [None, None]

        def run(number):
            with ctvk.Model(f"{self.scratch.name}/bundle") as model:
                results[number] = model.segment(self.hu, self.affine, prompt="N0, left side").labels

        workers = [threading.Thread(target=run, args=(i,)) for i in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertTrue(all(numpy.array_equal(labels, self.want) for labels in results))

    def test_gil_is_released(self):
        """A call without callbacks, in which the interpreter would get no turn: another thread counts meanwhile. Every function is called in that way."""
        functions = [kind for name, table in vars(ctvk._abi).items() if name.endswith("Api") for _, kind in table._fields_ if hasattr(kind, "_restype_")]
        self.assertGreater(len(functions), 50)
        self.assertFalse([kind for kind in functions if kind._flags_ & FUNCFLAG_PYTHONAPI])
        folder = f"{self.scratch.name}/slow"
        files.make_bundle(folder)
        with open(f"{folder}/zeros.bin", "wb") as file:
            file.truncate(128 << 20)
        files.write(f"{folder}/manifest.json", {**files.manifest(), "files": {"zeros.bin": {"sha256": "0" * 64}}})
        counted, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                counted[0] += 1
                time.sleep(0.001)

        counter, place = threading.Thread(target=count), ctypes.c_void_p()
        counter.start()
        before = counted[0]
        status = self.model._library.bundles.open(self.model._context.handle, folder.encode(), len(folder), ctypes.byref(place))
        gained = counted[0] - before
        stop.set()
        counter.join()
        self.assertEqual((status, place.value), (41, None))  # the hash is wrong, after all of it
        self.assertGreater(gained, 5)


class Evaluation(unittest.TestCase):
    """Two label maps of three labels, each a ball, on voxels that are no cubes; a fourth label that only the prediction has."""
    AFFINE = numpy.array([[-0.9, 0, 0, 10], [0, 1.3, 0, -20], [0, 0, 2.5, 5], [0, 0, 0, 1.0]])

    @classmethod
    def setUpClass(cls):
        grid = numpy.stack(numpy.meshgrid(*[numpy.arange(n) for n in (40, 37, 23)], indexing="ij"), axis=-1)
        cls.maps = []
        for shift in (0, 2):
            labels = numpy.zeros((40, 37, 23), dtype=numpy.uint8)
            for value, centre in ((1, (10, 10, 8)), (2, (28, 12, 12)), (44, (20, 27, 10))):
                labels[((grid - numpy.array(centre) - (shift, 0, shift // 2)) ** 2).sum(-1) < 50] = value
            cls.maps.append(labels)
        cls.maps[1][0, 0, 0] = 7

    def command(self, *more):
        with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
            for name, labels in zip("rp", self.maps):
                nibabel.save(nibabel.Nifti1Image(labels, self.AFFINE), f"{base}/{name}.nii.gz")
            done = subprocess.run([COMMAND, "evaluate", "--reference", f"{base}/r.nii.gz", "--prediction", f"{base}/p.nii.gz", "--json", *more], check=True,
                                  capture_output=True, text=True)
            return json.loads(done.stdout)["labels"], done.stderr.count("warning:")

    def test_numbers_are_the_commands(self):
        want, warned = self.command("--tolerance", "1", "--tolerance", "2.5", "--label", "CTV=1", "--label", "heart=9")
        spacing = (0.9, 1.3, 2.5)
        for given in (dict(spacing=spacing), dict(affines=(self.AFFINE, self.AFFINE))):
            found = ctvk.evaluate(*self.maps, **given, tolerances=(1, 2.5), labels={1: "CTV", 9: "heart"})
            self.assertEqual([s.value for s in found.labels], [label["value"] for label in want])
            self.assertEqual(len(found.labels), 5)
            self.assertEqual((found["CTV"].value, found[9].name, found[2].name), (1, "heart", ""))
            self.assertEqual(len(found.warnings), warned)
            self.assertGreater(warned, 0)
            for scores, label in zip(found.labels, want):
                for key, value in label.items():
                    mine = getattr(scores, key)
                    if key == "nsd":
                        self.assertEqual(sorted(mine), [1, 2.5])
                        mine, value = (numpy.array([both[k] for k in keys], dtype=float) for both, keys in ((mine, (1, 2.5)), (value, ("1", "2.5"))))
                    elif value is None:
                        self.assertTrue(numpy.isnan(mine), (scores.value, key))
                        continue
                    elif isinstance(value, str):
                        self.assertEqual(mine, value)
                        continue
                    # The command prints nine digits, and NIfTI keeps its affine in float32.
                    self.assertTrue(numpy.allclose(mine, value, rtol=1e-6, atol=1e-9), (scores.value, key, mine, value))
        self.assertLess(found[1].dice, 1)
        self.assertGreater(found[1].hd_mm, 1)

    def test_forms_of_a_mask(self):
        masks = [labels == 1 for labels in self.maps]
        want = ctvk.evaluate(*masks, (1, 1, 1))
        for kind in (numpy.uint8, numpy.int64, numpy.float32, ">i2"):
            self.assertEqual(ctvk.evaluate(*[mask.astype(kind) for mask in masks], (1, 1, 1)), want)
        self.assertEqual(ctvk.evaluate(*[numpy.asfortranarray(mask) for mask in masks], (1, 1, 1)), want)
        self.assertEqual(ctvk.evaluate(masks[0][::-1], masks[1][::-1], (1, 1, 1)), want)
        self.assertEqual(want[1].voxels_both, int((masks[0] & masks[1]).sum()))

    def test_errors(self):
        reference, prediction = self.maps
        shifted = self.AFFINE.copy()
        shifted[0, 3] += 1
        for want, given in ((ValueError, {}), (ValueError, dict(spacing=(1, 1))), (ValueError, dict(spacing=(1, 1, 1), affines=(self.AFFINE, self.AFFINE))),
                            (ValueError, dict(spacing=(1, 1, 1), tolerances=())), (20, dict(spacing=(1, 1, 1), tolerances=(-1,))),
                            (20, dict(spacing=(1, 1, 1), labels={0: "background"})), (30, dict(affines=(self.AFFINE, shifted)))):
            with self.subTest(str(given)[:80]), self.assertRaises(want if isinstance(want, type) else ctvk.Error) as caught:
                ctvk.evaluate(reference, prediction, **given)
            if not isinstance(want, type):
                self.assertEqual(caught.exception.status, want)
        for wrong in (prediction[1:], prediction.astype(numpy.float32) + 0.5, prediction.astype(numpy.int16) - 1):
            with self.assertRaises(ctvk.Error) as caught:
                ctvk.evaluate(reference, wrong, (1, 1, 1))
            self.assertEqual(caught.exception.name, "CTVK_ERROR_INPUT")
        with self.assertRaisesRegex(ctvk.Cancelled, "cancel"):
            ctvk.evaluate(reference, prediction, (1, 1, 1), on_progress=lambda fraction, stage: True)
        with self.assertRaises(KeyError):
            ctvk.evaluate(reference, prediction, (1, 1, 1))["none"]


class Text(unittest.TestCase):
    def test_language_model(self):
        with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
            files.write(f"{base}/tiny.gguf", gguf.build())
            files.make_bundle(f"{base}/bundle")
            tensors = files.network()
            tensors.update(files.seeded({"contexts": (2, 8, files.TEXT_DIM), "segment_token": (files.TEXT_DIM,)}, seed=5))
            files.write(f"{base}/bundle/network.safetensors", files.safetensors(tensors))
            manifest = files.manifest()
            manifest["network"]["text"]["encoder"] = {"type": "llama-gguf", "file": "tiny.gguf", "sha256": files.sha256(f"{base}/tiny.gguf"),
                                                      "soft_prompt": "contexts", "segment_token_embedding": "segment_token", "max_tokens": 20}
            files.write(f"{base}/bundle/manifest.json", manifest)
            files.write(f"{base}/ct.nii.gz", files.gz(files.nifti()))
            subprocess.run([COMMAND, "embed", "--model", f"{base}/bundle", "--prompt", "left", "--llm", f"{base}/tiny.gguf", "--output",
                            f"{base}/e.safetensors", "--quiet"], check=True)
            want = numpy.frombuffer(files.read(f"{base}/e.safetensors")[-4 * 2 * files.TEXT_DIM:], dtype=numpy.float32).reshape(2, -1)
            image = nibabel.load(f"{base}/ct.nii.gz")
            with ctvk.Model(f"{base}/bundle", llm=f"{base}/tiny.gguf") as model:
                self.assertEqual([gguf.PIECES[t] for t in model.tokenize("left side")], ["\u2581left", "\u2581s", "id", "e"])
                self.assertTrue(numpy.array_equal(model.embed("left"), want))
                by_prompt = model.segment(image.dataobj, image.affine, prompt="left")
                by_embedding = model.segment(image.dataobj, image.affine, embedding=want)
                self.assertTrue(numpy.array_equal(by_prompt.labels, by_embedding.labels))
                self.assertEqual(by_prompt.record["text"]["source"], "model")
                self.assertEqual(model.prompt({"side": ["left", "right"]}), "N0, left side; N0, right side")
                with self.assertRaises(ctvk.Cancelled):
                    model.embed("right", on_progress=lambda fraction, stage: True)
                with self.assertRaises(ctvk.Error) as caught:
                    model.embed("")
                self.assertEqual(caught.exception.name, "CTVK_ERROR_PROMPT")


class Package(unittest.TestCase):
    def test_devices_are_the_commands(self):
        listed = json.loads(subprocess.run([COMMAND, "devices", "--json"], check=True, capture_output=True).stdout)
        listed = listed["devices"] if isinstance(listed, dict) else listed
        self.assertEqual([d["uuid"] for d in listed], [d.uuid for d in ctvk.devices()])

    def test_structs_have_the_headers_sizes(self):
        """A C program prints the sizes of all structs and tables; ctypes has the same."""
        pairs = {"ctvk_context_desc": "ContextDesc", "ctvk_device_info": "DeviceInfo", "ctvk_bundle_info": "BundleInfo", "ctvk_label_info": "LabelInfo",
                 "ctvk_field_info": "FieldInfo", "ctvk_field_choice": "FieldChoice", "ctvk_memory_info": "MemoryInfo", "ctvk_volume": "Volume",
                 "ctvk_job_options": "JobOptions", "ctvk_result_info": "ResultInfo", "ctvk_label_volume": "LabelVolume",
                 "ctvk_text_model_desc": "TextModelDesc", "ctvk_text_model_info": "TextModelInfo", "ctvk_text_options": "TextOptions",
                 "ctvk_text_info": "TextInfo", "ctvk_label_name": "LabelName", "ctvk_evaluation_options": "EvaluationOptions",
                 "ctvk_evaluation_info": "EvaluationInfo", "ctvk_label_scores": "LabelScores", "ctvk_evaluation_api": "EvaluationApi",
                 "ctvk_context_api": "ContextApi", "ctvk_bundle_api": "BundleApi", "ctvk_job_api": "JobApi",
                 "ctvk_result_api": "ResultApi", "ctvk_text_api": "TextApi"}
        with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
            lines = "".join(f'printf("%zu\\n", sizeof({name}));' for name in pairs)
            files.write(f"{base}/sizes.c", f'#include "ctvk/ctvk.h"\n#include <stdio.h>\nint main(void){{{lines}return 0;}}\n'.encode())
            subprocess.run(["cc", "-I", os.path.join(ROOT, "include"), f"{base}/sizes.c", "-o", f"{base}/sizes"], check=True)
            sizes = subprocess.run([f"{base}/sizes"], check=True, capture_output=True, text=True).stdout.split()
        for (name, ours), size in zip(pairs.items(), sizes):
            self.assertEqual(int(size), ctvk._abi.ctypes.sizeof(getattr(ctvk._abi, ours)), name)

    def test_docstrings_and_hints(self):
        """Of everything that a user can name: words, and a type for each parameter and result."""
        seen = 0
        for name in ctvk.__all__:
            made = getattr(ctvk, name)
            self.assertTrue(made.__doc__, name)
            members = {name: made} if inspect.isfunction(made) else {
                f"{name}.{key}": value for key, value in vars(made).items() if not key.startswith("_") or key in ("__init__", "__call__")}
            for full, member in members.items():
                function = member.fget if isinstance(member, property) else member
                if not inspect.isfunction(function) or function.__qualname__.startswith("__create_fn__"):
                    continue  # a value, or what dataclass made
                seen += 1
                self.assertTrue(function.__doc__ or full.endswith(("__init__", "__call__")), full)  # which the class tells of
                signature = inspect.signature(function)
                missing = [p.name for p in signature.parameters.values() if p.name != "self" and p.annotation is p.empty]
                self.assertEqual(missing, [], full)
                self.assertTrue(full.endswith("__init__") or signature.return_annotation is not signature.empty, full)
        self.assertGreater(seen, 20)

    def test_doctests(self):
        image = nibabel.load(CT)
        tried = 0
        for name in ("_model", "_geometry", "_context", "_evaluation"):
            result = doctest.testmod(importlib.import_module(f"ctvk.{name}"), extraglobs={"DEMO": DEMO, "CT": numpy.asarray(image.dataobj), "AFFINE": image.affine, "ctvk": ctvk})
            self.assertEqual(result.failed, 0)
            tried += result.attempted
        self.assertGreater(tried, 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
