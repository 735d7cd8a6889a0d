"""Stand-ins for what the modules touch of Slicer, Qt, CTK and VTK: no more than is listed in slicer_adapter.TOUCHED, and only the calls that are
made. They hold real voxels, so that a workflow through them is one on real data; they prove nothing of Slicer itself."""
import os
import sys
import types

import nibabel
import numpy


class Signal:
    def __init__(self):
        self.slots = []

    def connect(self, slot):
        self.slots.append(slot)

    def emit(self, *arguments):
        for slot in self.slots:
            slot(*arguments)


# --- nodes ---
class Node:
    kind, number = "", 0

    def __init__(self, name):
        Node.number += 1
        self.id, self.name, self.attributes, self.references, self.transform, self.hidden = f"{self.kind}{Node.number}", name, {}, {}, None, 0

    def GetID(self):
        return self.id

    def GetName(self):
        return self.name

    def SetName(self, name):
        self.name = name

    def GetAttribute(self, name):
        return self.attributes.get(name)

    def SetAttribute(self, name, value):
        assert isinstance(value, str)
        self.attributes[name] = value

    def GetTransformNodeID(self):
        return self.transform

    def SetAndObserveTransformNodeID(self, value):
        self.transform = value

    def SetNodeReferenceID(self, role, node_id):
        self.references[role] = node_id

    def GetNodeReference(self, role):
        return scene.by_id(self.references.get(role))

    def SetHideFromEditors(self, value):
        self.hidden = value


class Volume(Node):
    kind = "vtkMRMLScalarVolumeNode"

    def __init__(self, name, array=None, affine=None):
        super().__init__(name)
        self.array, self.affine = array, affine

    def GetSpacing(self):
        return tuple(numpy.linalg.norm(self.affine[:3, :3], axis=0))

    def GetIJKToRASMatrix(self, matrix):
        matrix.values = self.affine

    def GetRASBounds(self, out):
        corners = [self.affine @ [i, j, k, 1] for k in (-0.5, self.array.shape[0] - 0.5) for j in (-0.5, self.array.shape[1] - 0.5)
                   for i in (-0.5, self.array.shape[2] - 0.5)]
        for axis in range(3):
            out[2 * axis], out[2 * axis + 1] = min(c[axis] for c in corners), max(c[axis] for c in corners)


class LabelMap(Volume):
    kind = "vtkMRMLLabelMapVolumeNode"


class Display:
    def __init__(self):
        self.fill = None

    def SetVisibility2DFill(self, value):
        self.fill = value


class Segmentation:
    SourceRepresentationModified, SegmentAdded, SegmentRemoved = "modified", "added", "removed"

    def __init__(self):
        self.segments, self.observers = {}, {}

    def GenerateUniqueSegmentID(self, base):
        return base if base not in self.segments else next(f"{base}_{i}" for i in range(1, 99) if f"{base}_{i}" not in self.segments)

    def AddEmptySegment(self, segment_id, name, color):
        assert segment_id not in self.segments and len(color) == 3 and all(0 <= c <= 1 for c in color)
        self.segments[segment_id] = {"name": name, "color": color, "mask": None}
        return segment_id

    def GetNumberOfSegments(self):
        return len(self.segments)

    def GetNthSegmentID(self, number):
        return list(self.segments)[number]

    def AddObserver(self, event, callback):
        tag = len(self.observers)
        self.observers[tag] = (event, callback)
        return tag

    def RemoveObserver(self, tag):
        del self.observers[tag]

    def edit(self, segment_id, mask):
        """What a brush does."""
        self.segments[segment_id]["mask"] = mask
        for event, callback in list(self.observers.values()):
            if event == self.SourceRepresentationModified:
                callback(self, event)


class SegmentationNode(Node):
    kind = "vtkMRMLSegmentationNode"

    def __init__(self, name):
        super().__init__(name)
        self.segmentation, self.display, self.reference = Segmentation(), None, None

    def GetSegmentation(self):
        return self.segmentation

    def CreateDefaultDisplayNodes(self):
        self.display = Display()

    def GetDisplayNode(self):
        return self.display

    def SetReferenceImageGeometryParameterFromVolumeNode(self, node):
        self.reference = node


