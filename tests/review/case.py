"""A synthetic CT and label maps whose every voxel is known, files of them in any orientation, and calls of ctvk review. Needs numpy, nibabel.

Arrays are in the page's order: axis 0 to the patient's left, 1 to the back, 2 to the feet ("LPI"). No mirror image and no exchange of axes
looks like the original.
"""
import json
import os
import subprocess

import nibabel
import numpy
from nibabel.orientations import axcodes2ornt, ornt_transform

COMMAND = os.environ["CTVK_COMMAND"]
DEMO = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "manifest", "demo")
SHAPE, SPACING, ORIGIN = (64, 56, 30), (1.25, 1.5, 4.0), (31.0, 45.5, 60.0)
COLORS = {1: "#e6194b", 2: "#3cb44b"}
NAMES = {1: "CTV", 2: "boost"}
RED, GREEN = (230, 25, 75), (60, 180, 75)


def grid(shape=SHAPE):
    return numpy.meshgrid(*(numpy.arange(n, dtype=float) for n in shape), indexing="ij")


def ct():
    """Smooth, so that a pixel between voxels is known: at most 50 HU from one voxel to the next along an axis, from -300 to 400 HU. No slice is
    like the next one."""
    x, y, z = grid()
    hu = 40 + 100 * numpy.sin(x / 7 + z / 10 + 0.4) + 100 * numpy.cos(y / 5 - z / 10) + 70 * numpy.sin(z / 2.5 + x / 7) + 3 * x - 2 * y
    return numpy.round(hu).astype("int16")


def labels():
    """An ellipsoid and a box beside it; both away from the middle of every axis."""
    x, y, z = grid()
    out = numpy.zeros(SHAPE, "uint8")
    out[((x - 40) * 1.25 / 18) ** 2 + ((y - 20) * 1.5 / 15) ** 2 + ((z - 12) * 4 / 22) ** 2 < 1] = 1
    out[12:22, 30:44, 9:20] = 2
    return out


def affine(spacing=SPACING):
    """LPI voxels to RAS millimetres."""
    matrix = numpy.diag([-spacing[0], -spacing[1], -spacing[2], 1.0])
    matrix[:3, 3] = ORIGIN
    return matrix


def save(path, volume, axes="LPS", spacing=SPACING, comment=None, matrix=None, **header):
    """Writes an LPI volume with the axes that are named; header: texts of the NIfTI header."""
    image = nibabel.Nifti1Image(volume, affine(spacing) if matrix is None else matrix)
    image = image.as_reoriented(ornt_transform(axcodes2ornt("LPI"), axcodes2ornt(axes)))
    for key, text in header.items():
        image.header[key] = text
    if comment is not None:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", json.dumps(comment).encode()))
    nibabel.save(image, path)
    return path


def label_comment(**more):
    return dict(more, labels=[{"value": 0, "name": "background"}] + [{"value": v, "name": NAMES[v], "color": COLORS[v]} for v in NAMES])


def report(shape, **more):
    """A report of ctvk segment on the synthetic case, stored as LPS."""
    found = labels()
    value = {
        "bundle": {"name": "breast", "version": "1.2.3", "sha256": "ab" * 32}, "library": "0.1.0",
        "device": {"name": "some GPU", "driver": "some driver 7", "type": "discrete", "vendor": "vendor", "uuid": "00"},
        "precision": "f32", "prompt_sha256": "cd" * 32, "text": {"source": "model", "tokens": 17, "truncated": False},
        "image": {"sha256": None, "shape": list(shape), "spacing_mm": list(SPACING)}, "windows": 4,
        "labels": [{"value": v, "name": n, "voxels": int((found == v).sum()), "volume_ml": 1.0} for v, n in ((0, "background"), *NAMES.items())],
        "warnings": [],
    }
    value.update(more)
    return value


def call(*arguments, code=0):
    """Standard error of ctvk review."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("CTVK_D")}
    env.update(VK_DRIVER_FILES="/nonexistent", VK_ICD_FILENAMES="/nonexistent")  # no device is needed
    done = subprocess.run([COMMAND, "review", *arguments], capture_output=True, timeout=120, env=env, stdin=subprocess.DEVNULL)
    error = done.stderr.decode("utf-8", "replace")
    if done.returncode != code or done.stdout:
        raise AssertionError(f"exit {done.returncode}, not {code}: {arguments}: {error[-500:]} {done.stdout[:200]}")
    if error.count("ctvk: error:") != (1 if code else 0) or (not code and error):
        raise AssertionError(f"stray lines: {error}")
    return error


def make(base, axes="LPS", value=None, name="review.html", more=()):
    """The synthetic case as files in base, and its page. Returns the page's path."""
    save(f"{base}/ct.nii", ct(), axes)
    save(f"{base}/labels.nii", labels(), axes, comment=label_comment())
    arguments = ["--image", f"{base}/ct.nii", "--label", f"{base}/labels.nii", "--output", f"{base}/{name}", *more]
    if value is not None:
        with open(f"{base}/report.json", "w", encoding="utf-8") as file:
            json.dump(value, file)
        arguments += ["--report", f"{base}/report.json"]
    call(*arguments)
    return f"{base}/{name}"
