"""safetensors files with numpy alone: an 8-byte little-endian length, a JSON header, the tensors' bytes.

Debian 12 has no safetensors package, and the format needs none.
"""
import hashlib
import json
import struct

import numpy

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1"}
NAMES = {numpy.dtype(value): key for key, value in TYPES.items()}


def load(path, dtype=None):
    """Dictionary of arrays; BF16 becomes float32. dtype converts every tensor, None keeps what the file says."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[begin:end]
        if entry["dtype"] == "BF16":
            bits = numpy.frombuffer(raw, "<u2").astype(numpy.uint32) << 16
            array = bits.view(numpy.float32)
        else:
            array = numpy.frombuffer(raw, TYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"]).astype(dtype or array.dtype)
    return tensors


def save(path, tensors, metadata=None):
    """Writes in the dictionary's order; the header is padded so that data begins at a multiple of 8."""
    header, chunks, at = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name, array in tensors.items():
        array = numpy.asarray(array, order="C")
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        raw = little.tobytes()
        header[name] = {"dtype": NAMES[numpy.dtype(little.dtype)], "shape": list(array.shape), "data_offsets": [at, at + len(raw)]}
        chunks.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for raw in chunks:
            file.write(raw)


def sha256(path):
    """Of a file, as manifests list it."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
