"""Slicer's CLI module as Slicer meets it: its description, its command line, its progress, its end; the shared object in a process of its
own; and readers of the Slicer Execution Model that others wrote (PyPI, in an environment of their own under the build folder)."""
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

import nibabel
import numpy

ROOT = os.environ["CTVK_SOURCE"]
sys.path.insert(0, os.path.join(ROOT, "tests", "cli"))
import files  # noqa: E402

COMMAND, MODULE, SHARED = os.environ["CTVK_COMMAND"], os.environ["CTVK_SLICER"], os.environ["CTVK_SLICER_SHARED"]
DEMO = os.path.join(ROOT, "manifest", "demo")
# As the cache of the demo has it, and as facts.
PROMPT, FACTS = "N0, cT2, breast conserving surgery, left side", "side=left,n_stage=N0,t_stage=cT2,surgery=breast conserving surgery"
CT = os.path.join(ROOT, "tests", "data", "ct", "lidc-idri-0314_small.nii.gz")
HERE = os.path.dirname(os.path.abspath(__file__))
ERROR = re.compile(r"ctvk: error: [^\n]+: [^\n]+ \([^\n]+\)\n")


def run(*words, **more):
    return subprocess.run([MODULE, *words], capture_output=True, text=True, timeout=300, **more)


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"], prefix="slicer ")
        self.addCleanup(folder.cleanup)
        # As long and as awkward as a scene's own folder may be.
        self.folder = os.path.join(folder.name, "Sc\u00e9ne with spaces, 'quotes' & (brackets)", "x" * 120)
        os.makedirs(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def small(self):
        """A bundle and an image that take a second."""
        files.make_bundle(self.path("bundle"))
        files.write(self.path("ct.nii.gz"), files.gz(files.nifti()))
        return ["--model", self.path("bundle")], [self.path("ct.nii.gz"), self.path("label.nii.gz")]

    def nothing_written(self):
        self.assertFalse([name for name in os.listdir(self.folder) if name not in ("bundle", "ct.nii.gz")])


class Description(unittest.TestCase):
    """A strict reading of --xml: elements, their order, names and values as the Slicer Execution Model has them."""
    HEAD = ["category", "title", "description", "version", "license", "contributor", "acknowledgements"]
    ORDER = ["name", "flag", "longflag", "label", "description", "channel", "default", "index", "constraints", "element"]
    FILES = ("image", "file", "directory")

    @classmethod
    def setUpClass(cls):
        done = run("--xml")
        assert done.returncode == 0 and done.stderr == "", done.stderr
        cls.text = done.stdout
        cls.root = ElementTree.fromstring(done.stdout.encode())
        cls.parameters = [p for group in cls.root.findall("parameters") for p in group if p.tag not in ("label", "description")]

    def test_head(self):
        self.assertTrue(self.text.startswith('<?xml version="1.0" encoding="utf-8"?>\n'))
        self.assertEqual(self.root.tag, "executable")
        tags = [child.tag for child in self.root]
        self.assertEqual(tags, self.HEAD + ["parameters"] * (len(tags) - len(self.HEAD)))
        for name in self.HEAD:
            self.assertTrue(self.root.findtext(name).strip(), name)
        self.assertEqual(run("--version").stdout.split()[1], self.root.findtext("version"))
        self.assertNotIn("@", self.text)

    def test_same_on_every_machine(self):
        """Slicer asks at each start: no driver is looked for, of which the loader would tell here."""
        loud = {**os.environ, "VK_LOADER_DEBUG": "all"}
        done = run("--xml", env=loud)
        self.assertEqual(done.stdout, self.text)
        self.assertNotIn("DRIVER", done.stderr)
        self.assertIn("DRIVER", subprocess.run([COMMAND, "devices"], capture_output=True, text=True, env=loud).stderr)

    def test_parameters(self):
        flags, indices, names = [], [], []
        for parameter in self.parameters:
            with self.subTest(parameter.findtext("name")):
                children = [child.tag for child in parameter]
                self.assertTrue(set(children) <= set(self.ORDER), children)
                for tag in set(children) - {"element"}:
                    self.assertEqual(children.count(tag), 1, tag)
                for tag in ("name", "label", "description"):
                    self.assertTrue(parameter.findtext(tag), tag)
                names.append(parameter.findtext("name"))
                self.assertRegex(names[-1], r"^[A-Za-z_]\w*$")
                flag, index, channel = parameter.findtext("longflag"), parameter.findtext("index"), parameter.findtext("channel")
                if flag is not None:
                    # Slicer makes a variable of it: no hyphen inside.
                    self.assertRegex(flag, r"^--[A-Za-z_]\w*$")
                    flags.append(flag)
                if index is not None:
                    indices.append(int(index))
                simple_output = channel == "output" and parameter.tag not in self.FILES
                self.assertEqual((flag is not None) + (index is not None), 0 if simple_output else 1)
                self.assertIn(channel, ("input", "output") if parameter.tag in self.FILES else (None, "output"))
        self.assertEqual(sorted(indices), [0, 1])
        self.assertEqual(len(set(flags)), len(flags))
        self.assertEqual(len(set(names)), len(names))
        help_text = run("--help").stdout
        for flag in flags:
            self.assertRegex(help_text, rf"\n  {flag}\b")

    def test_types(self):
        by_name = {p.findtext("name"): p for p in self.parameters}
        self.assertEqual([by_name[n].tag for n in ("image", "output", "model", "prompt", "field", "device", "memory_limit")],
                         ["image", "image", "directory", "string", "string-vector", "string-enumeration", "integer"])
        self.assertEqual([by_name[n].get("fileExtensions") for n in ("image", "output")], [".nii.gz", ".nii.gz"])
        self.assertEqual(by_name["output"].get("type"), "label")
        elements = [e.text for e in by_name["device"].findall("element")]
        self.assertIn(by_name["device"].findtext("default"), elements)
        self.assertEqual(by_name["AllowInMemoryTransfer"].findtext("default"), "false")
        for name in ("volumes", "total_ml", "alerts", "warnings"):
            self.assertEqual(by_name[name].findtext("channel"), "output")


class Runs(Scratch):
    def returns(self):
        with open(self.path("returns.params"), encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(" = ", 1) for line in file)

    def check_progress(self, text):
        """Well-formed, every filter is begun and ended, progress never falls within one and reaches 1."""
        root = ElementTree.fromstring(f"<all>{text}</all>")
        seen, open_filter = [], False
        for element in root:
            if element.tag == "filter-start":
                self.assertFalse(open_filter)
                self.assertTrue(element.findtext("filter-name"))
                self.assertTrue(element.findtext("filter-comment"))
                seen, open_filter = [], True
            elif element.tag == "filter-progress":
                self.assertTrue(open_filter)
                seen.append(float(element.text))
            elif element.tag == "filter-end":
                self.assertTrue(open_filter)
                self.assertTrue(float(element.findtext("filter-time")) >= 0)
                self.assertEqual(seen, sorted(seen))
                self.assertEqual(seen[-1], 1)
                open_filter = False
            else:
                self.assertEqual(element.tag, "filter-comment")
        self.assertFalse(open_filter)
        self.assertGreater(len(seen), 5)
        return [e.text for e in root.findall("filter-comment")]

    def test_the_demo_as_slicer_calls_it(self):
        """Every parameter of the dialog, the empty ones too, in Slicer's order; the same label map as the command's."""
        done = run("--returnparameterfile", self.path("returns.params"), "--model", DEMO, "--prompt", "", "--field", FACTS, "--llm", "", "--device",
                   "auto", "--memory_limit", "0", "--report", self.path("report.json"), CT, self.path("label map.nii.gz"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        comments = self.check_progress(done.stdout)
        self.assertIn("unreviewed", comments[-1])
        subprocess.run([COMMAND, "segment", "--model", DEMO, "--image", CT, "--prompt", PROMPT, "--output", self.path("want.nii.gz"), "--quiet"],
                       check=True)
        label, want, ct = (nibabel.load(p) for p in (self.path("label map.nii.gz"), self.path("want.nii.gz"), CT))
        self.assertTrue(numpy.array_equal(numpy.asarray(label.dataobj), numpy.asarray(want.dataobj)))
        self.assertTrue(numpy.array_equal(label.affine, ct.affine))
        with open(self.path("report.json"), encoding="utf-8") as file:
            report = json.load(file)
        [found] = [entry for entry in report["labels"] if entry["value"] == 1]
        self.assertGreater(found["volume_ml"], 50)
        returns = self.returns()
        self.assertEqual(returns["volumes"], f"CTV: {found['volume_ml']:.2f} ml")
        self.assertAlmostEqual(float(returns["total_ml"]), found["volume_ml"], places=3)
        self.assertEqual((returns["alerts"], returns["warnings"]), ("0", ""))

    def test_alerts(self):
        """A CT of air: the warnings reach the parameter file, the comments and stderr."""
        model, _ = self.small()
        files.write(self.path("ct.nii.gz"), files.gz(files.nifti(numpy.full(40 * 36 * 20, -1000, dtype="<i2").tobytes())))
        done = run("--returnparameterfile", self.path("returns.params"), *model, "--field", "side=left", self.path("ct.nii.gz"), self.path("label.nii.gz"))
        self.assertEqual(done.returncode, 0, done.stderr)
        returns = self.returns()
        self.assertGreaterEqual(int(returns["alerts"]), 1)
        self.assertIn("no voxel", returns["warnings"])
        self.assertTrue(any("no voxel" in comment for comment in self.check_or_comments(done.stdout)))
        self.assertIn("ctvk: warning: ", done.stderr)

    @staticmethod
    def check_or_comments(text):
        return [e.text for e in ElementTree.fromstring(f"<all>{text}</all>").findall("filter-comment")]

    def test_fields(self):
        """Commas between facts and within values; a wrong value names what is allowed."""
        model, images = self.small()
        manifest = files.manifest()
        manifest["network"]["text"].update(template="{stage}, {side} side", fields={"side": ["left", "right"], "stage": ["N0", "N0, N1"]})
        files.write(self.path("bundle/manifest.json"), manifest)
        self.assertEqual(run(*model, "--field", "side=left,stage=N0", *images).returncode, 0)
        self.assertEqual(run(*model, "--field", "side=left", "--field", "", "--field", "stage=N0", *images).returncode, 0)
        os.remove(self.path("label.nii.gz"))
        done = run(*model, "--field", "stage=N0, N1,side=left", *images)
        self.assertEqual(done.returncode, 4)  # both facts were understood; the sentence is in no cache
        self.assertIn("cache", done.stderr)
        done = run(*model, "--field", "side=up,stage=N0", *images)
        self.assertEqual(done.returncode, 2)
        self.assertIn("left", done.stderr)
        self.nothing_written()

    def test_errors(self):
        model, images = self.small()
        text = ["--prompt", "N0, left side"]
        for code, says, words in [
                (2, "slicer:", [*model, *text, "slicer:0x55d0c0ffee#vtkMRMLScalarVolumeNode1", images[1]]),
                (2, "slicer:", [*model, *text, images[0], "slicer:0x55d0c0ffee#vtkMRMLLabelMapVolumeNode1"]),
                (2, "slicer:", ["--model", "slicer:0x1#a", *text, *images]),
                (2, "slicer:", [*model, *text, "--report", "slicer:0x1#a", *images]),
                (2, "in_memory", [*model, *text, "--allow_in_memory_transfer", *images]),
                (2, "--model", [*text, *images]), (2, "--model", ["--model", "", *text, *images]), (2, "missing", [*model, *text, images[0]]),
                (2, "too many", [*model, *text, *images, "more"]), (2, "--unknown", [*model, "--unknown", *images]), (2, "--xml", ["--xml", *images]),
                (2, "memory", [*model, *text, "--memory_limit", "-5", *images]), (2, "prompt", [*model, *images]),
                (2, "text is given", [*model, *text, "--field", "side=left", *images]), (2, "nii.gz", [*model, *text, images[0], self.path("label.png")]),
                (2, "overwrite", [*model, *text, images[0], images[0]]), (3, "none.nii.gz", [*model, *text, self.path("none.nii.gz"), images[1]]),
                (3, "returnparameterfile", [*model, *text, "--returnparameterfile", self.path("none/returns"), *images]),
                (4, "none", ["--model", self.path("none"), *text, *images]), (4, "cache", [*model, "--prompt", "not cached", *images]),
                (5, "7", [*model, *text, "--device", "7", *images]), (6, "MiB", [*model, *text, "--memory_limit", "1", *images])]:
            with self.subTest(words=words[-4:]):
                done = run(*words)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertRegex(done.stderr, ERROR)
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertIn(says, done.stderr)
                self.nothing_written()

    def test_signals(self):
        """Cancelled in the middle by each signal: exit 7, one line, nothing left, and a file that was there stays."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name):
                with open(self.path("label.nii.gz"), "wb") as file:
                    file.write(b"earlier")
                process = subprocess.Popen([MODULE, "--model", DEMO, "--prompt", PROMPT, CT, self.path("label.nii.gz")], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True)
                for line in process.stdout:
                    if "network" in line:
                        break
                sent = time.monotonic()
                process.send_signal(number)
                _, error = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 7, error)
                self.assertRegex(error, ERROR)
                self.assertIn("cancelled", error)
                # One submission; the machine may be busy with others.
                self.assertLess(time.monotonic() - sent, 20)
                self.assertEqual(files.read(self.path("label.nii.gz")), b"earlier")
                self.assertEqual(os.listdir(self.folder), ["label.nii.gz"])

    def test_kill(self):
        """Slicer's own Cancel kills the process outright: an earlier file stays as it was."""
        files.write(self.path("label.nii.gz"), b"earlier")
        process = subprocess.Popen([MODULE, "--model", DEMO, "--prompt", PROMPT, CT, self.path("label.nii.gz")], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if "network" in line:
                break
        process.kill()
        process.communicate()
        self.assertEqual(files.read(self.path("label.nii.gz")), b"earlier")

    def test_host_gone(self):
        """Nobody reads the progress any more: cancelled, nothing written."""
        process = subprocess.Popen([MODULE, "--model", DEMO, "--prompt", PROMPT, CT, self.path("label.nii.gz")], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(timeout=120), 7, error)
        self.assertEqual(os.listdir(self.folder), [])


class SharedMemory(ctypes.Structure):
    """ModuleProcessInformation of the Slicer Execution Model, written down a second time."""
    CHANGED = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    _fields_ = [("abort", ctypes.c_ubyte), ("progress", ctypes.c_float), ("stage", ctypes.c_float), ("message", ctypes.c_char * 1024), ("changed", CHANGED),
                ("data", ctypes.c_void_p), ("elapsed", ctypes.c_double)]


def in_process(*words):
    """What Slicer does with the shared object; in a child, which prints what it saw as JSON."""
    library = ctypes.CDLL(SHARED)
    library.GetXMLModuleDescription.restype = ctypes.c_char_p
    shared, seen = SharedMemory(), []
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)], ctypes.CDLL(None).getenv(b"LP_NATIVE_VECTOR_WIDTH")

    def changed(_data):
        seen.append((shared.progress, shared.message.decode()))
        if "abort" in words and shared.progress > 0.2:
            shared.abort = 1

    shared.changed = SharedMemory.CHANGED(changed)
    line = ["ctvk-slicer", "--processinformationaddress", hex(ctypes.addressof(shared)), *(w for w in words if w != "abort")]
    codes = []
    for _ in range(2):  # a module is loaded once and called often
        shared.abort, seen[:] = 0, []
        argv = (ctypes.c_char_p * len(line))(*(w.encode() for w in line))
        codes.append(library.ModuleEntryPoint(len(line), argv))
    after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)], ctypes.CDLL(None).getenv(b"LP_NATIVE_VECTOR_WIDTH")
    symbol = ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(library, "XMLModuleDescription")))
    print(json.dumps({"codes": codes, "seen": seen, "elapsed": shared.elapsed, "unchanged": before == after,
                      "xml": [symbol.decode(), library.GetXMLModuleDescription().decode()]}))


