"""Builds libctvk.so.1 with CMake and puts it into the wheel, beside the Python files."""
import os
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))


def version():
    """It stands once, in the public header."""
    with open(os.path.join(ROOT, "include", "ctvk", "types.h"), encoding="utf-8") as file:
        numbers = dict(line.split()[1:3] for line in file if line.startswith("#define CTVK_VERSION_"))
    return ".".join(numbers[f"CTVK_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH"))


class Build(build_py):
    def run(self):
        super().run()
        # A library that was built already may be named, which saves a second build.
        library = os.environ.get("CTVK_PREBUILT_LIBRARY")
        if not library:
            folder = os.path.join(os.path.abspath(self.get_finalized_command("build").build_temp), "ctvk")
            subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DCTVK_TESTS=OFF"], check=True)
            subprocess.run(["cmake", "--build", folder, "--target", "ctvk", "--parallel"], check=True)
            library = os.path.join(folder, "libctvk.so.1")
        os.makedirs(os.path.join(self.build_lib, "ctvk"), exist_ok=True)
        shutil.copyfile(library, os.path.join(self.build_lib, "ctvk", "libctvk.so.1"))


class Binary(Distribution):
    def has_ext_modules(self):
        return True


try:
    from wheel.bdist_wheel import bdist_wheel
except ImportError:
    from setuptools.command.bdist_wheel import bdist_wheel


class Wheel(bdist_wheel):
    """One library for every Python 3: ctypes needs no ABI of the interpreter."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(version=version(), distclass=Binary, cmdclass={"build_py": Build, "bdist_wheel": Wheel})
