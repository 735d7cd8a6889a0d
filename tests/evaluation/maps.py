"""Label maps for the tests of ctvk evaluate, as NIfTI files, and calls of the command. Needs numpy."""
import gzip
import json
import os
import struct
import subprocess

import numpy

COMMAND = os.environ["CTVK_COMMAND"]
CODES = {"uint8": 2, "int16": 4, "int32": 8, "float32": 16, "float64": 64, "int8": 256, "uint16": 512, "uint32": 768, "int64": 1024,
         "uint64": 1280}


def affine(spacing, origin=(-20.0, 13.5, 7.25)):
    matrix = numpy.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    matrix[:3, 3] = origin
    return matrix


def extension(text, code=6):
    data = text.encode() if isinstance(text, str) else text
    size = (8 + len(data) + 15) // 16 * 16
    return struct.pack("<2i", size, code) + data.ljust(size - 8, b"\0")


def names(**labels):
    """The text of the extension of ctvk's own label maps: names(CTV=1)."""
    return json.dumps({"labels": [{"value": value, "name": name} for name, value in labels.items()]})


def nifti(labels, matrix, extensions=b"", slope=1.0, inter=0.0):
    h = bytearray(352)
    offset = 352 + len(extensions)
    struct.pack_into("<i", h, 0, 348)
    struct.pack_into("<8h", h, 40, 3, *labels.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", h, 70, CODES[labels.dtype.name], labels.dtype.itemsize * 8)
    struct.pack_into("<8f", h, 76, 1.0, *numpy.linalg.norm(matrix[:3, :3], axis=0), 0, 0, 0, 0)
    struct.pack_into("<3f", h, 108, offset, slope, inter)
    h[123] = 2
    struct.pack_into("<2h", h, 252, 0, 1)
    for i in range(3):
        struct.pack_into("<4f", h, 280 + 16 * i, *matrix[i])
    h[344:348] = b"n+1\0"
    h[348] = 1 if extensions else 0
    return bytes(h) + extensions + labels.astype(labels.dtype.newbyteorder("<")).tobytes(order="F")


def save(path, labels, matrix, **more):
    data = nifti(labels, matrix, **more)
    with open(path, "wb") as file:
        file.write(gzip.compress(data, 1, mtime=0) if path.endswith(".gz") else data)
    return path


def call(*arguments, code=0):
    """(standard output, standard error) of ctvk evaluate."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("CTVK_D")}
    env.update(VK_DRIVER_FILES="/nonexistent", VK_ICD_FILENAMES="/nonexistent")  # no device is needed
    done = subprocess.run([COMMAND, "evaluate", *arguments], capture_output=True, timeout=300, env=env, stdin=subprocess.DEVNULL)
    error = done.stderr.decode("utf-8", "replace")
    if done.returncode != code:
        raise AssertionError(f"exit {done.returncode}, not {code}: {arguments}: {error[-500:]}")
    if code and error.count("ctvk: error:") != 1:
        raise AssertionError(f"not one error line: {error}")
    return done.stdout.decode(), error


def refuse_constant(name):
    raise AssertionError(f"{name} is no JSON")


def evaluate(reference, prediction, *more):
    """({value: label}, standard error) of ctvk evaluate --json."""
    out, error = call("--reference", reference, "--prediction", prediction, "--json", *more)
    value = json.loads(out, parse_constant=refuse_constant)
    if list(value) != ["labels"]:
        raise AssertionError(f"other keys: {list(value)}")
    found = {label["value"]: label for label in value["labels"]}
    if list(found) != sorted(found) or len(found) != len(value["labels"]):
        raise AssertionError(f"labels are not in order: {list(found)}")
    return found, error