class SharedObject(Scratch):
    def child(self, *words):
        done = subprocess.run([sys.executable, os.path.abspath(__file__), "in_process", *words], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def test_runs(self):
        model, images = self.small()
        out, error = self.child(*model, "--prompt", "N0, left side", *images)
        self.assertEqual((out["codes"], error), ([0, 0], ""))
        self.assertTrue(out["unchanged"], "signal handlers or environment of the host were changed")
        fractions = [fraction for fraction, _ in out["seen"] if _ != "encode" or fraction < 1]
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual(fractions[-1], 1)
        self.assertGreater(out["elapsed"], 0)
        self.assertEqual(out["xml"], [run("--xml").stdout] * 2)
        subprocess.run([MODULE, *model, "--prompt", "N0, left side", images[0], self.path("want.nii.gz")], check=True, stdout=subprocess.DEVNULL)
        self.assertTrue(numpy.array_equal(*(numpy.asarray(nibabel.load(p).dataobj) for p in (images[1], self.path("want.nii.gz")))))

    def test_abort(self):
        model, images = self.small()
        out, error = self.child("abort", *model, "--prompt", "N0, left side", *images)
        self.assertEqual(out["codes"], [7, 7])
        self.assertEqual(error.count("cancelled"), 2)
        self.nothing_written()

    def test_references_are_refused(self):
        model, images = self.small()
        out, error = self.child(*model, "--prompt", "N0, left side", "slicer:0x55d0c0ffee#vtkMRMLScalarVolumeNode1", images[1])
        self.assertEqual(out["codes"], [2, 2])
        self.assertEqual(len(ERROR.findall(error)), 2)


class Readers(unittest.TestCase):
    """slicer_readers.py, with packages of others. The environment is made once; where it cannot be made, this fails."""
    PACKAGES = ("ctk-cli==1.5", "girder-slicer-cli-web==5.0.21", "nipype==1.11.0")

    def test_readers(self):
        folder = os.environ["CTVK_SLICER_VENV"]
        python, stamp = os.path.join(folder, "bin", "python"), os.path.join(folder, "ctvk-packages")
        if not os.path.exists(stamp) or files.read(stamp).decode() != " ".join(self.PACKAGES):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *self.PACKAGES], check=True)
            files.write(stamp, " ".join(self.PACKAGES).encode())
        done = subprocess.run([python, os.path.join(HERE, "slicer_readers.py")], capture_output=True, text=True, timeout=500)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("OK", done.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["in_process"]:
        in_process(*sys.argv[2:])
    else:
        unittest.main(verbosity=2)
