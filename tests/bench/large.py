"""Host memory of `ctvk segment` on a CT of 512 x 512 x 300 at the paper's window: the process at its largest, less the CT, the label map and what the
device holds, which is host memory too on lavapipe. The network is a narrow one, so that the run is short: neither windows nor accumulators depend on
its width.

large.py --build BUILD   prints a sentence
"""
import argparse
import json
import os
import sys

import numpy

import cases
import programs

SHAPE, SPACING, GRID_MM = (512, 512, 300), (0.9766, 0.9766, 2.5), (1, 1, 3)
WINDOW, WINDOWS, FEATURES = (384, 384, 128), 12, 16
GIB = 1 << 30


def write_ct(path, shape, spacing):
    """A body of noise in air, slice by slice."""
    x, y = (numpy.linspace(-1, 1, n)[:, None] if axis == 0 else numpy.linspace(-1, 1, n)[None] for axis, n in enumerate(shape[:2]))
    body = (x / 0.99) ** 2 + (y / 0.99) ** 2 < 1
    random = numpy.random.default_rng(1)
    with open(path, "wb") as file:
        file.write(cases.files.header(dim=(3, *shape, 1, 1, 1, 1), spacing=spacing))
        for _ in range(shape[2]):
            plane = numpy.where(body, random.integers(-200, 300, shape[:2], dtype=numpy.int16), numpy.int16(-1000))
            file.write(plane.tobytes(order="F"))


def write_bundle(folder, window, spacing, features=FEATURES):
    """Vision only, with seeded weights, and a crop and a grid of its own as the paper has them."""
    os.makedirs(folder, exist_ok=True)
    manifest = cases.manifest(window, False, features=features)
    manifest["preprocess"].update(spacing_mm=list(spacing), crop_foreground=True, rotate90=1)
    cases.write_json(os.path.join(folder, "manifest.json"), manifest)
    cases.safetensors_io.save(os.path.join(folder, "network.safetensors"), cases.seeded_weights.weights(manifest))


def run(build, folder, threads, shape, windows):
    """{"peak_bytes": of the process, "device_bytes", "beyond_bytes": less CT, label map and device}"""
    report = os.path.join(folder, "report.json")
    _, _, peak = programs.measure([os.path.join(build, "ctvk"), "segment", "--model", os.path.join(folder, "bundle"), "--image",
                                   os.path.join(folder, "ct.nii"), "--output", os.path.join(folder, "label.nii.gz"), "--report", report, "--quiet"],
                                  threads, folder)
    with open(report, encoding="utf-8") as file:
        told = json.load(file)
    if told["windows"] != windows or told["device"]["type"] != "cpu":
        raise programs.Failed(f"{told['windows']} windows on {told['device']['name']}, where {windows} on lavapipe were meant")
    voxels = shape[0] * shape[1] * shape[2]
    device = told["memory"]["peak_bytes"]
    return {"peak_bytes": peak << 20, "device_bytes": device, "beyond_bytes": (peak << 20) - 3 * voxels - device, "seconds": told["seconds"]}


def measure(build, folder, threads=2):
    folder = os.path.join(folder, "large")
    os.makedirs(folder, exist_ok=True)
    write_bundle(os.path.join(folder, "bundle"), WINDOW, GRID_MM)
    write_ct(os.path.join(folder, "ct.nii"), SHAPE, SPACING)
    found = run(build, folder, threads, SHAPE, WINDOWS)
    for name in ("ct.nii", "label.nii.gz"):
        os.remove(os.path.join(folder, name))
    return found


def sentence(found):
    beyond = found["beyond_bytes"] / GIB
    return (f"Host memory of a CT of {' x '.join(map(str, SHAPE))}, {WINDOWS} windows of {' x '.join(map(str, WINDOW))}, beyond the CT, the label map and "
            f"{found['device_bytes'] / GIB:.2f} GiB of device memory: {beyond:.2f} GiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="build folder")
    build = os.path.abspath(parser.parse_args().build)
    folder = os.path.join(build, "bench")
    os.makedirs(folder, exist_ok=True)
    found = measure(build, folder)
    print(found, file=sys.stderr)
    print(sentence(found))


if __name__ == "__main__":
    main()
