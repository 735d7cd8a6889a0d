"""The Segment Editor's effect "CTV from text": adds a proposal, unreviewed, to the segmentation that is being edited. Model, review and export
belong to the module CTV on Vulkan; the work is the same (CTVOnVulkanLib)."""
import os

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect

from CTVOnVulkanLib import logic
from CTVOnVulkanLib.logic import Problem
from CTVOnVulkanLib.session import Session
from CTVOnVulkanLib.slicer_adapter import SlicerAdapter


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name = "CTV from text"
        scriptedEffect.perSegment = False  # it adds segments, whichever is selected
        scriptedEffect.requireSegments = False
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.adapter, self.session, self.fields = SlicerAdapter(), None, {}

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
        self.message = qt.QLabel()
        self.message.wordWrap = True
        self.scriptedEffect.addOptionsWidget(self.message)
        self.factsWidget = qt.QWidget()
        self.factsForm = qt.QFormLayout(self.factsWidget)
        self.scriptedEffect.addOptionsWidget(self.factsWidget)
        self.sentence = qt.QLineEdit()
        self.scriptedEffect.addLabeledOptionsWidget("Sentence:", self.sentence)
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
        """The model may have been chosen since the last time."""
        if self.session is not None and self.session.busy:
            return
        self.bundle = None
        try:
            self.session = Session(self.adapter, logic.find_command(self.adapter.setting("Command"), self.adapter.near()))
            self.session.before_show = self.scriptedEffect.saveStateForUndo
            self.bundle = logic.read_bundle(self.session.command, self.adapter.setting("Model"), self.adapter.environment())
            self.message.text = f"{self.bundle.name} {self.bundle.version}: {self.bundle.intended_use}"
        except Problem as problem:
            self.message.text = problem.text
        while self.factsForm.rowCount() > 0:
            self.factsForm.removeRow(0)
        self.fields = {}
        for name, values in (self.bundle.fields if self.bundle else {}).items():
            box = qt.QComboBox()
            box.addItem("choose", "")
            for value in values:
                box.addItem(value, value)
            self.factsForm.addRow(name.replace("_", " ") + ":", box)
            self.fields[name] = box
        self._busy(False)

    def _busy(self, busy):
        self.applyButton.enabled = not busy and getattr(self, "bundle", None) is not None
        self.cancelButton.enabled = busy

    def onApply(self):
        node = self.scriptedEffect.parameterSetNode()
        try:
            facts = {} if self.sentence.text.strip() or not self.bundle.has_text else {name: box.currentData for name, box in self.fields.items()}
            if not all(facts.values()):
                raise Problem("Choose the clinical facts first, or write a sentence.")
            self.session.begin(node.GetSourceVolumeNode(), self.bundle, target=node.GetSegmentationNode(), prompt=self.sentence.text, facts=facts)
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
