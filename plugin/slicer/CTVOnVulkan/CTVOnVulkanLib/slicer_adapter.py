"""The only file of the module's work that knows Slicer. What it and the windows touch of Slicer, Qt, CTK and VTK is listed here, and a test
holds the list and the code together."""
import json
import os

import numpy
import slicer
import vtk

TOUCHED = (
    # this file
    "slicer.mrmlScene", "slicer.modules.volumes", "slicer.util.startupEnvironment", "slicer.util.exportNode", "slicer.util.loadLabelVolume",
    "slicer.util.arrayFromVolume", "slicer.util.arrayFromSegmentBinaryLabelmap", "slicer.util.updateSegmentBinaryLabelmapFromArray",
    "slicer.util.confirmYesNoDisplay", "slicer.util.errorDisplay", "slicer.util.infoDisplay", "slicer.util.setSliceViewerLayers",
    "slicer.util.settingsValue", "slicer.vtkSegmentation", "slicer.vtkSlicerSegmentationsModuleLogic", "vtk.vtkStringArray", "vtk.vtkMatrix4x4",
    # the windows: CTVOnVulkan.py, inputs.py, SegmentEditorCTVFromText.py, SegmentEditorEffect.py
    "slicer.ScriptedLoadableModule", "slicer.app", "slicer.modules.ctvonvulkan", "slicer.qMRMLNodeComboBox", "slicer.util.loadVolume",
    "slicer.util.saveScene", "slicer.util.selectModule",
    "ctk.ctkCollapsibleButton", "ctk.ctkPathLineEdit",
    "qt.QCheckBox", "qt.QComboBox", "qt.QFileDialog", "qt.QFormLayout", "qt.QIcon", "qt.QLabel", "qt.QLineEdit", "qt.QPlainTextEdit",
    "qt.QProgressBar", "qt.QPushButton", "qt.QSettings", "qt.QSpinBox", "qt.QTimer", "qt.QWidget")

PROPOSAL, IMAGE, SEGMENTS = "ctvk.proposal", "ctvk.image", "ctvk.segments"


