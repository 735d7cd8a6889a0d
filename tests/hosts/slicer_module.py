"""The scripted module without Slicer: its logic with the real command on the demo bundle, the review's arithmetic, and whole workflows through its
window on stand-ins of Slicer's classes."""
import ast
import datetime
import glob
import json
import os
import re
import subprocess
import tempfile
import time
import unittest

import nibabel
import numpy

from slicer_case import (COMMAND, CT, CTVOnVulkan, DEMO, EXTENSION, FACTS, FIELDS, NO_DRIVER, NO_MODEL, PROMPT, SegmentEditorCTVFromText, Scratch, Windowed,
                         choose_facts, fakes, finish, logic, review, slicer, slicer_adapter)


class Logic(Scratch):
    def test_bundle(self):
        bundle = logic.read_bundle(COMMAND, DEMO)
        self.assertEqual((bundle.name, bundle.has_text, bundle.fields), ("breast-ctv-demo", True, FIELDS))
        [label] = bundle.labels
        self.assertEqual((label.value, label.name), (1, "CTV"))
        self.assertEqual([round(c * 255) for c in label.color], [0xe6, 0x19, 0x4b])
        self.assertIn("never for clinical use", bundle.intended_use)

    def test_devices(self):
        devices = logic.read_devices(COMMAND)
        self.assertTrue(all(d["usable"] and d["uuid"] for d in devices))

    def test_first_start(self):
        """Without program, model or driver: what to do, in words, and no word of the trade."""
        cases = [(lambda: logic.find_command(os.path.join(self.folder, "none")), "install"), (lambda: logic.read_bundle(COMMAND, ""), "Choose the folder"),
                 (lambda: logic.read_bundle(COMMAND, self.folder), "model cannot be used"), (lambda: logic.read_devices(COMMAND, NO_DRIVER), "driver")]
        for work, says in cases:
            with self.subTest(says):
                with self.assertRaises(logic.Problem) as caught:
                    work()
                self.assertIn(says, caught.exception.text)
                self.assertNotRegex(caught.exception.text, r"exit|stderr|Traceback|errno|exception")
        before, os.environ["PATH"] = os.environ["PATH"], ""
        command = os.environ.pop("CTVK_COMMAND")
        try:
            with self.assertRaises(logic.Problem):
                logic.find_command()
            self.assertEqual(logic.find_command(near=[self.folder, os.path.dirname(command)]), command)
        finally:
            os.environ.update(PATH=before, CTVK_COMMAND=command)

    def test_run(self):
        run = logic.Run(COMMAND, logic.Request(DEMO, CT, facts=FACTS))
        run.start()
        lines, fractions = finish(run)
        self.assertTrue(any("CTV" in line for line in lines), lines)
        self.assertGreater(len(set(fractions)), 2)
        proposal = run.result()
        self.assertEqual(proposal.record["bundle"]["name"], "breast-ctv-demo")
        subprocess.run([COMMAND, "segment", "--model", DEMO, "--image", CT, "--prompt", PROMPT, "--output", f"{self.folder}/want.nii.gz", "--quiet"],
                       check=True)
        got, want = (numpy.asarray(nibabel.load(p).dataobj) for p in (proposal.label_path, f"{self.folder}/want.nii.gz"))
        self.assertTrue(numpy.array_equal(got, want))
        proposal.close()
        self.assertEqual(self.left_over(), [])

    def test_cancel(self):
        run = logic.Run(COMMAND, logic.Request(DEMO, CT, prompt=PROMPT))
        run.start()
        self.assertNotIn(PROMPT, " ".join(run.process.args))  # nor in any process list
        while run.stage != "network" and not run.done:
            run.poll()
            time.sleep(0.01)
        run.cancel()
        finish(run, 60)
        with self.assertRaises(logic.Cancelled):
            run.result()
        self.assertEqual(run.process.returncode, 7)
        self.assertEqual(self.left_over(), [])

    def test_failures(self):
        """The words for the exit code, the program's line beside them, nothing left."""
        for code, request, environment in [(2, logic.Request(DEMO, CT), None), (2, logic.Request(DEMO, CT, facts=dict(FACTS, side="up")), None),
                                           (3, logic.Request(DEMO, self.folder + "/none.nii.gz", prompt=PROMPT), None),
                                           (4, logic.Request(DEMO, CT, prompt="a sentence that no cache holds"), NO_MODEL),
                                           (5, logic.Request(DEMO, CT, prompt=PROMPT), NO_DRIVER),
                                           (6, logic.Request(DEMO, CT, prompt=PROMPT, memory_mib=1), None)]:
            with self.subTest(code):
                run = logic.Run(COMMAND, request, environment)
                run.start()
                finish(run)
                with self.assertRaises(logic.Problem) as caught:
                    run.result()
                self.assertEqual(caught.exception.code, code)
                self.assertEqual(caught.exception.text, logic._EXPLAINED[code])
                self.assertRegex(caught.exception.detail, r".+: .+ \(.+\)")
                self.assertEqual(self.left_over(), [])

    def test_a_result_that_is_not_whole(self):
        """A program that says 0 and leaves no files is not believed."""
        fake = f"{self.folder}/ctvk"
        with open(fake, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexit 0\n")
        os.chmod(fake, 0o755)
        run = logic.Run(fake, logic.Request(DEMO, CT))
        run.start()
        finish(run)
        with self.assertRaises(logic.Problem):
            run.result()
        self.assertEqual(self.left_over(), [])

    def test_a_program_that_does_not_end(self):
        fake = f"{self.folder}/ctvk"
        with open(fake, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.05; done\n")
        os.chmod(fake, 0o755)
        run = logic.Run(fake, logic.Request(DEMO, CT))
        run.GRACE = 0.3
        run.start()
        time.sleep(0.2)
        run.cancel()
        finish(run, 30)
        with self.assertRaises(logic.Cancelled):
            run.result()

    def test_comparison(self):
        bundle = logic.read_bundle(COMMAND, DEMO)
        run = logic.Comparison(COMMAND, bundle, logic.Request(DEMO, CT, facts=FACTS))
        run.start()
        _, fractions = finish(run)
        self.assertEqual(fractions, sorted(fractions))
        with_text, without = run.result()
        self.assertEqual(without.record["bundle"]["name"], "breast-ctv-demo without text")
        a, b = (numpy.asarray(nibabel.load(p.label_path).dataobj) for p in (with_text, without))
        self.assertEqual(a.shape, b.shape)
        self.assertFalse(numpy.array_equal(a, b))
        with_text.close()
        without.close()
        self.assertEqual(self.left_over(), [])

    def test_comparison_is_all_or_none(self):
        bundle = logic.read_bundle(COMMAND, DEMO)
        run = logic.Comparison(COMMAND, bundle, logic.Request(DEMO, CT, facts=FACTS))
        run.runs[1] = logic.Run(COMMAND, logic.Request(DEMO, self.folder + "/none.nii.gz"))
        run.start()
        finish(run)
        with self.assertRaises(logic.Problem):
            run.result()
        self.assertEqual(self.left_over(), [])


class Review(Scratch):
    def masks(self):
        a = numpy.zeros((4, 5, 6), numpy.uint8)
        a[1:3, 1:4, 1:5] = 1  # 24 voxels
        b = a.copy()
        b[1, 1, 1] = 0
        b[3, 3, 3:5] = 1  # 23 + 2
        return a, b

    def test_numbers(self):
        a, b = self.masks()
        found = review.compare(a, b, 0.5)
        self.assertEqual(found, {"proposal_ml": 12, "accepted_ml": 12.5, "added_ml": 1, "removed_ml": 0.5, "dice": 2 * 23 / (24 + 25)})
        self.assertIsNone(review.compare(a * 0, b * 0, 1)["dice"])
        self.assertEqual(review.compare(a, b * 0, 1)["dice"], 0)
        with self.assertRaises(logic.Problem):
            review.compare(a, b[1:], 1)

    def test_acceptance(self):
        a, b = self.masks()
        when = datetime.datetime(2024, 5, 6, 9, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
        record = review.accept("  Dr.  A. Physician ", {"CTV": a, "gone": a}, {"CTV": b, "mine": b}, 0.5, {"library": "x"}, when)
        self.assertEqual((record["reviewer"], record["time"], record["edited"]), ("Dr. A. Physician", "2024-05-06T07:30:00+00:00", True))
        by_name = {s["name"]: s for s in record["segments"]}
        self.assertEqual([(s["proposed"], s["kept"]) for s in by_name.values()], [(True, True), (True, False), (False, True)])
        self.assertEqual(by_name["gone"]["removed_ml"], 12)
        self.assertEqual(record["provenance"], {"library": "x"})
        self.assertTrue(review.holds(record, {"mine": b.astype(bool), "CTV": b * 7}))
        self.assertFalse(review.holds(record, {"mine": b, "CTV": a}))
        self.assertFalse(review.holds(None, {"CTV": b}))
        self.assertFalse(review.accept("A", {"CTV": a}, {"CTV": a}, 1, {})["edited"])
        for reviewer, masks in (("", {"CTV": b}), (" \t", {"CTV": b}), ("A", {})):
            with self.assertRaises(logic.Problem):
                review.accept(reviewer, {"CTV": a}, masks, 1, {})

    def test_digest(self):
        a, b = self.masks()
        self.assertEqual(review.digest({"x": a, "y": b}), review.digest({"y": b.astype(float), "x": numpy.asfortranarray(a)}))
        self.assertNotEqual(review.digest({"x": a}), review.digest({"y": a}))
        self.assertNotEqual(review.digest({"x": a}), review.digest({"x": a.transpose(0, 2, 1)}))

    def test_export_asks(self):
        a, b = self.masks()
        record = review.accept("A", {"CTV": a}, {"CTV": b}, 1, {})
        self.assertEqual(review.export_question(record, {"CTV": b}), "")
        self.assertIn("changed after", review.export_question(record, {"CTV": a}))
        self.assertIn("No physician", review.export_question(None, {"CTV": a}))

    def test_written_beside_and_never_over(self):
        paths = [review.write({"n": n}, self.folder, "sc\u00e9ne/../.x: CTV") for n in range(3)]
        self.assertEqual(len(set(paths)), 3)
        for n, path in enumerate(paths):
            self.assertEqual(os.path.dirname(path), self.folder)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file), {"n": n})
        self.assertFalse(glob.glob(f"{self.folder}/.ctvk-*"))
        with self.assertRaises(logic.Problem):
            review.write({}, f"{self.folder}/none", "x")


class Window(Windowed):
    def setUp(self):
        super().setUp()
        self.widget = CTVOnVulkan.CTVOnVulkanWidget()
        self.widget.setup()

    def choose_demo(self):
        self.widget.modelPath.setCurrentPath(DEMO)
        self.widget.ctBox.setCurrentNode(self.ct)

    def propose(self, side="left"):
        self.choose_demo()
        choose_facts(self.widget.inputs, side)
        self.widget.applyButton.clicked.emit()
        self.wait(self.widget.timer, self.widget.timer.timeout.emit)

    def segmentations(self):
        return [n for n in fakes.scene.nodes if n.kind == "vtkMRMLSegmentationNode"]

    def test_first_start(self):
        self.assertIn("No model is chosen yet", self.widget.inputs.message.text)
        self.assertFalse(self.widget.applyButton.enabled)
        fakes.settings["CTVOnVulkan/Command"] = self.folder + "/none"
        widget = CTVOnVulkan.CTVOnVulkanWidget()
        widget.setup()
        self.assertIn("not installed", widget.inputs.message.text)
        widget.cleanup()

    def test_first_start_without_a_driver(self):
        give_back = self.take_drivers()
        for folder in ("", DEMO):
            self.widget.modelPath.setCurrentPath(folder)
            self.widget.onModel()
            self.assertIn("no graphics driver", self.widget.inputs.message.text)
            self.assertIn("mesa-vulkan-drivers", self.widget.inputs.message.text)
            self.assertFalse(self.widget.applyButton.enabled)
        give_back()
        self.widget.enter()  # what was asked for was done meanwhile
        self.assertIn("breast-ctv-demo", self.widget.inputs.message.text)
        self.assertTrue(self.widget.applyButton.enabled)

    def test_facts_must_be_chosen(self):
        self.choose_demo()
        self.assertEqual(fakes.settings["CTVOnVulkan/Model"], DEMO)
        self.assertEqual([t for t, _ in self.widget.inputs.fields["side"].items], ["choose", *FIELDS["side"]])
        self.widget.applyButton.clicked.emit()
        self.assertIn("side", fakes.said[-1])
        self.assertFalse(self.widget.timer.running)
        self.widget.ctBox.setCurrentNode(None)
        choose_facts(self.widget.inputs, "left")
        self.widget.applyButton.clicked.emit()
        self.assertIn("Choose the CT", fakes.said[-1])
        self.assertEqual(self.left_over(), [])

    def test_workflow(self):
        """Propose, correct, accept, edit again, export."""
        self.propose()
        [node] = self.segmentations()
        self.assertEqual(node.name, f"{self.ct.name}: CTV (unreviewed)")
        self.assertEqual(self.widget.state.text, "unreviewed")
        self.assertEqual(node.segmentation.segments["CTV"]["name"], "CTV")
        self.assertEqual([round(255 * c) for c in node.segmentation.segments["CTV"]["color"]], [0xe6, 0x19, 0x4b])
        self.assertIs(self.widget.segmentationBox.node, node)
        mask = node.segmentation.segments["CTV"]["mask"]
        self.assertGreater(mask.sum(), 1000)
        self.assertTrue(any("CTV" in line for line in self.widget.log.lines))
        self.assertEqual(self.left_over(), [])

        # Not without a saved scene, not without a name.
        self.widget.onAccept()
        self.assertIn("Save the scene first", fakes.said[-1])
        slicer.util.saveScene(f"{self.folder}/patient plan.mrml")
        self.widget.onAccept()
        self.assertIn("your name", fakes.said[-1])
        self.assertEqual(self.widget.state.text, "unreviewed")

        # Export asks; no means no; yes marks the file.
        fakes.FileDialog.path = f"{self.folder}/ctv.nii.gz"
        fakes.answers[:] = [False]
        self.widget.onExport()
        self.assertIn("No physician", fakes.said[-1])
        self.assertFalse(glob.glob(f"{self.folder}/*.nii.gz"))
        fakes.answers[:] = [True]
        self.widget.onExport()
        self.assertEqual([os.path.basename(p) for p in glob.glob(f"{self.folder}/*.nii.gz")], ["unreviewed_ctv.nii.gz"])

        # Corrected and accepted.
        edited = mask.copy()
        edited[tuple(axis[0] for axis in mask.nonzero())] = 0
        node.segmentation.edit("CTV", edited)
        self.widget.reviewer.text = "Dr. A. Physician"
        self.widget.onAccept()
        [path] = glob.glob(f"{self.folder}/*.review-1.json")
        self.assertTrue(os.path.basename(path).startswith("patient_plan."))
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        [segment] = record["segments"]
        self.assertEqual((record["status"], record["reviewer"], record["edited"]), ("accepted", "Dr. A. Physician", True))
        self.assertAlmostEqual(segment["dice"], 2 * (mask.sum() - 1) / (2 * mask.sum() - 1), places=12)
        self.assertAlmostEqual(segment["proposal_ml"], record["provenance"]["labels"][-1]["volume_ml"], places=3)
        self.assertEqual((node.name, self.widget.state.text), (f"{self.ct.name}: CTV (accepted by Dr. A. Physician)", "accepted"))
        self.widget.onExport()
        self.assertTrue(os.path.isfile(f"{self.folder}/ctv.nii.gz"))
        self.assertEqual(int(numpy.asarray(nibabel.load(f"{self.folder}/ctv.nii.gz").dataobj).sum()), int(mask.sum()) - 1)

        # Edited again: unreviewed again.
        node.segmentation.edit("CTV", mask)
        self.assertTrue(self.widget.edited.running)
        self.widget.edited.timeout.emit()
        self.assertEqual((node.name, self.widget.state.text), (f"{self.ct.name}: CTV (unreviewed)", "unreviewed"))
        fakes.answers[:] = [False]
        self.widget.onExport()
        self.assertIn("changed after", fakes.said[-1])
        self.widget.onAccept()
        self.assertEqual(len(glob.glob(f"{self.folder}/*.review-*.json")), 2)
        self.widget.cleanup()

    def test_compare(self):
        self.choose_demo()
        choose_facts(self.widget.inputs, "right")
        self.widget.compareBox.checked = True
        self.widget.applyButton.clicked.emit()
        self.wait(self.widget.timer, self.widget.timer.timeout.emit)
        first, second = self.segmentations()
        self.assertEqual([n.display.fill for n in (first, second)], [1, 0])
        self.assertIn("without text (unreviewed)", second.name)
        self.assertFalse(numpy.array_equal(*(n.segmentation.segments["CTV"]["mask"] for n in (first, second))))

    def test_cancel(self):
        self.choose_demo()
        self.widget.inputs.sentence.text = PROMPT
        self.widget.applyButton.clicked.emit()
        self.assertTrue(self.widget.cancelButton.enabled)
        self.widget.cancelButton.clicked.emit()
        self.wait(self.widget.timer, self.widget.timer.timeout.emit)
        self.assertIn("Cancelled", fakes.said[-1])
        self.assertEqual((self.segmentations(), self.left_over()), ([], []))
        self.assertTrue(self.widget.applyButton.enabled)

    def test_window_closed_meanwhile(self):
        """Slicer ends or the module is reloaded: the run ends with it and leaves no copy of the CT."""
        for compare in (False, True):
            self.choose_demo()
            self.widget.inputs.sentence.text = PROMPT
            self.widget.compareBox.checked = compare
            self.widget.applyButton.clicked.emit()
            self.assertTrue(self.left_over())
            runs = getattr(self.widget.session.run, "runs", [self.widget.session.run])
            self.widget.cleanup()
            self.assertIsNotNone(runs[0].process.poll())
            self.assertEqual((self.left_over(), self.segmentations()), ([], []))

    def test_scene_closed_meanwhile(self):
        """The proposal of one patient never reaches the scene of another."""
        self.choose_demo()
        self.widget.inputs.sentence.text = PROMPT
        self.widget.applyButton.clicked.emit()
        fakes.scene.Clear()
        other = slicer.util.loadVolume(CT)
        self.wait(self.widget.timer, self.widget.timer.timeout.emit)
        self.assertIn("not in the scene any more", fakes.said[-1])
        self.assertEqual(fakes.scene.nodes, [other])
        self.assertEqual(self.left_over(), [])

    def test_another_ct_chosen_meanwhile(self):
        """Review goes by the CT that the proposal was made on, whichever is chosen above."""
        self.propose()
        [node] = self.segmentations()
        self.widget.ctBox.setCurrentNode(slicer.util.loadVolume(CT))
        slicer.util.saveScene(f"{self.folder}/scene.mrml")
        self.widget.reviewer.text = "A"
        self.widget.onAccept()
        self.assertEqual(self.widget.state.text, "accepted")
        fakes.scene.RemoveNode(self.ct)
        self.widget.onAccept()
        self.assertIn("not in the scene any more", fakes.said[-1])
        self.widget.onExport()
        self.assertIn("not in the scene any more", fakes.said[-1])
        self.assertIsNotNone(node)

    def test_failure(self):
        self.choose_demo()
        self.widget.inputs.sentence.text = PROMPT
        self.widget.inputs.memoryBox.value = 1
        self.widget.applyButton.clicked.emit()
        self.wait(self.widget.timer, self.widget.timer.timeout.emit)
        self.assertIn("memory is not enough", fakes.said[-1])
        self.assertIn("MiB", fakes.said[-1])
        self.assertEqual(self.segmentations(), [])

    def test_another_grid_is_refused(self):
        """A label map that does not lie on the CT's grid is not shown, and nothing of it stays in the scene."""
        adapter = slicer_adapter.SlicerAdapter()
        image = nibabel.load(CT)
        affine = image.affine.copy()
        affine[0, 3] += 5
        nibabel.save(nibabel.Nifti1Image(numpy.zeros(image.shape, numpy.uint8), affine), f"{self.folder}/moved.nii.gz")
        before = len(fakes.scene.nodes)
        with self.assertRaises(OSError):
            adapter.add_proposal(self.ct, f"{self.folder}/moved.nii.gz", [logic.Label(1, "x", (1, 0, 0))], "x", {})
        self.assertEqual(len(fakes.scene.nodes), before)

    def test_self_test(self):
        """Slicer's self-test class itself, on the stand-ins: the code runs, and its numbers are right."""
        os.symlink(CT, f"{self.folder}/ct.nii.gz")
        os.symlink(DEMO, f"{self.folder}/demo")
        os.environ["CTVK_SELFTEST"] = self.folder
        try:
            CTVOnVulkan.CTVOnVulkanTest().runTest()
        finally:
            del os.environ["CTVK_SELFTEST"]
        self.assertIn("Test passed", fakes.said)

    def test_modules_describe_themselves(self):
        for kind in (CTVOnVulkan.CTVOnVulkan, SegmentEditorCTVFromText.SegmentEditorCTVFromText):
            parent = type("Parent", (), {})()
            kind(parent)
            self.assertTrue(parent.title and parent.categories and parent.contributors)
        self.assertEqual(len(slicer.app.started), 1)


class Rules(unittest.TestCase):
    """What is untested is small and listed."""
    WINDOWS = ("CTVOnVulkan/CTVOnVulkan.py", "CTVOnVulkan/CTVOnVulkanLib/slicer_adapter.py", "CTVOnVulkan/CTVOnVulkanLib/inputs.py",
               "SegmentEditorCTVFromText/SegmentEditorCTVFromText.py",
               "SegmentEditorCTVFromText/SegmentEditorCTVFromTextLib/SegmentEditorEffect.py")

    @staticmethod
    def tree(path):
        with open(os.path.join(EXTENSION, path), encoding="utf-8") as file:
            return ast.parse(file.read())

    def test_logic_knows_no_slicer(self):
        for path in ("logic", "review", "session", "__init__"):
            for node in ast.walk(self.tree(f"CTVOnVulkan/CTVOnVulkanLib/{path}.py")):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in names:
                    self.assertNotIn(name.split(".")[0], ("slicer", "qt", "ctk", "vtk", "sitk", "SegmentEditorEffects"), path)

    def test_adapter_is_short(self):
        with open(os.path.join(EXTENSION, self.WINDOWS[1]), encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 150)

    def test_list_is_complete(self):
        """Every slicer.X, slicer.util.X, qt.X, ... that the code names stands in TOUCHED, and the other way round."""
        used = set()
        for path in self.WINDOWS:
            for node in ast.walk(self.tree(path)):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("slicer."):
                    used.add(node.module)
                parts, at = [], node
                while isinstance(at, ast.Attribute):
                    parts.insert(0, at.attr)
                    at = at.value
                if isinstance(at, ast.Name) and at.id in ("slicer", "qt", "ctk", "vtk") and parts:
                    deep = 2 if parts[0] in ("util", "modules") else 1
                    if len(parts) >= deep:
                        used.add(".".join([at.id] + parts[:deep]))
        self.assertEqual(sorted(used), sorted(set(slicer_adapter.TOUCHED)))
        self.assertEqual(len(set(slicer_adapter.TOUCHED)), len(slicer_adapter.TOUCHED))
        self.assertGreater(len(used), 30)

    def test_scripts_are_listed_for_the_extension(self):
        for folder in ("CTVOnVulkan", "SegmentEditorCTVFromText"):
            with open(os.path.join(EXTENSION, folder, "CMakeLists.txt"), encoding="utf-8") as file:
                text = file.read()
            for path in glob.glob(f"{EXTENSION}/{folder}/**/*.py", recursive=True):
                self.assertIn(re.sub(r"\.py$", "", os.path.basename(path)), text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
