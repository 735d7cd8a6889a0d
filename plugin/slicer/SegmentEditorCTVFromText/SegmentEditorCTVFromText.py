"""Hidden module: registers the Segment Editor's effect "CTV from text"."""
import os

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class SegmentEditorCTVFromText(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Segment Editor effect: CTV from text"
        parent.categories = ["Segmentation"]
        parent.dependencies = ["Segmentations", "CTVOnVulkan"]
        parent.contributors = ["The authors of ctvk"]
        parent.hidden = True
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects  # Slicer has it only once it has started
        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "SegmentEditorCTVFromTextLib", "SegmentEditorEffect.py")
        effect.setPythonSource(path.replace("\\", "/"))
        effect.self().register()
