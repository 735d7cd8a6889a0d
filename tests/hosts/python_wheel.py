"""The wheel, as `pip install plugin/python` makes it, in a virtual environment with nibabel, SimpleITK, MONAI and matplotlib from PyPI, which lies in
the build folder and is made once. Standard library only."""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT, LIBRARY = os.environ["CTVK_SOURCE"], os.environ["CTVK_LIBRARY"]
VENV = os.environ["CTVK_TEST_TMP"] + "/venv-python"
PYTHON = f"{VENV}/bin/python"


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=400, **more)
    if done.returncode:
        raise AssertionError(f"{' '.join(words)} gives {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def make_environment():
    """Made anew where it is missing or of other requirements."""
    with open(f"{HERE}/requirements.txt", "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    mark = f"{VENV}/made-of"
    if os.path.exists(mark) and open(mark, encoding="ascii").read() == wanted:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", "--system-site-packages", VENV)
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "-r", f"{HERE}/requirements.txt")
    with open(mark, "w", encoding="ascii") as file:
        file.write(wanted)


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        base = cls.scratch.name
        make_environment()
        # A copy, because setuptools writes beside what it builds; the library of this build: one test builds its own.
        for name in ("plugin/python", "include"):
            shutil.copytree(f"{ROOT}/{name}", f"{base}/source/{name}", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        run(PYTHON, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--wheel-dir", base,
            f"{base}/source/plugin/python", env={**os.environ, "CTVK_PREBUILT_LIBRARY": LIBRARY})
        (cls.wheel,) = glob.glob(f"{base}/*.whl")
        shutil.rmtree(f"{base}/source")
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall", cls.wheel)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def environment(self):
        """Of a user: nothing leads to the repository or to the build."""
        return {k: v for k, v in os.environ.items() if k not in ("CTVK_LIBRARY", "PYTHONPATH", "LD_LIBRARY_PATH")}

    def test_holds_the_library(self):
        self.assertRegex(os.path.basename(self.wheel), r"^ctvk-\d+\.\d+\.\d+-py3-none-linux_\w+\.whl$")
        with zipfile.ZipFile(self.wheel) as wheel, open(LIBRARY, "rb") as library:
            names = wheel.namelist()
            self.assertEqual(wheel.read("ctvk/libctvk.so.1"), library.read())
            texts = b"".join(wheel.read(name) for name in names if not name.endswith(".so.1"))
        self.assertIn("ctvk/py.typed", names)
        self.assertEqual({name.split("/")[0] for name in names} - {"ctvk"}, {os.path.basename(self.wheel).split("-py3")[0] + ".dist-info"})
        for path in (ROOT, self.scratch.name):
            self.assertNotIn(path.encode(), texts)

    def test_builds_the_library(self):
        """Without a library that was built before, as a user's pip does it: from the sources alone, in a folder that holds no build."""
        source, target = f"{self.scratch.name}/repository", f"{self.scratch.name}/target"
        os.mkdir(source)
        shutil.copy(f"{ROOT}/CMakeLists.txt", source)
        for name in ("docs", "include", "manifest", "plugin", "shaders"):
            shutil.copytree(f"{ROOT}/{name}", f"{source}/{name}", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        environment = {k: v for k, v in self.environment().items() if k != "CTVK_PREBUILT_LIBRARY"}
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--target", target, "./plugin/python",
            cwd=source, env=environment)
        lines = ("import sys, ctvk, ctvk._abi, numpy; assert ctvk._abi.Library().path.startswith(sys.argv[1]), ctvk._abi.Library().path; "
                 "ct = numpy.full((40, 40, 24), -1000, 'int16'); labels, record = ctvk.Model(sys.argv[2]).segment(ct, numpy.diag([5, 5, 5, 1]), prompt='N0, cT2, breast conserving surgery, left side'); "
                 "assert labels.shape == ct.shape and record['warnings']")
        run(PYTHON, "-c", lines, target, f"{ROOT}/manifest/demo", cwd=self.scratch.name, env={**environment, "PYTHONPATH": target})

    def test_images_of_others(self):
        out = subprocess.run([PYTHON, f"{HERE}/python_images.py"], capture_output=True, text=True, timeout=400, cwd=self.scratch.name,
                             env={**self.environment(), "CTVK_VENV": VENV})
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
        self.assertRegex(out.stderr, r"Ran [4-9] tests")

    def test_type_hints(self):
        """Of the package itself, and of a user's lines: right ones pass, wrong ones do not."""
        mypy = [PYTHON, "-m", "mypy", "--cache-dir", f"{self.scratch.name}/mypy", "--ignore-missing-imports"]
        right = ("import ctvk\nmodel: ctvk.Model = ctvk.Model('x', device=1)\nresult = model.segment([], [], prompt='left side')\n"
                 "volume: float = result.volume_ml('CTV')\nscore: float = ctvk.evaluate([], [], (1, 1, 1))['CTV'].nsd[3]\n")
        wrong = right.replace("prompt='left side'", "promt='left side'").replace("volume: float", "volume: str")
        run(*mypy, "-p", "ctvk", cwd=self.scratch.name, env=self.environment())
        run(*mypy, "-c", right, cwd=self.scratch.name, env=self.environment())
        done = subprocess.run([*mypy, "-c", wrong], capture_output=True, text=True, timeout=100, cwd=self.scratch.name, env=self.environment())
        self.assertIn("Found 2 errors", done.stdout)

    def test_readme(self):
        """The lines of the root's README, from a folder that looks like the repository, give the label map of the command."""
        with open(f"{ROOT}/README.md", encoding="utf-8") as file:
            section = file.read().split("## From Python\n")[1].split("\n## ")[0]
        self.assertIn("venv/bin/pip install ./plugin/python nibabel", section)
        (lines,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        folder = f"{self.scratch.name}/readme"
        os.mkdir(folder)
        for name in ("tests", "manifest"):
            os.symlink(f"{ROOT}/{name}", f"{folder}/{name}")
        run(PYTHON, "-c", lines, cwd=folder, env=self.environment())
        run(os.environ["CTVK_COMMAND"], "segment", "--model", "manifest/demo", "--image", "tests/data/ct/lidc-idri-0314_small.nii.gz", "--prompt", "N0, cT2, breast conserving surgery, left side",
            "--output", "want.nii.gz", "--quiet", cwd=folder)
        run(PYTHON, "-c", "import nibabel, numpy; a, b = (nibabel.load(p) for p in ('label.nii.gz', 'want.nii.gz')); assert (a.affine == b.affine).all(); "
            "a, b = (numpy.asarray(i.dataobj) for i in (a, b)); assert (a == b).all() and b.sum() > 10000", cwd=folder)

    def test_example(self):
        picture = f"{self.scratch.name}/picture.png"
        arguments = ["--model", f"{ROOT}/manifest/demo", "--image", f"{ROOT}/tests/data/ct/lidc-idri-0314_small.nii.gz", "--output", picture]
        example = f"{ROOT}/plugin/python/examples/draw_contour.py"
        out = run(PYTHON, example, *arguments, "--prompt", "N0, cT2, breast conserving surgery, left side", cwd=self.scratch.name, env=self.environment())
        self.assertRegex(out, r"^CTV: 2[23]\d\.\d ml\n$")
        # The patient's left is on the right: there are nine tenths of the contour, in its colour, in the first of three views.
        run(PYTHON, "-c", "import sys, matplotlib.image; p = matplotlib.image.imread(sys.argv[1]); r = (p[..., 0] > .9) & (p[..., 1] < .4) & (p[..., 2] < .5); "
            "x = r[:, :p.shape[1] // 3].nonzero()[1]; assert len(x) > 50 and (x > p.shape[1] // 6).mean() > 0.9, (len(x), x.min(), p.shape)", picture)
        done = subprocess.run([PYTHON, example, *arguments, "--prompt", "\u00a0"], capture_output=True, text=True, timeout=60, env=self.environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("CTVK_ERROR_", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
