"""What the tests of Slicer's modules share: the modules on stand-ins of Slicer's classes (slicer_fakes.py), a scratch folder, a CT in the scene."""
import os
import sys
import tempfile
import time
import unittest

import slicer_fakes as fakes

ROOT = os.environ["CTVK_SOURCE"]
EXTENSION = os.path.join(ROOT, "plugin", "slicer")
MODULE = os.path.join(EXTENSION, "CTVOnVulkan")
sys.path[:0] = [MODULE, os.path.join(EXTENSION, "SegmentEditorCTVFromText"), os.path.join(EXTENSION, "SegmentEditorCTVFromText", "SegmentEditorCTVFromTextLib")]
slicer = fakes.install(os.path.join(MODULE, "CTVOnVulkan.py"))
from CTVOnVulkanLib import logic, review, session, slicer_adapter  # noqa: E402
import CTVOnVulkan  # noqa: E402
import SegmentEditorCTVFromText  # noqa: E402
import SegmentEditorEffect  # noqa: E402

COMMAND = os.environ["CTVK_COMMAND"]
DEMO = os.path.join(ROOT, "manifest", "demo")
# What the demo's template asks for; a prompt that is in its cache, and the same as facts.
FIELDS = {"side": ["left", "right", "unknown"], "n_stage": ["N0", "N1", "N2", "N3", "unknown"], "t_stage": ["cT1", "cT2", "cT3", "cT4", "unknown"],
          "surgery": ["breast conserving surgery", "total mastectomy surgery", "unknown type surgery"]}
PROMPT = "N0, cT2, breast conserving surgery, left side"
FACTS = {"side": "left", "n_stage": "N0", "t_stage": "cT2", "surgery": "breast conserving surgery"}
CT = os.path.join(ROOT, "tests", "data", "ct", "lidc-idri-0314_small.nii.gz")
NO_DRIVER = {**os.environ, "VK_DRIVER_FILES": os.path.join(ROOT, "none.json"), "VK_ICD_FILENAMES": os.path.join(ROOT, "none.json")}
# No language model where it is looked for.
NO_MODEL = {**os.environ, "XDG_DATA_HOME": "/nonexistent"}


def choose_facts(inputs, side):
    for name, value in dict(FACTS, side=side).items():
        inputs.fields[name].choose(value)


def finish(run, seconds=300):
    end, lines, fractions = time.monotonic() + seconds, [], []
    while not run.done and time.monotonic() < end:
        lines += run.poll()
        fractions.append(run.fraction)
        time.sleep(0.02)
    assert run.done
    return lines + run.poll(), fractions


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        # Every temporary folder of the module comes to lie here, so that what is left can be counted.
        before = tempfile.tempdir
        tempfile.tempdir = os.path.join(self.folder, "tmp")
        os.mkdir(tempfile.tempdir)
        self.addCleanup(setattr, tempfile, "tempdir", before)
        fakes.scene.Clear()
        del fakes.said[:], fakes.answers[:]
        fakes.settings.clear()

    def left_over(self):
        return os.listdir(tempfile.tempdir)


class Windowed(Scratch):
    """A window on a scene with the demo's CT."""

    def setUp(self):
        super().setUp()
        self.ct = slicer.util.loadVolume(CT)

    def wait(self, timer, tick):
        self.assertTrue(timer.running, fakes.said)
        end = time.monotonic() + 300
        while timer.running and time.monotonic() < end:
            tick()
            time.sleep(0.02)
        self.assertFalse(timer.running)

    def take_drivers(self):
        """Until what is returned is called, or the test ends."""
        before = {name: os.environ[name] for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")}
        self.addCleanup(os.environ.update, before)
        os.environ.update({name: NO_DRIVER[name] for name in before})
        return lambda: os.environ.update(before)
