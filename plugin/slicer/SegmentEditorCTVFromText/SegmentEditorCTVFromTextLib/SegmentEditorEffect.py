"""The Segment Editor's effect "CTV from text": adds a proposal, unreviewed, to the segmentation that is being edited. Model, review and export
belong to the module CTV on Vulkan; the work is the same (CTVOnVulkanLib)."""
import os

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect

from CTVOnVulkanLib import logic
from CTVOnVulkanLib.inputs import Inputs
from CTVOnVulkanLib.logic import Problem
from CTVOnVulkanLib.session import Session
from CTVOnVulkanLib.slicer_adapter import SlicerAdapter


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name = "CTV from text"
        scriptedEffect.perSegment = False  # it adds segments, whichever is selected
        scriptedEffect.requireSegments = False
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.adapter, self.session = SlicerAdapter(), None

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects
        clone = effects.qSlicerSegmentEditorScriptedEffect(None)
        clone.setPythonSource(__file__.replace("\\", "/"))
        return clone

    def icon(self):
        return qt.QIcon(os.path.join(os.path.dirname(os.path.abspath(__file__)), "SegmentEditorEffect.png"))

    def helpText(self):
        return ("Proposes a target volume from the CT and clinical facts, with the model that was chosen in the module CTV on Vulkan. The proposal "
                "is unreviewed: correct it here, accept it there.")

    def setupOptionsFrame(self):
        effect = self.scriptedEffect
        self.inputs = Inputs(lambda label, widget: effect.addLabeledOptionsWidget(label, widget) if label else effect.addOptionsWidget(widget))
        self.applyButton = qt.QPushButton("Propose")
        self.applyButton.clicked.connect(self.onApply)
        self.scriptedEffect.addOptionsWidget(self.applyButton)
        self.cancelButton = qt.QPushButton("Cancel")
        self.cancelButton.clicked.connect(self.onCancel)
        self.scriptedEffect.addOptionsWidget(self.cancelButton)
        self.progress = qt.QProgressBar()
        self.scriptedEffect.addOptionsWidget(self.progress)
        self.timer = qt.QTimer()
        self.timer.setInterval(100)
        self.timer.timeout.connect(self.onTick)
        self._busy(False)

    def activate(self):
        """The model may have been chosen, and a driver installed, since the last time."""
        if self.session is not None and self.session.busy:
            return
        self.session = self.inputs.read(self._open, self.adapter.setting("Model"))
        self._busy(False)

    def _open(self):
        session = Session(self.adapter, logic.find_command(self.adapter.setting("Command"), self.adapter.near()))
        session.before_show = self.scriptedEffect.saveStateForUndo
        return session

    def _busy(self, busy):
        self.applyButton.enabled = not busy and self.inputs.bundle is not None
        self.cancelButton.enabled = busy

    def onApply(self):
        node = self.scriptedEffect.parameterSetNode()
        try:
            self.session.begin(node.GetSourceVolumeNode(), self.inputs.bundle, target=node.GetSegmentationNode(), **self.inputs.request())
        except Problem as problem:
            self.adapter.tell(problem.text, problem.detail)
            return
        self._busy(True)
        self.timer.start()

    def onCancel(self):
        self.session.cancel()

    def onTick(self):
        run = self.session.run
        self.session.tick()
        self.progress.value = int(100 * run.fraction)
        if self.session.busy:
            return
        self.timer.stop()
        self.progress.value = 0
        self._busy(False)
        if self.session.problem is not None:
            self.adapter.tell(self.session.problem.text, self.session.problem.detail)
