"""gguf_io.py: every type against one value at a time, versions 2 and 3, rows, and damaged files."""
import os
import struct

import numpy

from support import check, close, finish, folder, gguf, refused, write

import gguf_io

BASE = folder("train-gguf")


def half(raw):
    return struct.unpack("<e", raw)[0]


def k_scale(scales, group):
    """(scale, minimum) of one of eight groups."""
    if group < 4:
        return scales[group] & 63, scales[group + 4] & 63
    return scales[group + 4] & 15 | scales[group - 4] >> 6 << 4, scales[group + 4] >> 4 | scales[group] >> 6 << 4


def one(kind, b, i):
    """Value i of the block b."""
    low, shift = i % 16, 4 * (i // 16)
    if kind in ("Q4_0", "Q4_1", "Q5_0", "Q5_1"):
        five, offset = kind[1] == "5", kind[3] == "0"
        at = 2 if offset else 4
        high = (int.from_bytes(b[at:at + 4], "little") >> i & 1) << 4 if five else 0
        q = (b[at + 4 * five + low] >> shift & 15) | high
        return half(b[:2]) * (q - (16 if five else 8)) if offset else half(b[:2]) * q + half(b[2:4])
    if kind == "Q8_0":
        return half(b[:2]) * struct.unpack_from("<b", b, 2 + i)[0]
    if kind in ("Q4_K", "Q5_K"):
        group, run, inside = i // 32, i // 64, i % 32
        scale, minimum = k_scale(b[4:16], group)
        quants = b[16:] if kind == "Q4_K" else b[48:]
        q = quants[32 * run + inside] >> 4 * (group % 2) & 15
        if kind == "Q5_K":
            q |= (b[16 + inside] >> group & 1) << 4
        return half(b[:2]) * scale * q - half(b[2:4]) * minimum
    part, group, inside = i // 128, i % 128 // 32, i % 32
    low = b[64 * part + 32 * (group % 2) + inside] >> 4 * (group // 2) & 15
    top = b[128 + 32 * part + inside] >> 2 * group & 3
    scale = struct.unpack_from("<b", b, 192 + i // 16)[0]
    return half(b[208:210]) * scale * ((low | top << 4) - 32)


def quantised():
    """Random bits in every block; only the half-precision factors must be ordinary numbers."""
    factors = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
    random = numpy.random.default_rng(5)
    for number, (kind, values, size, _) in gguf_io.TYPES.items():
        if kind not in factors:
            continue
        rows, blocks = 5, 3
        raw = random.integers(0, 256, (rows * blocks, size), dtype=numpy.uint8)
        for at in factors[kind]:
            raw[:, at:at + 2] = random.uniform(-2, 2, (rows * blocks, 1)).astype("<f2").view(numpy.uint8)
        want = numpy.array([one(kind, block.tobytes(), i) for block in raw for i in range(values)]).reshape(rows, blocks * values)
        for version in (2, 3):
            file = gguf_io.Gguf(write(f"{BASE}/{kind}.gguf", gguf({}, {"first": numpy.ones(3), "t": (number, want.shape, raw.tobytes())}, version)))
            close(file.rows("t"), want, 1e-6, f"{kind}, version {version}")
            check((file.rows("t", [4, 0]) == file.rows("t")[[4, 0]]).all(), f"{kind}: rows alone are the rows of the whole")


def plain():
    data = numpy.array([[1.5, -2.25, 0.0], [3e-5, 65504.0, -7.0]], numpy.float32)
    for number, raw in ((0, data.tobytes()), (1, data.astype("<f2").tobytes()), (30, (data.view("<u4") >> 16).astype("<u2").tobytes())):
        file = gguf_io.Gguf(write(f"{BASE}/plain.gguf", gguf({"general.alignment": 64, "a": "text", "b": [], "c": ["x", "y"], "d": 1.5, "e": True},
                                                              {"t": (number, data.shape, raw)}, align=64)))
        close(file.rows("t"), data, 4e-3, f"plain type {number}")
        check(file.metadata["c"] == ["x", "y"] and file.metadata["e"] is True and file.metadata["d"] == 1.5, "metadata")


def damaged():
    good = gguf({"general.architecture": "llama", "list": ["a", "b"]}, {"t": numpy.ones((4, 8))})
    file, base = f"{BASE}/bad.gguf", len(good) - 128

    def bad(data, word, text):
        refused(gguf_io.GgufError, lambda: gguf_io.Gguf(write(file, data)), [file, word], text)

    for cut in range(0, base, 7):
        refused(gguf_io.GgufError, lambda: gguf_io.Gguf(write(file, good[:cut])), [file], f"cut after {cut} bytes")
    bad(good[:-1], "beyond the end", "data cut short")
    bad(b"GGML" + good[4:], "no GGUF", "magic")
    bad(good[:4] + struct.pack("<I", 1) + good[8:], "version 1", "version")
    bad(good[:4] + struct.pack(">I", 3) + good[8:], "version", "big endian")
    bad(good[:8] + struct.pack("<Q", 1 << 60) + good[16:], "cannot be", "count of tensors")
    bad(gguf({}, {"t": (2, (2, 30), b"\0" * 36)}), "rows of 30", "rows that are no whole blocks")
    bad(gguf({}, {"t": (16, (2, 256), b"\0" * 999)}), "type 16", "a type that is not read")
    bad(gguf({}, {"t": (0, (1 << 40, 1 << 40), b"")}), "beyond the end", "a product beyond 64 bits")
    bad(gguf({"general.alignment": 24}, {"t": numpy.ones(8)}), "power of two", "alignment")
    refused(gguf_io.GgufError, lambda: gguf_io.Gguf(f"{BASE}/none.gguf"), ["none.gguf"], "no file")
    check(gguf_io.Gguf(write(file, good)).rows("t").sum() == 32, "the sound file is read")


quantised()
plain()
damaged()
os.remove(f"{BASE}/bad.gguf")
finish()