class SlicerAdapter:
    """Arrays are indexed [k, j, i] as Slicer hands them out, on the CT's grid."""

    def environment(self):
        return slicer.util.startupEnvironment()  # Slicer's own libraries stay out of other programs

    def near(self):
        """Folders in which the extension may have put the command."""
        here = os.path.dirname(slicer.modules.ctvonvulkan.path)
        return [os.path.normpath(os.path.join(here, up)) for up in ("../bin", "../../../bin")]

    def setting(self, name):
        return slicer.util.settingsValue(f"CTVOnVulkan/{name}", "")

    def save_volume(self, node, path):
        if not slicer.util.exportNode(node, path) or not os.path.isfile(path):
            raise OSError(f"{path}: Slicer could not write the CT")

    def present(self, node):
        return bool(slicer.mrmlScene.IsNodePresent(node))

    def voxel_ml(self, node):
        x, y, z = node.GetNodeReference(IMAGE).GetSpacing()
        return x * y * z / 1000

    def add_proposal(self, ct, path, labels, name, attributes, target=None):
        """Shows a label map as segments over the CT, with the names and colours of the labels; keeps it, hidden, to compare with later.
        Everything that may fail comes before the scene's own segmentation is touched."""
        kept = slicer.util.loadLabelVolume(path, {"name": f"{name} as proposed", "show": False})
        wrong = slicer.modules.volumes.logic().CompareVolumeGeometry(ct, kept)
        if wrong:
            slicer.mrmlScene.RemoveNode(kept)
            raise OSError(f"the result does not lie on the grid of the CT: {wrong}")
        kept.SetHideFromEditors(1)
        kept.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
        values = slicer.util.arrayFromVolume(kept)
        node = target
        if node is None:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
            node.CreateDefaultDisplayNodes()
            node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
            node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
        else:
            attributes = {**attributes, "ctvk.name": node.GetAttribute("ctvk.name") or node.GetName()}
        ids = {}
        for label in labels:
            segmentation = node.GetSegmentation()
            made = segmentation.AddEmptySegment(segmentation.GenerateUniqueSegmentID(label.name), label.name, label.color)
            slicer.util.updateSegmentBinaryLabelmapFromArray((values == label.value).astype("uint8"), node, made, ct)
            ids[made] = label.value
        for key, value in {**attributes, SEGMENTS: json.dumps(ids)}.items():
            node.SetAttribute(key, value)
        node.SetNodeReferenceID(PROPOSAL, kept.GetID())
        node.SetNodeReferenceID(IMAGE, ct.GetID())
        node.SetName(f"{attributes['ctvk.name']} (unreviewed)" if target is not None else name)
        return node

    def remove(self, node):
        for each in filter(None, (node.GetNodeReference(PROPOSAL), node)):
            slicer.mrmlScene.RemoveNode(each)

    def masks(self, node):
        """{segment id: mask} of every segment as it is now, on the grid of the CT that it was proposed on."""
        segmentation, ct = node.GetSegmentation(), node.GetNodeReference(IMAGE)
        names, shape = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())], slicer.util.arrayFromVolume(ct).shape
        found = {name: slicer.util.arrayFromSegmentBinaryLabelmap(node, name, ct) for name in names}
        return {name: numpy.zeros(shape, bool) if mask is None else mask != 0 for name, mask in found.items()}  # None: an empty segment

    def proposal_masks(self, node):
        """The same as it was proposed; None: it was not proposed by this module, or the CT was deleted."""
        kept, ids = node.GetNodeReference(PROPOSAL), node.GetAttribute(SEGMENTS)
        if kept is None or node.GetNodeReference(IMAGE) is None or not ids:
            return None
        values = slicer.util.arrayFromVolume(kept)
        return {name: values == value for name, value in json.loads(ids).items()}

    def attribute(self, node, name):
        return node.GetAttribute(name) or ""

    def set_attribute(self, node, name, value):
        node.SetAttribute(name, value)

    def observe_edits(self, node, callback):
        """Returns what ends it."""
        segmentation = node.GetSegmentation()
        tags = [segmentation.AddObserver(event, callback) for event in
                (slicer.vtkSegmentation.SourceRepresentationModified, slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved)]
        return lambda: [segmentation.RemoveObserver(tag) for tag in tags]

    def show(self, ct, nodes):
        """Contours over the CT; of two, the second one is drawn without a fill, so that both can be told apart."""
        slicer.util.setSliceViewerLayers(background=ct, fit=True)
        for number, node in enumerate(nodes):
            node.GetDisplayNode().SetVisibility2DFill(0 if number else 1)

    def scene_place(self):
        """(folder, name without extension) of the saved scene; ("", "") where it was never saved."""
        path = slicer.mrmlScene.GetURL()
        if not path or not os.path.isdir(os.path.dirname(path)):
            return "", ""
        return os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]

    def export(self, node, path):
        kept = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", node.GetName())
        try:
            every = vtk.vtkStringArray()
            for name in self.masks(node):
                every.InsertNextValue(name)
            if not slicer.vtkSlicerSegmentationsModuleLogic.ExportSegmentsToLabelmapNode(node, every, kept, node.GetNodeReference(IMAGE)):
                raise OSError(f"{path}: Slicer could not make a label map")
            self.save_volume(kept, path)
        finally:
            slicer.mrmlScene.RemoveNode(kept)

    def ask(self, text):
        return bool(slicer.util.confirmYesNoDisplay(text, windowTitle="CTV on Vulkan"))

    def tell(self, text, detail=""):
        slicer.util.errorDisplay(text, windowTitle="CTV on Vulkan", detailedText=detail)

    def inform(self, text):
        slicer.util.infoDisplay(text, windowTitle="CTV on Vulkan")
