"""What the tests of plugin/train share: checks that are counted, a folder of their own, a writer of small GGUF files."""
import os
import shutil
import struct
import sys

import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRAIN = os.path.join(ROOT, "plugin", "train")
sys.path[:0] = [TRAIN, os.path.join(ROOT, "tests", "cli")]

checks, failures = [], []


def check(condition, text):
    checks.append(text)
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def close(got, want, limit, text):
    got, want = numpy.asarray(got, numpy.float64), numpy.asarray(want, numpy.float64)
    error = numpy.linalg.norm(got - want) / numpy.linalg.norm(want) if got.shape == want.shape else float("inf")
    check(error <= limit, f"{text}: relative L2 error {error:.1e}, at most {limit:.0e}")


def refused(kind, call, words, text):
    """`call` raises `kind`, and its message holds the words."""
    try:
        call()
    except kind as problem:
        check(all(word in str(problem) for word in words), f"{text}: {problem}")
    else:
        check(False, f"{text}: was taken")


def folder(name):
    path = os.path.join(os.environ["CTVK_TEST_TMP"], name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def finish():
    print(f"{len(checks)} checks, {len(failures)} failed")
    sys.exit(1 if failures or not checks else 0)


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(item):
    if isinstance(item, bool):
        return struct.pack("<IB", 7, item)
    if isinstance(item, int):
        return struct.pack("<II", 4, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, str):
        return struct.pack("<I", 8) + string(item)
    return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(string, item))


def gguf(metadata, tensors, version=3, align=32):
    """The bytes of a file; tensors: {name: (type number, numpy shape, bytes)}, or an array for F32."""
    listed, body = [], b""
    for name, entry in tensors.items():
        kind, shape, raw = entry if isinstance(entry, tuple) else (0, entry.shape, entry.astype("<f4").tobytes())
        body += b"\0" * (-len(body) % align)
        extents = b"".join(struct.pack("<Q", n) for n in reversed(shape))
        listed.append(string(name) + struct.pack("<I", len(shape)) + extents + struct.pack("<IQ", kind, len(body)))
        body += raw
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(string(name) + value(item) for name, item in metadata.items()) + b"".join(listed)
    return head + b"\0" * (-len(head) % align) + body


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


class TinyLlama:
    """A random model of odd proportions: grouped queries, a head that is no width / heads, a partial rotation if asked for."""

    def __init__(self, seed=1, layers=2, width=48, heads=6, groups=2, key=10, inner=56, vocabulary=40, **more):
        random = numpy.random.default_rng(seed)
        self.layers, self.width, self.heads, self.groups, self.key = layers, width, heads, groups, key
        shapes = {"attn_q": (heads * key, width), "attn_k": (groups * key, width), "attn_v": (groups * key, width),
                  "attn_output": (width, heads * key), "ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner)}
        self.tensors = {"token_embd.weight": random.standard_normal((vocabulary, width)), "output_norm.weight": random.uniform(0.5, 1.5, width)}
        for i in range(layers):
            for name, shape in shapes.items():
                self.tensors[f"blk.{i}.{name}.weight"] = random.standard_normal(shape) / shape[1] ** 0.5
            for name in ("attn_norm", "ffn_norm"):
                self.tensors[f"blk.{i}.{name}.weight"] = random.uniform(0.5, 1.5, width)
        self.tensors = {name: array.astype(numpy.float32) for name, array in self.tensors.items()}
        self.metadata = {
            "general.architecture": "llama", "llama.block_count": layers, "llama.embedding_length": width, "llama.feed_forward_length": inner,
            "llama.attention.head_count": heads, "llama.attention.head_count_kv": groups, "llama.attention.key_length": key,
            "llama.attention.value_length": key, "llama.rope.dimension_count": key, "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "tokenizer.ggml.bos_token_id": 1, **more}

    def write(self, path):
        return write(path, gguf(self.metadata, self.tensors))
