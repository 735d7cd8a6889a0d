"""Readers of the Slicer Execution Model that others wrote, on the module's description; run by slicer_cli.py in an environment that has them:
ctk-cli (reads the XML, builds a command line that runs), nipype (makes an interface that runs), girder-slicer-cli-web (its JSON form)."""
import importlib.util
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import ctk_cli
import jsonschema
import nibabel
import numpy

ROOT = os.environ["CTVK_SOURCE"]
sys.path.insert(0, os.path.join(ROOT, "tests", "cli"))
import files  # noqa: E402

MODULE = os.environ["CTVK_SLICER"]
SIMPLE_OUTPUTS = ["volumes", "total_ml", "alerts", "warnings"]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        cls.folder = cls.scratch.name
        files.make_bundle(f"{cls.folder}/bundle")
        files.write(f"{cls.folder}/ct.nii.gz", files.gz(files.nifti()))
        subprocess.run([MODULE, "--model", f"{cls.folder}/bundle", "--prompt", "N0, left side", f"{cls.folder}/ct.nii.gz", f"{cls.folder}/want.nii.gz"],
                       check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def same(self, path):
        label, want = (numpy.asarray(nibabel.load(p).dataobj) for p in (path, f"{self.folder}/want.nii.gz"))
        self.assertEqual(set(numpy.unique(want)), {0, 1})
        self.assertTrue(numpy.array_equal(label, want))


class CtkCli(Case):
    def test_reads_and_runs(self):
        messages = []
        handler = logging.Handler()
        handler.emit = lambda record: messages.append(record.getMessage())
        logging.getLogger("ctk_cli").addHandler(handler)
        self.assertTrue(ctk_cli.isCLIExecutable(MODULE))
        module = ctk_cli.CLIModule(MODULE)
        arguments, options, outputs = module.classifyParameters()
        logging.getLogger("ctk_cli").removeHandler(handler)
        # Output parameters go to a file and have no flag: that reader warns of each, and of nothing else.
        self.assertEqual(len(messages), len(SIMPLE_OUTPUTS), messages)
        self.assertTrue(all("cannot be passed" in m and any(n in m for n in SIMPLE_OUTPUTS) for m in messages), messages)
        self.assertEqual([p.name for p in arguments], ["image", "output"])
        self.assertEqual([p.name for p in outputs], SIMPLE_OUTPUTS)
        self.assertEqual([p.defaultExtension() for p in arguments], [".nii.gz"] * 2)
        by_name = {p.name: p for p in options}
        self.assertEqual((by_name["device"].default, by_name["device"].elements[:2]), ("auto", ["auto", "0"]))
        self.assertEqual((by_name["memory_limit"].default, by_name["memory_limit"].constraints.minimum), (0, "0"))
        self.assertTrue(by_name["AllowInMemoryTransfer"].hidden)
        values = {"model": f"{self.folder}/bundle", "field": "side=left", "device": by_name["device"].default,
                  "memory_limit": str(by_name["memory_limit"].default), "image": f"{self.folder}/ct.nii.gz", "output": f"{self.folder}/ctk.nii.gz"}
        command = [MODULE, "--returnparameterfile", f"{self.folder}/ctk.params"]
        for parameter in options:
            if parameter.name in values:
                command += [parameter.longflag, values[parameter.name]]
        command += [values[parameter.name] for parameter in arguments]
        process = ctk_cli.popenCLIExecutable(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, error = process.communicate()
        self.assertEqual((process.returncode, error), (0, b""))
        self.assertIn(b"<filter-progress>1.0000</filter-progress>", out)
        self.same(values["output"])
        returned = dict(line.split(" = ", 1) for line in files.read(f"{self.folder}/ctk.params").decode().splitlines())
        self.assertEqual(list(returned), SIMPLE_OUTPUTS)
        for parameter in outputs:
            parameter.parseValue(returned[parameter.name])


class Nipype(Case):
    def test_makes_an_interface_that_runs(self):
        from nipype.interfaces.slicer import generate_classes
        # Its class is named after the program, so that the program's name must be one of Python's.
        os.makedirs(f"{self.folder}/bin")
        os.symlink(MODULE, f"{self.folder}/bin/ctvk_slicer")
        os.environ["PATH"] = f"{self.folder}/bin:{os.environ['PATH']}"
        category, code, name = generate_classes.generate_class("ctvk_slicer", [])
        self.assertEqual((category, name), ("Segmentation", "ctvk_slicer"))
        head = ("from nipype.interfaces.base import (CommandLine, CommandLineInputSpec, SEMLikeCommandLine, TraitedSpec, File, Directory, traits, isdefined, "
                "InputMultiPath, OutputMultiPath)\n")
        space = {}
        exec(head + code, space)  # what it writes into a file of its own
        interface = space["ctvk_slicer"](model=f"{self.folder}/bundle", field=["side=left"], device="auto", memory_limit=0,
                                         image=f"{self.folder}/ct.nii.gz", output=f"{self.folder}/nipype.nii.gz")
        result = interface.run()
        self.assertEqual(result.runtime.returncode, 0)
        self.assertEqual(os.path.realpath(result.outputs.output), os.path.realpath(f"{self.folder}/nipype.nii.gz"))
        self.same(f"{self.folder}/nipype.nii.gz")
        with self.assertRaises(Exception):
            interface.inputs.device = "9"


class Girder(unittest.TestCase):
    @staticmethod
    def part(name):
        """A file of the package alone: the package itself wants its server."""
        folder = importlib.util.find_spec("slicer_cli_web").submodule_search_locations[0]
        return os.path.join(folder, "models", name)

    @staticmethod
    def to_json(root):
        """The JSON form of that package."""
        numbers = {"integer": int, "double": float, "boolean": lambda text: text == "true"}
        data = {child.tag: child.text for child in root if child.tag != "parameters"}
        data["parameter_groups"] = []
        for group in root.findall("parameters"):
            parameters = []
            for element in group:
                if element.tag in ("label", "description"):
                    continue
                parameter = {"type": element.tag}
                for child in element:
                    if child.tag == "element":
                        parameter.setdefault("enumeration", []).append(child.text)
                    elif child.tag == "constraints":
                        parameter["constraints"] = {c.tag: int(c.text) for c in child}
                    elif child.tag == "index":
                        parameter["index"] = int(child.text)
                    elif child.tag == "default" and element.tag == "string-vector":
                        parameter["default"] = (child.text or "").split(",") if child.text else []
                    else:
                        convert = numbers.get(element.tag, str) if child.tag == "default" else str
                        parameter[child.tag] = convert(child.text or "")
                parameter.update({{"type": "image_type"}.get(k, k): v for k, v in element.attrib.items() if k != "hidden"})
                parameters.append(parameter)
            entry = {"label": group.findtext("label"), "description": group.findtext("description"), "parameters": parameters}
            data["parameter_groups"].append({**entry, **({"advanced": True} if group.get("advanced") == "true" else {})})
        return data

    def test_schema_and_way_back(self):
        text = subprocess.run([MODULE, "--xml"], check=True, capture_output=True).stdout
        data = self.to_json(ElementTree.fromstring(text))
        with open(self.part("schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.validate(data, schema)
        broken = json.loads(json.dumps(data))
        del broken["parameter_groups"][0]["parameters"][0]["channel"]
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)
        spec = importlib.util.spec_from_file_location("json_to_xml", self.part("json_to_xml.py"))
        converter = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(converter)
        back = converter.json_to_xml(data)
        ours, theirs = ctk_cli.CLIModule(stream=io.BytesIO(text)), ctk_cli.CLIModule(stream=io.BytesIO(back if isinstance(back, bytes) else back.encode()))
        listed = [[(p.typ, p.name, p.longflag, p.index, p.channel, p.elements) for p in m.parameters()] for m in (ours, theirs)]
        self.assertEqual(*listed)
        self.assertGreater(len(listed[0]), 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