class Scene:
    def __init__(self):
        self.nodes, self.url = [], ""

    def by_id(self, node_id):
        return next((n for n in self.nodes if n.id == node_id), None)

    def add(self, node):
        self.nodes.append(node)
        return node

    def AddNewNodeByClass(self, kind, name):
        return self.add({"vtkMRMLSegmentationNode": SegmentationNode, "vtkMRMLLabelMapVolumeNode": LabelMap}[kind](name))

    def IsNodePresent(self, node):
        return node in self.nodes

    def RemoveNode(self, node):
        self.nodes.remove(node)

    def GetURL(self):
        return self.url

    def Clear(self):
        self.nodes, self.url = [], ""


scene = Scene()
said, answers, settings = [], [], {}  # what was told to the user, what the user answers, the settings


def _read(path, kind):
    image = nibabel.load(path)
    # IJK as stored, arrays as [k, j, i].
    return scene.add(kind(os.path.basename(path).split(".")[0], numpy.ascontiguousarray(numpy.asarray(image.dataobj).T), image.affine))


def _export(node, path, *_):
    nibabel.save(nibabel.Nifti1Image(node.array.T, node.affine), path)
    return True


def _load_label(path, properties):
    node = _read(path, LabelMap)
    node.name = properties["name"]
    return node


def _set_mask(mask, node, segment_id, reference):
    assert mask.dtype == numpy.uint8 and mask.shape == reference.array.shape
    node.segmentation.segments[segment_id]["mask"] = mask


class Matrix:
    def MultiplyPoint(self, point, out):
        out[:] = self.values @ point


class Strings:
    def __init__(self):
        self.values = []

    def InsertNextValue(self, value):
        self.values.append(value)


def _export_segments(node, names, label, reference):
    label.array, label.affine = numpy.zeros(reference.array.shape, numpy.uint8), reference.affine
    for number, name in enumerate(names.values, 1):
        label.array[node.segmentation.segments[name]["mask"] != 0] = number
    return True


# --- windows ---
class Widget:
    def __init__(self, *arguments):
        self.arguments, self.enabled, self.text, self.checked, self.value = arguments, True, arguments[0] if arguments else "", False, 0
        self.clicked, self.timeout, self.currentPathChanged, self.currentNodeChanged = Signal(), Signal(), Signal(), Signal()


class Label(Widget):
    pass


class Line(Widget):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.text = ""


class Form:
    def __init__(self, *_):
        self.rows = []

    def addRow(self, *row):
        self.rows.append(row)

    addWidget = addRow

    def addStretch(self, _):
        pass

    def rowCount(self):
        return len(self.rows)

    def removeRow(self, number):
        del self.rows[number]


class Combo(Widget):
    def __init__(self):
        super().__init__()
        self.items, self.currentIndex = [], 0

    def addItem(self, text, data):
        self.items.append((text, data))

    def clear(self):
        self.items, self.currentIndex = [], 0

    def findData(self, data):
        return next((i for i, (_, value) in enumerate(self.items) if value == data), -1)

    @property
    def currentData(self):
        return self.items[self.currentIndex][1] if self.items else None

    def choose(self, text):
        self.currentIndex = [t for t, _ in self.items].index(text)


class NodeCombo(Widget):
    def __init__(self):
        super().__init__()
        self.node = None

    def setMRMLScene(self, value):
        assert value is scene

    def currentNode(self):
        return self.node

    def setCurrentNode(self, node):
        self.node = node
        self.currentNodeChanged.emit(node)


class Path(Widget):
    Dirs = 1

    def __init__(self):
        super().__init__()
        self.currentPath = ""

    def setCurrentPath(self, path):
        if path != self.currentPath:
            self.currentPath = path
            self.currentPathChanged.emit(path)


class Text(Widget):
    def __init__(self):
        super().__init__()
        self.lines = []

    def appendPlainText(self, line):
        self.lines.append(line)

    def clear(self):
        self.lines = []


class Timer(Widget):
    def __init__(self):
        super().__init__()
        self.running = False

    def setInterval(self, _):
        pass

    def setSingleShot(self, _):
        pass

    def start(self):
        self.running = True

    def stop(self):
        self.running = False


