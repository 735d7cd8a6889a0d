"""The extension's CMake project, configured, built and installed against a stand-in of Slicer's CMake package: the metadata that the Extensions
Index reads, every file in its place, and the installed programs run from there. It proves nothing of Slicer's own macros."""
import filecmp
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT, BUILD = os.environ["CTVK_SOURCE"], os.environ["CTVK_BUILD"]
CT = os.path.join(ROOT, "tests", "data", "ct", "lidc-idri-0314_small.nii.gz")

# What the project calls of Slicer's package, with Slicer's folders of an installed extension.
CONFIG = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/use.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/generate.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/cpack.cmake)
"""
USE = """
set(Slicer_INSTALL_CLIMODULES_BIN_DIR lib/Slicer-5.8/cli-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.8/qt-scripted-modules)
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file IN LISTS MY_SCRIPTS MY_RESOURCES)
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${file} DESTINATION ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}/${folder})
  endforeach()
endfunction()
"""
METADATA = ("NAME", "HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS", "LICENSE_FILE", "README_FILE")
GENERATE = 'set(EXTENSION_NAME ${PROJECT_NAME})\n' + "".join(f'file(APPEND ${{CMAKE_BINARY_DIR}}/metadata.txt "{n}=${{EXTENSION_{n}}}\\n")\n' for n in METADATA)


def files_of(folder, endings):
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(endings):
                with open(os.path.join(at, name), encoding="utf-8") as file:
                    yield file.read()


class Extension(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        cls.folder = cls.scratch.name
        os.mkdir(f"{cls.folder}/Slicer")
        for name, text in (("SlicerConfig", CONFIG), ("use", USE), ("generate", GENERATE), ("cpack", "")):
            with open(f"{cls.folder}/Slicer/{name}.cmake", "w", encoding="utf-8") as file:
                file.write(text)
        cls.run_("cmake", "--install", BUILD, "--prefix", f"{cls.folder}/ctvk")
        # From the root, as the index does: its catalogue has no key for a folder of the sources.
        cls.run_("cmake", "-S", ROOT, "-B", f"{cls.folder}/build", f"-DSlicer_DIR={cls.folder}/Slicer", f"-DCTVK_PREFIX={cls.folder}/ctvk",
                 "-DCTVK_SITE=https://example.org/ctvk")
        cls.run_("cmake", "--build", f"{cls.folder}/build")
        cls.run_("cmake", "--install", f"{cls.folder}/build", "--prefix", f"{cls.folder}/first")
        os.rename(f"{cls.folder}/first", f"{cls.folder}/extension")
        shutil.rmtree(f"{cls.folder}/ctvk")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @staticmethod
    def run_(*words):
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_metadata(self):
        with open(f"{self.folder}/build/metadata.txt", encoding="utf-8") as file:
            found = dict(line.rstrip("\n").split("=", 1) for line in file)
        self.assertEqual(sorted(found), sorted(METADATA))
        self.assertTrue(all(found.values()), found)
        self.assertEqual(found["NAME"], "CTVOnVulkan")
        for key in ("LICENSE_FILE", "README_FILE"):
            self.assertTrue(os.path.isfile(found[key]), found[key])
        for key in ("ICONURL", "SCREENSHOTURLS"):
            path = os.path.join(ROOT, found[key].split("/raw/main/")[1])
            with open(path, "rb") as file:
                head = file.read(24)
            self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
            width, height = struct.unpack(">2I", head[16:])
            self.assertTrue((width, height) == (128, 128) if key == "ICONURL" else width > 400, (key, width, height))

    def test_from_its_own_folder(self):
        """The same metadata, for who builds the extension alone."""
        self.run_("cmake", "-S", f"{ROOT}/plugin/slicer", "-B", f"{self.folder}/own", f"-DSlicer_DIR={self.folder}/Slicer", f"-DCTVK_PREFIX={self.folder}",
                  "-DCTVK_SITE=https://example.org/ctvk")
        found = []
        for name in ("build", "own"):
            with open(f"{self.folder}/{name}/metadata.txt", encoding="utf-8") as file:
                found.append(file.read())
        self.assertEqual(*found)

    def test_page(self):
        """What the index wants on the home page: name, image, a sentence for each module, a tutorial, the publication and the licence; and that nothing is
        downloaded or sent."""
        with open(f"{self.folder}/build/metadata.txt", encoding="utf-8") as file:
            found = dict(line.rstrip("\n").split("=", 1) for line in file)
        with open(found["README_FILE"], encoding="utf-8") as file:
            page = file.read()
        self.assertTrue(page.startswith(f"# {found['NAME']}"))
        self.assertTrue(filecmp.cmp(f"{ROOT}/docs/demo.png", os.path.join(ROOT, found["SCREENSHOTURLS"].split("/raw/main/")[1]), shallow=False))
        self.assertLessEqual(len(re.findall(r"\.(?: |$)", found["DESCRIPTION"])), 2)
        for path in re.findall(r"\]\(((?!https?:|#)[^)#]+)[^)]*\)", page):
            self.assertTrue(os.path.exists(os.path.join(os.path.dirname(found["README_FILE"]), path)), path)
        self.assertIn(os.path.relpath(os.path.join(ROOT, found["SCREENSHOTURLS"].split("/raw/main/")[1]), f"{ROOT}/plugin/slicer"), page)
        for words in ("https://doi.org/10.1038/s41467-024-53387-y", "Apache License 2.0", "## Check by hand, ten steps", "lidc-idri-0314_small.nii.gz"):
            self.assertIn(words, page)
        for module in ("ctvk-slicer", "CTVOnVulkan/CTVOnVulkan.py", "SegmentEditorCTVFromText/"):
            self.assertRegex(page, rf"(?m)^\|[^\n]*`?[^\n]*{re.escape(module)}")
        sources = "".join(files_of(f"{ROOT}/plugin/slicer", (".py", ".c", ".h", ".txt", ".in")))
        self.assertIsNone(re.search(r"urllib|http\.client|requests\b|socket|pip_install|pip install|URL_HASH|GIT_REPOSITORY|FetchContent|file\(DOWNLOAD", sources))

    def test_catalogue_entry(self):
        with open(f"{self.folder}/build/CTVOnVulkan.json", encoding="utf-8") as file:
            entry = json.load(file)
        # Those of the catalogue's schema, which allows no others.
        self.assertLessEqual(set(entry), {"$schema", "build_dependencies", "build_subdirectory", "category", "scm_revision", "scm_type", "scm_url", "tier",
                                          "enabled"})
        self.assertEqual((entry["category"], entry["scm_url"], entry["tier"]), ("Segmentation", "https://example.org/ctvk", 1))

    def test_installed_programs_run_from_there(self):
        """The tree was moved after its installation, and the ctvk that it was made from is gone."""
        self.check_installed("extension")

    def test_builds_ctvk_itself(self):
        """Without CTVK_PREFIX, as the index builds it: ctvk is built on the way, and the same files are installed, which run."""
        self.run_("cmake", "-G", "Ninja", "-S", ROOT, "-B", f"{self.folder}/whole", f"-DSlicer_DIR={self.folder}/Slicer")
        self.run_("cmake", "--build", f"{self.folder}/whole")
        self.run_("cmake", "--install", f"{self.folder}/whole", "--prefix", f"{self.folder}/built")
        shutil.rmtree(f"{self.folder}/whole")
        files = [sorted(os.path.relpath(os.path.join(at, name), f"{self.folder}/{tree}") for at, _, names in os.walk(f"{self.folder}/{tree}") for name in names)
                 for tree in ("built", "extension")]
        self.assertEqual(*files)
        self.check_installed("built")

    def check_installed(self, tree):
        modules = f"{self.folder}/{tree}/lib/Slicer-5.8"
        scripts = f"{modules}/qt-scripted-modules"
        for name in ("CTVOnVulkan.py", "SegmentEditorCTVFromText.py", "SegmentEditorCTVFromTextLib/SegmentEditorEffect.py", "Resources/Icons/CTVOnVulkan.png",
                     "SegmentEditorCTVFromTextLib/SegmentEditorEffect.png", "Resources/Demo/ct.nii.gz", "Resources/Demo/README.md",
                     *(f"CTVOnVulkanLib/{n}.py" for n in ("__init__", "inputs", "logic", "review", "session", "slicer_adapter"))):
            self.assertTrue(os.path.isfile(f"{scripts}/{name}"), name)
        self.assertEqual(os.listdir(f"{modules}/cli-modules"), ["ctvk-slicer"])  # Slicer takes every program there for a module
        done = subprocess.run([f"{modules}/cli-modules/ctvk-slicer", "--model", f"{scripts}/Resources/Demo/demo", "--field", "side=left,n_stage=N0,t_stage=cT2,surgery=breast conserving surgery",
                               f"{scripts}/Resources/Demo/ct.nii.gz", f"{self.folder}/label.nii.gz"], capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = subprocess.run(["/usr/bin/python3", "-c", "import sys; sys.path.insert(0, sys.argv[1]); from CTVOnVulkanLib import logic; "
                                "command = logic.find_command(near=[sys.argv[2]]); print(logic.read_bundle(command, sys.argv[1] + '/Resources/Demo/demo').name)",
                                scripts, f"{modules}/bin"], capture_output=True, text=True,
                               env={k: v for k, v in os.environ.items() if k != "CTVK_COMMAND"})
        self.assertEqual(found.stdout, "breast-ctv-demo\n", found.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
