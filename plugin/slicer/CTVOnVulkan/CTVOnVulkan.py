"""The module CTVOnVulkan: from a CT and clinical facts to a proposed target volume, and from the proposal to an accepted one."""
import os
import tempfile
import time

import ctk
import qt
import slicer
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget

from CTVOnVulkanLib import logic
from CTVOnVulkanLib.inputs import Inputs
from CTVOnVulkanLib.logic import Problem
from CTVOnVulkanLib.session import Session
from CTVOnVulkanLib.slicer_adapter import SlicerAdapter


class CTVOnVulkan(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "CTV on Vulkan"
        parent.categories = ["Segmentation"]
        parent.dependencies = ["Segmentations", "Volumes"]
        parent.contributors = ["The authors of ctvk"]
        parent.helpText = ("Proposes a radiotherapy target volume from a CT and from clinical facts. The proposal is unreviewed until a physician "
                           "accepts it by name. No medical device.")
        parent.acknowledgementText = ("Method: Oh et al., LLM-driven multimodal target volume contouring in radiation oncology, Nature Communications "
                                      "15, 9186, 2024.")


class CTVOnVulkanLogic(ScriptedLoadableModuleLogic):
    """The work itself is done by CTVOnVulkanLib.session, which needs no Slicer class of its own."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.adapter = SlicerAdapter()

    def session(self) -> Session:
        """Problem: the command is nowhere."""
        return Session(self.adapter, logic.find_command(self.adapter.setting("Command"), self.adapter.near()))


class CTVOnVulkanWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = CTVOnVulkanLogic()
        self.adapter, self.session, self.unwatch = self.logic.adapter, None, lambda: None
        self.timer = qt.QTimer()
        self.timer.setInterval(100)
        self.timer.timeout.connect(self.onTick)
        self.edited = qt.QTimer()
        self.edited.setInterval(500)
        self.edited.setSingleShot(True)
        self.edited.timeout.connect(self.onEdited)
        self._setupInputs()
        self._setupRun()
        self._setupReview()
        self.layout.addStretch(1)
        self.modelPath.setCurrentPath(qt.QSettings().value("CTVOnVulkan/Model", "") or "")
        self.onModel()

    def enter(self):
        """What was missing may have come meanwhile."""
        if self.inputs.bundle is None:
            self.onModel()

    def cleanup(self):
        self.timer.stop()
        self.unwatch()
        if self.session is not None:
            self.session.close()

    # --- the window ---
    def _section(self, text):
        section = ctk.ctkCollapsibleButton()
        section.text = text
        self.layout.addWidget(section)
        return qt.QFormLayout(section)

    def _nodes(self, kind, changed):
        box = slicer.qMRMLNodeComboBox()
        box.nodeTypes = [kind]
        box.addEnabled = box.removeEnabled = False
        box.noneEnabled = True
        box.setMRMLScene(slicer.mrmlScene)
        box.currentNodeChanged.connect(changed)
        return box

    def _button(self, text, pressed):
        button = qt.QPushButton(text)
        button.clicked.connect(pressed)
        return button

    def _setupInputs(self):
        form = self._section("CT, model and clinical facts")
        self.ctBox = self._nodes("vtkMRMLScalarVolumeNode", lambda _node: None)
        form.addRow("CT:", self.ctBox)
        self.modelPath = ctk.ctkPathLineEdit()
        self.modelPath.filters = ctk.ctkPathLineEdit.Dirs
        self.modelPath.currentPathChanged.connect(lambda _path: self.onModel())
        form.addRow("Model:", self.modelPath)
        self.inputs = Inputs(lambda label, widget: form.addRow(label, widget) if label else form.addRow(widget))

    def _setupRun(self):
        form = self._section("Proposal")
        self.compareBox = qt.QCheckBox("also without text, as a second contour")
        form.addRow("Compare:", self.compareBox)
        self.applyButton = self._button("Apply", self.onApply)
        self.cancelButton = self._button("Cancel", self.onCancel)
        form.addRow(self.applyButton)
        form.addRow(self.cancelButton)
        self.progress = qt.QProgressBar()
        form.addRow(self.progress)
        self.log = qt.QPlainTextEdit()
        self.log.readOnly = True
        form.addRow(self.log)

    def _setupReview(self):
        form = self._section("Review")
        self.segmentationBox = self._nodes("vtkMRMLSegmentationNode", self.onSegmentation)
        form.addRow("Contour:", self.segmentationBox)
        self.state = qt.QLabel("unreviewed")
        form.addRow("State:", self.state)
        self.reviewer = qt.QLineEdit()
        self.reviewer.placeholderText = "name of the physician who accepts the contour"
        form.addRow("Name:", self.reviewer)
        form.addRow(self._button("Correct in the Segment Editor", lambda: slicer.util.selectModule("SegmentEditor")))
        form.addRow(self._button("Accept", self.onAccept))
        form.addRow(self._button("Export...", self.onExport))

    # --- what is pressed ---
    def _guarded(self, work):
        """A Problem is told in words; the program's own line stands under the details."""
        try:
            return work()
        except Problem as problem:
            self.adapter.tell(problem.text, problem.detail)
            return None

    def _busy(self, busy):
        self.applyButton.enabled = self.inputs.bundle is not None and not busy
        self.cancelButton.enabled = busy

    def onModel(self):
        """Reads the model's facts; where it cannot, the window says what to do."""
        self.session = self.inputs.read(lambda: self.session or self.logic.session(), self.modelPath.currentPath)
        if self.inputs.bundle is not None:
            qt.QSettings().setValue("CTVOnVulkan/Model", self.modelPath.currentPath)
        self.compareBox.enabled = self.inputs.bundle is not None and self.inputs.bundle.has_text
        self._busy(self.session is not None and self.session.busy)

    def onApply(self):
        def begin():
            self.log.clear()
            bundle = self.inputs.bundle
            self.session.begin(self.ctBox.currentNode(), bundle, compare=bool(self.compareBox.checked and bundle.has_text), **self.inputs.request())
            self._busy(True)
            self.timer.start()
        self._guarded(begin)

    def onCancel(self):
        self.session.cancel()

    def onTick(self):
        run = self.session.run
        for line in self.session.tick():
            self.log.appendPlainText(line)
        self.progress.value = int(100 * run.fraction)
        if self.session.busy:
            return
        self.timer.stop()
        self._busy(False)
        self.progress.value = 0
        if self.session.problem is not None:
            self.adapter.tell(self.session.problem.text, self.session.problem.detail)
        else:
            self.segmentationBox.setCurrentNode(self.session.made[0])

    def onSegmentation(self, node):
        self.unwatch()
        # An edit of many strokes is looked at once it pauses.
        self.unwatch = self.adapter.observe_edits(node, lambda *_: self.edited.start()) if node is not None else lambda: None
        self.onEdited()

    def onEdited(self):
        node = self.segmentationBox.currentNode()
        proposed = node is not None and self.session is not None and self.adapter.proposal_masks(node) is not None
        self.state.text = self.session.state(node) if proposed else ""

    def _reviewed(self):
        node = self.segmentationBox.currentNode()
        if node is None or self.session is None:
            raise Problem("Choose the contour first.")
        return node

    def onAccept(self):
        def accept():
            path = self.session.accept(self._reviewed(), self.reviewer.text)
            self.onEdited()
            self.adapter.inform(f"Accepted. The record:\n{path}\n\nSave the scene to keep the contour with it.")
        self._guarded(accept)

    def onExport(self):
        def export():
            node = self._reviewed()
            path = qt.QFileDialog.getSaveFileName(None, "Export contour", f"{node.GetName()}.nii.gz", "NIfTI (*.nii.gz)")
            if path:
                self.session.export(node, path)
        self._guarded(export)


class CTVOnVulkanTest(ScriptedLoadableModuleTest):
    """Slicer's self-test. CTVK_SELFTEST names a folder with ct.nii.gz (the repository's tests/data/ct/lidc-idri-0314_small.nii.gz) and demo/
    (manifest/demo); without it the copies that the extension installs are used."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_proposal_review_export()

    def test_proposal_review_export(self):
        folder = os.environ.get("CTVK_SELFTEST") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "Resources", "Demo")
        ct = slicer.util.loadVolume(os.path.join(folder, "ct.nii.gz"))
        session = CTVOnVulkanLogic().session()
        bundle = logic.read_bundle(session.command, os.path.join(folder, "demo"), session.adapter.environment())
        session.begin(ct, bundle, facts={"side": "left", "n_stage": "N0", "t_stage": "cT2", "surgery": "breast conserving surgery"})
        end = time.monotonic() + 600
        while session.busy and time.monotonic() < end:
            session.tick()
            slicer.app.processEvents()
            time.sleep(0.05)
        self.assertFalse(session.busy)
        self.assertIsNone(session.problem)
        [segmentation] = session.made
        self.assertTrue(segmentation.GetName().endswith("(unreviewed)"))
        [mask] = session.adapter.masks(segmentation).values()
        volume = mask.sum() * session.adapter.voxel_ml(segmentation)
        self.assertGreater(volume, 200)
        self.assertLess(volume, 260)
        self.assertEqual(mask.shape, slicer.util.arrayFromVolume(ct).shape)
        # The patient's left: in Slicer's RAS the smaller x.
        k, j, i = (float(axis.mean()) for axis in mask.nonzero())
        matrix, place_of, bounds = vtk.vtkMatrix4x4(), [0.0] * 4, [0.0] * 6
        ct.GetIJKToRASMatrix(matrix)
        matrix.MultiplyPoint((i, j, k, 1.0), place_of)
        ct.GetRASBounds(bounds)
        self.assertLess(place_of[0], (bounds[0] + bounds[1]) / 2)
        with tempfile.TemporaryDirectory() as place:
            slicer.util.saveScene(os.path.join(place, "scene.mrml"))
            path = session.accept(segmentation, "Self Test")
            self.assertTrue(os.path.isfile(path))
            self.assertEqual(session.state(segmentation), "accepted")
            self.assertTrue(session.export(segmentation, os.path.join(place, "ctv.nii.gz")))
        self.delayDisplay("Test passed")
