"""--precision f16 against f32 on one window, in one run: planned and peak device memory, seconds, logits and labels.

half.py --build BUILD [--small]   prints a sentence; --small: 192 x 192 x 64
"""
import argparse
import json
import os
import sys

import numpy

import cases
import programs
import safetensors_io


def turn(build, case, threads, precision):
    """The record of one run, and its logits."""
    report, logits = case.path(f"{precision}.json"), case.path(f"{precision}.safetensors")
    arguments = [os.path.join(build, "ctvk"), "segment", "--model", case.folder, "--image", case.path("ct.nii"), "--text-embedding", case.text_file,
                 "--precision", precision, "--output", case.path("half.nii.gz"), "--logits", logits, "--report", report, "--quiet"]
    programs.measure(arguments, threads, case.folder)
    with open(report, encoding="utf-8") as file:
        told = json.load(file)
    values = safetensors_io.load(logits)["logits"]
    for path in (report, logits, case.path("half.nii.gz")):
        os.remove(path)
    return told, values


def measure(build, case, threads=2):
    """{"name", "single", "half": bytes planned, "peak": bytes in f16, "seconds": of the windows, both, "difference", "equal"}."""
    (single, wanted), (half, found) = (turn(build, case, threads, precision) for precision in ("f32", "f16"))
    return {"name": case.name, "single": single["memory"]["planned_bytes"], "half": half["memory"]["planned_bytes"], "peak": half["memory"]["peak_bytes"],
            "seconds": [told["seconds"]["network"] for told in (single, half)],
            "difference": float(numpy.linalg.norm(found - wanted) / numpy.linalg.norm(wanted)),
            "equal": float(numpy.mean(found.argmax(0) == wanted.argmax(0)))}


def sentence(found):
    return (f"--precision f16, {found['name']}: {found['half'] / 2**20:.0f} MiB of device memory planned, {found['half'] / found['single']:.3f} of f32; the window "
            f"{found['seconds'][1]:.1f} s after {found['seconds'][0]:.1f} s in f32; logits {found['difference']:.1e} apart, {found['equal']:.3%} of the labels equal")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="build folder")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    network = cases.Network(os.path.join(build, "bench", "f48"))
    print(sentence(measure(build, cases.Case(network, cases.WINDOWS[1 if arguments.small else 2], True))))


if __name__ == "__main__":
    sys.exit(main())
