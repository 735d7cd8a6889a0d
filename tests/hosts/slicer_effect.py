"""The Segment Editor's effect without Slicer, on stand-ins of its classes: it works on the segmentation that is being edited, with the module's choices."""
import glob
import json
import os
import unittest

import numpy

from slicer_case import COMMAND, DEMO, SegmentEditorEffect, Windowed, choose_facts, fakes, logic, session, slicer


class Effect(Windowed):
    @staticmethod
    def open_effect(**more):
        """The effect, and the list of all widgets in its window."""
        shown = []
        rows = {"addOptionsWidget": lambda _, widget: shown.append(widget), "addLabeledOptionsWidget": lambda _, _label, widget: shown.append(widget)}
        effect = SegmentEditorEffect.SegmentEditorEffect(type("Scripted", (), {**rows, "saveStateForUndo": lambda _: None, **more})())
        effect.setupOptionsFrame()
        return effect, shown

    def test_on_a_chosen_device(self):
        """The effect has the module's choice of device and memory, keeps it when it is opened again, and hands it on."""
        fakes.settings["CTVOnVulkan/Model"] = DEMO
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "plan")
        parameters = type("Parameters", (), {"GetSourceVolumeNode": lambda _: self.ct, "GetSegmentationNode": lambda _: node})()
        effect, _ = self.open_effect(parameterSetNode=lambda _: parameters)
        effect.activate()
        inputs, [device] = effect.inputs, logic.read_devices(COMMAND)
        self.assertEqual([data for _, data in inputs.deviceBox.items], ["", device["uuid"]])
        inputs.deviceBox.currentIndex = 1
        effect.activate()
        self.assertEqual(inputs.deviceBox.currentData, device["uuid"])
        choose_facts(inputs, "left")
        inputs.memoryBox.value = 1
        effect.applyButton.clicked.emit()
        words = effect.session.run.process.args
        self.assertTrue({f"--device={device['uuid']}", "--memory-limit=1"} <= set(words), words)
        self.wait(effect.timer, effect.timer.timeout.emit)
        self.assertIn("memory is not enough", fakes.said[-1])
        self.assertEqual((list(node.segmentation.segments), self.left_over()), ([], []))

    def test_without_a_driver(self):
        """Said when it is opened, not when Propose is pressed; and it goes on once there is one."""
        fakes.settings["CTVOnVulkan/Model"] = DEMO
        give_back = self.take_drivers()
        effect, _ = self.open_effect()
        effect.activate()
        self.assertEqual((effect.inputs.message.text.split("\n")[0], effect.applyButton.enabled), (logic._EXPLAINED[5], False))
        give_back()
        effect.activate()
        self.assertIn("breast-ctv-demo", effect.inputs.message.text)
        self.assertTrue(effect.applyButton.enabled)

    def test_proposal(self):
        """It adds to the segmentation that is being edited, and touches none of its segments."""
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "my plan")
        node.CreateDefaultDisplayNodes()
        mine = numpy.ones(self.ct.array.shape, numpy.uint8)
        node.segmentation.AddEmptySegment("CTV", "mine", (0, 0, 1))
        node.segmentation.segments["CTV"]["mask"] = mine
        parameters = type("Parameters", (), {"GetSourceVolumeNode": lambda _: self.ct, "GetSegmentationNode": lambda _: node})()
        undo = []
        effect, shown = self.open_effect(parameterSetNode=lambda _: parameters, saveStateForUndo=lambda _: undo.append(1))
        self.assertTrue({effect.inputs.message, effect.inputs.deviceBox, effect.inputs.memoryBox, effect.applyButton} <= set(shown))
        effect.activate()
        self.assertIn("No model is chosen yet", effect.inputs.message.text)
        self.assertFalse(effect.applyButton.enabled)
        fakes.settings["CTVOnVulkan/Model"] = DEMO
        effect.activate()
        effect.applyButton.clicked.emit()
        self.assertIn("Choose the clinical facts", fakes.said[-1])
        choose_facts(effect.inputs, "left")
        effect.applyButton.clicked.emit()
        self.wait(effect.timer, effect.timer.timeout.emit)
        self.assertEqual(undo, [1])
        self.assertEqual(list(node.segmentation.segments), ["CTV", "CTV_1"])
        self.assertIs(node.segmentation.segments["CTV"]["mask"], mine)
        self.assertEqual(node.name, "my plan (unreviewed)")
        self.assertEqual(os.path.isfile(effect.icon().arguments[0]), True)
        adapter = effect.adapter
        node.segmentation.AddEmptySegment("nothing yet", "nothing yet", (0, 1, 0))  # Slicer has no array for such a one
        slicer.util.saveScene(f"{self.folder}/scene.mrml")
        effect.session.accept(node, "A")
        self.assertEqual(node.name, "my plan (accepted by A)")
        [path] = glob.glob(f"{self.folder}/*.json")
        with open(path, encoding="utf-8") as file:
            segments = {s["name"]: s for s in json.load(file)["segments"]}
        self.assertEqual([segments[n]["proposed"] for n in ("CTV", "CTV_1")], [False, True])
        self.assertEqual(segments["CTV_1"]["dice"], 1)
        self.assertEqual((segments["nothing yet"]["accepted_ml"], segments["nothing yet"]["dice"]), (0, None))
        self.assertEqual(adapter.attribute(node, session.NAME), "my plan")


if __name__ == "__main__":
    unittest.main(verbosity=2)