class Settings:
    def value(self, name, default):
        return settings.get(name, default)

    def setValue(self, name, value):
        settings[name] = value


class FileDialog:
    path = ""

    @staticmethod
    def getSaveFileName(*_):
        return FileDialog.path


class Base:
    """ScriptedLoadableModule and its kin."""

    def __init__(self, *arguments):
        self.layout = Form()

    def setup(self):
        pass

    def delayDisplay(self, text):
        said.append(text)


class Effect:
    def __init__(self, scriptedEffect):
        self.scriptedEffect = scriptedEffect


def install(module_path):
    """Puts the stand-ins where `import slicer, qt, ctk, vtk` finds them."""
    import unittest
    util = types.SimpleNamespace(
        startupEnvironment=lambda: dict(os.environ), exportNode=_export, loadLabelVolume=_load_label, arrayFromVolume=lambda node: node.array,
        loadVolume=lambda path: _read(path, Volume), arrayFromSegmentBinaryLabelmap=lambda node, name, _: node.segmentation.segments[name]["mask"],
        updateSegmentBinaryLabelmapFromArray=_set_mask, confirmYesNoDisplay=lambda text, windowTitle: said.append(text) or answers.pop(0),
        errorDisplay=lambda text, windowTitle, detailedText: said.append(f"{text} | {detailedText}"), infoDisplay=lambda text, windowTitle: said.append(text),
        setSliceViewerLayers=lambda background, fit: None, settingsValue=lambda name, default: settings.get(name, default),
        saveScene=lambda path: setattr(scene, "url", path) or True, selectModule=said.append)

    def compare(a, b):
        same = a.array.shape == b.array.shape and numpy.allclose(a.affine, b.affine, atol=1e-4)
        return "" if same else f"{a.array.shape} {b.array.shape}"

    volumes = types.SimpleNamespace(logic=lambda: types.SimpleNamespace(CompareVolumeGeometry=compare))
    bases = types.ModuleType("slicer.ScriptedLoadableModule")
    for name in ("", "Widget", "Logic"):
        setattr(bases, "ScriptedLoadableModule" + name, type("ScriptedLoadableModule" + name, (Base,), {}))
    bases.ScriptedLoadableModuleTest = type("ScriptedLoadableModuleTest", (Base, unittest.TestCase), {"__init__": lambda self: unittest.TestCase.__init__(
        self, "runTest")})
    slicer = types.ModuleType("slicer")
    slicer.__path__ = []
    slicer.__dict__.update(mrmlScene=scene, util=util, vtkSegmentation=Segmentation, ScriptedLoadableModule=bases, qMRMLNodeComboBox=NodeCombo,
                           vtkSlicerSegmentationsModuleLogic=types.SimpleNamespace(ExportSegmentsToLabelmapNode=_export_segments),
                           modules=types.SimpleNamespace(volumes=volumes, ctvonvulkan=types.SimpleNamespace(path=module_path)),
                           app=types.SimpleNamespace(processEvents=lambda: None, started=[], connect=lambda _signal, slot: slicer.app.started.append(slot)))
    qt = types.ModuleType("qt")
    qt.__dict__.update(QCheckBox=Widget, QComboBox=Combo, QFileDialog=FileDialog, QFormLayout=Form, QIcon=Widget, QLabel=Label, QLineEdit=Line,
                       QPlainTextEdit=Text, QProgressBar=Widget, QPushButton=Widget, QSettings=Settings, QSpinBox=Widget, QTimer=Timer, QWidget=Widget)
    ctk = types.ModuleType("ctk")
    ctk.__dict__.update(ctkCollapsibleButton=Widget, ctkPathLineEdit=Path)
    vtk = types.ModuleType("vtk")
    vtk.__dict__.update(vtkMatrix4x4=Matrix, vtkStringArray=Strings)
    effects = types.ModuleType("SegmentEditorEffects")
    effects.AbstractScriptedSegmentEditorEffect = Effect
    sys.modules.update({"slicer": slicer, "slicer.ScriptedLoadableModule": bases, "qt": qt, "ctk": ctk, "vtk": vtk, "SegmentEditorEffects": effects})
    return slicer
